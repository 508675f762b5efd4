"""Claim `collapse`'s question of other networks: two tasks one after the other, by the recipes of the claim, at no common loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...curvature.fisher import fisher_diagonal
from ...local.estimation import Estimation
from ...plane.plane import Plane
from ...problem.problem import Problem
from ...problem.trajectory import Anchor, Trajectory
from ...survey.survey import survey
from ..collapse import JUDGED, MEASURED, QUADRATIC, Collapse
from ..forgetting import BATCH, EVERY, FACTORS, FIRST_STEPS, Draw, pooled_digits
from ..kept import kept_tables
from ..protocol import Plan, Progress, Table
from ..source import made_by
from .architectures import Architecture, image_network, perceptron
from .networks import BASE, PassPopulation

CONTRASTS = ("two tasks",)
BUILDS = {
    "tanh": lambda width: perceptron(nn.Tanh, width),
    "relu": lambda width: perceptron(nn.ReLU, width),
    "cnn": lambda width: image_network(width // 2),
}


def tables(population: PassPopulation, folder: Path, progress: Progress) -> dict[str, Table]:
    """ "networks" → readouts, the path's scalars and the recipe of each of `population.networks`; their losses are not matched."""
    population.check()
    draws = [Draw.of(BASE + k, k) for k in range(population.networks)]
    settings = {"architecture": population.architecture, "made by": made_by(__file__)}
    units = [(population.architecture, draw) for draw in draws]
    names = [f"{draw.seed}-{draw.width}" for draw in draws]
    what = f"Two tasks {population.architecture}"
    table = kept_tables(what, folder, settings, units, readouts, progress, names)
    factors = {f"factor_{name}": table["factors"][:, k] for k, name in enumerate(FACTORS)}
    return {"networks": {**{name: values for name, values in table.items() if name != "factors"}, **factors}}


def readouts(architecture: str, draw: Draw) -> dict[str, np.ndarray]:
    """Every readout of one network at its trained point, its path's scalars, its recipe and its loss."""
    problem = two_tasks(architecture_of_width(architecture, draw.width), draw)
    steps = math.ceil(
        problem.parameter_count / 8
    )  # with 8 probes as many products as there are parameters: nothing is estimated
    effort = Estimation(probes=8, steps=steps, examples=None, coordinates="parameters")
    land = survey(problem, Plane.random(problem, seed=draw.seed), (1, 1), overlays=MEASURED, effort=effort)
    assert problem.trajectory is not None
    length, away = problem.trajectory.length, problem.trajectory.displacement
    return {
        **{name: np.array(land[name].item()) for name in (*MEASURED, "loss")},
        "viscosity_se": np.array(land["viscosity_se"].item() if "viscosity_se" in land else 0.0),
        "length": np.array(length),
        "tortuosity": np.array(length / away),
        "factors": draw.factors,
    }


def architecture_of_width(name: str, width: int) -> Architecture:
    """A kind of network with as many hidden units, or half as many channels."""
    return Architecture(name, lambda: BUILDS[name](width), 1.0 if name == "tanh" else math.sqrt(2))


def two_tasks(architecture: Architecture, draw: Draw) -> Problem:
    """A network trained by the claim's recipe; of the architecture "tanh" it is the claim's own.

    Its path holds a checkpoint every 25 steps; its anchor is what it was after the first task, with the true Fisher diagonal there.
    """
    generator = np.random.default_rng([draw.seed, 2])
    rows, classes = pooled_digits()
    own = torch.from_numpy(generator.permutation(len(rows))[: draw.examples])
    run = _Training(architecture, draw, rows[own], classes[own], generator)
    theta = torch.from_numpy(_initial(architecture, draw.scale, generator))
    first = (run.targets < 5).nonzero()[:, 0]
    theta = run.steps(theta, first, FIRST_STEPS)
    problem = architecture.problem_of(theta, run.inputs[first], run.targets[first])
    fisher = fisher_diagonal(problem)
    pull = theta, torch.cat([values.flatten() for values in fisher.values()])
    anchor = Anchor({k: v.detach().clone() for k, v in problem.parameters.items()}, fisher, draw.pull, "digits 0 to 4")
    theta = run.steps(theta, torch.arange(len(run.targets)), draw.steps, pull)
    path = Trajectory([architecture.named(each) for each in run.path], run.at)
    return architecture.problem_of(theta, run.inputs, run.targets, trajectory=path, anchor=anchor)


def _initial(architecture: Architecture, scale: float, generator: np.random.Generator) -> np.ndarray:
    """θ₀ (P,): weights N(0, gain² s²/fan_in), biases 0, for which, as in the claim, nothing is drawn."""
    parts = [
        architecture.gain * scale / math.sqrt(each[0].numel()) * generator.normal(size=each.numel())
        if each.dim() > 1
        else np.zeros(each.numel())
        for each in architecture.module().parameters()
    ]
    return np.concatenate(parts)


class _Training:
    """SGD with weight decay as the claim's networks have it, and the path that it takes."""

    def __init__(
        self,
        architecture: Architecture,
        draw: Draw,
        inputs: Tensor,
        targets: Tensor,
        generator: np.random.Generator,
    ) -> None:
        self.architecture, self.draw, self.inputs, self.targets = architecture, draw, inputs, targets
        self.generator, self.path, self.at, self.done = generator, list[Tensor](), list[int](), 0

    def steps(self, theta: Tensor, pool: Tensor, count: int, pull: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Train θ (P,) on a pool, pulled back to (θ*, F*) by a proximal step."""
        rate, size = self.draw.rate, min(BATCH, len(pool))
        for _ in range(count):
            if self.done % EVERY == 0:
                self._write(theta)
            chosen = pool[torch.from_numpy(self.generator.choice(len(pool), size, replace=False))]
            _, gradients = self.architecture.losses_and_gradients(
                theta[None], self.inputs[chosen][None], self.targets[chosen][None]
            )
            theta = theta - rate * (gradients[0] + self.draw.decay * theta)
            if pull is not None:
                strength = 2 * rate * self.draw.pull * pull[1]
                theta = (theta + strength * pull[0]) / (1 + strength)
            self.done += 1
        if pull is not None:
            self._write(theta)
        return theta

    def _write(self, theta: Tensor) -> None:
        if self.done not in self.at:
            self.path.append(theta)
            self.at.append(self.done)


def findings(
    population: PassPopulation, numbers: Mapping[str, Table], draws: int, folder: Path, progress: Progress
) -> dict[str, Any]:
    """Of either reading of density: R² of the three others by the triple, with 95 % intervals, and the triple's place among the 20."""
    plan = Plan(population.networks, draws, ("digits",), BASE)
    analysed = Collapse().analyse(plan, numbers, progress)
    readings = {
        name: {
            "r2": {each: reading["models"][QUADRATIC][each] for each in JUDGED},
            "rank": reading["rank"],
            "first": reading["first"],
        }
        for name, reading in analysed["readings"].items()
    }
    return {"readings": readings, "identity_error": analysed["identity_error"], "shuffled": analysed["shuffled"]}


def said(numbers: Mapping[str, Any]) -> str:
    """R² and the triple's place, for both readings."""
    sentences = []
    for name, reading in numbers["readings"].items():
        r2 = ", ".join(
            f"{each} {mean:.2f} ({low:.2f} to {high:.2f})" for each, (mean, low, high) in reading["r2"].items()
        )
        sentences.append(f"with density as {name} R² {r2}, the triple number {reading['rank']} of 20")
    return "; ".join(sentences) + "."
