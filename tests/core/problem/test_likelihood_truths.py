"""Every likelihood over numbers against its distribution: a line in CASES has loss, curvature, Fisher, entropy, divergence tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cases
import pytest
import torch
from lossnav.core import Gaussian, InputError, Poisson, Problem
from lossnav.core.problem.likelihoods.protocol import Loss
from torch import Tensor, distributions, nn

ROWS, WIDTH, DRAWS = 5, 2, 4000


class LikelihoodCase(NamedTuple):
    """A likelihood, and the distribution that it says for outputs (m, d) as torch has it."""

    likelihood: Any
    distribution: Callable[[Tensor], distributions.Distribution]
    law: Callable[[Tensor], Tensor] | None = None  # outputs → the law that has them; None: it has no divergence


CASES = {
    "gaussian": LikelihoodCase(Gaussian(0.7), lambda z: distributions.Normal(z, 0.7), law=lambda z: z),
    "poisson": LikelihoodCase(Poisson(), lambda z: distributions.Poisson(z.exp()), law=lambda z: z.exp()),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> LikelihoodCase:
    return CASES[request.param]


def outputs(seed: int = 0) -> Tensor:
    return cases.normal(ROWS, WIDTH, seed=seed)


def drawn(case: LikelihoodCase, many: int, z: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs many times over, and targets that the likelihood itself draws for them."""
    repeated = z.repeat(many, 1)
    return repeated, case.likelihood.sample(repeated, torch.zeros_like(repeated), torch.Generator().manual_seed(1))


def agree(draws: Tensor, expected: Tensor) -> None:
    """The mean over the first dimension is what is expected, to five standard errors."""
    assert draws.shape[1:] == expected.shape
    error = draws.std(0) / len(draws) ** 0.5
    assert bool(((draws.mean(0) - expected).abs() <= 5 * error + 1e-9).all())


def test_the_loss_is_the_density(case: LikelihoodCase) -> None:
    z, y = drawn(case, 3, outputs())
    found = case.likelihood.losses(z, y)
    torch.testing.assert_close(found, -case.distribution(z).log_prob(y).sum(1))


def test_its_draws_are_the_distributions(case: LikelihoodCase) -> None:
    z, y = drawn(case, DRAWS, outputs())
    law, draws = case.distribution(z[:ROWS]), y.reshape(DRAWS, ROWS, -1)
    agree(draws, law.mean)
    agree((draws - law.mean).square(), law.variance)


def test_its_curvature_is_the_second_derivative(case: LikelihoodCase) -> None:
    z, y = drawn(case, 1, outputs())
    product = case.likelihood.output_hessian(z, y)
    if product is None:
        pytest.skip("left to automatic differentiation")
    u = cases.normal(*z.shape, seed=2)
    _, expected = torch.autograd.functional.hvp(lambda at: case.likelihood.losses(at, y).sum(), z, u)
    torch.testing.assert_close(product(u), expected)


def test_its_fisher_is_the_mean_square_of_scores(case: LikelihoodCase) -> None:
    z, y = drawn(case, DRAWS, outputs())
    z.requires_grad_()
    scores = torch.autograd.grad(case.distribution(z).log_prob(y).sum(), z)[0].reshape(DRAWS, ROWS, -1)
    u = cases.normal(ROWS, WIDTH, seed=3)
    agree(scores * (scores * u).sum(-1, keepdim=True), case.likelihood.output_fisher(outputs())(u))
    root = case.likelihood.output_fisher_root(outputs())
    if root is not None:
        torch.testing.assert_close(root(root(u)), case.likelihood.output_fisher(outputs())(u))  # diagonal: S = Sᵀ


def test_its_entropy_is_the_mean_surprise(case: LikelihoodCase) -> None:
    z, y = drawn(case, DRAWS, outputs())
    surprise = -case.distribution(z).log_prob(y).sum(1).detach().reshape(DRAWS, ROWS)
    agree(surprise, case.likelihood.entropies(outputs()))


def test_its_divergence_is_the_mean_of_log_ratios(case: LikelihoodCase) -> None:
    if case.law is None:
        pytest.skip("it has no divergence in closed form")
    z, other = outputs(), outputs(seed=4)
    repeated, y = drawn(case, DRAWS, z)
    ratio = case.distribution(repeated).log_prob(y) - case.distribution(other.repeat(DRAWS, 1)).log_prob(y)
    agree(ratio.sum(1).reshape(DRAWS, ROWS), case.likelihood.divergences(other, case.law(z)))
    surprise = -case.distribution(repeated).log_prob(y).sum(1).reshape(DRAWS, ROWS)
    agree(surprise.mean(1), torch.tensor(case.likelihood.law_entropy(case.law(z))))


class Bare(Loss):
    """Student's t with four degrees of freedom, of which nothing is said but the loss."""

    name, is_likelihood = "bare", True

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        return -distributions.StudentT(4.0, outputs).log_prob(targets).sum(1)


def test_a_law_that_nothing_can_be_compared_with_is_refused_at_once() -> None:
    model, x, y = cases.initialised(nn.Linear(3, WIDTH)), cases.normal(ROWS, 3), cases.normal(ROWS, WIDTH)
    with pytest.raises(
        InputError, match="'bare' has no divergences and no law_entropy to compare it by: leave law out"
    ):
        Problem(model, x, y, loss=Bare(), law=y)
    assert Problem(model, x, y, loss=Bare(), data_entropy=1.0).law is None


def test_a_likelihood_that_lacks_a_part_is_not_called_none() -> None:
    with pytest.raises(InputError, match="'bare' is a likelihood of which no entropy is known"):
        Bare().entropies(torch.zeros(1, 1))
    with pytest.raises(InputError, match="'loss' states no probability"):
        Loss().entropies(torch.zeros(1, 1))
