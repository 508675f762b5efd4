"""What `lossnav survey` was asked for, as one value of words and numbers: a worker on another machine makes the same survey of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lossnav.core import Estimation, Problem, Tolerance
from lossnav.core.cluster import Recipe
from lossnav.core.local import preset
from lossnav.core.plane import Span
from lossnav.core.properties import anchored
from lossnav.core.survey import Specification, affordable_stride

from ..request.planes import make_plane, zoomed
from ..request.survey import SurveyRequest
from .problem_options import ProblemChoice, anywhere


@dataclass(frozen=True)
class AskedSurvey:
    """A survey's options, read but not looked into; fields without a word here are those of `Specification`.

    choice   the problem
    plane    the plane
    span     None: the plane's own
    zoom     a multiple of the span
    every    0: so many rows and columns that it takes minutes
    anchor   the checkpoint that elasticity pulls back to; None: the problem's own anchor
    """

    choice: ProblemChoice
    plane: SurveyRequest
    shape: tuple[int, int] = Specification.shape
    span: Span | None = None
    zoom: float = 1.0
    overlays: tuple[str, ...] = ("all",)
    estimation: Estimation = field(default_factory=lambda: preset(str(Specification.effort)))
    tolerance: Tolerance | None = None
    every: int = 0
    anchor: int | None = None
    device: str = str(Specification.device)
    dtype: str | None = None
    precision: str | None = None
    batch_size: int | None = None
    insist: bool = False
    fidelity: bool = True

    def specification(self) -> Specification:
        """The survey; the target's own code runs here.

        Raises
        ------
        InputError  no such target or plane, impossible options
        """
        problem = self._problem()
        plane = make_plane(problem, self.plane)
        shape = (self.shape[0], 1) if plane.is_line else self.shape
        stride = affordable_stride(problem, shape, self.estimation) if self.tolerance is None else 1
        return Specification(
            problem,
            plane,
            shape,
            self.overlays,
            self.device,
            self.dtype,
            tolerance=self.tolerance,
            span=zoomed(self.span or plane.span, self.zoom),
            batch_size=self.batch_size,
            fidelity=self.fidelity,
            effort=self.estimation,
            every=self.every or stride,
            precision=self.precision,
            insist=self.insist,
        )

    def _problem(self) -> Problem:
        problem = self.choice.problem()
        return problem if self.anchor is None else anchored(problem, self.anchor)

    @property
    def recipe(self) -> Recipe:
        """The same for another process, in whatever folder it was started."""
        plane = {**asdict(self.plane), "target": anywhere(self.plane.target)}
        words = json.dumps({**asdict(self), "choice": self.choice.as_json(), "plane": plane})
        return Recipe(f"{__name__}:specification", json.loads(words))


def specification(words: Mapping[str, Any]) -> Specification:
    """The survey that an `AskedSurvey.recipe` means."""
    return _read(words).specification()


def _read(words: Mapping[str, Any]) -> AskedSurvey:
    plane = dict(words["plane"])
    plane["choices"] = tuple((name, value) for name, value in plane["choices"])
    tolerance, span = words["tolerance"], words["span"]
    read = {
        "choice": ProblemChoice.of_json(words["choice"]),
        "plane": SurveyRequest(**plane),
        "shape": tuple(words["shape"]),
        "overlays": tuple(words["overlays"]),
        "span": span and (tuple(span[0]), tuple(span[1])),
        "estimation": Estimation(**words["estimation"]),
        "tolerance": tolerance and Tolerance(**tolerance),
    }
    return AskedSurvey(**{**words, **read})
