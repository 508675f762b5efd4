"""The three workloads that every tool is measured on: W1, a small MLP; W2, a small convolutional network; W3, ResNet-20.

W1 and W2 are trained for seconds, with a seed, so that the terrain has its minimum; nothing is stored. They need
nothing but torch, scikit-learn and lossnav.core, so that each tool can be given them in its own process.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from lossnav.core import Problem
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

SEED = 0


@dataclass(frozen=True)
class Workload:
    """A problem and the exact grid it is measured on: `shape` points over [−1, 1]², in filter-normalised directions."""

    name: str
    build: Callable[[], Problem]
    shape: tuple[int, int]
    text: str


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with BatchNorm around a shortcut, 1×1 where the shape changes (He et al. 2016)."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or width_in != width:
            self.shortcut = nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


def mlp(widths: tuple[int, ...] = (64, 128, 128, 10)) -> nn.Module:
    """Fully connected, ReLU between."""
    layers = [m for a, b in itertools.pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def cnn() -> nn.Module:
    """Convolutions 3×3 of 16, 32 and 64 channels (the last two at stride 2) with BatchNorm; pool; linear."""
    widths = [(1, 16, 1), (16, 32, 2), (32, 64, 2)]
    layers = [m for a, b, s in widths for m in (nn.Conv2d(a, b, 3, s, 1), nn.BatchNorm2d(b), nn.ReLU())]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def resnet20() -> nn.Module:
    """ResNet-20 for 32×32 images (He et al. 2016 §4.2), 272,474 parameters."""
    plan = [*[(16, 16, 1)] * 3, (16, 32, 2), *[(32, 32, 1)] * 2, (32, 64, 2), *[(64, 64, 1)] * 2]
    stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(
        *stem, *(ResidualBlock(*widths) for widths in plan), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    )


def w1() -> Problem:
    """MLP 64-128-128-10 on all 1,797 digits."""
    images, labels = digits()
    return trained(mlp, images, labels, "W1", epochs=15, rate=1e-3)


def w2() -> Problem:
    """The small convolutional network on 1,437 digits, 1×8×8 (the first four fifths)."""
    images, labels = digits()
    return trained(cnn, images[:1437].view(-1, 1, 8, 8), labels[:1437], "W2", epochs=6, rate=3e-3)


def w3(images: int = 512) -> Problem:
    """ResNet-20 on synthetic images: ten class means plus noise. Not trained, but its BatchNorm has seen the data."""
    torch.manual_seed(SEED)
    labels = torch.arange(images) % 10
    data = torch.randn(10, 3, 32, 32)[labels] + torch.randn(images, 3, 32, 32)
    model = resnet20()
    with torch.no_grad():
        for _ in range(20):
            model(data[:128])
    return Problem(model.eval(), data, labels, name="W3")


WORKLOADS = {
    w.name: w
    for w in (
        Workload("W1", w1, (51, 51), "MLP 64-128-128-10, digits 1,797×64"),
        Workload("W2", w2, (25, 25), "conv 16-32-64 with BatchNorm, digits 1,437×1×8×8"),
        Workload("W3", w3, (11, 11), "ResNet-20, 512 synthetic images 3×32×32"),
    )
}


def digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits: (1797, 64) in 0..1, and labels (1797,)."""
    data = load_digits()
    return torch.tensor(data.data / 16, dtype=torch.float32), torch.tensor(data.target)


def family(width: int) -> nn.Module:
    """The network 64-w-w-10, to vary the number of parameters: about w² + 76 w of them."""
    torch.manual_seed(SEED)
    return mlp((64, width, width, 10))


def random_problem(model: nn.Module, shape: tuple[int, ...], examples: int) -> Problem:
    """A network on normal inputs and labels in turn, where only sizes matter."""
    torch.manual_seed(SEED)
    return Problem(model.eval(), torch.randn(examples, *shape), torch.arange(examples) % 10)


def trained(
    make: Callable[[], nn.Module], inputs: Tensor, labels: Tensor, name: str, epochs: int, rate: float
) -> Problem:
    """The network after a short seeded training with Adam, in batches of 64."""
    torch.manual_seed(SEED)
    model = make().train()
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(epochs):
        for rows in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs[rows]), labels[rows]).backward()
            optimizer.step()
    return Problem(model.eval(), inputs, labels, name=name)
