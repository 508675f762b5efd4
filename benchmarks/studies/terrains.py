"""Terrains made from a seed: of small networks of many kinds, and of formulas. Even seeds are for tuning, odd ones for validating."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch
from lossnav.core import Plane, Problem
from torch import Tensor, nn

GRID = (65, 65)
ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.Tanh, nn.SiLU, nn.Softplus, nn.ELU, nn.ReLU, nn.Hardtanh)
NARROWEST = 0.25  # the coarse grid's spacing, in a domain of [-1, 1]: what is narrower may be missed


def network_terrain(seed: int) -> dict[str, np.ndarray]:
    """Readout → (65, 65): the loss of a small network that was drawn and trained a little, and how sure it is of its classes."""
    problem, x, y = drawn_network(seed)
    rng = np.random.default_rng(10_000 + seed)
    normalize, half = str(rng.choice(["filter", "filter", "layer", "none"])), float(rng.choice([0.5, 1, 1, 2, 3]))
    plane = Plane.random(problem, seed=seed, normalize=normalize)
    axis = torch.linspace(-half, half, GRID[0], dtype=torch.float64)
    places = torch.cartesian_prod(axis, axis)
    model = problem.model
    moved = {
        name: value.detach() + sum(torch.tensordot(places[:, i], d[name], 0) for i, d in enumerate(plane.directions))
        for name, value in problem.parameters.items()
    }
    readouts = torch.func.vmap(lambda parameters: _readouts(model, x, y, parameters), chunk_size=256)(moved)
    return {name: found.view(GRID).numpy() for name, found in readouts.items()}


def _readouts(model: nn.Module, x: Tensor, y: Tensor, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    outputs = torch.func.functional_call(model, parameters, (x,))
    if y.is_floating_point():
        return {"loss": nn.functional.mse_loss(outputs, y)}
    log_p = outputs.log_softmax(1)
    return {
        "loss": nn.functional.cross_entropy(outputs, y),
        "probability": log_p.exp().amax(1).mean(),
        "probability_entropy": -(log_p.exp() * log_p).sum(1).mean(),
    }


def formula_terrain(seed: int) -> dict[str, np.ndarray]:
    """The same of a sum of one to four terms, each one of KINDS with numbers of its own; nothing narrower than NARROWEST."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(*(np.linspace(-1, 1, n) for n in GRID), indexing="ij")
    terms = [rng.normal() * KINDS[rng.integers(len(KINDS))](x, y, rng) for _ in range(rng.integers(1, 5))]
    total = np.sum(terms, axis=0)
    if rng.random() < 0.7:  # most losses are positive
        total = total - total.min() + rng.choice([0.01, 0.1, 1.0]) * np.ptp(total)
    return {"loss": total}


def drawn_network(seed: int) -> tuple[Problem, Tensor, Tensor]:
    """A small network with its inputs (n, d) and targets, trained a little: depth, width, examples and classes are drawn."""
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    inputs, outputs = int(rng.integers(2, 9)), int(rng.integers(2, 5))
    count, width, depth = (int(rng.integers(*ends)) for ends in ((30, 200), (6, 28), (1, 6)))
    x = torch.randn(count, inputs, generator=generator).double()
    mixed = (x @ torch.randn(inputs, outputs, generator=generator).double()).sin() if rng.random() < 0.4 else x @ (
        torch.randn(inputs, outputs, generator=generator).double()
    )  # fmt: skip
    mixed = mixed + 0.3 * torch.randn(count, outputs, generator=generator).double()
    regression = rng.random() < 0.3
    torch.manual_seed(seed)
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    widths = [inputs, *[width] * depth, outputs]
    layers = [m for a, b in itertools.pairwise(widths) for m in (nn.Linear(a, b), activation())][:-1]
    model, y = nn.Sequential(*layers).double(), mixed if regression else mixed.argmax(1)
    loss: Callable[[Tensor, Tensor], Tensor] = nn.functional.mse_loss if regression else nn.functional.cross_entropy
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(int(rng.choice([0, 40, 150, 400]))):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    problem = Problem(model.eval(), x, y, "mse" if regression else "cross_entropy", name=f"generated-{seed}")
    return problem, x, y


def _turned(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    angle = rng.uniform(0, np.pi)
    a, b = x - rng.uniform(-0.7, 0.7), y - rng.uniform(-0.7, 0.7)
    return a * np.cos(angle) + b * np.sin(angle), b * np.cos(angle) - a * np.sin(angle)


def _bowl(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, b = _turned(x, y, rng)
    return a**2 + 10 ** rng.uniform(-2, 0) * b**2


def _hill(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, b = _turned(x, y, rng)
    first, second = rng.uniform(NARROWEST, 1, 2)
    return np.exp(-((a / first) ** 2) - (b / second) ** 2)


def _waves(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, b = _turned(x, y, rng)
    return np.sin(rng.uniform(1, 6) * a) * np.cos(rng.uniform(0, 6) * b)


def _crease(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, b = _turned(x, y, rng)
    return np.maximum(a, rng.uniform(-0.5, 0.5) * b)


def _ridge(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, b = _turned(x, y, rng)
    return np.abs(a) + rng.uniform(0, 1) * np.abs(b)


def _wall(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, _ = _turned(x, y, rng)
    return np.tanh(a / rng.uniform(NARROWEST, 1))


def _valley(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, b = _turned(x, y, rng)
    return (b - rng.uniform(0, 1) * a**2) ** 2 + 0.1 * a**2


def _steep(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, _ = _turned(x, y, rng)
    return np.exp(rng.uniform(1, 5) * a) / 10


def _soft(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, _ = _turned(x, y, rng)
    return np.logaddexp(0, a / rng.uniform(0.1, 0.5))


KINDS = (_bowl, _hill, _waves, _crease, _ridge, _wall, _valley, _steep, _soft)
