"""Coverage, gradient signal and the sparse examples' share against loops over the predictions' gradients."""

from __future__ import annotations

import math

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Gaussian, Plane, Problem, survey
from lossnav.core.curvature.fisher_rows import fisher_rows
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.density import rows
from lossnav.core.local.estimation import Estimation
from lossnav.core.local.samples import sampled_predictions
from lossnav.core.spectrum.effective_rank import rank_of_all
from torch import nn

SPAN = ((-0.6, 0.7), (-0.4, 0.5))
HERE = ((0.4, 0.4), (-0.3, -0.3))
WHOLE = Estimation(examples=None)
READOUTS = ("density_gradient_signal", "density_sparse_share")
FISHER = ("density_effective_rank", "density_effective_rank_share", "density_effective_dimension")
SOFT = (
    "classifier",
    "convolution",
    "tied tokens",
    "soft labels",
    "gaussian",
    "recurrent",
    "attention",
    "frozen",
    "two inputs",
)
NAMES = (
    "classifier",
    "convolution",
    "tied tokens",
    "soft labels",
    "gaussian",
    "regression",
    "recurrent",
    "attention",
    "frozen",
    "two inputs",
    "named inputs",
)


@pytest.mark.parametrize("name", NAMES)
def test_of_all_predictions_each_is_its_formula(name: str) -> None:
    problem = cases.CASES[name]()
    plane = Plane.random(problem, seed=3)
    land = survey(problem, plane, (2, 2), SPAN, overlays=READOUTS, effort=WHOLE)
    for place, point in reference.places(land, plane):
        g = reference.prediction_gradients(problem, point)
        count, mean = len(g), g.mean(0)
        assert count == problem.prediction_count
        noise = float((g - mean).square().sum()) / count**2  # tr Cov / N
        assert float(land["density_gradient_signal"][place]) == pytest.approx(float(mean.norm()) / noise**0.5, rel=1e-9)
        for readout in READOUTS:
            assert float(land[f"{readout}_se"][place]) == 0.0


def owners_of_predictions(problem: Problem) -> list[int]:
    """For each prediction the example that makes it."""
    if problem.targets.is_floating_point() or problem.targets.ndim == 1:
        return list(range(problem.example_count))
    return [n for n, row in enumerate(problem.targets) for target in row.flatten() if int(target) != -100]


@pytest.mark.parametrize("name", ["classifier", "convolution", "soft labels", "recurrent", "two inputs"])
def test_sparse_share_is_that_of_the_half_with_the_farthest_neighbours(name: str) -> None:
    problem = cases.CASES[name]()
    inputs = torch.cat([t.flatten(1).double() for t in problem.inputs], 1)
    sparse = set(reference.sparser_half(inputs))
    plane = Plane.random(problem, seed=3)
    land = survey(problem, plane, (2, 1), SPAN, overlays=("density_sparse_share",), effort=WHOLE)
    for place, point in reference.places(land, plane):
        squares = reference.prediction_gradients(problem, point).square().sum(1)
        part = sum(float(squares[n]) for n in sparse)
        assert float(land["density_sparse_share"][place]) == pytest.approx(part / float(squares.sum()), rel=1e-9)


def test_sparse_share_of_tokens_goes_by_their_sequences() -> None:
    problem = cases.tokens(3, ignored=False)
    words = problem.args[0]
    hot = torch.nn.functional.one_hot(words, 6).flatten(1).double()
    sparse = set(reference.sparser_half(hot))
    plane = Plane.random(problem, seed=3)
    land = survey(problem, plane, (2, 1), SPAN, overlays=("density_sparse_share",), effort=WHOLE)
    for place, point in reference.places(land, plane):
        squares = reference.prediction_gradients(problem, point).square().sum(1)
        mine = [float(s) for s, n in zip(squares, owners_of_predictions(problem), strict=True) if n in sparse]
        assert float(land["density_sparse_share"][place]) == pytest.approx(sum(mine) / float(squares.sum()), rel=1e-9)


def larger(n: int = 80, seed: int = 1) -> Problem:
    model = cases.initialised(cases.mlp((4, 8, 5), nn.Tanh), seed)
    return Problem(model, cases.normal(n, 4, seed=seed), cases.labels(n, classes=5, seed=seed))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("make", "count"), [(larger, 9), (lambda: cases.tokens(3), 4)])
def test_of_a_sample_each_is_its_formula_on_that_sample(make: object, count: int, seed: int) -> None:
    problem: Problem = make()  # type: ignore[operator]
    plane = Plane.random(problem, seed=3)
    sample, owners = sampled_predictions(problem, count, seed)
    effort = Estimation(examples=count)
    land = survey(problem, plane, (2, 1), SPAN, overlays=READOUTS, seed=seed, effort=effort)
    for place, point in reference.places(land, plane):
        every = reference.prediction_gradients(problem, point)
        g = reference.prediction_gradients(sample, point)
        assert len(g) == len(owners) == count
        squares, length = g.square().sum(1), float(every.mean(0).norm())  # ḡ itself is that of all the data
        spread = float(squares.mean()) - length**2
        expected = length / math.sqrt(spread / len(every))
        assert float(land["density_gradient_signal"][place]) == pytest.approx(expected, rel=1e-9)
        assert float(land["density_gradient_signal_se"][place]) > 0


@pytest.mark.slow
def test_errors_are_the_spread_over_samples() -> None:
    problem = larger(200)
    plane, effort = Plane.random(problem, seed=3), Estimation(examples=50)
    lands = [survey(problem, plane, (1, 1), HERE, overlays=READOUTS, seed=s, effort=effort) for s in range(60)]
    for readout in READOUTS:
        values, errors = (np.array([land[v].item() for land in lands]) for v in (readout, f"{readout}_se"))
        assert 0.5 < np.sqrt((errors**2).mean()) / values.std() < 2, readout
    whole = survey(problem, plane, (1, 1), HERE, overlays=READOUTS, effort=WHOLE)
    for readout in READOUTS:
        values = np.array([land[readout].item() for land in lands])
        assert abs(values.mean() - whole[readout].item()) < 4 * values.std() / 60**0.5 + 0.01 * whole[readout].item()


def fisher_survey(problem: Problem, plane: Plane, shape: tuple[int, int], **more: object) -> object:
    return survey(problem, plane, shape, SPAN, overlays=FISHER, **{"effort": WHOLE, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SOFT)
def test_coverage_and_effective_dimension_are_those_of_dense_fishers(name: str) -> None:
    problem = cases.CASES[name]()
    plane = Plane.random(problem, seed=3)
    land = fisher_survey(problem, plane, (2, 1))
    for place, point in reference.places(land, plane):
        fishers = reference.example_fishers(problem, point)
        rank = reference.effective_rank(fishers)
        assert float(land["density_effective_rank"][place]) == pytest.approx(rank, rel=1e-8)
        assert float(land["density_effective_rank_share"][place]) == pytest.approx(
            rank / problem.parameter_count, rel=1e-8
        )
        assert float(land["density_effective_rank_se"][place]) > 0
        values = torch.linalg.eigvalsh(sum(fishers) / len(fishers)).clamp(min=0)
        expected = float((values / (values + 1 / len(fishers))).sum())
        assert float(land["density_effective_dimension"][place]) == pytest.approx(expected, rel=1e-8)


def test_with_too_few_rows_for_every_output_signs_stand_in_without_bias() -> None:
    """The mean over seeds of both sums is the dense one; numerator and denominator are looked at apart, as their ratio has a
    bias of its own."""
    problem = larger(12)
    dense = reference.example_fishers(problem, problem.parameters)
    function = LossFunction(problem, device="cpu")
    found = [fisher_rows(function, 24, seed).gram for seed in range(200)]
    assert {gram.each for gram in found} == {2}
    first = np.array([float(gram.traces.sum()) for gram in found])
    second = np.array([float(gram.products.sum() - gram.products.trace()) for gram in found])
    truths = sum(float(F.trace()) for F in dense), sum(float((a * b).sum()) for a in dense for b in dense if a is not b)
    for values, truth in zip((first, second), truths, strict=True):
        assert abs(values.mean() - truth) < 4 * values.std() / 200**0.5


def test_beyond_a_hundred_outputs_labels_are_drawn() -> None:
    model = cases.initialised(nn.Linear(2, 120), 1)
    problem = Problem(model, cases.normal(40, 2), cases.labels(40, classes=120))
    dense = sum(F.trace() for F in reference.example_fishers(problem, problem.parameters))
    function = LossFunction(problem, device="cpu")
    found = np.array([float(fisher_rows(function, 80, seed).gram.traces.sum()) for seed in range(60)])
    assert abs(found.mean() - float(dense)) < 4 * found.std() / 60**0.5


@pytest.mark.slow
def test_coverage_does_not_grow_with_the_examples_and_its_error_is_the_spread_over_samples() -> None:
    problem = larger(400)
    plane = Plane.random(problem, seed=3)
    whole = fisher_survey(problem, plane, (1, 1))["density_effective_rank"].item()  # type: ignore[index]
    for count in (40, 120):
        effort = Estimation(examples=count)
        lands = [fisher_survey(problem, plane, (1, 1), seed=s, effort=effort) for s in range(40)]
        values, errors = (
            np.array([land[f"density_effective_rank{end}"].item() for land in lands])  # type: ignore[index]
            for end in ("", "_se")
        )
        assert abs(values.mean() - whole) < 4 * values.std() / 40**0.5 + 0.03 * whole
        assert 0.6 < np.sqrt((errors**2).mean()) / values.std() < 1.8


@pytest.mark.parametrize("name", NAMES)
def test_coverage_by_the_labels_seen_is_that_of_all_predictions_gradients(name: str) -> None:
    problem = cases.CASES[name]()
    plane = Plane.random(problem, seed=3)
    land = survey(problem, plane, (2, 1), SPAN, overlays=("density_coverage",), effort=WHOLE)
    for place, point in reference.places(land, plane):
        g = reference.prediction_gradients(problem, point)
        expected = float(g.square().sum()) ** 2 / float((g @ g.T).square().sum())
        assert float(land["density_coverage"][place]) == pytest.approx(expected, rel=1e-9)
        assert float(land["density_coverage_se"][place]) == 0.0


@pytest.mark.slow
def test_it_is_the_same_of_a_sample_but_by_chance_and_its_error_is_the_spread() -> None:
    problem = larger(400)
    g = reference.prediction_gradients(problem, problem.parameters)
    truth = float(g.square().sum()) ** 2 / float((g @ g.T).square().sum())
    for count in (40, 120):
        found = []
        for seed in range(300):
            part = g[torch.randperm(400, generator=cases.seeded(seed))[:count]]
            value, error = rank_of_all(part @ part.T, 400)
            found.append((value, error * (1 - count / 400) ** 0.5))
        values, errors = np.array(found).T
        assert abs(values.mean() - truth) < 4 * values.std() / 300**0.5 + 0.03 * truth
        assert 0.6 < np.sqrt((errors**2).mean()) / values.std() < 1.8


def test_effective_dimension_takes_the_weight_decay_as_its_prior() -> None:
    plain = larger(40)
    problem = Problem(plain.model, plain.inputs[0], plain.targets, weight_decay=0.3)
    point = problem.parameters
    fishers = reference.example_fishers(problem, point)
    values = torch.linalg.eigvalsh(sum(fishers) / 40).clamp(min=0)
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=FISHER, effort=WHOLE)
    expected = float((values / (values + 0.3)).sum())
    assert land["density_effective_dimension"].item() == pytest.approx(expected, rel=1e-8)


def test_coverage_of_squared_errors_is_the_gauss_newton_matrixs_whatever_the_variance() -> None:
    x, y, model = cases.normal(12, 3), cases.normal(12, 2, seed=1), cases.initialised(nn.Linear(3, 2), 2)
    found = []
    for loss in ("mse", Gaussian(0.5), Gaussian(3.0)):
        problem = Problem(model, x, y, loss=loss)
        land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=FISHER, effort=WHOLE)
        found.append(land["density_effective_rank"].item())
    assert found == pytest.approx([found[0]] * 3, rel=1e-9)


def test_coverage_counts_directions() -> None:
    """Examples of k parameters each: k directions of one length, however many examples there are."""
    model = nn.Linear(5, 1, bias=False).double()
    for directions, count in ((1, 15), (3, 300), (5, 500)):
        x = torch.eye(5).double()[torch.arange(count) % directions]
        problem = Problem(model, x, torch.zeros(count, 1).double(), loss=Gaussian(1.0))
        land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=FISHER, effort=WHOLE)
        # of the count − 1 others count/k − 1 share an example's direction
        expected = (count - 1) / (count / directions - 1)
        assert land["density_effective_rank"].item() == pytest.approx(expected, rel=1e-12)


def test_gradients_that_all_agree_are_signal_without_noise() -> None:
    model = nn.Linear(2, 1, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.ones(1, 2))
    problem = Problem(model, torch.ones(6, 2).double(), torch.zeros(6, 1).double(), loss="mse")
    line = Plane.line(model, {"weight": torch.tensor([[0.0, 0.0]]).double()})
    land = survey(problem, line, (2, 1), ((0, 1), (0, 0)), overlays=READOUTS, effort=WHOLE)
    first, zero = land["density_gradient_signal"].values.ravel()
    assert first == math.inf
    assert np.isnan(zero)  # no gradient at all


def test_one_example_has_all_the_readouts_that_mean_something() -> None:
    problem = cases.classifier(1, n=1)
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=("all",))
    assert np.isnan(land["density_effective_rank"].item())  # an example's product with itself says nothing of others
    assert np.isfinite(land["slope"].item())
    assert np.isnan(land["density_sparse_share"].item())  # there is no sparser half of one


def test_inputs_too_large_for_neighbours_cost_that_readout_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = cases.classifier(1)
    monkeypatch.setattr(rows, "MOST_BYTES", 100)
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=("all",))
    assert np.isfinite(land["density_effective_rank"].item())
