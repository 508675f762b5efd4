"""Networks that are more than a list of operations: refused by the fused way, and run plainly with the plain numbers."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch
from abilities import needs
from lossnav.core import Plane, Problem
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.engine.fused import FusedNetwork
from lossnav.core.engine.kernels import Kernels
from lossnav.core.engine.tracing import UnrecordableError, recorded
from lossnav.core.properties.terrain import TERRAIN
from torch import Tensor, nn
from torch.nn import functional as F

CPU = torch.device("cpu")
SINGLE = torch.float32
POINTS = np.array([[0.0, 0.0], [1.0, -1.0], [-0.5, 0.25], [1.0, 1.0]])

pytestmark = needs("onednn")


def assert_stays_plain(problem: Problem) -> None:
    """Asked for the fused way, a survey of it is the plain one to the bit."""
    plane = Plane.random(problem)
    plain, asked = (
        Evaluator(problem, plane, TERRAIN.measures(problem), CPU, way={"network": network, "batch_size": 6})
        for network in ("plain", "fused")
    )
    assert asked.way["network"] == "plain"
    assert np.array_equal(asked.evaluate(POINTS), plain.evaluate(POINTS))


class ScaledLater(nn.Module):
    """What is made of the weights alone is changed between its two uses."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 8))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * 1.0
        y = F.linear(x, weight)
        weight.mul_(2.0)
        return torch.relu(y) + F.linear(x, weight)


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.sum() > 0 else x


class Swallowing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        try:
            return x * float(x.sum())
        except RuntimeError:
            return x


class Numpy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * float(np.sin(x.detach().numpy()).sum())


class Listing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * sum(x.tolist()[0])


class Masking(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[x[:, 0] > 0].sum() + x


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand(())


class Remembering(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return x * self.count


class Overwriting(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2.0)


class Renewing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.full((1,), 2.0))

    def forward(self, x: Tensor) -> Tensor:
        self.scale.data = self.scale.data / self.scale.data.norm()
        return x * self.scale


class Together(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        torch._foreach_add_([self.count], 1.0)
        return x * self.count


class Hidden(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.ones(1)  # neither a parameter nor a buffer

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


REFUSED: dict[str, tuple[type[nn.Module], str]] = {
    "branching": (Branching, "values"),
    "swallowing": (Swallowing, "values"),
    "numpy": (Numpy, "values"),
    "lists": (Listing, "values"),
    "masks": (Masking, "values"),
    "noise": (Noisy, "random"),
    "memory": (Remembering, "buffers or inputs"),
    "writing a list": (Together, "buffers or inputs"),
    "other memory": (Renewing, "other memory"),
    "overwriting": (Overwriting, "buffers or inputs"),
    "hidden tensor": (Hidden, "neither weight, buffer nor input"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_more_than_operations_is_refused(name: str) -> None:
    kind, reason = REFUSED[name]
    model = kind()
    buffers = list(model.buffers())

    def forward(x: Tensor, *state: Tensor) -> Tensor:
        return torch.func.functional_call(model, dict(zip(dict(model.named_buffers()), state, strict=True)), (x,))

    with pytest.raises(UnrecordableError, match=reason):
        recorded(forward, [torch.rand(4, 3), *buffers])


@pytest.mark.parametrize("name", [name for name in REFUSED if name != "overwriting"])  # within, it harms nobody
def test_a_refused_network_stays_plain_and_right(name: str) -> None:
    model = cases.initialised(
        nn.Sequential(nn.Linear(3, 5), nn.ReLU(), REFUSED[name][0](), nn.Linear(5, 3)), dtype=SINGLE
    )
    problem = Problem(model, cases.normal(6, 3, dtype=SINGLE), cases.labels(6, classes=3))
    assert_stays_plain(problem)


def test_statistics_of_the_batch_are_refused() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False)).requires_grad_(False)
    kernels = Kernels.of(CPU, SINGLE)
    with pytest.raises(UnrecordableError, match="statistics of the batch"):
        FusedNetwork(model.eval(), kernels)(torch.rand(5, 3))


def test_what_is_changed_between_two_uses_stays_plain_and_right() -> None:
    model = cases.initialised(nn.Sequential(ScaledLater(), nn.Linear(8, 3)), dtype=SINGLE)
    assert_stays_plain(Problem(model, cases.normal(11, 8, dtype=SINGLE), cases.labels(11, classes=3)))
