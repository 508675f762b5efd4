"""The protocol of a navigator property: data that the interface reads, and a few functions without side effects.

Forward passes give sums (`Measure`), the neighbourhood of a point gives slopes, curvature and descents
(`LocalMeasure`); everything shown is derived from them and from closed-form facts (`values`), so temperature,
strength and kernel width change without measuring again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..checks import InputError
from ..local.measure import LocalMeasure
from ..network.forward import Measure
from .vocabulary import Entry

if TYPE_CHECKING:
    from ..plane.plane import Plane
    from ..problem.problem import Problem
    from .settings import Settings

# What is measured at a point, cheapest first; what belongs to one stage is measured together and shares its work.
STAGES = ("forward", "gradient", "curvature", "descent")
Need = Callable[["Problem"], "str | None"]


@dataclass(frozen=True)
class Readout:
    """One number that can be drawn over the terrain.

    name      its name in METHODS.md
    variable  its name in a landscape
    label     a short title; `unit` beside it
    poles     the property's words at low and at high values of this readout; empty where it has none
    explain   what is computed, in one or two sentences
    needs     what a problem must have for it: functions of a problem that give one sentence where it is not there, else
              None, such as those in `needs`
    scale     "linear" | "log" | "symlog": how it is drawn unless the user chooses
    zero      whether zero divides two meanings, so that a diverging colour map is right
    arrows    what the arrow is called of which it is one of two components, such as "elastic force"; empty where it is none
    local     what must be measured around each point for it; empty where the forward pass or a closed form is enough
    labels    names of the classes 0, 1, 2 … where it is a class and no quantity; a last one ending in "…" stands for
              all that follow
    error     what `<variable>_se` is, where there is one
    bound     where `<variable>_se` is half of what a 95 % interval reaches, to which side: "above", "below" or "both"
    noise     the measured column that says how far another seed would move it, where `<variable>_se` says more than that
    asked     whether it is measured only where it is asked for by its own name, being costly or for chosen points
    shown     the lowest and the highest value that are told apart when it is drawn; None: as far as it goes
    like_loss whether it is the loss up to something smooth, and so drawn on the scale that is chosen for the loss
    """

    name: str
    variable: str
    label: str
    unit: str
    explain: str
    poles: tuple[str, str] = ("", "")
    needs: tuple[Need, ...] = ()
    scale: str = "linear"
    zero: bool = False
    arrows: str = ""
    local: tuple[LocalMeasure, ...] = ()
    labels: tuple[str, ...] = ()
    error: str = "standard error"
    bound: str = ""
    noise: str = ""
    asked: bool = False
    shown: tuple[float | None, float | None] = (None, None)
    like_loss: bool = False

    @property
    def stage(self) -> str:
        """The last of STAGES that it waits for."""
        return max((measure.stage for measure in self.local), key=STAGES.index, default=STAGES[0])


@dataclass(frozen=True)
class Knob:
    """A number that the user may turn without measuring again.

    name     its name in `Settings` and in the address bar
    label    its title on the page
    default  its value unless it is turned; None: the landscape's own, which the property's facts hold under the same name
    low      the lowest value that is allowed, or with `open` the number that it must be above
    high     the highest value that is allowed
    open     whether `low` itself is not allowed
    choices  what the page offers: values, or multiples of the landscape's own where there is no default; empty: nothing
    caption  what the page says under it: facts of the property, value → a short text
    """

    name: str
    label: str
    default: float | None
    low: float = 0.0
    high: float = math.inf
    open: bool = True
    choices: tuple[float, ...] = ()
    caption: Callable[[Mapping[str, Any], float], str] | None = None

    def checked(self, value: float | None) -> float | None:
        """`value`, if it is allowed.

        Raises
        ------
        InputError  it is not

        >>> Knob("gain", "Gain", 1.0, low=0.5, high=4.0, open=False).checked(2.0)
        2.0
        """
        if value is None and self.default is None:
            return None
        if value is None or not (self.low < value if self.open else self.low <= value) or not value <= self.high:
            raise InputError(f"{self.name} should be {self._range}, but is {value}.")
        return value

    @property
    def _range(self) -> str:
        if self.high < math.inf:
            return f"{'above' if self.open else 'from'} {self.low:g}{', up' if self.open else ''} to {self.high:g}"
        if self.low == 0:
            return "a positive number" if self.open else "zero or more"
        return f"{'above' if self.open else 'at least'} {self.low:g}"


@dataclass(frozen=True)
class Points:
    """Measured columns at a set of points, from which readouts are derived.

    alpha, beta  (m,) coordinates
    columns      name → (m,) measured numbers, NaN where they are not measured; absent where they were not asked for
    facts        closed-form facts of the plane, by property, as JSON holds them
    gram         (2, 2) Gram matrix of the directions
    parameters   P; 0 where a landscape does not say
    """

    alpha: np.ndarray
    beta: np.ndarray
    columns: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]
    gram: np.ndarray
    parameters: int = 0


@dataclass(frozen=True)
class Preparation:
    """Something that a property computes of the network once, for all points; sizes in vectors of parameters.

    name     what it is, in one word
    lasting  what it leaves in memory
    passing  what it takes while it is made; 0 where it is there already
    remedy   what to do where that does not fit, a part of a sentence
    """

    name: str
    lasting: float
    passing: float
    remedy: str


class Owner(Protocol):
    """An owner of readouts: the terrain itself, or a navigator property. Only the first four fields must be given.

    name        as in landscapes
    colormap    its colour map, known to plotly and matplotlib; low values dark, readable in grey
    line_color  "#RRGGBB" of its contour lines; seen on white and on near-black
    readouts    the first is the primary one; drawn when the overlay is switched on, unless `first_drawn` says another
    knobs       what the user may turn without measuring again
    heights     whether its readouts are offered as the height of the terrain
    relative    whether its numbers are relative to the other points of a terrain, so that a single point has none
    always      whether its facts are kept though none of its readouts is asked for: something of them is drawn anyway
    """

    name: str
    colormap: str
    line_color: str
    readouts: tuple[Readout, ...]
    knobs: tuple[Knob, ...] = ()
    heights: bool = False
    relative: bool = False
    always: bool = False

    def readouts_of(self, facts: Mapping[str, Any]) -> tuple[Readout, ...]:
        """Its readouts on a landscape with these facts of its own: `readouts`, unless a person brings some."""
        return self.readouts

    def prepared(self, problem: Problem) -> Problem:
        """`problem` with what this property needs of it at every point, made once; the problem itself is never changed."""
        return problem

    def preparation(self, problem: Problem, columns: Collection[str]) -> Preparation | None:
        """The cost of `prepared`, and the memory kept for the measured `columns`; None where there is none."""
        return None

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        """The sums over forward passes that this property needs."""
        return ()

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        """Values that the plane gives in closed form, ready for JSON; "unavailable": why readouts with needs have none."""
        return {}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        """variable → (m,) for every readout that `points` allows; `<variable>_se` beside what is estimated."""
        ...

    def first_drawn(self, facts: Mapping[str, Any]) -> str:
        """The variable that is drawn when the overlay is switched on, where there is one of it; the primary one, mostly."""
        return self.readouts[0].variable

    def remark(self, facts: Mapping[str, Any]) -> str:
        """A warning on its readouts on this landscape, said before anything is read off them; mostly empty."""
        return ""

    def notes(self, points: Points, settings: Settings) -> dict[str, dict[str, Any]]:
        """variable → further attributes that it has in a landscape."""
        return {}

    def drawn(self, facts: Mapping[str, Any]) -> dict[str, tuple[str, Sequence[float]]]:
        """Further arrays to draw, from the property's facts: name in a landscape → (dimension, numbers along it)."""
        return {}


class NavigatorProperty(Owner, Protocol):
    """A word of the vocabulary, measured.

    entry  what the vocabulary says of it
    """

    entry: Entry


def present(points: Points, columns: Mapping[str, str]) -> dict[str, np.ndarray]:
    """variable → (m,) for those of `columns` (variable → name of a measured column) that were measured."""
    return {variable: points.columns[name] for variable, name in columns.items() if name in points.columns}
