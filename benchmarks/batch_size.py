"""Time per point of a plane against examples per forward pass: what the rule in core/engine/batching.py rests on.

Run: python benchmarks/batch_size.py     Interleaved repeats, medians, ratios to the whole data set at once.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from lossnav.core import Plane, Problem
from lossnav.core.engine.batching import forward_batch_size
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.terrain import TERRAIN
from torch import Tensor, nn

THREADS = 2
REPEATS = 5
SIZES = (None, 512, 256, 128, 64, 32)


class Block(nn.Module):
    """Two 3×3 convolutions with BatchNorm and a skip connection."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(width_in, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width))
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        same = stride == 1 and width_in == width
        self.skip = nn.Identity() if same else nn.Conv2d(width_in, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x))) + self.skip(x))


def resnet20() -> nn.Module:
    """ResNet-20 for 32×32 images (He et al. 2016 §4.2)."""
    blocks = [
        Block(a, b, s)
        for a, b, s in [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
    ]
    stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def problems() -> dict[str, Problem]:
    """The three workloads: a small MLP, a small CNN, a ResNet-20; random data, since only shapes matter here."""
    torch.manual_seed(0)
    mlp = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    layers = [(1, 16, 1), (16, 32, 2), (32, 64, 2)]
    convolutions = [m for a, b, s in layers for m in (nn.Conv2d(a, b, 3, s, 1), nn.BatchNorm2d(b), nn.ReLU())]
    cnn = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    shapes = {"W1": (mlp, (1797, 64)), "W2": (cnn, (1437, 1, 8, 8)), "W3": (resnet20(), (512, 3, 32, 32))}
    return {k: Problem(m, torch.randn(s), torch.arange(s[0]) % 10, name=k) for k, (m, s) in shapes.items()}


def seconds(evaluator: Evaluator, points: np.ndarray) -> float:
    """Seconds per point."""
    started = time.perf_counter()
    evaluator.evaluate(points)
    return (time.perf_counter() - started) / len(points)


def main() -> None:
    """Measure and print a table."""
    torch.set_num_threads(THREADS)
    device = torch.device("cpu")
    for name, problem in problems().items():
        plane = Plane.random(problem)
        sizes = [s for s in SIZES if s is None or s < problem.example_count]
        runs = {
            s: Evaluator(problem, plane, TERRAIN.measures(problem), device, None, s or problem.example_count)
            for s in sizes
        }
        points = np.random.default_rng(0).uniform(-1, 1, (4 if name == "W3" else 40, 2))
        times: dict[int | None, list[float]] = {s: [] for s in sizes}
        for _ in range(REPEATS + 1):
            for s in sizes:
                times[s].append(seconds(runs[s], points))
        whole = statistics.median(times[None][1:])
        chosen = forward_batch_size(problem, device)
        print(f"{name}: rule chooses {chosen} of {problem.example_count}")
        for s in sizes:
            middle = statistics.median(times[s][1:])
            print(f"  {s or 'all':>5}: {1e3 * middle:8.2f} ms per point, {middle / whole:5.2f} of all at once")


if __name__ == "__main__":
    main()
