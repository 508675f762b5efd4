"""torch's own losses, as training scripts write them: the training log's number, and what the likelihood behind it gives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cases
import numpy as np
import pytest
import torch
from lossnav.core import CrossEntropy, GaussianHeads, InputError, Plane, Problem, survey
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.fisher import fisher_diagonal
from lossnav.core.curvature.operators import curvature
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

N = 14
X = cases.normal(N, 3)
WEIGHTS = torch.tensor([0.3, 2.0, 0.7, 1.1], dtype=torch.float64)
SOME_IGNORED = cases.labels(N, classes=4).index_fill(0, torch.tensor([1, 5]), -100)


class Heads(nn.Module):
    """Mean and variance."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.mean, self.spread = nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(self.body(x))
        return self.mean(h), F.softplus(self.spread(h)) + 0.1


class Maps(nn.Module):
    """Classes second, one for each of five places."""

    def __init__(self, classes: int = 4, places: int = 5) -> None:
        super().__init__()
        self.body = nn.Linear(3, classes * places)
        self.shape = (classes, places)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).unflatten(1, self.shape)  # type: ignore[no-any-return]


def net(outputs: int = 4, *after: nn.Module) -> nn.Module:
    return cases.initialised(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, outputs), *after))


def speech() -> nn.Module:
    class TimeFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(3, 6 * 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x).unflatten(1, (6, 5)).log_softmax(-1).transpose(0, 1)  # type: ignore[no-any-return]

    return cases.initialised(TimeFirst())


Y = cases.labels(N, classes=4)
SEVERAL = cases.labels(N, 4, classes=2).double()
# name → (network, targets, the training script's criterion)
DISTRIBUTIONS = cases.normal(N, 12, seed=3).unflatten(1, (3, 4)).softmax(-1)


def several() -> nn.Module:
    """Three distributions over four classes for each example."""
    return nn.Sequential(net(12), nn.Unflatten(1, (3, 4)), nn.LogSoftmax(-1))


CRITERIA: dict[str, Callable[[], tuple[nn.Module, Tensor, Any]]] = {
    "cross-entropy": lambda: (net(), Y, nn.CrossEntropyLoss()),
    "class weights": lambda: (net(), Y, nn.CrossEntropyLoss(weight=WEIGHTS)),
    "weights, ignored, smoothed": lambda: (net(), SOME_IGNORED, nn.CrossEntropyLoss(WEIGHTS, label_smoothing=0.2)),
    "a class ignored": lambda: (net(), Y, nn.CrossEntropyLoss(ignore_index=2)),
    "smoothed": lambda: (net(), Y, nn.CrossEntropyLoss(label_smoothing=0.1)),
    "soft labels": lambda: (net(), cases.normal(N, 4, seed=3).softmax(-1), nn.CrossEntropyLoss()),
    "soft labels, weights": lambda: (
        net(),
        cases.normal(N, 4, seed=3).softmax(-1),
        nn.CrossEntropyLoss(weight=WEIGHTS),
    ),
    "classes second": lambda: (cases.initialised(Maps()), cases.labels(N, 5, classes=4), nn.CrossEntropyLoss()),
    "as many places": lambda: (cases.initialised(Maps(5)), cases.labels(N, 5, classes=5), nn.CrossEntropyLoss()),
    "classes second, soft": lambda: (
        cases.initialised(Maps()),
        cases.normal(N, 4, 5, seed=3).softmax(1),
        nn.CrossEntropyLoss(),
    ),
    "the function": lambda: (net(), Y, F.cross_entropy),
    "part of the function": lambda: (net(), Y, functools.partial(F.cross_entropy, weight=WEIGHTS, label_smoothing=0.1)),
    "log-probabilities": lambda: (net(4, nn.LogSoftmax(-1)), Y, nn.NLLLoss()),
    "log-probabilities, weights": lambda: (net(4, nn.LogSoftmax(-1)), Y, nn.NLLLoss(weight=WEIGHTS)),
    "one output": lambda: (net(1), SEVERAL[:, :1], nn.BCEWithLogitsLoss()),
    "several labels": lambda: (net(), SEVERAL, nn.BCEWithLogitsLoss(pos_weight=WEIGHTS)),
    "several labels, weights": lambda: (net(), SEVERAL, nn.BCEWithLogitsLoss(weight=WEIGHTS)),
    "the sigmoid inside": lambda: (net(4, nn.Sigmoid()), SEVERAL, nn.BCELoss()),
    "the binary function": lambda: (net(), SEVERAL, F.binary_cross_entropy_with_logits),
    "squares": lambda: (net(2), cases.normal(N, 2), nn.MSELoss()),
    "absolute": lambda: (net(2), cases.normal(N, 2), nn.L1Loss()),
    "Huber": lambda: (net(2), cases.normal(N, 2), nn.HuberLoss(delta=0.4)),
    "smooth": lambda: (net(2), cases.normal(N, 2), nn.SmoothL1Loss(beta=0.7)),
    "Poisson": lambda: (net(2), cases.labels(N, 2, classes=5).double(), nn.PoissonNLLLoss()),
    "Poisson in full": lambda: (net(2), cases.labels(N, 2, classes=5).double(), nn.PoissonNLLLoss(full=True)),
    "mean and variance": lambda: (cases.initialised(Heads()), cases.normal(N, 2), nn.GaussianNLLLoss()),
    "divergence": lambda: (
        net(4, nn.LogSoftmax(-1)),
        cases.normal(N, 4, seed=3).softmax(-1),
        nn.KLDivLoss(reduction="batchmean"),
    ),
    "divergence of several": lambda: (several(), DISTRIBUTIONS, nn.KLDivLoss(reduction="batchmean")),
    "divergence from logarithms": lambda: (
        several(),
        DISTRIBUTIONS.log(),
        nn.KLDivLoss(reduction="batchmean", log_target=True),
    ),
    "sequences": lambda: (speech(), cases.labels(N, 3, classes=4) + 1, nn.CTCLoss()),
}


def logged(criterion: Any, outputs: Any, y: Tensor) -> Tensor:
    """What the training log says."""
    if isinstance(outputs, tuple):
        return criterion(outputs[0], y, outputs[1])  # type: ignore[no-any-return]
    if isinstance(criterion, nn.CTCLoss):
        return criterion(outputs, y, torch.full((N,), 6), torch.full((N,), 3))  # type: ignore[no-any-return]
    return criterion(outputs, y)  # type: ignore[no-any-return]


@pytest.mark.parametrize("case", CRITERIA)
def test_the_terrain_is_the_training_logs_number(case: str) -> None:
    model, y, criterion = CRITERIA[case]()
    problem = Problem(model, X, y, loss=criterion)
    plane = Plane.random(problem, ignore="none")
    land = survey(problem, plane, (3, 3), ((-0.3, 0.3), (-0.3, 0.3)), batch_size=5)
    for a in (-0.3, 0.0, 0.3):
        expected = float(logged(criterion, functional_call(model, plane.at(a, 0.3), (X,)), y).detach())
        assert float(land["loss"].sel(alpha=a, beta=0.3, method="nearest")) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("case", [name for name in CRITERIA if name != "sequences"])
def test_its_curvature_is_the_training_losss(case: str) -> None:
    model, y, criterion = CRITERIA[case]()
    problem = Problem(model, X, y, loss=criterion)
    operator = curvature(problem, device="cpu", batch_size=5)
    layout, point = operator.layout, operator.function.point

    def total(compact: Tensor) -> Tensor:
        outputs = functional_call(model, layout.views(operator.padded(compact[None])[0]), (X,))
        return logged(criterion, outputs, y)

    expected = torch.autograd.functional.hessian(total, operator.compact(point[None])[0])
    torch.testing.assert_close(dense_matrix(operator), expected, rtol=1e-8, atol=1e-10)


LIKELIHOODS = {  # −ln p of each prediction, from outputs and targets
    "class weights": lambda z, y: F.cross_entropy(z, y, reduction="none"),
    "smoothed": lambda z, y: F.cross_entropy(z, y, reduction="none"),
    "log-probabilities, weights": lambda z, y: -z.gather(1, y[:, None]),
    "several labels": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none"),
    "the sigmoid inside": lambda z, y: F.binary_cross_entropy(z, y, reduction="none"),
    "Poisson": lambda z, y: -torch.distributions.Poisson(z.exp()).log_prob(y).sum(1),
    "mean and variance": lambda z, y: -torch.distributions.Normal(z[0], z[1].sqrt()).log_prob(y).sum(1),
    "classes second": lambda z, y: F.cross_entropy(z, y, reduction="none"),
    "divergence": lambda z, y: -(y * z).sum(1),
}


@pytest.mark.parametrize("case", LIKELIHOODS)
def test_its_perplexity_is_that_of_the_probabilities(case: str) -> None:
    model, y, criterion = CRITERIA[case]()
    problem = Problem(model, X, y, loss=criterion)
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=("perplexity",), batch_size=5)
    expected = float(LIKELIHOODS[case](model(X), y).mean().exp().detach())
    assert land["perplexity"].item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("case", ["several labels", "the sigmoid inside", "one output"])
def test_two_outcomes_have_confidence_accuracy_and_entropy(case: str) -> None:
    model, y, criterion = CRITERIA[case]()
    problem = Problem(model, X, y, loss=criterion)
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=("probability",))
    z = model(X).detach()
    p = z if case == "the sigmoid inside" else z.sigmoid()
    assert land["probability"].item() == pytest.approx(float(torch.maximum(p, 1 - p).mean()), rel=1e-9)
    assert land["accuracy"].item() == pytest.approx(float(((p > 0.5) == (y > 0.5)).double().mean()))
    entropy = torch.distributions.Bernoulli(p).entropy().mean() / np.log(2)
    assert land["probability_entropy"].item() == pytest.approx(float(entropy), rel=1e-9)


EXACT = ["class weights", "several labels", "the sigmoid inside", "Poisson", "mean and variance", "log-probabilities"]


@pytest.mark.parametrize("case", EXACT)
def test_the_fisher_is_the_covariance_of_scores(case: str) -> None:
    """Exactly against draws: E[∇ ln p ∇ ln pᵀ] with y from the model, by its diagonal from many seeds."""
    model, y, criterion = CRITERIA[case]()
    problem = Problem(model, X, y, loss=criterion)
    operator = curvature(problem, of="fisher", device="cpu")
    diagonal = dense_matrix(operator).diagonal()
    draws = torch.stack([_flat(fisher_diagonal(problem, seed=seed, device="cpu")) for seed in range(400)])
    error = draws.std(0) / len(draws) ** 0.5
    assert bool(((draws.mean(0) - diagonal).abs() <= 5 * error + 1e-9).all())


def _flat(named: dict[str, Tensor]) -> Tensor:
    return torch.cat([v.flatten() for v in named.values()])


@pytest.mark.parametrize("case", ["class weights", "several labels", "classes second"])
def test_the_empirical_fisher_is_made_of_single_predictions(case: str) -> None:
    model, y, criterion = CRITERIA[case]()
    problem = Problem(model, X, y, loss=criterion)
    matrix = dense_matrix(curvature(problem, of="empirical_fisher", device="cpu")).diagonal()
    found = _flat(fisher_diagonal(problem, kind="empirical", device="cpu"))
    torch.testing.assert_close(found, matrix, rtol=1e-9, atol=1e-12)


def test_a_head_of_the_logarithm_of_the_variance() -> None:
    class Logs(Heads):
        def forward(self, x: Tensor) -> Any:
            mean, variance = super().forward(x)
            return {"mean": mean, "log_variance": variance.log(), "extra": x}

    model, y = cases.initialised(Logs()), cases.normal(N, 2)
    problem = Problem(model, X, y, loss=GaussianHeads("log_variance"), output=("mean", "log_variance"))
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=("perplexity",))
    out = model(X)
    law = torch.distributions.Normal(out["mean"], (0.5 * out["log_variance"]).exp())
    expected = float(-law.log_prob(y).sum(1).mean().detach())
    assert land["loss"].item() == pytest.approx(expected, rel=1e-12)
    assert land["perplexity"].item() == pytest.approx(np.exp(expected), rel=1e-12)


SENTENCES: dict[str, tuple[Callable[[], object], str]] = {
    "probabilities for logits": (lambda: Problem(net(4, nn.Softmax(-1)), X, Y), r"outputs='probabilities'"),
    "sigmoid for logits": (lambda: Problem(net(4, nn.Sigmoid()), X, SEVERAL, "bernoulli"), "before its sigmoid"),
    "logits for log-probabilities": (lambda: Problem(net(), X, Y, nn.NLLLoss()), "log_softmax"),
    "classes either way": (
        lambda: Problem(cases.initialised(Maps(5)), X, cases.labels(N, 5, classes=5)),
        r"CrossEntropy\(classes='second'\)",
    ),
    "too few weights": (lambda: Problem(net(), X, Y, nn.CrossEntropyLoss(WEIGHTS[:3])), r"shape \(4,\)"),
    "weights of examples": (
        lambda: Problem(net(), X, SEVERAL, nn.BCEWithLogitsLoss(weight=cases.normal(N, 1).exp())),
        "part of the data",
    ),
    "a class for a loss": (lambda: Problem(net(), X, Y, nn.CrossEntropyLoss), r"write loss=CrossEntropyLoss\(\)"),
    "several outputs": (lambda: Problem(cases.initialised(Heads()), X, cases.normal(N, 2), "mse"), "output=0"),
    "no such output": (
        lambda: Problem(cases.initialised(Heads()), X, cases.normal(N, 2), "mse", output="mean"),
        "has no output 'mean'",
    ),
    "a negative variance": (
        lambda: Problem(
            cases.initialised(Heads()), X, cases.normal(N, 2), GaussianHeads("variance"), output=lambda z: (z[1], -z[1])
        ),
        "log_variance",
    ),
}


@pytest.mark.parametrize("what", SENTENCES)
def test_what_can_be_read_in_two_ways_is_refused(what: str) -> None:
    attempt, words = SENTENCES[what]
    with pytest.raises(InputError, match=words) as caught:
        attempt()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_the_argument_that_a_refusal_names_settles_it() -> None:
    def centre(problem: Problem) -> float:
        return survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)))["loss"].item()  # type: ignore[no-any-return]

    soft = net(4, nn.Softmax(-1))
    expected = float(F.nll_loss(soft(X).log(), Y).detach())
    assert centre(Problem(soft, X, Y, CrossEntropy("probabilities"))) == pytest.approx(expected, rel=1e-12)
    expected = float(F.cross_entropy(soft(X), Y).detach())
    assert centre(Problem(soft, X, Y, CrossEntropy("logits"))) == pytest.approx(expected, rel=1e-12)
    maps, y = cases.initialised(Maps(5)), cases.labels(N, 5, classes=5)
    expected = float(F.cross_entropy(maps(X), y).detach())
    assert centre(Problem(maps, X, y, CrossEntropy(classes="second"))) == pytest.approx(expected, rel=1e-12)
    expected = float(F.cross_entropy(maps(X).transpose(1, 2), y).detach())
    assert centre(Problem(maps, X, y, CrossEntropy(classes="last"))) == pytest.approx(expected, rel=1e-12)
    heads = cases.initialised(Heads())
    expected = float(F.mse_loss(heads(X)[0], SEVERAL[:, :2]).detach())
    assert centre(Problem(heads, X, SEVERAL[:, :2], "mse", output=0)) == pytest.approx(expected, rel=1e-12)


def test_what_was_understood_is_said() -> None:
    said = " ".join(Problem(net(), X, Y, nn.CrossEntropyLoss(WEIGHTS)).notes)
    assert "class weights" in said
    assert "reduction='sum'" in " ".join(Problem(net(2), X, cases.normal(N, 2), nn.MSELoss(reduction="sum")).notes)


def test_a_mean_divergence_of_several_distributions_is_over_all_numbers() -> None:
    model = several()
    problem = Problem(model, X, DISTRIBUTIONS, loss=nn.KLDivLoss())
    expected = F.kl_div(model(X), DISTRIBUTIONS, reduction="none").mean()  # torch's "mean", without its warning
    assert survey(problem, Plane.random(problem), (1, 1))["loss"].item() == pytest.approx(expected.item(), rel=1e-12)
    assert any("no perplexity" in note for note in problem.notes)


def test_distributions_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match="outputs' shape"):
        Problem(several(), X, DISTRIBUTIONS[:, :, :1] * 0 + 1, loss=nn.KLDivLoss(reduction="batchmean"))
