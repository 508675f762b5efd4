"""Histograms of eigenvalues small enough to stand beside a slider: heights and words, which a browser draws by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from lossnav.core import Spectrum
from lossnav.core.spectrum import SpectraAlong

from ..shared.scales import format_value
from .spectrum import OUTLIER_COLOR, Axes, outliers_above, shares_in_bins

BELOW = 0.3  # decades from the foot to the smallest share that is drawn
HIGH = 100  # of the highest bar
TICKS = 3


def small_spectra(along: SpectraAlong, steps: Sequence[int]) -> dict[str, Any]:
    """Spectra for the small histogram beside a slider over `steps`, ready for JSON; all spectra are on the same axes.

    at      for each step, which spectrum: the last one at or before it, None before the first
    steps   the step of each spectrum
    says    of each, (name, value)
    bars    of each, the heights of its bins, from 0 to HIGH: logarithmic shares
    outer   of each, the first bin of the outliers
    ticks   (place from 0 to 1, its eigenvalue as text)
    color   of the outliers
    """
    axes = Axes.of(along.spectra)
    return {
        "at": [_last_before(along.done_steps, step) for step in steps],
        "steps": list(along.done_steps),
        "says": [_says(spectrum) for spectrum in along.spectra],
        "bars": [heights_of(spectrum, axes) for spectrum in along.spectra],
        "outer": [first_outer(spectrum, axes) for spectrum in along.spectra],
        "ticks": places_of(axes, TICKS),
        "color": OUTLIER_COLOR,
    }


def _last_before(steps: Sequence[int], step: int) -> int | None:
    found = int(np.searchsorted(steps, step, "right")) - 1
    return found if found >= 0 else None


def _says(spectrum: Spectrum) -> list[tuple[str, str]]:
    return [
        ("λₘₐₓ", format_value(spectrum.top[0])),
        ("λₘᵢₙ", format_value(spectrum.bottom[0])),
        ("trace", format_value(spectrum.trace)),
        ("outliers", str(spectrum.outliers)),
    ]


def first_outer(spectrum: Spectrum, axes: Axes) -> int:
    """The first bin of the outliers; their number where there is none."""
    there = axes.scale.invert(axes.middles) > outliers_above(spectrum)
    return int(np.argmax(there)) if there.any() else len(there)


def heights_of(spectrum: Spectrum, axes: Axes) -> list[int]:
    """Of each bin; one with less than the smallest share that is drawn has none."""
    shares = shares_in_bins(spectrum, axes.scale, axes.edges)
    drawn = shares >= axes.lowest
    heights = _height(np.where(drawn, shares, 1.0), axes)
    return [round(float(height)) for height in np.where(drawn, heights, 0.0)]


def _height(shares: np.ndarray, axes: Axes) -> np.ndarray:
    foot, head = np.log10(axes.lowest) - BELOW, np.log10(axes.highest)
    height: np.ndarray = HIGH * (np.log10(shares) - foot) / max(head - foot, 1e-9)
    return height


def share_ticks(axes: Axes) -> list[tuple[float, str]]:
    """Decades between the smallest share that is drawn and the largest: (height, the share as text)."""
    decades = 10.0 ** np.arange(np.ceil(np.log10(axes.lowest)), np.floor(np.log10(axes.highest)) + 1)
    return [(float(h), format_value(float(d))) for h, d in zip(_height(decades, axes), decades, strict=True)]


def places_of(axes: Axes, count: int) -> list[tuple[float, str]]:
    """About `count` ticks of the eigenvalues: (place from 0 to 1, the eigenvalue as text)."""
    places, texts = axes.scale.ticks(axes.scale.invert(axes.edges), count)
    low, high = float(axes.edges[0]), float(axes.edges[-1])
    return [((float(p) - low) / (high - low), text) for p, text in zip(places, texts, strict=True) if low <= p <= high]
