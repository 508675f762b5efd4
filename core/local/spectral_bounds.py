"""How far the truth may lie from what a few Ritz values say of the spectrum around a point: 95 % intervals.

The quadrature's own error is bounded by the moments, and the probes' chance comes on top by Student's t at probes − 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..spectrum.moment_bounds import interval

if TYPE_CHECKING:
    from .neighbourhood import Neighbourhood

NEVER_BELOW = ("fisher", "empirical_fisher")  # sums of squares, so that no eigenvalue is negative
Between = tuple[float, float]


def resolution(here: Neighbourhood) -> float:
    """Largest magnitude that rounding cannot tell from 0, as in `spectrum`: the recurrence's own misses do not include it."""
    rule = here.spectrum
    return float(rule.size**0.5 * torch.finfo(here.point.dtype).eps * float(rule.nodes.abs().max()))


def end_reach(here: Neighbourhood, largest: bool = True) -> float:
    """How far beyond the outermost Ritz value, which lies inside of it, the outermost eigenvalue may be; resolution at least."""
    if here.bounds is None:
        return resolution(here)
    value = here.spectrum.extreme(largest)[0]
    return max(abs(here.bounds.beyond(largest) - value), resolution(here))


def index_between(here: Neighbourhood) -> Between:
    """Of the share of eigenvalues below 0."""
    if _never_below(here):
        return 0.0, 0.0
    return _clipped(*_below(here, -resolution(here)))


def flat_between(here: Neighbourhood) -> Between:
    """Of the share of eigenvalues with |λ| ≤ ε |λₘₐₓ|, λₘₐₓ between its Ritz value and as far as it may be."""
    value, epsilon = here.spectrum.extreme()[0], here.instruments.estimation.flatness
    ends = (value, value + end_reach(here))
    near = 0.0 if ends[0] < 0 < ends[1] else epsilon * min(abs(end) for end in ends)
    far = epsilon * max(abs(end) for end in ends)
    least = _below(here, near)[0] - _low_side(here, -near)[1]
    most = _below(here, far)[1] - _low_side(here, -far)[0]
    return _clipped(least, most)


def reach(value: float, between: Between) -> float:
    """From a value to the farther end of an interval that it lies in."""
    return max(between[1] - value, value - between[0], 0.0)


def _below(here: Neighbourhood, level: float) -> tuple[Tensor, Tensor]:
    assert here.bounds is not None
    return here.bounds.below(level)


def _low_side(here: Neighbourhood, level: float) -> tuple[Tensor, Tensor]:
    low, high = _below(here, level)
    return (low * 0, high * 0) if _never_below(here) else (low, high)


def _never_below(here: Neighbourhood) -> bool:
    return here.instruments.estimation.of in NEVER_BELOW


def _clipped(low: Tensor, high: Tensor) -> Between:
    least, most = interval(low, high)
    return min(max(least, 0.0), 1.0), min(max(most, 0.0), 1.0)
