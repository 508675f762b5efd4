"""A first look at a spectrum by a few Lanczos steps, where the whole is not computed yet; how long it took forecasts the whole."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st
from lossnav.core import Spectrum
from lossnav.core.spectrum import read_spectrum

from ..figures.web.spectrum import spectrum_figure
from ..jobs.record import record_of
from ..request.spectrum import PointSpectrumRequest, SpectrumRequest
from .progress import duration, read_or_repair, waiting_panel

STEPS, PROBES = 80, 10  # of the whole, at most: `lossnav spectrum` stops earlier where nothing changes any more
TALL = 420  # pixels
START = 5.0  # seconds that a process takes before it computes, about


def first_look(whole: SpectrumRequest) -> None:
    """Offer a look, and show it; nothing starts unless a person presses."""
    look = PointSpectrumRequest(**{f.name: getattr(whole, f.name) for f in fields(SpectrumRequest)})
    said = f"A first look takes {look.steps} Lanczos steps × {look.probes} probes, the whole up to {STEPS} × {PROBES}."
    if not waiting_panel(look, offer=(said, "First look"), name="_look"):
        return
    read = read_or_repair(look, read_spectrum)
    if read is None:
        return
    found, _ = read
    st.caption(look_text(found, seconds_of(look)))
    figure = spectrum_figure(found, st.context.theme.type == "dark").update_layout(height=TALL)
    st.plotly_chart(
        figure, theme=None, key="first_look", config={"displayModeBar": False}, alt="First look at the eigenvalues"
    )


def seconds_of(request: SpectrumRequest) -> float | None:
    """How long a result that is there took on this machine; None: it is not known any more."""
    record = record_of(request.path)
    if record is None or record.started is None or not request.path.exists():
        return None
    took = request.path.stat().st_mtime - record.started
    return took if took > 0 else None


def look_text(look: Spectrum, took: float | None) -> str:
    """How the look was computed, and how long the whole will take by it: exact ones as long, others as many times as it has products.

    >>> from types import SimpleNamespace as Found
    >>> look_text(Found(method="slq", steps=24, probes=2), 17.0)
    'A first look, 24 Lanczos steps × 2 probes, in 17 s. At that pace the whole takes 205 s at most.'
    >>> look_text(Found(method="exact", steps=0, probes=0), 8.0)
    'Every eigenvalue, exact, in 8 s; the whole adds residuals of more of them, and takes about as long.'
    """
    if look.method == "exact":
        within = "" if took is None else f", in {duration(took)}"
        return f"Every eigenvalue, exact{within}; the whole adds residuals of more of them, and takes about as long."
    text = f"A first look, {look.steps} Lanczos steps × {look.probes} probes"
    if took is None:
        return f"{text}."
    times = STEPS * PROBES / (look.steps * look.probes)
    whole = START + times * max(took - START, 0.0)
    return f"{text}, in {duration(took)}. At that pace the whole takes {_long(whole)} at most."


def _long(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 300 else duration(seconds)
