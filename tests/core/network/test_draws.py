"""A network that draws random numbers gets the same ones at every point, in every stage."""

from __future__ import annotations

import random

import cases
import numpy as np
import pytest
import torch
from lossnav.core import (
    Estimation,
    InputError,
    Plane,
    Problem,
    coupling_matrix,
    density_map,
    eigenpairs,
    spectrum,
    survey,
)
from lossnav.core.curvature.example_gradients import example_gradients
from lossnav.core.curvature.loss_function import LossFunction
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F


def loss_at(problem: Problem, values: dict[str, Tensor], seed: int = 0) -> Tensor:
    """The loss with the draws that torch gives from a seed."""
    before = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        return F.cross_entropy(functional_call(problem.model, values, problem.inputs), problem.targets)
    finally:
        torch.set_rng_state(before)


def hessian_of(problem: Problem, draws: int = 1) -> Tensor:
    names, values = list(problem.parameters), tuple(problem.parameters.values())

    def loss(*given: Tensor) -> Tensor:
        at = dict(zip(names, given, strict=True))
        return torch.stack([loss_at(problem, at, seed) for seed in range(draws)]).mean()

    rows = torch.autograd.functional.hessian(loss, values)
    return torch.cat(
        [torch.cat([b.reshape(v.numel(), -1) for b in row], 1) for v, row in zip(values, rows, strict=True)]
    )


@pytest.mark.parametrize("draws", [1, 3])
def test_map_slope_and_spectrum_are_of_one_function(draws: int) -> None:
    problem = cases.four_classes(cases.Noisy(), draws=draws)
    expected = np.mean([float(loss_at(problem, problem.parameters, seed)) for seed in range(draws)])
    matrix = hessian_of(problem, draws)
    land = survey(
        problem,
        Plane.random(problem),
        (1, 1),
        overlays=("viscosity", "slope"),
        effort=Estimation(probes=8, steps=16, examples=None, coordinates="parameters"),
    )
    assert float(land["loss"][0, 0]) == pytest.approx(expected, rel=1e-12)
    largest = float(torch.linalg.eigvalsh(matrix)[-1])
    assert float(land["viscosity"][0, 0]) == pytest.approx(largest, rel=1e-6)
    assert float(spectrum(problem, top=1).top[0]) == pytest.approx(largest, rel=1e-9)
    assert float(eigenpairs(problem, top=1).values[0]) == pytest.approx(largest, rel=1e-4)


def test_the_standard_error_is_that_of_the_mean_over_the_draws() -> None:
    problem = cases.four_classes(cases.Noisy(), draws=5)
    losses = [float(loss_at(problem, problem.parameters, seed)) for seed in range(5)]
    land = survey(problem, Plane.random(problem), (1, 1))
    assert float(land["loss_se"][0, 0]) == pytest.approx(np.std(losses, ddof=1) / 5**0.5, rel=1e-9)


def test_one_draw_states_no_error() -> None:
    problem = cases.four_classes(cases.Noisy())
    assert "loss_se" not in survey(problem, Plane.random(problem), (1, 1))


@pytest.mark.parametrize("draws", [1, 2])
def test_gradients_of_single_examples_have_the_gradient_as_their_mean(draws: int) -> None:
    function = LossFunction(cases.four_classes(cases.Noisy(), draws=draws), device="cpu")
    rows = torch.cat(list(example_gradients(function)))
    assert len(rows) == function.problem.example_count
    torch.testing.assert_close(rows.mean(0), function.gradient())


def test_the_callers_random_state_stays() -> None:
    problem = cases.four_classes(cases.Noisy())
    torch.manual_seed(7)
    np.random.seed(7)
    before, numpy = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    spectrum(problem, top=1)
    coupling_matrix(problem)
    density_map(problem, permutations=10)
    survey(problem, Plane.random(problem), (2, 2), overlays=("all",), effort="preview", fidelity=True)
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(numpy, np.random.get_state()[1])  # type: ignore[index]


class OwnDraws(torch.nn.Module):
    """Draws by torch, NumPy and Python, and can be followed by torch.fx."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) * (1 + random.random() + np.random.rand()) + torch.randn(1)  # type: ignore[no-any-return]


def test_following_a_forward_leaves_no_trace() -> None:
    problem = Problem(OwnDraws(), torch.ones(8, 3), torch.arange(8) % 4)

    def states() -> list[object]:
        return [torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()]  # type: ignore[index, union-attr]

    before = states()
    survey(problem, Plane.random(problem), (2, 2), overlays=("slope",), effort="preview", fidelity=False)
    assert states() == before


def test_the_same_numbers_come_again_whatever_was_drawn_before() -> None:
    problem, found = cases.four_classes(cases.Noisy()), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append((spectrum(problem, top=1).top[0], coupling_matrix(problem).values))
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("draws", [0, -2, 1.5, "many"])
def test_draws_that_are_none_are_refused(draws: object) -> None:
    with pytest.raises(InputError, match="draws should be a whole number"):
        cases.four_classes(cases.Noisy(), draws=draws)
