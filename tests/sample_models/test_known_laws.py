"""The laws behind the generated data, each against an independent closed form."""

import math

import numpy as np
import pytest
import torch
from lossnav.sample_models import card, gaussians_mlp, linear_regression, markov_gpt
from lossnav.sample_models._markov import random_source
from lossnav.sample_models._mixture import COVARIANCES, MEANS, WEIGHTS, posterior, sample
from scipy.stats import multivariate_normal


def fact(name, start):
    (value,) = [f["value"] for f in card(name)["facts"] if f["label"].startswith(start)]
    return value


@pytest.fixture
def points():
    return sample(300, seed=7)[0].double()


@pytest.fixture
def source():
    return random_source(vocabulary=5, concentration=0.5, seed=3)


def test_posterior_is_bayes_rule(points):
    joint = np.stack(
        [w * multivariate_normal(m, c).pdf(points) for w, m, c in zip(WEIGHTS, MEANS, COVARIANCES, strict=True)], axis=1
    )
    np.testing.assert_allclose(posterior(points), joint / joint.sum(1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(posterior(points).sum(1), 1.0, rtol=1e-12)


def test_posterior_agrees_with_the_labels_drawn():
    points, classes = sample(200_000, seed=1)
    drawn = torch.nn.functional.one_hot(classes, 3).double()
    # The labels' mean deviation from their probabilities is sampling noise: at most 0.5 / √n for each class.
    assert (drawn - posterior(points)).mean(0).abs().max() < 4 * 0.5 / math.sqrt(200_000)


def test_mixture_divergence_by_a_loop():
    problem = gaussians_mlp.problem()
    total = 0.0
    for x, p in zip(problem.inputs[0], problem.law, strict=True):
        with torch.no_grad():
            q = problem.model(x).softmax(0)
        total += sum(p[k].item() * math.log(p[k].item() / q[k].item()) for k in range(3) if p[k] > 0)
    assert fact("gaussians-mlp", "KL to the true posterior, training") == pytest.approx(
        total / len(problem.law), rel=1e-4
    )


def pair_chain(source):
    """The second-order source as a first-order chain over pairs, (V², V²)."""
    V = source.vocabulary
    chain = np.zeros((V * V, V * V))
    for a in range(V):
        for b in range(V):
            chain[a * V + b, b * V : (b + 1) * V] = source.transition[a, b]
    return chain


def test_stationary_distribution_by_powers_of_the_pair_chain(source):
    limit = np.linalg.matrix_power(pair_chain(source), 5000)
    np.testing.assert_allclose(limit[0], source.stationary().flatten(), atol=1e-10)


def test_entropy_rate_as_a_difference_of_block_entropies(source):
    pairs = source.stationary().numpy()
    triples = pairs[:, :, None] * source.transition.numpy()

    def entropy(p):
        p = p[p > 0]
        return -(p * np.log(p)).sum()

    assert source.entropy_rate() == pytest.approx(entropy(triples) - entropy(pairs), rel=1e-9)
    first = entropy(pairs) - entropy(pairs.sum(1))
    assert source.window_entropy(4) == pytest.approx((first + 3 * source.entropy_rate()) / 4, rel=1e-9)


def test_law_is_what_is_drawn(source):
    tokens, targets = source.sample(40_000, 4, torch.Generator().manual_seed(0))
    law = source.law(tokens).double()
    drawn = torch.nn.functional.one_hot(targets, source.vocabulary).double()
    assert torch.equal(tokens[:, 1:], targets[:, :-1])
    assert (drawn - law).mean(0).abs().max() < 4 * 0.5 / math.sqrt(40_000)
    sampled = -law.gather(2, targets.unsqueeze(2)).log()
    error = sampled.std() / math.sqrt(sampled.numel())
    assert abs(sampled.mean() - source.window_entropy(4)) < 4 * error


def test_transformer_comes_close_to_the_floor_but_not_below():
    law = markov_gpt.source()
    rate_floor, window_floor = math.exp(law.entropy_rate()), math.exp(law.window_entropy(markov_gpt.LENGTH))
    assert fact("markov-gpt", "Floor: exp") == pytest.approx(rate_floor)
    assert fact("markov-gpt", "Floor for windows") == pytest.approx(window_floor)
    perplexity = card("markov-gpt")["test"]["perplexity"]
    assert rate_floor < perplexity < 1.02 * rate_floor
    assert perplexity < 1.01 * window_floor
    # On the same tokens the model cannot beat the source except by chance, which KL leaves out.
    assert fact("markov-gpt", "KL to the source") > 0


def test_transformer_is_causal():
    model = markov_gpt.problem().model
    tokens = markov_gpt.test_batch()[0][:4]
    changed = tokens.clone()
    changed[:, 20:] = (changed[:, 20:] + 1) % markov_gpt.VOCABULARY
    with torch.no_grad():
        before, after = model(tokens), model(changed)
    assert torch.allclose(before[:, :20], after[:, :20], atol=1e-6)
    assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-2)


def test_regression_is_solved_and_its_spectrum_is_marchenko_pastur():
    inputs, targets, _, _ = linear_regression.data()
    solution = np.linalg.lstsq(inputs.double().numpy(), targets.double().numpy(), rcond=None)[0]
    found = linear_regression.problem().model.weight.detach().double().numpy().T
    np.testing.assert_allclose(found, solution, atol=1e-5)
    eigenvalues = np.linalg.svd(inputs.double().numpy(), compute_uv=False) ** 2 / len(inputs)
    assert fact("linear-regression", "Largest Hessian") == pytest.approx(eigenvalues.max(), rel=1e-6)
    # At this size the edges are off by about n^(-2/3) of their value.
    assert eigenvalues.max() == pytest.approx(fact("linear-regression", "Upper Marchenko"), rel=0.04)
    assert eigenvalues.min() == pytest.approx(fact("linear-regression", "Lower Marchenko"), rel=0.04)
