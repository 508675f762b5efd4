"""The instruments of a survey: the same probes and examples at every point.

Differences between points are then differences of the terrain, not of the estimator's luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..curvature.layers import Layers, layers_of
from ..curvature.loss_function import LossFunction
from ..curvature.operators import Curvature
from ..curvature.scaled import Scaled
from ..engine.placement import Placement
from ..lazy import lazy
from ..network.batchnorm import recalibrate
from ..network.workspace import Workspace
from ..parameters.vectors import Vector
from ..plane.filter_coordinates import filter_lengths
from ..plane.filters import Filter, filters_of
from ..plane.plane import Plane
from ..problem.problem import Problem
from ..spectrum.coupling import layer_signs
from ..spectrum.lanczos import extreme_eigenpairs
from ..spectrum.probes import random_rows
from .estimation import IN_PARAMETERS, Estimation
from .flatness import sign_pairs
from .samples import fisher_row_count, sample_sizes, sampled_examples, sampled_predictions
from .workers import worker_count

T = TypeVar("T")

REST_SEED = 5_000_011  # a stream that is not the first probes' own
FLATNESS_SEED = 9_000_011
STEP_TOLERANCE = 1e-2  # of the eigenvalue that a descent's step is taken from
LOOK_EVERY = 5  # products; another number means other steps, and so other numbers than those that are stored


class LocalWorker:
    """One worker's own copy of the network, beside the data that it measures: points are measured on several benches at once.

    whole   the loss over all examples
    walked  the loss that descents walk down, over the examples sampled for them
    single  the loss over sampled predictions, one by one
    matrix  the curvature over the examples sampled for it, in the coordinates chosen; `curvature` in the parameters
    scale   a unit of each coordinate in parameter units, a flat vector; None: they are the parameters
    """

    matrix: Curvature | Scaled

    def __init__(self, instruments: Instruments, network: Workspace | None = None) -> None:
        self.instruments = instruments
        self.whole = instruments.loss_of(instruments.problem, network)
        self._bent = self._loss_of(instruments.part)
        self.walked = self._loss_of(instruments.walked)
        self.curvature = Curvature(self._bent, instruments.estimation.of)
        self.scale = scale = self._scale()
        compact = None if scale is None else self.curvature.compact(scale[None])[0]
        self.matrix = self.curvature if compact is None else Scaled(self.curvature, compact)
        recalibrates = instruments.problem.batchnorm == "recalibrate"
        self._calibrated = self.network.beside(instruments.problem) if recalibrates else None

    @property
    def network(self) -> Workspace:
        """The copy of the network, which all of these losses use."""
        return self.whole.workspace

    def _scale(self) -> Tensor | None:
        lengths, space = self.instruments.filter_lengths, self.network
        return None if lengths is None else space.layout.flatten(lengths, space.device, space.dtype)

    def _loss_of(self, problem: Problem) -> LossFunction:
        same = problem is self.instruments.problem
        return self.whole if same else self.instruments.loss_of(problem, self.network)

    @lazy
    def single(self) -> LossFunction:
        """The loss over single predictions; made when the first per-example gradient is asked for."""
        return self._loss_of(self.instruments.single)

    @lazy
    def informed(self) -> LossFunction:
        """The loss over those of them whose Fisher is taken."""
        return self._loss_of(self.instruments.informed)

    @property
    def fallbacks(self) -> set[str]:
        """Why the network is run no longer as it was at first, in sentences."""
        return {each.fallback for each in (self.whole, self._bent, self.walked) if each.fallback is not None}

    def place(self, point: Tensor) -> None:
        """Move to a point θ, a flat vector; BatchNorm's statistics with it, where they are to be recomputed.

        They are then those of all the data at the point, and held fixed in derivatives.
        """
        self.whole.point = self._bent.point = self.walked.point = point
        if self._calibrated is not None:
            self._calibrated.flat.copy_(point)
            recalibrate(self._calibrated)

    def clear(self) -> None:
        """Free what belongs to the last point; the networks stay."""
        for function in (self.whole, self._bent, self.walked):
            function.forget()


@dataclass(frozen=True)
class Instruments:
    """The samples, probes and steps of a survey.

    problem, plane, estimation, seed, device, dtype   as in `survey`
    networks       the copies of the network made so far, one for each bench; instruments of other settings may use them too,
                   not at the same time
    sample         which of the disjoint samples of examples curvature is measured on
    """

    problem: Problem
    plane: Plane
    estimation: Estimation
    seed: int
    device: torch.device
    dtype: torch.dtype | None = None
    networks: list[Workspace] = field(default_factory=list, repr=False, compare=False)
    sample: int = 0
    _shared: dict[Callable[[Instruments], Any], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def once(self, make: Callable[[Instruments], T]) -> T:
        """The result of `make` for these instruments: made when it is first asked for, then the same for all points.

        What workers ask for is asked for before there are several, in `LocalMeasure.prepare`.
        """
        if make not in self._shared:
            self._shared[make] = make(self)
        found: T = self._shared[make]
        return found

    def loss_of(self, problem: Problem, network: Workspace | None = None) -> LossFunction:
        """The loss of a problem, where and how the survey computes; on a copy of the network that is there already, or its own."""
        return LossFunction(problem, None, self.device, self.dtype, network=network)

    @cached_property
    def filter_lengths(self) -> Vector | None:
        """The unit of each coordinate, name → tensor; None: they are the parameters."""
        if self.estimation.coordinates == IN_PARAMETERS:
            return None
        plane = self.plane
        return filter_lengths(self.problem, plane.origin if plane.unit is None else plane.unit)

    @cached_property
    def part(self) -> Problem:
        """The problem on the examples sampled for its curvature."""
        return sampled_examples(self.problem, self._sizes[0], self.seed, self.sample)

    @cached_property
    def walked(self) -> Problem:
        """The problem on the examples sampled for descents; the first of those above."""
        return sampled_examples(self.problem, self._sizes[1], self.seed)

    @cached_property
    def _sizes(self) -> tuple[int | None, int | None]:
        return sample_sizes(self.problem, self.estimation)

    @cached_property
    def _picked(self) -> tuple[Problem, Tensor]:
        return sampled_predictions(self.problem, self._sizes[1], self.seed)

    @cached_property
    def informed(self) -> Problem:
        """Those of the sampled predictions whose Fisher is taken: a pair of any two says the same on average."""
        most = fisher_row_count(self.problem)
        stated = self.problem.stated
        single = self.single if stated is self.problem else sampled_predictions(stated, self._sizes[1], self.seed)[0]
        return single if single.example_count <= most else sampled_predictions(stated, most, self.seed)[0]

    @property
    def population(self) -> int:
        """N, of which the sampled predictions are m: predictions, or examples where these are kept whole."""
        one_each = self.single.prediction_count == self.single.example_count
        return self.problem.prediction_count if one_each else self.problem.example_count

    @property
    def single(self) -> Problem:
        """The problem on sampled predictions, each by itself."""
        return self._picked[0]

    @property
    def single_examples(self) -> Tensor:
        """(m,) which example each prediction of `single` is of."""
        return self._picked[1]

    @cached_property
    def first_bench(self) -> LocalWorker:
        """The bench of the main thread."""
        return self._bench(0)

    def _bench(self, index: int) -> LocalWorker:
        there = index < len(self.networks)
        bench = LocalWorker(self, self.networks[index] if there else None)
        if not there:
            self.networks.append(bench.network)
        return bench

    @cached_property
    def worker_count(self) -> int:
        """Points that are measured at once, as torch's threads and the machine's memory were when this was first asked."""
        kind = self.dtype or self.problem.dtype
        return worker_count(self.problem, self.estimation, self.device, kind)

    def benches(self, count: int) -> list[LocalWorker]:
        """Benches of workers beside the main thread; made once, as a copy of a network takes as long as a small point."""
        _ = self.first_bench  # whose network comes first
        self._made.extend(self._bench(1 + index) for index in range(len(self._made), count))
        return self._made[:count]

    @cached_property
    def _made(self) -> list[LocalWorker]:
        return []

    def clear(self) -> None:
        """Free what belongs to the points measured last."""
        for bench in (self.first_bench, *self._made):
            bench.clear()

    @cached_property
    def probes(self) -> Tensor:
        """(probes, P) Rademacher rows."""
        return random_rows(self.first_bench.matrix, self.estimation.probes, self.seed)

    @cached_property
    def rest_probes(self) -> Tensor:
        """(probes, P) further Rademacher rows: what the Krylov space of the first leaves over is estimated with these."""
        return random_rows(self.first_bench.matrix, self.estimation.probes, self.seed + REST_SEED)

    @cached_property
    def layers(self) -> Layers:
        """The modules that own the parameters."""
        return layers_of(self.first_bench.matrix.layout)

    @cached_property
    def signs(self) -> Tensor:
        """(probes, L) signs of the layers, for the share between layers."""
        return layer_signs(self.layers, self.estimation.probes, self.seed)

    @cached_property
    def cuts(self) -> dict[str, Filter]:
        """The filters of each parameter, by name."""
        return filters_of(self.problem.model)

    @cached_property
    def flatness_signs(self) -> dict[str, Tensor]:
        """Signs for relative flatness, as many as there are probes."""
        layout = self.first_bench.whole.layout
        return sign_pairs(layout, self.cuts, self.estimation.probes, self.seed + FLATNESS_SEED)

    @cached_property
    def origin(self) -> Tensor:
        """The plane's θ₀ as a flat vector."""
        return self.flat(self.plane.origin)

    @cached_property
    def placement(self) -> Placement:
        """The placement that puts the plane's points into flat vectors."""
        space = self.first_bench.whole.workspace
        return Placement(self.plane, space.layout, space.device, space.dtype)

    def theta(self, alpha: float, beta: float) -> Tensor:
        """θ(α, β) as a flat vector."""
        point = torch.zeros_like(self.first_bench.whole.workspace.flat)
        self.placement.place(alpha, beta, point)
        return point

    @cached_property
    def descent_step(self) -> float:
        """1/λₘₐₓ of the loss at θ₀, 1 where that is not finite: the first step that a basin's descent tries."""
        step = self.step_at(self.origin, torch.zeros_like(self.origin))
        return step if math.isfinite(step) else 1.0

    @property
    def fallbacks(self) -> list[str]:
        """Why networks are run no longer as they were at first, in sentences, each once."""
        benches = [self.first_bench, *self._made] if "first_bench" in vars(self) else []
        return sorted({sentence for bench in benches for sentence in bench.fallbacks})

    def prepare(self) -> None:
        """Make what all workers share, before there are several."""
        for shared in ("probes", "rest_probes", "signs", "placement", "cuts", "flatness_signs"):
            getattr(self, shared)

    @property
    def notes(self) -> dict[str, Any]:
        """Remarks that a reader of the numbers needs, ready for JSON."""
        return {
            **self.estimation.as_json(),
            "examples": self.part.example_count,
            "descent_examples": self.walked.example_count,
            "all_examples": self.problem.example_count,
            "predictions": self.single.prediction_count,
            "all_predictions": self.problem.prediction_count,
            "informed": self.informed.prediction_count,
            "seed": self.seed,
        }

    def step_at(self, point: Tensor, diagonal: Tensor) -> float:
        """1/λₘₐₓ of the Hessian at `point` with `diagonal` added, 1 where λₘₐₓ is no more than 0, NaN where it is not finite."""
        bench = self.first_bench
        bench.place(point)
        matrix = Curvature(bench.walked, "hessian")

        def product(v: Tensor) -> Tensor:
            images = bench.walked.hessian_products(v[None])[0] + diagonal * v
            if not bool(torch.isfinite(images).all()):
                raise ArithmeticError("products of the curvature are not finite")
            return images

        start = matrix.padded(random_rows(matrix, 1, self.seed, "gaussian"))[0]
        try:
            largest = float(extreme_eigenpairs(product, start, 1, 0, STEP_TOLERANCE, look_every=LOOK_EVERY).values[0])
        except ArithmeticError:
            return math.nan
        return 1 / largest if largest > 0 else 1.0

    def flat(self, vector: Any) -> Tensor:
        """Parameters by name as a flat vector."""
        space = self.first_bench.whole.workspace
        return space.layout.flatten(vector, space.device, space.dtype)
