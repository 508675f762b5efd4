"""Whether choosing where to measure is worth its time: what deciding takes against what it can still save."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

GROWS = 2.0  # the next decision takes up to twice the last
CERTAIN = 0.5  # of what may be saved counts, as a terrain can turn out rougher than it looks
FEW, NEARLY = 0.02, 0.9  # where no more than this share of what is left waits, the end is near, and so much counts


def now() -> float:
    """Seconds of a clock that only runs forward."""
    return time.perf_counter()


@dataclass
class Worth:
    """The account of one stage.

    share      the part of what is saved that deciding may take; None: however long it takes
    waiting    points that were last thought likely to be measured all the same; None before the first decision

    >>> worth = Worth(0.1)
    >>> worth.measured(80, 8.0); worth.decided(0.5)
    >>> worth.pays(left=400, waiting=40), worth.pays(left=100, waiting=40)
    (True, False)
    """

    share: float | None
    deciding: float = 0.0
    last: float = 0.0
    per_point: float = math.inf
    waiting: int | None = None

    def measured(self, points: int, seconds: float) -> None:
        """So many points took so long; the fastest counts, as a survey may pause between points."""
        if points:
            self.per_point = min(self.per_point, seconds / points)

    def decided(self, seconds: float) -> None:
        """One more decision took so long."""
        self.last, self.deciding = seconds, self.deciding + seconds

    def pays(self, left: int, waiting: int | None = None) -> bool:
        """Whether another decision may be taken.

        left     points that are not measured
        waiting  those of them that are likely to be measured all the same; None: not known anew, and in the best case none
        """
        if self.share is None or math.isinf(self.per_point):
            return True
        self.waiting = self.waiting if waiting is None else waiting
        certain = CERTAIN if self.waiting is None or self.waiting > FEW * left else NEARLY
        saved = certain * max(left - (waiting or 0), 0) * self.per_point
        return self.deciding + GROWS * self.last <= self.share * saved
