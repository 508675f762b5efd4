"""How many points an adaptive survey will measure, guessed before it has seen any.

The whole grids it starts from and the points it holds out are certain; how much more a terrain takes is not, and only what
is usual on the samples is known. While the survey runs, its own guess (`MeasuredPoints.planned`) takes over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..adaptive.tolerance import Tolerance
from ..properties.protocol import STAGES
from .grid import nested_grids
from .schedule import HELD_OUT, WHOLE

# Points measured over those it starts with, chosen on the samples so that most take from half to twice as many: with all
# overlays, at 1 % of the range for what forward passes give and 5 % for the rest; then by a power of the tolerance
# (docs/accuracy.md, benchmarks/NOTES.md)
LOSS_ALONE = 1.36
GROWTH = {"forward": 1.9, "gradient": 6.5, "curvature": 4.8, "descent": 4.6}
POWERS = {"forward": 0.47, "gradient": 0.6, "curvature": 0.65, "descent": 0.8}
USUAL = Tolerance(0.01)


def expected_points(stage: str, candidates: Sequence[int], tolerance: Tolerance, overlays: bool) -> int:
    """The number of points of a stage, no more than there are.

    Parameters
    ----------
    candidates  rows and columns of the points that may be measured at this stage
    overlays    whether readouts beside the loss decide where to measure

    >>> [expected_points("forward", (65, 65), Tolerance(share), False) for share in (0.01, 0.001)]
    [143, 422]
    >>> expected_points("curvature", (5, 5), Tolerance(0.01), True)
    25
    """
    kind, share = ("forward" if stage == STAGES[0] else "costly"), tolerance.share_of(stage)
    rows, columns = candidates
    held_out = min(HELD_OUT, max(4, rows * columns // 20)) if kind == "forward" else 0
    growth = GROWTH[stage] if stage != STAGES[0] or overlays else LOSS_ALONE
    growth *= (USUAL.share_of(stage) / share) ** POWERS[stage]
    start = _whole(kind, candidates) + held_out
    return min(rows * columns, math.ceil(start * max(1.0, growth)))


def points_at_most(candidates: Sequence[int], most: int | None) -> int:
    """The number of points of a stage where every one is measured that may be: all, or as many as are affordable.

    most  points of a costly stage that are affordable; the whole grids that it starts from are measured in any case

    >>> points_at_most((51, 51), None), points_at_most((51, 51), 40), points_at_most((51, 51), 3), points_at_most((3, 3), 40)
    (2601, 40, 25, 9)
    """
    rows, columns = candidates
    return rows * columns if most is None else min(rows * columns, max(most, _whole("costly", candidates)))


def _whole(kind: str, candidates: Sequence[int]) -> int:
    """The points of the grids that are measured whole."""
    levels = nested_grids((candidates[0], candidates[1]))
    rows, columns = (levels[WHOLE[kind]] or levels[:1])[-1]
    return len(rows) * len(columns)
