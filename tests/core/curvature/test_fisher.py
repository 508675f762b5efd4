"""The true Fisher diagonal: exact against sums over labels, and beyond that without bias and with an honest spread."""

from __future__ import annotations

import importlib
import sys

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Gaussian, Problem
from lossnav.core.curvature import fisher
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.fisher import fisher_diagonal, fisher_estimate
from lossnav.core.curvature.fisher_root import fisher_root
from lossnav.core.curvature.operators import curvature
from lossnav.core.problem.likelihoods import Bernoulli, CrossEntropy, GaussianHeads, Poisson
from scipy import stats
from torch import Tensor, nn


def truth(problem: Problem) -> Tensor:
    """The diagonal of the dense Fisher, by products in closed form."""
    return dense_matrix(curvature(problem, of="fisher", device="cpu")).diagonal()


def found(problem: Problem, **more: int) -> Tensor:
    return reference.flat(fisher_diagonal(problem, device="cpu", **more))


def network(outputs: int, dtype: torch.dtype = torch.float64, widths: int = 6) -> nn.Module:
    return cases.initialised(nn.Sequential(nn.Linear(4, widths), nn.Tanh(), nn.Linear(widths, outputs)), dtype=dtype)


def confident(dtype: torch.dtype = torch.float64) -> Problem:
    """A network that is nearly certain: a drawn label is nearly always the same, and the Fisher is made of the others."""
    model = network(5, dtype)
    with torch.no_grad():
        model[2].weight *= 12
    return Problem(model, cases.normal(30, 4, dtype=dtype), cases.labels(30, classes=5))


LABELS = {
    "confident classes": confident,
    "several labels": lambda: Problem(
        network(7), cases.normal(9, 4), cases.labels(9, 7, classes=2).double(), "bernoulli"
    ),
    "Gaussian": lambda: Problem(network(3), cases.normal(9, 4), cases.normal(9, 3), Gaussian(0.3)),
    "counts": lambda: Problem(network(2), cases.normal(9, 4), cases.labels(9, 2, classes=4).double(), Poisson()),
    "tokens": lambda: cases.tokens(),
    "recurrent": lambda: cases.CASES["recurrent"](),
}


@pytest.mark.parametrize("case", LABELS)
def test_it_is_exact_whatever_the_seed(case: str) -> None:
    problem = LABELS[case]()
    expected = truth(problem)
    for seed in (0, 1):
        torch.testing.assert_close(found(problem, seed=seed), expected, rtol=1e-9, atol=1e-14)
    assert fisher_estimate(problem).groups == ()


def test_a_confident_network_in_single_precision() -> None:
    single = found(confident(torch.float32)).double()
    assert float(single.sum()) == pytest.approx(float(truth(confident()).sum()), rel=1e-4)


def test_at_a_hundred_classes_it_is_exact_and_beyond_it_is_estimated_with_its_spread() -> None:
    for classes, exact in ((100, True), (101, False)):
        problem = Problem(network(classes), cases.normal(20, 4), cases.labels(20, classes=classes))
        estimate = fisher_estimate(problem)
        assert (estimate.draws == 0) is exact
        assert float(reference.flat(estimate.diagonal).sum()) == pytest.approx(
            float(truth(problem).sum()), rel=1e-9 if exact else 0.1
        )


ESTIMATED = {
    "classes": lambda: Problem(network(12), cases.normal(8, 4), cases.labels(8, classes=12)),
    "several labels": LABELS["several labels"],
    "tokens": LABELS["tokens"],
    "recurrent": LABELS["recurrent"],
    "Gaussian": LABELS["Gaussian"],
}


@pytest.mark.parametrize("case", ESTIMATED)
def test_draws_have_no_bias_and_intervals_that_hold(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = ESTIMATED[case]()
    expected, weights = truth(problem), cases.normal(problem.parameter_count, seed=9).abs()
    monkeypatch.setattr(fisher, "MOST_EXACT_OUTPUTS", 1)
    reach, held, sums = stats.t.ppf(0.975, fisher.GROUPS - 1), 0, []
    seeds = 40 if case != "recurrent" else 15
    for seed in range(seeds):
        estimate = fisher_estimate(problem, seed=seed, device="cpu")
        each = np.array([float(reference.flat(group) @ weights) for group in estimate.groups])
        sums.append(each.mean())
        held += abs(each.mean() - float(expected @ weights)) <= reach * each.std(ddof=1) / len(each) ** 0.5
    assert held >= 0.8 * seeds
    assert np.mean(sums) == pytest.approx(float(expected @ weights), abs=4 * np.std(sums) / seeds**0.5)


class Drawn(Bernoulli):
    """A likelihood that states no Fisher, and can only be drawn from."""

    def output_fisher(self, outputs: Tensor) -> None:
        raise NotImplementedError

    def output_fisher_root(self, outputs: Tensor) -> None:
        return None


def test_a_likelihood_without_a_fisher_is_drawn_from() -> None:
    problem = Problem(network(1), cases.normal(40, 4), cases.labels(40, 1, classes=2).double(), Drawn())
    plain = Problem(network(1), cases.normal(40, 4), cases.labels(40, 1, classes=2).double(), "bernoulli")
    estimates = [fisher_estimate(problem, seed=seed, device="cpu") for seed in range(20)]
    assert estimates[0].draws == fisher.GROUPS * fisher.EACH
    sums = np.array([float(reference.flat(e.diagonal).sum()) for e in estimates])
    assert sums.mean() == pytest.approx(float(truth(plain).sum()), abs=4 * sums.std() / len(sums) ** 0.5)


def test_dropout_that_is_kept_on_has_the_fisher_of_its_draws() -> None:
    problem = cases.four_classes(cases.Noisy(), draws=3)
    torch.testing.assert_close(found(problem), truth(problem), rtol=1e-9, atol=1e-14)


ROOTS = {
    "classes": (CrossEntropy(), cases.normal(4, 5)),
    "probabilities": (CrossEntropy("probabilities"), cases.normal(4, 5).softmax(1)),
    "two outcomes": (Bernoulli(), cases.normal(4)),
    "a probability": (Bernoulli("probabilities"), cases.normal(4).sigmoid()),
    "Gaussian": (Gaussian(2.0), cases.normal(4, 3)),
    "counts": (Poisson(), cases.normal(4, 3)),
    "rates": (Poisson(log_input=False), cases.normal(4, 3).exp()),
    "mean and variance": (GaussianHeads("log_variance"), cases.normal(4, 6)),
}


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("case", ROOTS)
def test_a_root_squared_is_the_fisher_of_the_outputs(case: str, stated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    likelihood, outputs = ROOTS[case]
    if not stated:
        monkeypatch.setattr(type(likelihood), "output_fisher_root", lambda self, z: None)
    root, fisher_of = fisher_root(likelihood, outputs), likelihood.output_fisher(outputs)
    assert root is not None
    width = outputs[:1].numel()
    units = [unit.reshape(outputs[:1].shape).expand(outputs.shape) for unit in torch.eye(width).double()]
    columns = torch.stack([root(u).reshape(len(outputs), -1) for u in units], 2)
    whole = torch.stack([fisher_of(u).reshape(len(outputs), -1) for u in units], 2)
    torch.testing.assert_close(columns @ columns.transpose(1, 2), whole, rtol=1e-10, atol=1e-12)


def test_the_old_name_still_leads_here() -> None:
    sys.modules.pop("lossnav.core.spectrum.fisher", None)
    with pytest.warns(DeprecationWarning, match=r"curvature\.fisher"):
        old = importlib.import_module("lossnav.core.spectrum.fisher")
    assert old.fisher_diagonal is fisher_diagonal
