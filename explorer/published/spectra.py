"""Spectra of a published landscape's network: a histogram with its numbers, and one beside the slider over the training."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from lossnav.core import Spectrum

from ..figures.shared.picture import path_inside
from ..figures.shared.scales import format_value
from ..figures.shared.shares import index_text
from ..figures.web.spectrum import OUTLIER_COLOR, Axes
from ..figures.web.spectrum_small import TICKS, first_outer, heights_of, places_of, share_ticks, small_spectra
from ..request.spectra_at_hand import NetworkSpectra

MORE_TICKS = 2 * TICKS + 1  # of a histogram as wide as the page's column


def spectra_packed(land: xr.Dataset, known: NetworkSpectra) -> dict[str, Any]:
    """What is known of the eigenvalues, as JSON holds it; nothing where nothing is."""
    packed: dict[str, Any] = (
        {}
        if known.trained is None
        else {"spectrum": histogram(known.trained, str(land["loss"].attrs.get("units", "")))}
    )
    path = path_inside(land)
    if path is not None and known.along is not None:
        packed["along"] = small_spectra(known.along, [int(step) for step in path["path_step"].values])
    return packed


def histogram(spectrum: Spectrum, unit: str) -> dict[str, Any]:
    """One spectrum as the page draws it, `unit` the loss's.

    bars, outer, color, ticks  as in `small_spectra`
    shares  (height from 0 to 100, the share as text)
    says    (name, value)
    """
    axes = Axes.of([spectrum])
    return {
        "bars": heights_of(spectrum, axes),
        "outer": first_outer(spectrum, axes),
        "color": OUTLIER_COLOR,
        "ticks": places_of(axes, MORE_TICKS),
        "shares": share_ticks(axes),
        "says": numbers(spectrum),
        "how": how(spectrum, unit),
    }


def numbers(spectrum: Spectrum) -> list[tuple[str, str]]:
    """(name, value) of the ends, the trace and the outliers."""
    reach = "" if spectrum.trace_se == 0 else f" ± {format_value(spectrum.trace_reach, 2)}"
    return [
        ("λₘₐₓ", format_value(spectrum.top[0])),
        ("λₘᵢₙ", format_value(spectrum.bottom[0])),
        ("trace", f"{format_value(spectrum.trace)}{reach}"),
        ("outliers", str(spectrum.outliers)),
        ("share of negative eigenvalues", index_text(spectrum)),
    ]


def how(spectrum: Spectrum, unit: str) -> str:
    """How it was found, and how well the ends are known."""
    method = (
        "every eigenvalue, exact"
        if spectrum.method == "exact"
        else f"stochastic Lanczos quadrature, {spectrum.steps} steps × {spectrum.probes} probes, ± 95 %"
    )
    worst = float(np.max([spectrum.residuals[0], spectrum.bottom_residuals[0]]))
    residual = "" if worst == 0 else f"; residual of the ends {format_value(worst, 1)}"
    return f"Eigenvalues{f' in {unit}' if unit else ''} per squared parameter unit, symmetric-logarithmic: {method}{residual}."
