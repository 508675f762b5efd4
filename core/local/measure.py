"""What a readout needs measured around a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import Instruments
    from .neighbourhood import Neighbourhood


@dataclass(frozen=True)
class LocalMeasure:
    """Numbers read off the neighbourhood of a point.

    columns  their names; several readouts may ask for the same measure, which is then taken once
    stage    one of STAGES after the first
    values   Neighbourhood → one number per column; NaN for all where the products there are not finite
    prepare  makes what all points share, once, before the first of them
    settle   where given, turns what `values` found into the numbers, one point after another in the plan's order:
             (instruments, (α, β), found) → numbers
    """

    columns: tuple[str, ...]
    stage: str
    values: Callable[[Neighbourhood], Any] = field(compare=False)
    prepare: Callable[[Instruments], Any] = field(compare=False, default=lambda instruments: None)
    settle: Callable[[Instruments, Sequence[float], Any], Sequence[float]] | None = field(compare=False, default=None)

    def found(self, here: Neighbourhood) -> Any:
        """`values`, or NaN where the loss bends beyond what the precision holds."""
        try:
            return self.values(here)
        except ArithmeticError:
            return None if self.settle else (math.nan,) * len(self.columns)
