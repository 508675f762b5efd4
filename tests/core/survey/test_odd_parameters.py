"""Parameters that are not like most: numbers without a dimension, views into larger tables, complex ones."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Estimation, InputError, Plane, Problem, survey
from lossnav.core.plane.quadratic import plane_quadratic, quadratic_values
from torch import Tensor, nn


class Gated(nn.Module):
    """A gate with a single number, as ReZero or a logit scale."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.gate = nn.Linear(3, 3), nn.Parameter(torch.tensor(0.6))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.inner(x)) * self.gate.exp()


def test_every_readout_of_a_network_with_a_parameter_without_dimensions() -> None:
    model = cases.initialised(Gated())
    problem = Problem(model, cases.normal(8, 3), cases.labels(8, classes=3))
    fishers = []
    for n in range(8):
        logs = nn.functional.log_softmax(model(problem.inputs[0][n : n + 1]), 1)[0]
        rows = [torch.autograd.grad(log, list(model.parameters()), retain_graph=True) for log in logs]
        flat = (
            torch.stack([torch.cat([g.flatten() for g in row]) for row in rows]) * logs.detach().exp().sqrt()[:, None]
        )
        fishers.append(flat.T @ flat)
    coverage = reference.effective_rank(fishers)
    start = problem.parameters
    line = Plane.line(start, {k: v + 0.1 for k, v in start.items()})
    land = survey(problem, line, (2, 1), ((0, 1), (0, 0)), ("all",), effort=Estimation(examples=None))
    assert float(land["density_effective_rank"][0, 0]) == pytest.approx(coverage, rel=1e-6)
    g = reference.prediction_gradients(problem, start)
    by_labels = float(g.square().sum()) ** 2 / float((g @ g.T).square().sum())
    assert float(land["density_coverage"][0, 0]) == pytest.approx(by_labels, rel=1e-6)
    plane = Plane.random(problem, ignore=None)
    assert abs(float(plane.directions[0]["gate"])) == pytest.approx(float(start["gate"].abs()))
    assert not any(Plane.random(problem).directions[0][name] for name in ("gate",))


def test_a_bias_that_is_one_number_of_a_table() -> None:
    table = cases.normal(20, 3)
    model = cases.initialised(nn.Linear(5, 1))
    model.bias.data = table[0:1, 1]  # stride 3
    X, y = cases.normal(9, 5), cases.normal(9, 1, seed=1)
    problem = Problem(model, X, y, loss="mse")
    line = Plane.line(problem, {k: v + 0.1 for k, v in problem.parameters.items()})
    right = float((model(X) - y).square().mean().detach())
    assert float(survey(problem, line, (2, 1), ((0, 1), (0, 0)))["loss"][0, 0]) == pytest.approx(right, rel=1e-6)


def test_complex_and_real_weights_move_together() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.turn = nn.Parameter(torch.ones(3, dtype=torch.complex128))
            self.head = nn.Linear(3, 2).double()

        def forward(self, x: Tensor) -> Tensor:
            return self.head((x * self.turn).real)

    problem = Problem(Mixed(), cases.normal(4, 3), cases.labels(4, classes=2))
    land, plane = survey(problem, Plane.random(problem), (2, 2)), Plane.random(problem)
    moved = plane.at(float(land["alpha"][0]), float(land["beta"][1]))
    with torch.no_grad():
        outputs = torch.func.functional_call(problem.model, moved, problem.args)
        expected = nn.functional.cross_entropy(outputs, problem.targets)
    assert float(land["loss"][0, 1]) == pytest.approx(float(expected), rel=1e-6)


def test_complex_outputs_of_a_classifier_are_a_sentence() -> None:
    model = nn.Linear(3, 3, dtype=torch.complex64)
    with pytest.raises(InputError, match="complex numbers, which cross-entropy does not take"):
        Problem(model, torch.ones(6, 3, dtype=torch.complex64), torch.arange(6) % 3)


def test_a_span_that_the_networks_numbers_do_not_reach_is_a_sentence() -> None:
    problem = Problem(nn.Linear(3, 3), cases.normal(6, 3, dtype=torch.float32), torch.arange(6) % 3)
    with pytest.raises(InputError, match=r"more than float32 holds \(3.4e\+38\): choose a smaller span"):
        survey(problem, Plane.random(problem), (3, 3), span=((1e100, 2e100), (-1, 1)))


def test_distances_of_complex_weights_are_of_both_parts() -> None:
    """Σ |θ(α, β)|² on the plane, against θ itself."""

    class Moduli(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.randn(3, 3, dtype=torch.complex128, generator=cases.seeded(0)))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x @ self.w).abs()

    problem = Problem(Moduli(), cases.normal(6, 3).to(torch.complex128), torch.arange(6) % 3)
    plane = Plane.random(problem)
    alpha, beta = np.array([0.0, 0.3, -1.0]), np.array([0.0, -0.7, 0.4])
    found = quadratic_values(plane_quadratic(plane, None, None), alpha, beta)
    places = [plane.at(a, b)["w"] for a, b in zip(alpha, beta, strict=True)]
    np.testing.assert_allclose(found, [float(w.abs().square().sum()) for w in places], rtol=1e-12)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_a_parameter_without_numbers_changes_no_readout(shape: tuple[int, ...]) -> None:
    """Rows and columns of an empty matrix are no filters."""
    plain, padded = (cases.initialised(nn.Linear(3, 3)) for _ in range(2))
    padded.register_parameter("nothing", nn.Parameter(torch.zeros(shape)))
    problems = [Problem(model, cases.normal(8, 3), cases.labels(8, classes=3)) for model in (plain, padded)]
    truth, found = (
        survey(
            problem, Plane.random(problem), (2, 2), overlays=("all",), effort=Estimation(examples=None), device="cpu"
        )
        for problem in problems
    )
    for name in ("loss", "viscosity", "coupling", "density_effective_rank", "viscosity_relative_flatness"):
        np.testing.assert_allclose(found[name], truth[name], rtol=1e-5, err_msg=name)
