"""The engine: BatchNorm, memory that does not grow with the grid, batches that halve where memory ends."""

from __future__ import annotations

import copy
import gc
import threading

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import InputError, Plane, Problem, survey
from lossnav.core.engine import evaluator as evaluator_module
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.network.batching import forward_batch_size
from lossnav.core.network.workspace import Workspace
from lossnav.core.parameters.layout import Layout
from lossnav.core.properties.terrain import TERRAIN
from torch import Tensor, nn
from torch.nn.utils import prune

CPU = torch.device("cpu")
FORWARD = ("density", "perplexity", "probability", "elasticity_total", "memory")


def at(model: nn.Module, point: dict[str, Tensor]) -> nn.Module:
    model = copy.deepcopy(model)
    model.load_state_dict(point, strict=False)
    return model


@pytest.mark.parametrize("batch_size", [None, 10])
def test_recalibrated_statistics_are_those_of_the_data_at_every_point(batch_size: int | None) -> None:
    problem = cases.convolution("recalibrate")
    plane = Plane.random(problem, seed=1)
    land = survey(problem, plane, (3, 2), batch_size=batch_size)
    still = survey(cases.convolution("eval"), plane, (3, 2))
    for i, alpha in enumerate(land.alpha.values):
        for j, beta in enumerate(land.beta.values):
            with torch.no_grad():
                model = reference.recalibrated(at(problem.model, plane.at(alpha, beta)), problem.inputs[0])
                expected = nn.functional.cross_entropy(model(problem.inputs[0]), problem.targets)
            assert float(land["loss"][i, j]) == pytest.approx(float(expected), rel=1e-10)
    assert np.abs(land["loss"].values - still["loss"].values).max() > 1e-2


def test_frozen_statistics_are_the_models_own() -> None:
    problem = cases.convolution("eval")
    plane = Plane.random(problem, seed=1)
    land = survey(problem, plane, (1, 1), ((1, 1), (-1, -1)))
    with torch.no_grad():
        outputs = at(problem.model, plane.at(1, -1)).eval()(problem.inputs[0])
    expected = nn.functional.cross_entropy(outputs, problem.targets)
    assert land["loss"].item() == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("batchnorm", ["eval", "recalibrate"])
def test_a_batchnorm_network_has_no_gaps_on_the_unit_square(batchnorm: str) -> None:
    problem = cases.convolution(batchnorm)
    for ignore in ("biasbn", None):
        land = survey(problem, Plane.random(problem, ignore=ignore), (5, 5), overlays=("forward",))
        assert np.isfinite(land["loss"].values).all()


def _live_numbers() -> int:
    gc.collect()
    return sum(t.numel() for t in gc.get_objects() if type(t) in (Tensor, nn.Parameter) and t.ndim > 0)


def test_memory_does_not_grow_with_the_grid() -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    seen: dict[int, list[int]] = {}
    for side in (5, 20):
        numbers: list[int] = []
        survey(problem, plane, (side, side), progress=lambda *_, to=numbers: to.append(_live_numbers()))
        seen[side] = numbers
    assert seen[5]
    assert abs(max(seen[20]) - max(seen[5])) < problem.parameter_count  # not even one more vector


def test_a_walk_makes_no_new_parameters_tensor_per_point() -> None:
    problem = cases.classifier()
    evaluator = Evaluator(problem, Plane.random(problem), TERRAIN.measures(problem), CPU)
    places = {p.data_ptr() for p in evaluator.workspace.model.parameters()}
    evaluator.evaluate(np.ones((3, 2)))
    assert {p.data_ptr() for p in evaluator.workspace.model.parameters()} == places
    low = evaluator.workspace.flat.data_ptr()
    assert all(low <= place < low + evaluator.workspace.flat.nbytes for place in places)


def test_a_batch_that_does_not_fit_is_halved_and_the_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    expected = survey(problem, plane, (3, 3), overlays=FORWARD)
    original, tried = Workspace.returned, []

    def outputs(self: Workspace, batch: object) -> Tensor:
        tried.append(len(batch.targets))  # type: ignore[attr-defined]
        if tried[-1] > 3:
            raise torch.OutOfMemoryError
        return original(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Workspace, "returned", outputs)
    found = survey(problem, plane, (3, 3), overlays=FORWARD)
    assert tried[:3] == [12, 6, 3]
    assert max(tried[3:]) == 3  # it does not try the large one again at every point
    for name in expected:
        assert found[name].values == pytest.approx(expected[name].values, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("batchnorm", "says"), [("eval", "one example"), ("recalibrate", "BatchNorm")])
def test_no_room_at_all_is_said(monkeypatch: pytest.MonkeyPatch, batchnorm: str, says: str) -> None:
    def no_room(*_: object) -> Tensor:
        raise torch.OutOfMemoryError

    problem = cases.convolution(batchnorm)
    plane = Plane.random(problem)
    monkeypatch.setattr(evaluator_module.Evaluator, "_sums", no_room)
    with pytest.raises(InputError, match=says):
        survey(problem, plane, (2, 2))


def test_layout_round_trip_and_padding() -> None:
    problem = cases.classifier()
    layout = Layout.of(problem.parameters)
    flat = layout.flatten(problem.parameters, CPU, torch.float64)
    for name, view in layout.views(flat).items():
        assert torch.equal(view, problem.parameters[name])
    assert int((flat != 0).sum()) == problem.parameter_count
    assert len(flat) % 16 == 0


def test_complex_buffers_keep_their_imaginary_part_in_another_precision() -> None:
    problem = cases.CASES["complex buffer"]()
    plane = Plane.random(problem)
    own, single = (survey(problem, plane, (2, 2), dtype=d)["loss"].values for d in (None, "float32"))
    assert single == pytest.approx(own, rel=1e-5)


def test_without_a_precision_asked_for_nothing_is_converted() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(2, 2)
            self.register_buffer("shift", torch.tensor([1.0 + 1e-12, 0.0], dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x) + (self.shift - 1.0) * 1e12  # type: ignore[no-any-return, operator]

    problem = Problem(Mixed(), cases.normal(3, 2, dtype=torch.float32), cases.labels(3, classes=2))
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)))
    with torch.no_grad():
        expected = nn.functional.cross_entropy(problem.model(problem.inputs[0]), problem.targets)
    assert land["loss"].item() == pytest.approx(float(expected), rel=1e-6)


def test_statistics_of_the_batch_itself_need_the_whole_data_set() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 2)).double()
    problem = Problem(model, cases.normal(50, 3), cases.labels(50, classes=2))
    assert forward_batch_size(problem, CPU) == 50


def test_batches_are_of_equal_size() -> None:
    wide = nn.Sequential(nn.Linear(2, 40_000), nn.Linear(40_000, 2))
    problem = Problem(wide, torch.zeros(100, 2), torch.zeros(100, dtype=torch.long))
    size = forward_batch_size(problem, CPU)
    assert 1 < size < 100
    assert -(-100 // size) * size - 100 < -(-100 // size)


class Counting(nn.Module):
    """Writes a buffer and draws noise in its forward: a network that would remember the points before."""

    def __init__(self, noise: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.noise = noise
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        scale = 1 + torch.rand(()) if self.noise else 1
        return self.layer(x) * self.count * scale


@pytest.mark.parametrize("noise", [False, True])
def test_a_point_does_not_depend_on_the_points_before_it(noise: bool) -> None:
    model = cases.initialised(Counting(noise))
    problem = Problem(model, cases.normal(6, 3), cases.labels(6, classes=4))
    plane = Plane.random(problem)
    state = torch.get_rng_state()
    coarse, fine = (survey(problem, plane, (n, n))["loss"] for n in (3, 5))
    torch.testing.assert_close(torch.tensor(coarse.values), torch.tensor(fine.values[::2, ::2]), rtol=1e-12, atol=0)
    assert torch.equal(state, torch.get_rng_state())
    assert float(model.count) == 0


def test_modules_that_refuse_to_be_copied_are_measured_or_refused_in_a_sentence() -> None:
    pruned = nn.Sequential(nn.Linear(3, 4))
    prune.l1_unstructured(pruned[0], "weight", amount=0.5)
    problem = Problem(pruned, torch.randn(6, 3), cases.labels(6, classes=4))
    assert np.isfinite(survey(problem, Plane.random(problem), (3, 3))["loss"].values).all()
    locked = nn.Sequential(nn.Linear(3, 4))
    locked.lock = threading.Lock()
    with pytest.raises(InputError, match=r"^The model cannot be copied .*\.$"):
        Problem(locked, torch.randn(6, 3), cases.labels(6, classes=4))
