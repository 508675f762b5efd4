"""Shares of a spectrum as text, with how well they are known."""

from __future__ import annotations

import numpy as np
from lossnav.core import Spectrum

from .scales import format_value


def index_text(spectrum: Spectrum) -> str:
    """The share of negative eigenvalues, as `within` says it."""
    return within(spectrum, spectrum.index, spectrum.index_interval)


def flat_text(spectrum: Spectrum) -> str:
    """The share with |λ| ≤ 0.01 λₘₐₓ, as `within` says it."""
    return within(spectrum, spectrum.flat_share(), spectrum.flat_interval)


def within(spectrum: Spectrum, share: float, interval: np.ndarray | None) -> str:
    """A share and its 95 % interval; alone where every eigenvalue is known.

    >>> from types import SimpleNamespace as Found
    >>> within(Found(method="exact"), 0.25, None)
    '0.25'
    >>> within(Found(method="slq"), 0.25, np.array([0.125, 0.75]))
    '0.25 (0.125 to 0.75, 95 %)'
    >>> within(Found(method="slq"), 0.25, None)  # a file from before it was stored
    '0.25, its error is not known'
    """
    if spectrum.method == "exact":
        return format_value(share)
    if interval is None:
        return f"{format_value(share)}, its error is not known"
    low, high = (format_value(float(end)) for end in interval)
    return f"{format_value(share)} ({low} to {high}, 95 %)"
