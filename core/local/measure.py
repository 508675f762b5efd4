"""Measures around a point that readouts are computed from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from .context import Instruments
    from .neighbourhood import Neighbourhood


@dataclass(frozen=True)
class Work:
    """A measure's own cost at a point, beyond its stage's, from which time and memory are estimated.

    A gradient over all examples belongs to the gradient stage, a Lanczos run to the curvature stage.

    passes    further gradients over all examples
    examples  whether it reads gradients of single examples, which are made once for all measures that do
    fisher    whether it reads the true Fisher of single examples, which is made once too
    blocks    names of further blocks of products with the curvature matrix; what several measures name is made once
    descents  walks downhill, of `Estimation.descent_steps` gradients over the examples sampled for them
    losses    losses over those examples, which are not taken at several points at once
    stored    vectors of parameters that are kept of every point
    """

    passes: float = 0.0
    examples: bool = False
    fisher: bool = False
    blocks: tuple[str, ...] = ()
    descents: int = 0
    losses: int = 0
    stored: int = 0


@dataclass(frozen=True)
class LocalMeasure:
    """Numbers read off the neighbourhood of a point.

    columns  their names; several readouts may ask for the same measure, which is then taken once
    stage    one of STAGES after the first
    values   Neighbourhood → one number per column; NaN for all where the products there are not finite
    prepare  makes what all points share, once, before the first of them
    settle   where given, turns what `values` gave into the numbers, one point after another in the plan's order:
             (instruments, (α, β), what `values` gave) → numbers
    recall   where given, is told before a survey goes on what was measured already: (instruments, (points, 2) coordinates,
             (points, columns) numbers, NaN where there are none)
    step     where given, the step size of the descent that it walks
    work     what it takes
    """

    columns: tuple[str, ...]
    stage: str
    values: Callable[[Neighbourhood], Any] = field(compare=False)
    prepare: Callable[[Instruments], Any] = field(compare=False, default=lambda instruments: None)
    settle: Callable[[Instruments, Sequence[float], Any], Sequence[float]] | None = field(compare=False, default=None)
    recall: Callable[[Instruments, np.ndarray, np.ndarray], None] | None = field(compare=False, default=None)
    step: Callable[[Instruments], float] | None = field(compare=False, default=None)
    work: Work = field(compare=False, default=Work())

    def values_or_nothing(self, here: Neighbourhood) -> Any:
        """`values`, or NaN where the loss bends beyond what the precision holds."""
        try:
            return self.values(here)
        except ArithmeticError:
            return self.nothing

    @property
    def nothing(self) -> Any:
        """The value where nothing could be measured."""
        return None if self.settle else (math.nan,) * len(self.columns)
