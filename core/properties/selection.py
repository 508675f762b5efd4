"""Which variables a survey derives, from the names that were asked for, and why some of them cannot be had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import known
from ..local.measure import LocalMeasure
from ..network.forward import Measure
from ..plane.plane import Plane
from ..problem.problem import Problem
from . import PROPERTIES
from .needs import missing, unavailable
from .protocol import NavigatorProperty, Readout
from .terrain import TERRAIN

OWNERS: tuple[NavigatorProperty, ...] = (TERRAIN, *PROPERTIES)
EVERYTHING = "all"
FORWARD = "forward"  # whatever forward passes and closed forms give


@dataclass(frozen=True)
class Wanted:
    """What is asked of a survey.

    variables  names of the readouts to derive, in the properties' order of asking
    reasons    variable → one sentence, for what was asked for and cannot be had
    """

    variables: tuple[str, ...]
    reasons: dict[str, str]

    @property
    def readouts(self) -> Iterator[Readout]:
        """The readouts to derive."""
        return (r for owner in OWNERS for r in owner.readouts if r.variable in self.variables)

    def measures(self, problem: Problem) -> list[Measure]:
        """What the forward passes must sum: the terrain's own always."""
        used = [o for o in OWNERS if o is TERRAIN or any(r.variable in self.variables for r in o.readouts)]
        return [measure for owner in used for measure in owner.measures(problem)]

    def local_measures(self, stage: str) -> list[LocalMeasure]:
        """What must be measured around each point in one of the stages."""
        return [measure for readout in self.readouts for measure in readout.local if measure.stage == stage]

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        """The closed-form facts of every property in use; readouts whose facts cannot be had move to `reasons`."""
        used = [o for o in OWNERS if o is TERRAIN or any(r.variable in self.variables for r in o.readouts)]
        facts = {owner.name: owner.facts(problem, plane) for owner in used}
        memory = next(p for p in PROPERTIES if p.name == "memory")
        if memory.name not in facts and not missing(memory.readouts[0], problem):
            facts["memory"] = memory.facts(problem, plane)  # the path is drawn whether memory is an overlay or not
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
    InputError  an unknown name, with the nearest one
    """
    overlays = (overlays,) if isinstance(overlays, str) else overlays
    names = _names()
    chosen: list[str] = []
    for overlay in overlays:
        chosen += names[known(overlay, names, "overlay")]
    reasons = {v: why for p in PROPERTIES for v, why in unavailable(p, problem).items() if v in chosen}
    return Wanted(tuple(v for v in dict.fromkeys(chosen) if v not in reasons), reasons)


def waiting_for(stage: str, variables: Sequence[str]) -> list[str]:
    """Those of `variables` that something of a stage must be measured for."""
    readouts = (r for owner in OWNERS for r in owner.readouts if r.variable in variables)
    return [r.variable for r in readouts if any(measure.stage == stage for measure in r.local)]


def _names() -> dict[str, list[str]]:
    """Every name that can be asked for, with the variables that it means; a property's own name comes before a readout's."""
    found: dict[str, list[str]] = {
        EVERYTHING: [r.variable for o in OWNERS for r in _optional(o) if not r.asked],
        FORWARD: [r.variable for o in OWNERS for r in _optional(o) if not r.local],
        **{o.name: [r.variable for r in _optional(o) if not r.asked] for o in OWNERS},
    }
    for owner in OWNERS:
        for readout in _optional(owner):
            same = [r.variable for r in owner.readouts if r.name == readout.name]
            for name, variables in ((readout.variable, [readout.variable]), (readout.name, same)):
                found.setdefault(name, variables)
    return found


def _optional(owner: NavigatorProperty) -> list[Readout]:
    """The terrain's elevation and accuracy are there always, and not asked for."""
    return [r for r in owner.readouts if owner is not TERRAIN or r.local]
