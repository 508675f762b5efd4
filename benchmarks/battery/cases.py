"""The battery's cases: the samples by how long a point takes, every kind of plane, small networks of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import lossnav.sample_models
import torch
from lossnav.core import Anchor, Gaussian, Plane, Problem, Trajectory
from lossnav.core import survey as survey_anywhere
from torch import Tensor, nn

Items = Iterator[tuple[str, Any]]
LIGHT = ("gaussians-mlp", "linear-regression")
MIDDLE = ("digits-large-batch", "digits-small-batch", "digits-two-tasks", "digits-two-tasks-ewc")
HEAVY = ("digits-plain", "digits-resnet", "markov-gpt")
MATRICES = ("hessian", "ggn", "remainder", "fisher", "empirical_fisher")
SHIPPED = sorted((Path(lossnav.sample_models.__path__[0]) / "landscapes").glob("*.zarr.zip"))
PLANES: dict[str, Callable[[Problem], Plane]] = {
    **{f"random, {n}": partial(Plane.random, seed=1, normalize=n) for n in ("filter", "layer", "weight", "none")},
    "random, biases too": partial(Plane.random, ignore=None),
    "random, orthogonal": partial(Plane.random, orthogonal=True),
    "random, not held": partial(Plane.random, held=False),
    "random, turned": lambda problem: Plane.random(problem).turned(30.0),
    "random": Plane.random,
    "trajectory": Plane.trajectory,
    "trajectory, turned": lambda problem: Plane.trajectory(problem).turned(-45.0),
    "eigen, top": Plane.eigen,
    "eigen, bottom": partial(Plane.eigen, which=("top", "bottom")),
    "gradient": Plane.gradient,
    "line": lambda problem: Plane.line(problem.trajectory.at(0), problem),
    "through": lambda problem: Plane.through(problem, problem.trajectory.at(0), problem.trajectory.at(9)),
}
survey = partial(survey_anywhere, device="cpu")


def problems() -> dict[str, Problem]:
    """Small networks of one's own: every likelihood, a path and an anchor, tokens, BatchNorm both ways."""
    torch.manual_seed(0)
    x, images, tokens = torch.randn(24, 6), torch.randn(24, 1, 6, 6), torch.randint(0, 7, (12, 5))
    labels, real, network = (
        torch.arange(24) % 3,
        torch.randn(24, 3),
        nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)),
    )
    convolution = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    language = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 7))
    start = {k: p.detach() for k, p in nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).named_parameters()}
    here = {k: p.detach().clone() for k, p in network.named_parameters()}
    anchor, path = Anchor(start, {k: p.square() for k, p in start.items()}, 2.0), Trajectory([start, here], [0, 10])
    return {
        "classes": Problem(network, x, labels, trajectory=path, anchor=anchor),
        "soft labels": Problem(network, x, real.softmax(1), data_entropy=0.5, law=real.softmax(1)),
        "mse": Problem(network, x, real, loss="mse"),
        "gaussian": Problem(network, x, real, loss=Gaussian(0.5), law=real),
        "custom": Problem(network, x, real, loss=absolute),
        "tokens": Problem(language, tokens, tokens.roll(1, 1).where(tokens > 0, -100)),
        **{mode: Problem(convolution, images, labels, batchnorm=mode) for mode in ("eval", "recalibrate")},
    }


def absolute(outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss that is no likelihood."""
    return (outputs - targets).abs().mean(1)
