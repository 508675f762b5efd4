"""Losses of outputs in half precision: taken in float32, as training under autocast takes them."""

from __future__ import annotations

import cases
import pytest
import torch
from lossnav.core import Plane, Problem, spectrum, survey
from lossnav.core.problem.widened import widened
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional as F

X, Y = cases.normal(12, 3, dtype=torch.float32), cases.labels(12, classes=3)
REAL = cases.normal(12, 3, seed=5, dtype=torch.float32)
LOSSES = {
    "classes": ("cross_entropy", Y, F.cross_entropy),
    "squares": ("mse", REAL, F.mse_loss),
    "Huber": (nn.HuberLoss(), REAL, F.huber_loss),
    "one's own": (lambda z, y: (z - y).abs().mean(1), REAL, F.l1_loss),
    "one number": (lambda z, y: (z - y).square().mean(), REAL, F.mse_loss),
}


class UnderAutocast(nn.Module):
    """Weights in float32, products in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.net = cases.initialised(cases.mlp((3, 16, 3), nn.Tanh), dtype=torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.net(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_the_networks_own_arithmetic_is_in_float32(name: str) -> None:
    loss, targets, right = LOSSES[name]
    model = cases.initialised(cases.mlp((3, 16, 3), nn.Tanh), dtype=torch.float32).bfloat16()
    problem = Problem(model, X, targets, loss=loss)
    land = survey(problem, Plane.random(problem), (3, 1), dtype="bfloat16", overlays=("slope",), fidelity=False)
    point = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    expected = right(torch.func.functional_call(model, point, (X.bfloat16(),)).float(), targets)
    assert float(land["loss"].sel(alpha=0)[0]) == pytest.approx(float(expected.detach()), abs=1e-6)
    slope = torch.cat([g.flatten().double() for g in torch.autograd.grad(expected, list(point.values()))]).norm()
    assert float(land["slope"].sel(alpha=0)[0]) == pytest.approx(float(slope), rel=2e-2)  # which is in bfloat16
    assert "in float32, as training under autocast" in " ".join(problem.notes)


@pytest.mark.parametrize("name", LOSSES)
def test_a_network_that_casts_inside_has_its_loss_in_float32(name: str) -> None:
    loss, targets, right = LOSSES[name]
    problem = Problem(UnderAutocast(), X, targets, loss=loss)
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 1), fidelity=False)
    for a in (-1.0, 0.0, 1.0):
        outputs = torch.func.functional_call(problem.model, plane.at(a, 0), (X,))
        assert outputs.dtype == torch.bfloat16
        expected = float(right(outputs.float(), targets).detach())
        assert float(land["loss"].sel(alpha=a)[0]) == pytest.approx(expected, abs=1e-6)
    assert "returns bfloat16" in " ".join(problem.notes)


def test_outputs_in_dicts_and_objects_are_widened_and_the_given_ones_stay() -> None:
    half = torch.ones(2, dtype=torch.bfloat16)
    law = Normal(half, half)
    found, inside = widened(law), widened({"a": (half, 3)})
    assert found.loc.dtype == found.scale.dtype == inside["a"][0].dtype == torch.float32
    assert law.loc.dtype == torch.bfloat16
    assert inside["a"][1] == 3


def test_a_types_name_is_taken_as_the_type_is() -> None:
    problem = Problem(cases.initialised(cases.mlp((3, 4, 3), nn.Tanh), dtype=torch.float32), X, Y)
    named, typed = (spectrum(problem, dtype=kind).eigenvalues for kind in ("float64", torch.float64))
    assert named.tolist() == typed.tolist()
