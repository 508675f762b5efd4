"""Networks that no constant of the adaptive terrain was tuned on: small ones of many kinds, each trained in seconds with a seed.

They differ from the samples in activation, depth, architecture, loss and how far they were trained. Data are
scikit-learn's bundled sets and drawn ones, so nothing is downloaded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from lossnav.core import Plane, Problem, Trajectory
from lossnav.core.plane.plane import Span
from lossnav.core.problem.likelihoods.protocol import PerExampleLoss
from lossnav.core.problem.resolve import resolve
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional as F

SEED = 0
CHECKPOINTS = 12
PLANES = ("r10", "r11", "r12", "wide20", "wide21", "none30", "none31", "eigen", "trajectory")
WIDE: Span = ((-3.0, 3.0), (-3.0, 3.0))

Data = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Recipe:
    """How a network is made and trained: Adam on batches of `batch`, a checkpoint kept now and then.

    epochs  0 leaves the network as it was drawn
    """

    make: Callable[[], nn.Module]
    data: Callable[[], Data]
    loss: str | PerExampleLoss = "cross_entropy"
    epochs: int = 40
    rate: float = 3e-3
    batch: int = 64


@dataclass
class _Path:
    """Checkpoints on the way, about as many as asked for."""

    every: int
    seen: list[dict[str, Tensor]] = field(default_factory=list)

    def note(self, step: int, model: nn.Module) -> None:
        if step % self.every == 0:
            self.seen.append({k: v.detach().clone() for k, v in model.named_parameters()})


def unseen(name: str) -> Problem:
    """One of NETWORKS, made and trained anew; the same numbers on every run of one machine."""
    recipe = NETWORKS[name]
    torch.manual_seed(SEED)
    inputs, targets = recipe.data()
    model, loss = recipe.make().train(), resolve(recipe.loss)
    optimizer = torch.optim.Adam(model.parameters(), recipe.rate)
    path = _Path(max(1, recipe.epochs // CHECKPOINTS))
    for epoch in range(recipe.epochs):
        path.note(epoch, model)
        for rows in torch.randperm(len(targets)).split(recipe.batch):
            optimizer.zero_grad()
            loss.losses(*loss.flatten(model(inputs[rows]), targets[rows])).mean().backward()
            optimizer.step()
    path.note(0, model)
    trajectory = Trajectory(path.seen) if len(path.seen) > 2 else None
    return Problem(model.eval(), inputs, targets, recipe.loss, name=name, trajectory=trajectory)


def plane_and_span(problem: Problem, kind: str) -> tuple[Plane, Span | None]:
    """r: filter-normalised random; wide: the same out to ±3; none: not normalised; digits are the seed."""
    if kind.startswith("wide"):
        return Plane.random(problem, seed=int(kind[4:])), WIDE
    if kind.startswith("none"):
        return Plane.random(problem, seed=int(kind[4:]), normalize="none"), None
    if kind[0] == "r":
        return Plane.random(problem, seed=int(kind[1:])), None
    plane: Plane = getattr(Plane, kind)(problem)
    return plane, None


def planes_of(name: str) -> tuple[str, ...]:
    """The planes that a network has: one that was not trained has no trajectory."""
    return PLANES if NETWORKS[name].epochs else PLANES[:-1]


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


class Attention(nn.Module):
    """Causal self-attention with two heads (Vaswani et al. 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inward, self.outward = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = self.inward(x).view(n, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // 2)
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(later, -1e9).softmax(-1) @ v
        return self.outward(mixed.transpose(1, 2).reshape(n, length, width))


class Embedded(nn.Module):
    """Tokens and their places as vectors."""

    def __init__(self, tokens: int, length: int, width: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(tokens, width), nn.Embedding(length, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.tokens(x) + self.places.weight


class Recurrent(nn.Module):
    """A recurrent layer, and a linear one on its last state, or on all of them."""

    def __init__(self, kind: type[nn.RNNBase], width_in: int, width: int, out: int, last: bool) -> None:
        super().__init__()
        self.inner, self.head, self.last = kind(width_in, width, batch_first=True), nn.Linear(width, out), last

    def forward(self, x: Tensor) -> Tensor:
        states = self.inner(x)[0]
        return self.head(states[:, -1] if self.last else states).flatten(1)


def mlp(widths: tuple[int, ...], activation: Callable[[], nn.Module]) -> nn.Module:
    """Fully connected, `activation` between."""
    layers = [m for a, b in itertools.pairwise(widths) for m in (nn.Linear(a, b), activation())]
    return nn.Sequential(*layers[:-1])


def conv_pool() -> nn.Module:
    """Two convolutions with max-pooling, no normalisation."""
    parts = [
        nn.Conv2d(1, 6, 3, 1, 1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 12, 3, 1, 1),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(48, 10))


def conv_plain() -> nn.Module:
    """Five convolutions in a row, two of them strided, no normalisation and no skips."""
    widths = [(1, 8, 2), (8, 8, 1), (8, 8, 1), (8, 12, 2), (12, 12, 1)]
    parts = [m for a, b, s in widths for m in (nn.Conv2d(a, b, 3, s, 1), nn.ReLU())]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(48, 10))


def residual_mlp() -> nn.Module:
    """Four residual blocks with LayerNorm."""
    blocks = [Residual(nn.Sequential(nn.LayerNorm(24), mlp((24, 24, 24), nn.GELU))) for _ in range(4)]
    return nn.Sequential(nn.Linear(64, 24), *blocks, nn.LayerNorm(24), nn.Linear(24, 10))


def transformer() -> nn.Module:
    """One pre-norm block over 8 tokens out of 7."""
    blocks = (Attention(16), mlp((16, 32, 16), nn.ReLU))
    return nn.Sequential(
        Embedded(7, 8, 16), *(Residual(nn.Sequential(nn.LayerNorm(16), b)) for b in blocks), nn.LayerNorm(16), nn.Linear(16, 7)
    )  # fmt: skip


def hinge(outputs: Tensor, targets: Tensor) -> Tensor:
    """max(0, 1 − y f), with y of −1 or 1."""
    return (1 - targets * outputs).clamp(min=0).flatten(1).mean(1)


def absolute(outputs: Tensor, targets: Tensor) -> Tensor:
    """|f − y|."""
    return (outputs - targets).abs().flatten(1).mean(1)


def poisson(outputs: Tensor, targets: Tensor) -> Tensor:
    """−ln of a Poisson law with mean exp(f)."""
    return (outputs.exp() - targets * outputs + torch.lgamma(targets + 1)).flatten(1).mean(1)


def mixture(outputs: Tensor, targets: Tensor) -> Tensor:
    """−ln of a mixture of Gaussians (Bishop 1994): weights, means and log deviations come out in turn."""
    weights, means, spreads = outputs.chunk(3, 1)
    apart = (targets - means) / spreads.exp()
    return -torch.logsumexp(weights.log_softmax(1) - 0.5 * apart**2 - spreads - 0.5 * math.log(2 * math.pi), 1)


def _scaled(inputs: np.ndarray) -> Tensor:
    spread = inputs.std(0)
    return torch.tensor((inputs - inputs.mean(0)) / np.where(spread > 0, spread, 1), dtype=torch.float32)


def _classes(load: Callable[..., tuple[np.ndarray, np.ndarray]], most: int = 600) -> Data:
    inputs, labels = load(return_X_y=True)
    return _scaled(inputs)[:most], torch.tensor(labels)[:most]


def _digits(most: int = 500) -> Data:
    inputs, labels = datasets.load_digits(return_X_y=True)
    return torch.tensor(inputs / 16, dtype=torch.float32)[:most], torch.tensor(labels)[:most]


def _images() -> Data:
    inputs, labels = _digits(250)
    return inputs.view(-1, 1, 8, 8), labels


def _smoothed() -> Data:
    inputs, labels = _digits()
    return inputs, 0.9 * F.one_hot(labels, 10) + 0.01


def _reconstruction() -> Data:
    inputs, _ = _digits()
    return inputs, inputs


def _signs() -> Data:
    inputs, labels = _classes(datasets.load_breast_cancer)
    return inputs, 2.0 * labels[:, None].float() - 1


def _progression() -> Data:
    inputs, targets = datasets.load_diabetes(return_X_y=True)
    return _scaled(inputs), _scaled(targets[:, None])


def _moons() -> Data:
    inputs, labels = datasets.make_moons(400, noise=0.15, random_state=SEED)
    return _scaled(inputs), torch.tensor(labels)


def _spirals() -> Data:
    turn, arm = torch.rand(300).sqrt() * 9, torch.arange(300) % 3
    angle = turn + arm * (2 * math.pi / 3)
    inputs = torch.stack([angle.cos(), angle.sin()], 1) * turn[:, None] / 4 + 0.05 * torch.randn(300, 2)
    return inputs, arm


def _counts() -> Data:
    inputs = torch.randn(400, 4)
    return inputs, torch.poisson((0.5 + inputs[:, :1] - 0.5 * inputs[:, 1:2] * inputs[:, 2:3]).clamp(max=3).exp())


def _branches() -> Data:
    inputs = torch.rand(400, 1) * 4 - 2
    side = torch.randint(0, 2, (400, 1)) * 2 - 1
    return inputs, side * (inputs.sin() + 0.5) + 0.1 * torch.randn(400, 1)


def _waves() -> Data:
    start, speed = torch.rand(120, 1) * 6, 0.3 + torch.rand(120, 1)
    wave = (start + speed * torch.arange(13)).sin()
    return wave[:, :-1, None], wave[:, 1:]


def _sums() -> Data:
    inputs = torch.randn(200, 10, 2)
    return inputs, (inputs[..., 0] * (inputs[..., 1] > 0)).sum(1).gt(0).long()


def _tokens() -> Data:
    """Each token is the sum of the two before it, modulo 7."""
    rows = [torch.randint(0, 7, (80,)), torch.randint(0, 7, (80,))]
    for _ in range(7):
        rows.append((rows[-1] + rows[-2]) % 7)
    tokens = torch.stack(rows, 1)
    return tokens[:, :-1], tokens[:, 1:]


NETWORKS = {
    "tanh-wine": Recipe(lambda: mlp((13, 32, 32, 3), nn.Tanh), lambda: _classes(datasets.load_wine), epochs=30),
    "sigmoid-moons": Recipe(lambda: mlp((2, 20, 20, 2), nn.Sigmoid), _moons, epochs=80, rate=1e-2),
    "gelu-smoothed": Recipe(lambda: mlp((64, 48, 10), nn.GELU), _smoothed, epochs=30),
    "leaky-deep": Recipe(lambda: mlp((2, *[16] * 9, 3), nn.LeakyReLU), _spirals, epochs=100),
    "silu-wide": Recipe(lambda: mlp((30, 256, 2), nn.SiLU), lambda: _classes(datasets.load_breast_cancer), epochs=20),
    "linear-diabetes": Recipe(lambda: nn.Linear(10, 1), _progression, "mse", rate=1e-2),
    "logistic-iris": Recipe(lambda: nn.Linear(4, 3), lambda: _classes(datasets.load_iris), epochs=60, rate=1e-2),
    "autoencoder": Recipe(lambda: mlp((64, 32, 8, 32, 64), nn.ReLU), _reconstruction, "mse", epochs=60),
    "conv-pool": Recipe(conv_pool, _images, epochs=40),
    "conv-plain": Recipe(conv_plain, _images, epochs=60),
    "residual-norm": Recipe(residual_mlp, _digits, epochs=20),
    "transformer": Recipe(transformer, _tokens, epochs=200, batch=32),
    "lstm-sum": Recipe(lambda: Recurrent(nn.LSTM, 2, 12, 2, True), _sums, epochs=60, rate=1e-2),
    "gru-waves": Recipe(lambda: Recurrent(nn.GRU, 1, 10, 1, False), _waves, "mse", epochs=60, rate=1e-2),
    "mixture-density": Recipe(lambda: mlp((1, 24, 9), nn.Tanh), _branches, mixture, epochs=100, rate=5e-3),
    "poisson": Recipe(lambda: mlp((4, 24, 1), nn.ReLU), _counts, poisson, epochs=60),
    "absolute": Recipe(lambda: mlp((10, 24, 24, 1), nn.ReLU), _progression, absolute, epochs=40),
    "hinge": Recipe(lambda: mlp((30, 16, 1), nn.ReLU), _signs, hinge, epochs=30),
    "untrained": Recipe(lambda: mlp((64, 32, 32, 10), nn.ReLU), _digits, epochs=0),
    "half-trained": Recipe(lambda: mlp((64, 40, 40, 10), nn.Tanh), _digits, epochs=3, rate=1e-3),
    "over-trained": Recipe(lambda: mlp((13, 40, 40, 3), nn.ReLU), lambda: _classes(datasets.load_wine), epochs=1500),
}
