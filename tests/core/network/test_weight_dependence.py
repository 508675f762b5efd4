"""A network that computes with other weights than those it shows is found before it is measured."""

from __future__ import annotations

import json

import cases
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, survey
from lossnav.core.network.weight_dependence import Dependence, weight_dependence
from torch import Tensor, nn


class Merged(nn.Module):
    """An adapter that was merged: its factors are trainable still, and used no more."""

    def __init__(self, merged: bool) -> None:
        super().__init__()
        self.base = nn.Linear(3, 4).requires_grad_(False)
        self.down, self.up = nn.Linear(3, 2, bias=False), nn.Linear(2, 4, bias=False)
        self.merged = merged

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) if self.merged else self.base(x) + self.up(self.down(x))


class Listed(nn.Module):
    """Weights that are read from a list."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.kept = [self.layer.weight]

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.kept[0].T + self.layer.bias


def of(model: nn.Module) -> Problem:
    return Problem(cases.initialised(model, 1), cases.normal(8, 3), cases.labels(8, classes=4))


@pytest.mark.parametrize("case", cases.CASES)
def test_ordinary_networks_depend_on_their_weights(case: str) -> None:
    assert weight_dependence(cases.CASES[case]()) == Dependence()


def test_a_merged_adapter_is_refused_and_an_unmerged_one_is_not() -> None:
    assert weight_dependence(of(Merged(False))).moves
    problem = of(Merged(True))
    with pytest.raises(InputError, match="stays the same to the last digit"):
        survey(problem, Plane.random(problem), (2, 2))


def test_a_forward_over_the_original_network_is_refused() -> None:
    model = cases.initialised(cases.mlp((3, 5, 4)), 1)
    original = model.forward
    model.forward = lambda x: 2 * original(x)  # type: ignore[method-assign]
    problem = Problem(model, cases.normal(8, 3), cases.labels(8, classes=4))
    with pytest.raises(InputError, match="closure over the original"):
        survey(problem, Plane.random(problem), (2, 2))


def test_weights_in_a_list_keep_their_map_and_lose_what_takes_derivatives() -> None:
    problem = of(Listed())
    assert weight_dependence(problem) == Dependence(moves=True, follows=False)
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 1), overlays=("slope", "viscosity"), effort="preview")
    weights = plane.at(1.0, float(land["beta"][0]))
    outputs = problem.inputs[0] @ weights["layer.weight"].T + weights["layer.bias"]
    assert float(land["loss"].sel(alpha=1).squeeze()) == pytest.approx(
        float(nn.functional.cross_entropy(outputs, problem.targets))
    )
    assert "slope" not in land
    assert "Derivatives" in json.loads(land.attrs["unavailable"])["slope"]


def test_tiny_weights_and_unfinite_losses_are_no_proof() -> None:
    tiny = cases.initialised(nn.Linear(3, 4), 1)
    with torch.no_grad():
        for parameter in tiny.parameters():
            parameter.mul_(1e-30)
    assert weight_dependence(Problem(tiny, cases.normal(8, 3), cases.labels(8, classes=4))).moves
    nowhere = Problem(tiny, cases.normal(8, 3), cases.normal(8, 4), loss=lambda z, y: z.sum(1) * float("nan"))
    assert weight_dependence(nowhere).moves
