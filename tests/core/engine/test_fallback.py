"""A kernel library that raises in the middle of a survey: the plain way takes over, once, with the numbers unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pytest
import torch
from abilities import needs
from lossnav.core import InputError, Plane, Problem, read_landscape, survey
from lossnav.core.curvature import rules
from lossnav.core.engine import evaluator as evaluator_module
from lossnav.core.engine import kernels
from lossnav.core.engine import passes as passes_module
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.engine.execution import Way
from lossnav.core.local.estimation import Estimation
from lossnav.core.properties.terrain import TERRAIN
from lossnav.core.survey import run
from torch import Tensor, nn

CPU = torch.device("cpu")
POINTS = np.random.default_rng(0).uniform(-1, 1, (9, 2))
WHY = "could not create a primitive"
LIBRARY_ERROR = f"{WHY}.\nRun workload with environment variable ONEDNN_VERBOSE=all"


def network(dtype: torch.dtype = torch.float32) -> Problem:
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    model = cases.initialised(model, dtype=dtype)
    return Problem(model, cases.normal(40, 2, 6, 6, dtype=dtype), cases.labels(40, classes=3))


def evaluator(problem: Problem, **more: object) -> Evaluator:
    return Evaluator(problem, Plane.random(problem), TERRAIN.measures(problem), CPU, **more)  # type: ignore[arg-type]


def failing(function: Callable[..., Any], after: int, error: type[Exception] = RuntimeError) -> Callable[..., Any]:
    """The function until it was called so often, and from then on a library's error."""
    calls = iter(range(10**9))

    def fails_later(*args: Any, **kwargs: Any) -> Any:
        if next(calls) >= after:
            raise error(LIBRARY_ERROR)
        return function(*args, **kwargs)

    return fails_later


FUSED = {"network": "fused", "layout": "channels_last", "batch_size": 40}


@needs("onednn")
@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError, KeyError])
def test_a_kernel_that_fails_sends_the_network_back_to_the_plain_way(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    problem = network()
    fused, plain = evaluator(problem, way=FUSED).evaluate(POINTS), evaluator(problem).evaluate(POINTS)
    monkeypatch.setattr(kernels, "_onednn_convolution", failing(kernels._onednn_convolution, 4, error))
    found = evaluator(problem, way=FUSED)  # which tries it once, so that three points are found before it fails
    numbers = found.evaluate(POINTS)
    assert np.array_equal(numbers[:3], fused[:3])
    assert np.array_equal(numbers[3:], plain[3:])
    np.testing.assert_allclose(numbers[:, 0], plain[:, 0], rtol=1e-6)
    assert found.way == Way(batch_size=40).as_json()
    (said,) = found.fallbacks
    assert WHY in said
    assert "\n" not in said
    assert "the fused way with channels last" in said


def test_points_at_once_that_fail_are_found_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = network()
    plain = evaluator(problem, batch_size=40).evaluate(POINTS)
    monkeypatch.setattr(passes_module, "sums_at_once", failing(passes_module.sums_at_once, 2))
    found = evaluator(problem, way={"points": 4, "batch_size": 40})
    numbers = found.evaluate(POINTS)
    np.testing.assert_allclose(numbers[:, 0], plain[:, 0], rtol=1e-6)
    assert np.array_equal(numbers[4:], plain[4:])
    assert len(found.fallbacks) == 1


class Failing(nn.Module):
    """Raises far from where it was trained."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        if bool((self.layer.weight[0, 0] > 1e3).item()):
            raise KeyError("its own fault")
        return self.layer(x)


def test_what_the_plain_way_raises_is_raised() -> None:
    model = cases.initialised(Failing(), dtype=torch.float32)
    found = evaluator(Problem(model, cases.normal(9, 3, dtype=torch.float32), cases.labels(9, classes=3)))
    found.evaluate(POINTS)
    with pytest.raises(KeyError, match="its own fault"):
        found.evaluate(1e6 * np.array([[1.0, 1.0], [-1.0, -1.0]]))
    assert found.fallbacks == []


def test_a_sentence_for_the_user_is_no_failure_of_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    found = evaluator(network(), way={"points": 4, "batch_size": 40})
    monkeypatch.setattr(passes_module, "sums_at_once", failing(passes_module.sums_at_once, 0, InputError))
    with pytest.raises(InputError):
        found.evaluate(POINTS)


@pytest.fixture
def always_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every survey is run in the fused way, as a long one would choose."""
    monkeypatch.setattr(evaluator_module, "choose", lambda each, points, planned: each.adopt(Way(**FUSED)))  # type: ignore[arg-type]


@needs("onednn")
@pytest.mark.usefixtures("always_fused")
def test_a_survey_goes_on_and_its_landscape_says_so_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    problem = network()
    plane = Plane.random(problem)
    whole = survey(problem, plane, (5, 5), device="cpu")
    monkeypatch.setattr(kernels, "_onednn_convolution", failing(kernels._onednn_convolution, 12))
    broken = survey(problem, plane, (5, 5), device="cpu", store=tmp_path / "land")
    np.testing.assert_allclose(broken["loss"].values, whole["loss"].values, rtol=1e-6)
    spec = json.loads(broken.attrs["spec"])
    assert len(spec["fallbacks"]) == 1
    assert spec["way"] == Way(batch_size=40).as_json()
    assert json.loads(whole.attrs["spec"])["way"] == Way(**FUSED).as_json()  # type: ignore[arg-type]
    assert json.loads(read_landscape(tmp_path / "land").attrs["spec"]) == spec


@needs("onednn")
@pytest.mark.usefixtures("always_fused")
def test_a_survey_stopped_after_the_failure_goes_on_plainly_and_says_nothing_new(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    problem = network()
    plane = Plane.random(problem)
    how: dict[str, Any] = {"device": "cpu", "store": tmp_path / "land"}
    monkeypatch.setattr(run, "SECONDS_BETWEEN_WRITES", 0.0)

    def stop(done: int, total: int) -> None:
        if done > 15:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(kernels, "_onednn_convolution", failing(kernels._onednn_convolution, 6))
        with pytest.raises(KeyboardInterrupt):
            survey(problem, plane, (5, 5), progress=stop, **how)
    resumed = survey(problem, plane, (5, 5), **how)
    spec = json.loads(resumed.attrs["spec"])
    assert spec["way"]["network"] == "plain"
    assert len(spec["fallbacks"]) == 1
    expected = evaluator(problem).evaluate(
        np.array([[a, b] for a in resumed.alpha.values for b in resumed.beta.values])
    )
    np.testing.assert_allclose(resumed["loss"].values.ravel(), expected[:, 0], rtol=1e-6)


def test_curvature_by_rules_that_fail_goes_on_by_automatic_differentiation(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = network(torch.float64)
    plane = Plane.random(problem)
    how: dict[str, Any] = {"device": "cpu", "overlays": ("coupling",), "effort": Estimation(probes=3, steps=2)}
    whole = survey(problem, plane, (3, 3), **how)
    monkeypatch.setattr(rules.Convolution, "push", failing(rules.Convolution.push, 7))
    broken = survey(problem, plane, (3, 3), **how)
    for name in whole.data_vars:
        np.testing.assert_allclose(broken[name].values, whole[name].values, rtol=1e-7, err_msg=str(name))
    (said,) = json.loads(broken.attrs["spec"])["fallbacks"]
    assert WHY in said
    assert "automatic differentiation" in said
    assert "fallbacks" not in json.loads(whole.attrs["spec"])
