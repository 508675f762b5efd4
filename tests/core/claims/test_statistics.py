"""What the claims are decided by, on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from lossnav.core.claims.statistics import (
    bits_gained,
    bootstrap_interval,
    calibrated,
    conditional_draws,
    holm,
    kernels_of,
    out_of_fold,
    p_value,
    permuted_labels,
    sums_of,
)
from lossnav.core.claims.statistics.kernel_ridge import Candidate
from scipy import stats
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import StratifiedKFold


def test_holm_by_hand_and_never_below_the_p_value() -> None:
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    p = np.random.default_rng(0).random(50)
    assert (holm(p) >= p).all()
    assert holm([]).tolist() == []


def test_holm_holds_the_familywise_error() -> None:
    p = np.random.default_rng(1).random((4000, 8))
    wrong = np.mean([(holm(row) <= 0.05).any() for row in p])
    assert 0.035 < wrong < 0.06


def test_p_values_are_uniform_under_the_null() -> None:
    generator = np.random.default_rng(2)
    found = [p_value(generator.normal(), generator.normal(size=19)) for _ in range(2000)]
    counts = np.bincount(np.round(20 * np.array(found)).astype(int), minlength=21)[1:]
    assert stats.chisquare(counts).pvalue > 0.001


def test_the_interval_holds_a_mean_as_often_as_it_says_and_agrees_with_scipys() -> None:
    generator = np.random.default_rng(3)
    inside = 0
    for k in range(300):
        found = bootstrap_interval(lambda x: x.mean(-1), generator.normal(size=60), seed=k, draws=400)
        inside += found.low <= 0 <= found.high
    assert 0.90 <= inside / 300 <= 0.985
    x = generator.normal(size=80)
    mine = bootstrap_interval(lambda x: x.mean(-1), x, seed=0, draws=20_000)
    theirs = stats.bootstrap(
        (x,), np.mean, n_resamples=20_000, method="percentile", random_state=np.random.default_rng(1)
    )
    assert mine.low == pytest.approx(theirs.confidence_interval.low, abs=0.01)
    assert mine.high == pytest.approx(theirs.confidence_interval.high, abs=0.01)


def blobs(count: int, shift: float, seed: int, width: int = 5) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = np.where(np.arange(count) % 2, 1, -1)
    rows = generator.normal(size=(count, width))
    rows[:, 0] += shift * labels
    return rows, labels


def folds_of(labels: np.ndarray, count: int = 5) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(StratifiedKFold(count, shuffle=True, random_state=0).split(labels[:, None], labels))


def test_leaving_one_out_in_closed_form_is_leaving_one_out() -> None:
    rows, labels = blobs(24, 0.8, 0)
    kernel, ridge = kernels_of(rows)["gaussian"], 0.1
    everyone = np.arange(24)
    candidate = Candidate.of(kernel, everyone, everyone)
    columns = labels[:, None].astype(float)
    found = candidate.left_out(candidate.vectors.T @ (columns - columns.mean(0)), columns, ridge)
    errors = []
    for k in everyone:
        rest = np.delete(everyone, k)
        one = Candidate.of(kernel, rest, everyone[k : k + 1])
        said = one.scores(one.vectors.T @ (columns[rest] - columns[rest].mean(0)), columns[rest].mean(0), ridge)
        errors.append((said[0, 0] - labels[k]) ** 2)
    assert found[0] == pytest.approx(np.mean(errors), rel=1e-10)


def test_scores_are_scikit_learns_kernel_ridge_with_its_mean_apart() -> None:
    rows, labels = blobs(30, 0.8, 1)
    kernel = kernels_of(rows)["linear"]
    train, test = np.arange(20), np.arange(20, 30)
    candidate = Candidate.of(kernel, train, test)
    y = labels[train, None].astype(float)
    found = candidate.scores(candidate.vectors.T @ (y - y.mean(0)), y.mean(0), 0.5)
    inner = kernel[np.ix_(train, train)]
    centred = inner - inner.mean(0) - inner.mean(1)[:, None] + inner.mean()
    wanted = KernelRidge(alpha=0.5, kernel="precomputed").fit(centred, y - y.mean(0)).predict(
        candidate.crossed
    ) + y.mean(0)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_a_planted_label_is_found_at_the_best_possible_accuracy_and_a_shuffled_one_is_not() -> None:
    rows, labels = blobs(300, 0.9, 2)
    generator = np.random.default_rng(0)
    columns = np.column_stack([labels, permuted_labels(labels, 60, generator)])
    scores = out_of_fold(list(kernels_of(rows).values()), columns, folds_of(labels))
    accuracy = (np.sign(scores[0]) == columns).mean(0)
    assert accuracy[0] == pytest.approx(stats.norm.cdf(0.9), abs=0.06)
    assert accuracy[1:].mean() == pytest.approx(0.5, abs=0.02)
    assert p_value(accuracy[0], accuracy[1:]) == 1 / 61


def test_what_adds_nothing_is_declined() -> None:
    rows, labels = blobs(200, 0.9, 3)
    noise = np.random.default_rng(9).normal(size=(200, 40))
    first, second = kernels_of(rows), kernels_of(noise)
    columns, folds = labels[:, None], folds_of(labels)
    alone, both = (
        (np.sign(out_of_fold(kernels, columns, folds)[0, :, 0]) == labels).mean()
        for kernels in (list(first.values()), sums_of(first, second))
    )
    assert both > alone - 0.03


def test_calibrated_probabilities_are_the_true_ones() -> None:
    generator = np.random.default_rng(4)
    truth = generator.random(4000)
    labels = np.where(generator.random(4000) < truth, 1, -1)
    found = calibrated(np.log(truth / (1 - truth)), labels)
    assert np.abs(found - truth).mean() < 0.02
    assert np.mean(bits_gained(np.full(4000, 0.5), found, labels)) == pytest.approx(1 - 0.5 / np.log(2), abs=0.03)


def test_the_conditional_null_is_uniform_where_nothing_is_left_beside_v() -> None:
    """X depends on the label through V alone. Where V alone is chosen the gain is 0 and ties: ties told apart at random, p is uniform.

    The p-value itself counts ties against the finding, so that it is never below that.
    """
    told, used = [], []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        v = generator.normal(size=(80, 2))
        chance = 1 / (1 + np.exp(-2 * v[:, 0]))
        x = v[:, :1] + generator.normal(size=(80, 1))
        columns = np.column_stack([conditional_draws(chance, 20, generator)])
        order = np.arange(80)
        folds = [(order[order % 4 != k], order[order % 4 == k]) for k in range(4)]
        first, second = kernels_of(v), kernels_of(x)
        hits = [
            (np.sign(out_of_fold(kernels, columns, folds)[0]) == columns).mean(0)
            for kernels in (list(first.values()), sums_of(first, second))
        ]
        gain = (hits[1] - hits[0]).round(9)
        above, ties = (gain[1:] > gain[0]).sum(), (gain[1:] == gain[0]).sum()
        told.append((above + generator.random() * (1 + ties)) / 20)
        used.append(p_value(gain[0], gain[1:]))
    assert stats.kstest(told, "uniform").pvalue > 0.01
    assert (np.array(used) >= np.array(told) - 1e-12).all()
