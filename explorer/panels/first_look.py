"""A first look at a spectrum by a few Lanczos steps, where the whole is not computed yet; how long it took forecasts the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from lossnav.core import Spectrum
from lossnav.core.spectrum import MOST_DIAGONALISED, read_spectrum

from ..figures.web.spectrum import spectrum_figure
from ..jobs import Request
from ..jobs.record import record_of
from ..request.spectrum import FirstLookRequest, SpectrumRequest
from .progress import duration, read_or_repair, waiting_panel

STEPS, PROBES = 80, 10  # of the whole, at most: `lossnav spectrum` stops earlier where nothing changes any more
TALL = 420  # pixels
START = 5.0  # seconds that a process takes before it computes, about


Says = Callable[[Spectrum, "float | None", "dict[str, Any]"], str]


def first_look(whole: SpectrumRequest, says: Says | None = None, about: str = "") -> None:
    """Offer a look, and show it; nothing starts unless a person presses.

    says   what a look, the seconds it took and what is stored beside it tell; None: how long the whole spectrum takes
    about  what is said of the whole before the look; empty: of the whole spectrum
    """
    look = FirstLookRequest(**{f.name: getattr(whole, f.name) for f in fields(SpectrumRequest)})
    rest = about or f"the whole up to {STEPS} × {PROBES}"
    said = f"A first look at the eigenvalues takes {look.steps} Lanczos steps × {look.probes} probes, {rest}."
    if not waiting_panel(look, offer=(said, "First look"), name="_look"):
        return
    read = read_or_repair(look, read_spectrum)
    if read is None:
        return
    spectrum, stored = read
    st.caption((says or look_text)(spectrum, seconds_of(look), stored))
    figure = uncounted(spectrum_figure(spectrum, st.context.theme.type == "dark")).update_layout(height=TALL)
    st.plotly_chart(
        figure, theme=None, key="first_look", config={"displayModeBar": False}, alt="First look at the eigenvalues"
    )


def uncounted(figure: go.Figure) -> go.Figure:
    """The histogram without a number of outliers: a look knows three of the largest, too few to count among."""
    note = figure.layout.annotations[0]
    note.text = str(note.text).rpartition("   ")[0]
    return figure.for_each_trace(lambda trace: trace.update(name="largest"), {"name": "outliers"})


def seconds_of(request: Request) -> float | None:
    """How long a result that is there took on this machine; None: it is not known any more."""
    record = record_of(request.path)
    if record is None or record.started is None or not request.path.exists():
        return None
    took = request.path.stat().st_mtime - record.started
    return took if took > 0 else None


def look_text(spectrum: Spectrum, took: float | None, _stored: dict[str, Any]) -> str:
    """What the look is, and what the whole will take by it, as many times as it has products with the matrix.

    >>> from types import SimpleNamespace as Found
    >>> look_text(Found(steps=24, probes=2, parameter_count=70_000), 17.0, {})
    'A first look, 24 Lanczos steps × 2 probes, in 17 s. At that pace the whole takes 205 s at most.'
    >>> look_text(Found(steps=24, probes=2, parameter_count=960), 17.0, {})
    'A first look, 24 Lanczos steps × 2 probes, in 17 s. At that pace the whole takes 125 s at most.'
    """
    exact = spectrum.parameter_count <= MOST_DIAGONALISED
    return paced(spectrum, took, spectrum.parameter_count if exact else 2 * STEPS * PROBES, "the whole takes")


def paced(spectrum: Spectrum, took: float | None, products: int, what: str) -> str:
    """What the look is, and how long so many products take at its pace, at most: more of them at once are quicker."""
    text = f"A first look, {spectrum.steps} Lanczos steps × {spectrum.probes} probes"
    if took is None:
        return f"{text}."
    times = products / (2 * spectrum.steps * spectrum.probes)  # those of the quadrature, and about as many of the ends
    whole = START + times * max(took - START, 0.0)
    return f"{text}, in {duration(took)}. At that pace {what} {_long(whole)} at most."


def _long(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 300 else duration(seconds)
