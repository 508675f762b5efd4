"""Which variables a survey derives, from the names that were asked for, and why some of them cannot be had."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import InputError, known
from ..local.measure import LocalMeasure
from ..network.forward import SECOND, Measure
from ..plane.plane import Plane
from ..problem.problem import Problem
from .metrics import GAP
from .needs import missing, unavailable
from .protocol import STAGES, Owner, Preparation, Readout
from .registry import OWNERS, PROPERTIES, READOUTS, owner_of
from .terrain import TERRAIN

EVERYTHING = "all"
NO_READOUTS = ("alpha", "beta", "checkpoint", "height", "none")  # words that landscapes and pages have for other things
FORWARD = "forward"  # whatever forward passes and closed forms give


@dataclass(frozen=True)
class Wanted:
    """The columns and readouts that a survey is asked for.

    variables  names of the readouts to derive, in the properties' order of asking
    reasons    variable → one sentence, for what was asked for and cannot be had
    """

    variables: tuple[str, ...]
    reasons: dict[str, str]

    @property
    def readouts(self) -> Iterator[Readout]:
        """The readouts to derive."""
        return (r for owner in OWNERS for r in owner.readouts if r.variable in self.variables)

    @property
    def owners(self) -> list[Owner]:
        """The terrain, and the properties that have a readout to derive."""
        return [o for o in OWNERS if o is TERRAIN or any(r.variable in self.variables for r in o.readouts)]

    def prepared(self, problem: Problem) -> Problem:
        """`problem` with what the properties need of it at every point."""
        for owner in self.owners:
            problem = owner.prepared(problem)
        return problem

    def preparations(self, problem: Problem) -> list[Preparation]:
        """The preparations that these need."""
        columns = {column for stage in STAGES for measure in self.local_measures(stage) for column in measure.columns}
        found = (owner.preparation(problem, columns) for owner in self.owners)
        return [each for each in found if each is not None]

    def measures(self, problem: Problem) -> list[Measure]:
        """The sums over forward passes: the terrain's own always."""
        return [measure for owner in self.owners for measure in owner.measures(problem)]

    def local_measures(self, stage: str) -> list[LocalMeasure]:
        """The local measures of one of the stages, each once."""
        found = (measure for readout in self.readouts for measure in readout.local if measure.stage == stage)
        return list(dict.fromkeys(found))

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        """The closed-form facts of every property in use; readouts whose facts cannot be had move to `reasons`."""
        facts = {owner.name: owner.facts(problem, plane) for owner in self.owners}
        for owner in OWNERS:
            if owner.always and owner.name not in facts and not missing(owner.readouts[0], problem):
                facts[owner.name] = owner.facts(problem, plane)
        return facts

    def less(self, reasons: dict[str, str]) -> Wanted:
        """The same without the variables of `reasons`."""
        gone = {v: why for v, why in reasons.items() if v in self.variables}
        return Wanted(tuple(v for v in self.variables if v not in gone), {**self.reasons, **gone})

    def without_unavailable(self, facts: dict[str, Any]) -> Wanted:
        """The same, less the readouts that a property's facts say cannot be had."""
        reasons = {
            r.variable: facts[owner.name]["unavailable"]
            for owner in OWNERS
            if facts.get(owner.name, {}).get("unavailable")
            for r in owner.readouts
            if r.needs
        }
        return self.less(reasons)


def wanted(problem: Problem, overlays: Sequence[str]) -> Wanted:
    """The readouts that names mean: "all", "forward" (what needs no curvature), a property, a readout, or a variable.

    What is only measured where it is asked for by its own name is in neither "all" nor its property.

    Raises
    ------
    InputError  an unknown name, with the nearest one; a metric of the problem's own under a name that is taken
    """
    refuse_taken(problem.metrics, problem.second is not None)
    chosen = variables_of(overlays)
    reasons = {v: why for p in PROPERTIES for v, why in unavailable(p, problem).items() if v in chosen}
    return Wanted(tuple(v for v in chosen if v not in reasons), reasons)


def variables_of(overlays: Sequence[str]) -> list[str]:
    """The variables that names mean, whether a problem has them or not; names as in `wanted`."""
    names = overlay_names()
    chosen: list[str] = []
    for overlay in (overlays,) if isinstance(overlays, str) else overlays:
        chosen += names[known(overlay, names, "overlay")]
    return list(dict.fromkeys(chosen))


def waiting_for(stage: str, variables: Sequence[str]) -> list[str]:
    """Those of `variables` that something of a stage must be measured for."""
    readouts = (r for owner in OWNERS for r in owner.readouts if r.variable in variables)
    return [r.variable for r in readouts if any(measure.stage == stage for measure in r.local)]


def reading(columns: Collection[str], variables: Sequence[str]) -> list[str]:
    """Those of `variables` that are read off some of `columns`, which are measured around a point."""
    readouts = (READOUTS[variable] for variable in variables if variable in READOUTS)
    return [r.variable for r in readouts if any(set(measure.columns) & set(columns) for measure in r.local)]


def overlay_names() -> dict[str, list[str]]:
    """Every name that can be asked for, with the variables that it means; a property's own name comes before a readout's."""
    by_name: dict[str, list[str]] = {
        EVERYTHING: [r.variable for o in OWNERS for r in _optional(o) if not r.asked],
        FORWARD: [r.variable for o in OWNERS for r in _optional(o) if not r.local],
        **{o.name: [r.variable for r in _optional(o) if not r.asked] for o in OWNERS},
    }
    for owner in OWNERS:
        for readout in _optional(owner):
            same = [r.variable for r in owner.readouts if r.name == readout.name]
            for name, variables in ((readout.variable, [readout.variable]), (readout.name, same)):
                by_name.setdefault(name, variables)
    return by_name


def refuse_taken(metrics: Collection[str], second: bool = False) -> None:
    """Raise InputError where a metric has the name of something else that a landscape may hold.

    second  whether there is a second data set, on which each metric has a name of its own

    >>> refuse_taken(["f1"])
    >>> refuse_taken(["accuracy"])
    Traceback (most recent call last):
    ...
    lossnav.core.checks.InputError: The metric 'accuracy' has a name that landscapes use already: call it otherwise, such as 'my_accuracy'.
    """
    taken = {*NO_READOUTS, *READOUTS, *(owner.name for owner in OWNERS)}
    if second:
        taken |= {derived for name in metrics for derived in (f"{SECOND}{name}", GAP.format(name))}
    for name in metrics:
        others = (
            owner_of(name) is not TERRAIN or name.startswith(("measured", "path_")) or name.endswith(("_se", "_error"))
        )
        if name in taken or others:
            near = f"my_{name.removesuffix('_se').removesuffix('_error')}"
            raise InputError(
                f"The metric '{name}' has a name that landscapes use already: call it otherwise, such as '{near}'."
            )


def _optional(owner: Owner) -> list[Readout]:
    """The terrain's elevation and accuracy are there always, and not asked for."""
    return [r for r in owner.readouts if owner is not TERRAIN or r.local]
