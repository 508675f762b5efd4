"""The specification of a survey: one frozen value, from which everything about it follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import torch

from ..adaptive.tolerance import Tolerance, tolerance_of
from ..checks import InputError
from ..engine.evaluator import Evaluator
from ..engine.forward_columns import forward_columns
from ..engine.precision import checked_precision
from ..local.context import Instruments
from ..local.estimation import Estimation, preset
from ..local.measure import LocalMeasure
from ..network.forward import Measure
from ..network.workspace import choose_device, dtype_of
from ..plane.identity import plane_identity, plane_recipe
from ..plane.plane import Plane, Span
from ..plane.statistics import on_plane
from ..problem.identity import problem_identity
from ..problem.number_types import HALF
from ..problem.problem import Problem
from ..properties.protocol import STAGES
from ..properties.selection import Wanted, wanted
from .grid import GridPlan, grid_plan
from .info import Json, LandscapeInfo


@dataclass(frozen=True, eq=False)
class Specification:
    """A survey's arguments, each with its one default: the problem, the place, the grid, the exactness and the device.

    It is given to whatever measures, foretells or keeps a survey; what follows from it is found once, when it is asked for.

    Raises
    ------
    InputError  unknown names, impossible sizes, a plane of another network, a GPU that is not there

    >>> from torch import nn
    >>> problem = Problem(nn.Linear(2, 3), torch.zeros(4, 2), torch.tensor([0, 1, 2, 0]))
    >>> spec = Specification(problem, Plane.random(problem), shape=(5, 3), overlays=("perplexity",), tolerance=0.02)
    >>> len(spec.plan.cells), spec.asked.variables, spec.allowed.share_of("curvature"), spec.number
    (15, ('perplexity', 'perplexity_excess'), 0.1, torch.float32)
    """

    problem: Problem
    plane: Plane
    shape: tuple[int, int] = (51, 51)
    overlays: Sequence[str] = ()
    device: str | torch.device = "auto"
    dtype: torch.dtype | str | None = None
    seed: int = 0
    tolerance: float | Tolerance | None = None
    _: KW_ONLY
    span: Span | None = None
    batch_size: int | None = None
    fidelity: bool = False
    effort: str | Estimation = "standard"
    every: int = 1
    precision: str | None = None
    insist: bool = False

    def __post_init__(self) -> None:
        if self.every < 1 or self.every & (self.every - 1):
            raise InputError(f"every should be 1, 2, 4 or another power of two, but is {self.every}.")
        object.__setattr__(self, "plane", self.plane.over(self.problem.parameters))
        object.__setattr__(self, "problem", on_plane(self.problem, self.plane))
        for checked in ("allowed", "estimation", "where", "converted", "asked", "plan"):
            getattr(self, checked)

    @cached_property
    def allowed(self) -> Tolerance | None:
        """How close an adaptive survey is to come; None: every point is measured."""
        return tolerance_of(self.tolerance)

    @cached_property
    def estimation(self) -> Estimation:
        """How finely costly stages are measured at a point."""
        return preset(self.effort)

    @cached_property
    def where(self) -> torch.device:
        """The device."""
        return choose_device(self.device)

    @cached_property
    def converted(self) -> torch.dtype | None:
        """The floating precision that weights and data are converted to; None: they stay as they are."""
        return dtype_of(self.dtype)

    @property
    def number(self) -> torch.dtype:
        """The floating precision of the survey."""
        return self.converted or self.problem.dtype

    @cached_property
    def plan(self) -> GridPlan:
        """The points, and their order."""
        sizes = (self.shape, 1) if isinstance(self.shape, int) else tuple(self.shape)
        if self.plane.is_line:
            sizes = (sizes[0], 1)  # a line has no second direction to walk along
        return grid_plan(sizes, self.span or self.plane.span)  # type: ignore[arg-type]

    @cached_property
    def asked(self) -> Wanted:
        """The readouts asked for that the problem has what they need for."""
        return wanted(self.problem, self.overlays)

    @cached_property
    def prepared(self) -> Problem:
        """The problem, with what the properties asked for make of it once."""
        return self.asked.prepared(self.problem)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Property → its closed-form facts of the plane."""
        return self.asked.facts(self.prepared, self.plane)

    @cached_property
    def measured(self) -> Wanted:
        """The readouts that are measured: those asked for, less what cannot be had."""
        left = self.asked.without_unavailable(self.facts)
        if self.estimation.of != "hessian":
            left = left.less({"shape": "The shape is that of the Hessian, and another matrix is measured here."})
        return left

    @cached_property
    def measures(self) -> list[Measure]:
        """The sums over forward passes."""
        return self.measured.measures(self.problem)

    @cached_property
    def local_measures(self) -> dict[str, list[LocalMeasure]]:
        """Stage → what is measured around points in it; only stages in use."""
        found = {stage: self.measured.local_measures(stage) for stage in STAGES[1:]}
        return {stage: measures for stage, measures in found.items() if measures}

    @cached_property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Stage → the names of the numbers measured in it."""
        return {
            STAGES[0]: forward_columns(self.problem, self.measures),
            **{s: _columns(m) for s, m in self.local_measures.items()},
        }

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The problem's identity, ready for JSON."""
        return problem_identity(self.problem)

    def as_json(self) -> dict[str, Any]:
        """All that decides the numbers, ready for JSON: two surveys with equal ones are the same."""
        return {
            "problem": self.identity,
            "plane": plane_recipe(self.plane),
            "alpha": self.plan.alpha.tolist(),
            "beta": self.plan.beta.tolist(),
            "overlays": list(self.measured.variables),
            "columns": {stage: list(names) for stage, names in self.columns.items()},
            "dtype": self._number_name,
            "seed": self.seed,
            "fidelity": self.fidelity,
            "estimation": self.estimation.as_json() if self.local_measures else None,
            **({} if self.precision is None else {"precision": self.precision}),
            **({"insist": True} if self.insist else {}),
            # of half precision; they were in it once
            **({"losses": "float32"} if self.problem.gives_half or self.number in HALF else {}),
        }

    def evaluator(self) -> Evaluator:
        """The evaluator of the forward passes."""
        given = (self.where, self.converted, self.batch_size, self.precision)
        return Evaluator(self.problem, self.plane, self.measures, *given, insist=self.insist)

    def instruments(self) -> Instruments:
        """The instruments for every point's neighbourhood, for one run: they learn which basins there are."""
        return Instruments(self.prepared, self.plane, self.estimation, self.seed, self.where, self.converted)

    def info(self, notes: Json | None = None) -> LandscapeInfo:
        """The landscape's metadata before anything is measured; `notes` are the instruments' own, where any are used."""
        precision = checked_precision(self.precision, self.number, self.where)
        return LandscapeInfo(
            self.problem.name,
            self.identity,
            plane_identity(self.plane),
            self.facts,
            self.measured.reasons,
            {"dtype": self._number_name, "seed": self.seed, "precision": precision},
            notes,
            None if notes is None else self.every,
            self.allowed,
        )

    @property
    def _number_name(self) -> str:
        return str(self.number).removeprefix("torch.")


def _columns(measures: Iterable[Measure | LocalMeasure]) -> tuple[str, ...]:
    """The columns of measures; the same ones asked for twice are measured once."""
    return tuple(column for columns in dict.fromkeys(measure.columns for measure in measures) for column in columns)
