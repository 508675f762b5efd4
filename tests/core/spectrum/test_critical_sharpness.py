"""The largest step before the loss rises, against closed forms on quadratics and a fine scan."""

from __future__ import annotations

import json
import math

import cases
import pytest
import torch
from lossnav.core import InputError, Problem, critical_sharpness
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.explorer.cli import app
from torch import Tensor, nn
from typer.testing import CliRunner

CURVATURES = torch.tensor([5.0, 2.0, 0.5], dtype=torch.float64)


class Well(nn.Module):
    """L = ½ Σ λ_i θ_i², its Hessian diag λ."""

    def __init__(self, place: list[float]) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(place, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.5 * (CURVATURES * self.theta**2).sum()


def well(*place: float, decay: float = 0.0) -> Problem:
    return Problem(Well([*place]), torch.zeros(2, 1), torch.zeros(2, 1), loss=lambda z, y: z[:, 0], weight_decay=decay)


def test_along_an_eigenvector_it_is_the_eigenvalue() -> None:
    for place, value in zip(torch.eye(3).tolist(), CURVATURES.tolist(), strict=True):
        assert critical_sharpness(well(*place), device="cpu", tolerance=1e-6).sharpness == pytest.approx(
            value, rel=1e-5
        )


def test_along_the_gradient_it_is_the_curvature_there() -> None:
    theta = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    g = CURVATURES * theta
    found = critical_sharpness(well(*theta.tolist()), device="cpu", tolerance=1e-6)
    assert found.sharpness == pytest.approx(float((g * CURVATURES * g).sum() / (g @ g)), rel=1e-5)
    assert found.bracket[0] <= found.step <= found.bracket[1]
    assert found.loss == pytest.approx(float(0.5 * (CURVATURES * theta**2).sum()))


def test_along_an_update_and_with_weight_decay() -> None:
    theta, u, decay = torch.tensor([1.0, 1.0, 1.0]).double(), torch.tensor([-0.2, -0.1, 0.0]).double(), 0.3
    lifted = CURVATURES + decay
    expected = -2 * float((lifted * theta * u).sum() / (lifted * u * u).sum())
    problem = well(1.0, 1.0, 1.0, decay=decay)
    found = critical_sharpness(problem, update={"theta": u}, device="cpu", tolerance=1e-6)
    assert found.step == pytest.approx(expected, rel=1e-5)
    moved = critical_sharpness(problem, at={"theta": 2 * theta}, update={"theta": u}, device="cpu", tolerance=1e-6)
    assert moved.step == pytest.approx(2 * expected, rel=1e-5)


def test_on_a_network_it_is_where_a_scan_first_rises() -> None:
    problem = Problem(cases.initialised(cases.mlp((3, 5, 4))), cases.normal(20, 3), cases.labels(20, classes=4))
    function = LossFunction(problem, device="cpu")
    gradient, here = function.gradient(), function.loss(function.point)
    found = critical_sharpness(problem, device="cpu")
    steps = torch.linspace(0, 2 * found.step, 2001).tolist()[1:]
    first = next(s for s in steps if function.loss(function.point - s * gradient) > here)
    assert found.step == pytest.approx(first, rel=3e-3)
    assert found.sharpness == pytest.approx(2 / found.step)


def test_no_rise_and_no_descent() -> None:
    flat = Problem(Well([1.0, 0.0, 0.0]), torch.zeros(2, 1), torch.zeros(2, 1), loss=lambda z, y: -z[:, 0])
    found = critical_sharpness(flat, device="cpu")  # −θ² falls for ever
    assert math.isinf(found.step)
    assert found.sharpness == 0
    with pytest.raises(InputError, match="no direction of descent"):
        critical_sharpness(well(1.0, 1.0, 1.0), update={"theta": CURVATURES}, device="cpu")
    with pytest.raises(InputError, match="zero or not finite"):
        critical_sharpness(well(0.0, 0.0, 0.0), device="cpu")
    with pytest.raises(InputError, match="tolerance should be between"):
        critical_sharpness(well(1.0, 0.0, 0.0), tolerance=0.0)


def test_from_the_command(tmp_path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "critical.json"
    called = CliRunner().invoke(
        app, ["spectrum", "linear-regression", "--critical", "--device", "cpu", "--out", str(out)]
    )
    assert called.exit_code == 0, called.output
    assert "critical sharpness" in called.output.lower()
    stored = json.loads(out.read_text())
    assert stored["sharpness"] == pytest.approx(2 / stored["step"])
