"""Networks of two tasks: learned one after the other with a pull back to the first (EWC), each by a recipe drawn at random."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ..curvature.fisher import fisher_diagonal
from ..problem.problem import Problem
from ..problem.trajectory import Anchor, Trajectory
from .population import Shape
from .population.network import losses_and_gradients
from .population.streams import initial_weights

WIDTHS = (6, 10, 16)
FIRST_STEPS, BATCH, EVERY = 200, 32, 25
FACTORS = ("width", "examples", "scale", "pull", "decay", "rate", "steps")


@dataclass(frozen=True)
class Draw:
    """One network's recipe, every factor by itself.

    examples  of its training set, 60 … 512, log-uniform
    scale     of initial weights, 0.5 … 1.6
    pull      EWC's λ: 0 in 15 %, else 0.01 … 30, log-uniform
    decay     weight decay, 1e-5 … 1e-2, log-uniform
    rate      learning rate, 0.04 … 0.2
    steps     of the second phase, 150 … 1,500
    """

    seed: int
    width: int
    examples: int
    scale: float
    pull: float
    decay: float
    rate: float
    steps: int

    @classmethod
    def of(cls, seed: int, number: int) -> Draw:
        """Drawn by the seed; widths take turns."""
        r = np.random.default_rng([seed, 1])
        examples = round(_log_uniform(r, 60, 512))
        scale, pull = float(r.uniform(0.5, 1.6)), 0.0 if r.random() < 0.15 else _log_uniform(r, 0.01, 30)
        decay, rate = _log_uniform(r, 1e-5, 1e-2), float(r.uniform(0.04, 0.2))
        return cls(seed, WIDTHS[number % len(WIDTHS)], examples, scale, pull, decay, rate, int(r.integers(150, 1501)))

    @property
    def factors(self) -> np.ndarray:
        """The recipe as numbers in the order of FACTORS, positive ones as logarithms."""
        content = asdict(self)
        logs = {"examples", "decay", "steps"}
        values = [math.log(content[name]) if name in logs else content[name] for name in FACTORS]
        values[FACTORS.index("pull")] = math.log(self.pull + 1e-3)
        return np.array(values, dtype=float)


def _log_uniform(generator: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


@cache
def pooled_digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits as means of 2 × 2 pixels, standardised, (1797, 16), and their classes."""
    from sklearn.datasets import load_digits

    images, targets = load_digits(return_X_y=True)
    rows = images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)
    standard = (rows - rows.mean(0)) / np.maximum(rows.std(0), 1e-12)
    return torch.from_numpy(standard), torch.from_numpy(targets.astype(np.int64))


def trained(draw: Draw) -> Problem:
    """The network with its training set, its path, and its anchor: θ* and the true Fisher diagonal after the first task."""
    generator = np.random.default_rng([draw.seed, 2])
    shape = Shape(16, draw.width, 10)
    rows, classes = pooled_digits()
    own = torch.from_numpy(generator.permutation(len(rows))[: draw.examples])
    inputs, targets = rows[own], classes[own]
    theta = torch.from_numpy(initial_weights(shape, draw.scale, generator))[None]
    run = _Run(shape, draw, inputs, targets, generator)
    first = (targets < 5).nonzero()[:, 0]
    theta = run.steps(theta, first, FIRST_STEPS, None)
    anchor = _anchor(shape, theta[0], inputs[first], targets[first], draw.pull)
    flat = torch.cat([anchor.fisher[name].flatten() for name in anchor.fisher])
    theta = run.steps(theta, torch.arange(len(targets)), draw.steps, (theta[0], flat))
    path = Trajectory([_named(shape, each) for each in run.path], run.at)
    return Problem(
        shape.module(theta[0]),
        inputs,
        targets,
        loss="cross_entropy",
        trajectory=path,
        anchor=anchor,
        name=str(draw.seed),
    )


class _Run:
    """SGD with weight decay, the path written down every 25 steps."""

    def __init__(
        self, shape: Shape, draw: Draw, inputs: Tensor, targets: Tensor, generator: np.random.Generator
    ) -> None:
        self.shape, self.draw, self.inputs, self.targets, self.generator = shape, draw, inputs, targets, generator
        self.path: list[Tensor] = []
        self.at: list[int] = []
        self.done = 0

    def steps(self, theta: Tensor, pool: Tensor, count: int, pull: tuple[Tensor, Tensor] | None) -> Tensor:
        """Train (1, P) on a pool, pulled back to (θ*, F*) by a proximal step, which is stable whatever λ."""
        rate, size = self.draw.rate, min(BATCH, len(pool))
        for step in range(count):
            self._write(theta, step == 0 and self.done == 0)
            chosen = pool[torch.from_numpy(self.generator.choice(len(pool), size, replace=False))]
            _, gradient = losses_and_gradients(self.shape, theta, self.inputs[chosen], self.targets[chosen][None])
            theta = theta - rate * (gradient + self.draw.decay * theta)
            if pull is not None:
                strength = 2 * rate * self.draw.pull * pull[1]
                theta = (theta + strength * pull[0]) / (1 + strength)
            self.done += 1
        if pull is not None:
            self._write(theta, True)
        return theta

    def _write(self, theta: Tensor, always: bool) -> None:
        if (always or self.done % EVERY == 0) and self.done not in self.at:
            self.path.append(theta[0])
            self.at.append(self.done)


def _named(shape: Shape, theta: Tensor) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in shape.module(theta).named_parameters()}


def _anchor(shape: Shape, theta: Tensor, inputs: Tensor, targets: Tensor, strength: float) -> Anchor:
    problem = Problem(shape.module(theta), inputs, targets, loss="cross_entropy")
    return Anchor(_named(shape, theta), fisher_diagonal(problem), strength, "digits 0 to 4")
