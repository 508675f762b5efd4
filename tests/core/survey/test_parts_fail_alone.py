"""What breaks is left out with its reason, and what was measured beside it stays."""

from __future__ import annotations

import json

import cases
import pytest
import torch
from lossnav.core import Plane, Problem, survey
from lossnav.core.local.samples import example_flops
from lossnav.core.survey.fidelity import fidelity
from torch import Tensor, nn


def looking(z: Tensor, y: Tensor) -> Tensor:
    """A loss that looks at its own numbers, which vmap cannot take."""
    if torch.any(z.isnan()):
        raise ValueError
    return (z - y).square().sum(1)


def own(loss: object) -> Problem:
    model = cases.initialised(cases.mlp((3, 4, 2), nn.Tanh), 1)
    return Problem(model, cases.normal(8, 3), cases.normal(8, 2, seed=1), loss=loss)  # type: ignore[arg-type]


def test_what_vmap_cannot_follow_is_taken_one_by_one_and_is_the_same() -> None:
    found, truth = own(looking), own(lambda z, y: (z - y).square().sum(1))
    overlays = ("slope", "density_coverage", "density_gradient_signal")
    lands = [survey(p, Plane.random(p), (2, 2), overlays=overlays, effort="full") for p in (found, truth)]
    for name in overlays:
        assert lands[0][name].values == pytest.approx(lands[1][name].values, rel=1e-9), name


def test_a_neighbour_that_fails_takes_nothing_with_it() -> None:
    class Paired(nn.Module):
        """A forward that takes no single example."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            if len(x) < 2:
                raise RuntimeError("at least two examples")
            return self.layer(x)  # type: ignore[no-any-return]

    problem = Problem(cases.initialised(Paired(), 1), cases.normal(8, 3), cases.labels(8, classes=2))
    land = survey(problem, Plane.random(problem), (2, 2), overlays=("slope", "density_coverage", "viscosity"))
    assert {"slope", "viscosity"} <= set(land.data_vars)
    assert "density_coverage" not in land
    assert "at least two examples" in json.loads(land.attrs["unavailable"])["density_coverage"]


def test_fidelity_keeps_what_needs_no_derivative() -> None:
    problem = own(lambda z, y: (z.round() - y).abs().sum(1).detach())
    found = fidelity(problem, Plane.random(problem), torch.device("cpu"))
    assert set(found["unavailable"]) == {"gradient_share", "trace_share"}
    assert len(found["band"]["mean"]) == len(found["band"]["alpha"])


def test_a_survey_without_a_gradient_is_a_survey_of_the_loss() -> None:
    problem = own(lambda z, y: (z.round() - y).abs().sum(1).detach())
    land = survey(problem, Plane.random(problem), (3, 3), overlays=("all",), effort="preview", fidelity=True)
    assert land["loss"].notnull().all()
    assert "no gradient" in json.loads(land.attrs["unavailable"])["slope"]


def test_operations_that_cannot_be_counted_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = cases.classifier()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no rule")

    monkeypatch.setattr("lossnav.core.local.samples.counted_flops", broken)
    assert example_flops(problem) == 2 * problem.parameter_count
