"""Spectra that theory knows: Marchenko–Pastur, the K − 1 outliers of K classes, the edge of stability."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Gaussian, Problem, spectrum
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F


def linear_regression(n: int, p: int, seed: int = 1) -> Problem:
    """Its Hessian is XᵀX/n for a Gaussian X (n, p)."""
    model = cases.initialised(nn.Linear(p, 1, bias=False))
    return Problem(model, cases.normal(n, p, seed=seed), cases.normal(n, 1, seed=seed + 1), loss=Gaussian(1.0))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["slq", "exact"])
def test_marchenko_pastur_edges_and_density(method: str) -> None:
    n, p = 4000, 1000
    low, high = (1 - (p / n) ** 0.5) ** 2, (1 + (p / n) ** 0.5) ** 2
    found = spectrum(linear_regression(n, p), method=method)
    assert found.top[0] == pytest.approx(high, rel=0.02)
    assert found.bottom[0] == pytest.approx(low, rel=0.02)
    assert found.trace == pytest.approx(p, rel=0.03)
    assert found.index == 0.0
    grid = np.linspace(low, high, 2002)[1:-1]
    law = np.sqrt((grid - low) * (high - grid)) / (2 * np.pi * (p / n) * grid)
    inside = (grid > low + 0.2) & (grid < high - 0.2)
    assert np.abs(found.density(grid, 0.05) - law)[inside].mean() < 0.05 * law[inside].mean()


@pytest.mark.parametrize("method", ["slq", "exact"])
def test_more_parameters_than_examples_leave_zeros(method: str) -> None:
    n, p = 400, 1000
    found = spectrum(linear_regression(n, p), method=method)
    assert found.flat_share(1e-8) == pytest.approx(1 - n / p, abs=0.02)
    assert found.top[0] == pytest.approx((1 + (p / n) ** 0.5) ** 2, rel=0.02)
    assert found.index == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("classes", [8, 10])
def test_k_blobs_have_k_minus_one_outliers(classes: int, seed: int) -> None:
    """Centres at distance 2.2 from the origin, unit noise; softmax has K − 1 free logits (Sagun et al. 2017)."""
    generator = cases.seeded(seed)
    centres = F.normalize(torch.randn(classes, 15, generator=generator, dtype=torch.float64), dim=1) * 2.2
    labels = torch.arange(classes).repeat_interleave(400)
    x = centres[labels] + torch.randn(len(labels), 15, generator=generator, dtype=torch.float64)
    model = cases.initialised(cases.mlp((15, 20, classes)), seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(600):
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()
    found = spectrum(Problem(model, x, labels), top=20, method="slq", steps=2, probes=1)
    assert found.outliers == classes - 1
    assert found.residuals.max() <= 1e-4 * (1 + 1e-6)


@pytest.mark.slow
def test_gradient_descent_settles_at_the_edge_of_stability() -> None:
    """Full-batch descent at step η ends where λₘₐₓ ≈ 2/η (Cohen et al. 2021); loss ½ Σ_k (f_k − y_k)², mean over examples."""
    data, step = load_digits(), 0.3
    x, y = torch.tensor(data.data[:500]), F.one_hot(torch.tensor(data.target[:500]), 10).double()
    x = (x - x.mean()) / x.std()
    torch.manual_seed(0)
    model = cases.mlp((64, 64, 64, 10), nn.Tanh).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=step)
    sharpness = []
    for count in range(1, 2501):
        optimizer.zero_grad()
        (0.5 * (model(x) - y).square().sum(1).mean()).backward()
        optimizer.step()
        if count >= 1000 and count % 250 == 0:
            problem = Problem(model, x, y, loss=Gaussian(1.0))
            sharpness.append(spectrum(problem, top=1, method="slq", steps=2, probes=1).top[0])
    assert np.median(sharpness) * step / 2 == pytest.approx(1.0, abs=0.03)
    assert np.array(sharpness) * step / 2 == pytest.approx(np.ones(len(sharpness)), abs=0.06)
