"""What a navigator property is: data that the interface reads, and two pure functions.

Forward passes give sums (`Measure`), the neighbourhood of a point gives slopes, curvature and descents
(`LocalMeasure`); everything shown is derived from them and from closed-form facts (`values`), so temperature,
strength and kernel width change without measuring again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..checks import InputError

if TYPE_CHECKING:
    from ..plane.plane import Plane
    from ..problem.problem import Problem
from ..local.measure import LocalMeasure
from ..network.forward import Measure

# What is measured at a point, cheapest first; what belongs to one stage is measured together and shares its work.
STAGES = ("forward", "gradient", "curvature", "descent")


@dataclass(frozen=True)
class Readout:
    """One number that can be drawn over the terrain.

    name      its name in METHODS.md
    variable  its name in a landscape
    label     a short title; `unit` beside it
    poles     the property's words at low and at high values of this readout; empty where it has none
    explain   what is computed, in one or two sentences
    needs     what a problem must have for it (keys of `needs.NEEDS`)
    scale     "linear" | "log" | "symlog": how it is drawn unless the user chooses
    zero      whether zero divides two meanings, so that a diverging colour map is right
    arrows    whether it is one of two components of an arrow
    local     what must be measured around each point for it; empty where the forward pass or a closed form is enough
    labels    names of the classes 0, 1, 2 … where it is a class and no quantity; a last one ending in "…" stands for
              all that follow
    error     what `<variable>_se` is, where there is one
    asked     whether it is measured only where it is asked for by its own name, being costly or for chosen points
    """

    name: str
    variable: str
    label: str
    unit: str
    explain: str
    poles: tuple[str, str] = ("", "")
    needs: tuple[str, ...] = ()
    scale: str = "linear"
    zero: bool = False
    arrows: bool = False
    local: tuple[LocalMeasure, ...] = ()
    labels: tuple[str, ...] = ()
    error: str = "standard error"
    asked: bool = False

    @property
    def stage(self) -> str:
        """The last of STAGES that it waits for."""
        return max((measure.stage for measure in self.local), key=STAGES.index, default=STAGES[0])


@dataclass(frozen=True)
class Settings:
    """What the user may turn without measuring again.

    temperature  T of the softmax, dimensionless
    strength     λ of the elastic penalty; None: the anchor's own
    width        h of memory's kernel, in parameter units; None: chosen from the path
    level        a point is level where the slope promises a drop of less than this, in the loss's unit
    flat         a curvature below this, in the loss's unit per squared parameter unit, counts as none
    bend         a point bends down where −λ_min exceeds this share of |λ_max|
    """

    temperature: float = 1.0
    strength: float | None = None
    width: float | None = None
    level: float = 0.01
    flat: float = 0.01
    bend: float = 0.1

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise InputError(f"temperature should be a positive number, but is {self.temperature}.")
        if self.strength is not None and not self.strength >= 0:
            raise InputError(f"strength should be zero or more, but is {self.strength}.")
        for name in ("level", "flat", "bend"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} should be a positive number, but is {getattr(self, name)}.")
        if self.width is not None and not self.width > 0:
            raise InputError(f"width should be a positive number, but is {self.width}.")


@dataclass(frozen=True)
class Points:
    """What is known at a set of points, from which readouts are derived.

    alpha, beta  (m,) coordinates
    columns      name → (m,) measured numbers, NaN where they are not measured; absent where they were not asked for
    facts        closed-form facts of the plane, by property, as JSON holds them
    gram         (2, 2) Gram matrix of the directions
    """

    alpha: np.ndarray
    beta: np.ndarray
    columns: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]
    gram: np.ndarray


class NavigatorProperty(Protocol):
    """One of the seven. The first readout is the primary one, drawn when the overlay is switched on."""

    @property
    def name(self) -> str: ...

    @property
    def readouts(self) -> tuple[Readout, ...]: ...

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        """What the forward passes must sum for this property."""

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        """What the plane itself gives in closed form, ready for JSON."""

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        """variable → (m,) for every readout that `points` allows; `<variable>_se` beside what is estimated."""


def present(points: Points, columns: Mapping[str, str]) -> dict[str, np.ndarray]:
    """variable → (m,) for those of `columns` (variable → name of a measured column) that were measured."""
    return {variable: points.columns[name] for variable, name in columns.items() if name in points.columns}
