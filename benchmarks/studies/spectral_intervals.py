"""How often the 95 % intervals of viscosity hold the truth: networks × efforts × seeds, against the dense Hessian.

python -m benchmarks.studies.spectral_intervals [SEEDS]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise

import torch
from lossnav.core import Plane, Problem, survey
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.operators import curvature
from lossnav.core.local.estimation import preset
from torch import nn

EFFORTS = ("preview", "standard", "full")
READOUTS = ("viscosity", "viscosity_lambda_min", "viscosity_flat_share", "viscosity_index")


def network(kind: str, seed: int) -> Problem:
    """A classifier (or a regression) trained for a while, all drawn from the seed."""
    torch.manual_seed(seed)
    widths, act = {"deep tanh": ((6, 14, 14, 14, 4), nn.Tanh), "wide relu": ((12, 40, 3), nn.ReLU)}.get(
        kind, ((9, 20, 2), nn.GELU)
    )
    layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), act())]
    model = nn.Sequential(*layers[:-1]).double()
    x = torch.randn(200, widths[0]).double()
    noisy = x @ torch.randn(widths[0], widths[-1]).double() + torch.randn(200, widths[-1]).double()
    y, loss = (noisy, "mse") if kind == "regression" else (noisy.argmax(1), "cross_entropy")
    criterion = nn.MSELoss() if loss == "mse" else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range((30, 150)[seed % 2]):
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    return Problem(model, x, y, loss=loss)


def truths(problem: Problem) -> dict[str, float]:
    values = torch.linalg.eigvalsh(dense_matrix(curvature(problem)))
    shares = (values < -1e-12).double().mean(), (values.abs() <= 0.01 * values[-1].abs()).double().mean()
    return dict(zip(READOUTS, map(float, (values[-1], values[0], shares[1], shares[0])), strict=True))


def main(seeds: int = 20) -> None:
    torch.set_num_threads(1)
    held: dict[tuple[str, str], list[bool]] = {}
    width: dict[tuple[str, str], list[float]] = {}
    for kind in ("deep tanh", "wide relu", "regression"):
        for start in range(2):
            problem = network(kind, start)
            truth = truths(problem)
            for effort in EFFORTS:
                for seed in range(seeds):
                    land = survey(
                        problem,
                        Plane.random(problem),
                        (1, 1),
                        ((0, 0), (0, 0)),
                        READOUTS,
                        effort=replace(preset(effort), coordinates="parameters"),
                        seed=seed,
                    )
                    for name in READOUTS:
                        value, error = land[name].item(), land[f"{name}_se"]
                        reach = error.attrs["interval"] * error.item()
                        held.setdefault((name, effort), []).append(abs(value - truth[name]) <= reach)
                        width.setdefault((name, effort), []).append(reach)
    for (name, effort), each in held.items():
        reach = sum(width[name, effort]) / len(each)
        print(f"{name} {effort}: held {sum(each)} of {len(each)}, reach {reach:.3g} on average")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
