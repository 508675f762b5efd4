"""Bounds from moments, on matrices whose spectrum is known: they hold, and what they leave open shrinks with the steps."""

from __future__ import annotations

from dataclasses import replace

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Estimation, Plane, Problem, survey
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.operators import Matrix, curvature
from lossnav.core.local.estimation import preset
from lossnav.core.spectrum.moment_bounds import MomentBounds, interval
from lossnav.core.spectrum.probes import random_rows
from lossnav.core.spectrum.quadrature import block_space
from torch import Tensor, nn

SPECTRA = {
    "even": torch.linspace(-1, 3, 90).double(),
    "heavy tails": cases.normal(90).pow(3).sort().values,
    "half of it zero": torch.cat([torch.zeros(45).double(), cases.normal(45, seed=1).exp()]).sort().values,
}


def bounds(values: Tensor, probes: int, steps: int, seed: int = 0) -> tuple[MomentBounds, Tensor]:
    """Of a diagonal matrix, with the measures of the starts: (m, P) squared components."""
    starts = random_rows(Matrix(torch.diag(values)), probes, seed, "gaussian")
    masses = starts.square() / starts.square().sum(1, keepdim=True)
    return MomentBounds(block_space(Matrix(torch.diag(values)), starts, steps), starts), masses


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_share_below_a_level_lies_between_the_bounds_of_one_start(spectrum: str) -> None:
    values = SPECTRA[spectrum]
    for seed in range(4):
        found, masses = bounds(values, 1, 6, seed)
        for x in torch.linspace(float(values[0]) - 0.1, float(values[-1]) + 0.1, 23).tolist():
            low, high = found.below(x)
            assert float(low) - 1e-9 <= float(masses[:, values < x].sum())
            assert float(masses[:, values <= x].sum()) <= float(high) + 1e-9


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_and_so_does_the_mean_over_several_starts_that_share_a_space(spectrum: str) -> None:
    values, outside, tried = SPECTRA[spectrum], 0, 0
    for seed in range(6):
        found, masses = bounds(values, 4, 4, seed)
        for x in torch.linspace(float(values[0]), float(values[-1]), 15).tolist():
            low, high = (each.mean().item() for each in found.below(x))
            outside += low - 1e-3 > masses[:, values < x].sum(1).mean()
            outside += masses[:, values <= x].sum(1).mean() > high + 1e-3
            tried += 1
    assert outside == 0
    assert tried > 80


def test_more_steps_leave_less_open() -> None:
    widths = []
    for steps in (3, 6, 12, 22):
        low, high = bounds(SPECTRA["even"], 4, steps)[0].below(0.3)
        widths.append(float((high - low).mean()))
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.1 < widths[0]


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_outermost_eigenvalues_are_no_farther_than_said(spectrum: str) -> None:
    values, held = SPECTRA[spectrum], []
    for seed in range(40):
        found = bounds(values, 3, 4, seed)[0]
        held += [found.beyond() >= values[-1] - 1e-9, found.beyond(largest=False) <= values[0] + 1e-9]
    assert np.mean(held) >= 0.95  # 97.5 % is what it is made for


def test_a_space_that_holds_everything_leaves_nothing_open() -> None:
    values = torch.tensor([-2.0, 0.0, 1.0, 5.0]).double().repeat(5)
    found, masses = bounds(values, 2, 6)
    assert found.closed
    for low, high in zip(*found.below(0.5), strict=True):
        assert float(low) == pytest.approx(float(high))
    assert found.below(0.5)[0].numpy() == pytest.approx(masses[:, values < 0.5].sum(1).numpy())
    assert (found.beyond(False), found.beyond()) == pytest.approx((-2.0, 5.0))


def test_an_interval_takes_in_the_starts_own_spread() -> None:
    low, high = interval(torch.tensor([0.1, 0.3]), torch.tensor([0.5, 0.5]))
    assert low == pytest.approx(0.2 - 12.706 * 0.1, rel=1e-3)
    assert high == pytest.approx(0.5)


def trained(seed: int) -> Problem:
    model = cases.initialised(nn.Sequential(nn.Linear(7, 18), nn.Tanh(), nn.Linear(18, 4)), seed)
    x = cases.normal(90, 7, seed=seed)
    y = (x[:, :4] + cases.normal(90, 4, seed=seed + 1)).argmax(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return Problem(model, x, y)


@pytest.mark.parametrize("effort", ["preview", "standard", "full"])
def test_intervals_of_viscosity_hold_the_truth(effort: str) -> None:
    problem, held = trained(3), []
    values = torch.linalg.eigvalsh(dense_matrix(curvature(problem)))
    truth = {
        "viscosity": values[-1].item(),
        "viscosity_lambda_min": values[0].item(),
        "viscosity_flat_share": (values.abs() <= 0.01 * values[-1]).double().mean().item(),
        "viscosity_index": (values < -1e-12).double().mean().item(),
    }
    for seed in range(8):
        land = survey(
            problem,
            Plane.random(problem),
            (1, 1),
            ((0, 0), (0, 0)),
            tuple(truth),
            effort=replace(preset(effort), coordinates="parameters"),
            seed=seed,
        )
        for name, right in truth.items():
            error = land[f"{name}_se"]
            held.append(abs(land[name].item() - right) <= error.attrs["interval"] * error.item())
        assert land["viscosity_index_se"].item() > 0
        assert land["viscosity"].item() <= truth["viscosity"] + 1e-9  # so that the interval lies above
        assert land["viscosity_lambda_min"].item() >= truth["viscosity_lambda_min"] - 1e-9
    assert np.mean(held) >= 0.93


def test_a_matrix_that_cannot_be_negative_has_no_share_below_zero() -> None:
    problem = trained(1)
    land = survey(
        problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), ("viscosity_index",), effort=Estimation(of="fisher")
    )
    assert land["viscosity_index"].item() == land["viscosity_index_se"].item() == 0.0
