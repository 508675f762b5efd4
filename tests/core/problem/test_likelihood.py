"""Losses against torch's own and against densities."""

from __future__ import annotations

import math

import cases
import pytest
import reference
import torch
from lossnav.core import Gaussian, Plane, Problem, survey
from lossnav.core.problem.likelihoods import CrossEntropy, MeanSquaredError
from torch import Tensor, nn


def centre(problem: Problem, **how: object) -> float:
    return survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), **how)["loss"].item()  # type: ignore[arg-type, no-any-return]


def test_uniform_outputs_cost_ln_k() -> None:
    assert CrossEntropy().losses(torch.zeros(3, 7).double(), torch.tensor([0, 3, 6])).tolist() == pytest.approx(
        [math.log(7)] * 3, rel=1e-15
    )


def test_gaussian_is_the_density() -> None:
    f, y = cases.normal(5, 3), cases.normal(5, 3, seed=1)
    law = torch.distributions.MultivariateNormal(f, 0.49 * torch.eye(3).double())
    assert torch.allclose(Gaussian(0.7).losses(f, y), -law.log_prob(y), rtol=1e-12)


def test_squared_error_is_torchs() -> None:
    f, y = cases.normal(5, 3), cases.normal(5, 3, seed=1)
    assert float(MeanSquaredError().losses(f, y).mean()) == pytest.approx(float(nn.MSELoss()(f, y)), rel=1e-14)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("loss", ["mse", Gaussian(2.0)])
def test_targets_without_the_last_dimension_are_not_broadcast(loss: object, outputs: int) -> None:
    model = cases.initialised(nn.Linear(3, outputs))
    x, y = cases.normal(6, 3), cases.normal(6, outputs, seed=1)
    shaped = centre(Problem(model, x, y, loss=loss))  # type: ignore[arg-type]
    trimmed = centre(Problem(model, x, y.squeeze(1), loss=loss))  # type: ignore[arg-type]
    assert shaped == trimmed
    problem = Problem(model, x, y, loss=loss)  # type: ignore[arg-type]
    assert shaped == pytest.approx(float(reference.loss(problem, problem.parameters)), rel=1e-12)


@pytest.mark.parametrize("kind", [torch.int32, torch.int16, torch.uint8, torch.int64])
def test_labels_of_any_integer_type(kind: torch.dtype) -> None:
    problem = cases.classifier()
    again = Problem(problem.model, problem.inputs[0], problem.targets.to(kind))
    assert centre(again) == centre(problem)


def test_one_hot_soft_labels_are_labels() -> None:
    problem = cases.classifier()
    soft = Problem(problem.model, problem.inputs[0], nn.functional.one_hot(problem.targets, 4).double())
    assert centre(soft) == pytest.approx(centre(problem), rel=1e-14)


def test_first_examples_without_any_target_are_fine() -> None:
    problem = cases.tokens()
    assert (problem.targets[:2] == -100).all()
    assert problem.prediction_count == 15
    assert problem.ignores


class Wrapped(nn.Module):
    def __init__(self, inner: nn.Module, wrap: object) -> None:
        super().__init__()
        self.inner, self.wrap = inner, wrap

    def forward(self, x: Tensor) -> object:
        return self.wrap(self.inner(x))  # type: ignore[operator]


class Output:
    def __init__(self, logits: Tensor) -> None:
        self.loss, self.logits = torch.zeros(()), logits


@pytest.mark.parametrize("wrap", [Output, lambda z: (z, None), lambda z: {"out": z}, lambda z: {"logits": z, "aux": z}])
def test_what_models_return_besides_tensors(wrap: object) -> None:
    problem = cases.classifier()
    wrapped = Problem(Wrapped(problem.model, wrap), problem.inputs[0], problem.targets)
    assert centre(wrapped) == centre(problem)


def test_the_problem_counts_what_it_has() -> None:
    problem = cases.tokens(ignored=False)
    assert problem.parameter_count == 6 * 4 + 4 * 4 + 4  # tied weights once
    assert problem.example_count == 5
    assert problem.prediction_count == 35
    assert problem.classes == 6
    assert cases.regression().classes == 0


def test_divergence_of_gaussians_is_the_distance_of_their_means() -> None:
    from lossnav.core.problem.likelihoods import Gaussian

    outputs, law = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    for sigma in (0.5, 2.0):
        model, data = (torch.distributions.Normal(mean, sigma) for mean in (outputs, law))
        expected = torch.distributions.kl_divergence(data, model).sum(1)
        torch.testing.assert_close(Gaussian(sigma).divergences(outputs, law), expected)
