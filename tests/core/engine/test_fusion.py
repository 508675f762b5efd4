"""The fused way: the plain way's numbers on networks of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cases
import numpy as np
import pytest
import torch
from abilities import needs
from lossnav.core import Plane, Problem
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.engine.fused import FusedNetwork
from lossnav.core.engine.kernels import Kernels
from lossnav.core.properties.terrain import TERRAIN
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

CPU = torch.device("cpu")
SINGLE = torch.float32
POINTS = np.array([[0.0, 0.0], [1.0, -1.0], [-0.5, 0.25], [1.0, 1.0]])

pytestmark = needs("onednn")


class Residual(nn.Module):
    """Two convolutions with BatchNorm and a skip connection, in place or not, the sum one way round or the other."""

    def __init__(self, stride: int = 1, in_place: bool = False, skip_first: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 3, stride, 1, bias=False), nn.Conv2d(4, 4, 3, 1, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(3))
        self.skip = nn.Conv2d(4, 4, 1, stride) if stride > 1 else None
        self.in_place, self.skip_first = in_place, skip_first

    def forward(self, x: Tensor) -> Tensor:
        side = x if self.skip is None else self.norms[2](self.skip(x))
        x = F.relu(self.norms[0](self.first(x)), inplace=self.in_place)
        x = self.norms[1](self.second(x))
        if self.in_place:
            x += side
        else:
            x = side + x if self.skip_first else x + side
        return F.relu(x, inplace=self.in_place)


class UsedTwice(nn.Module):
    """One convolution called twice, and a convolution's output that two operations use."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.shared(x)))
        x = self.shared(x)
        return torch.relu(x) + 0.5 * torch.relu(-x)


class WritesBetween(nn.Module):
    """The convolution's input is overwritten before its output is used."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.layer = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        y = self.layer(x)
        x.mul_(2.0)
        return torch.relu(y) + x


class SeenBefore(nn.Module):
    """An in-place ReLU whose input another name still looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        seen = x.view(x.shape)
        return x.relu_() + seen


class ChunkWritten(nn.Module):
    """A layer's input is overwritten through a view that torch does not call one, before the layer's output is used."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        left, right = x.unsafe_chunk(2, 1)
        y = self.second(x)
        left.mul_(2.0)
        return torch.relu(y) + left + right


class Biased(nn.Module):
    """A bias that has gaps, or repeats one number, in memory."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.weight, self.kind = nn.Parameter(torch.ones(8, 8)), kind
        self.bias = nn.Parameter(torch.ones(16))

    def forward(self, x: Tensor) -> Tensor:
        bias = {"every second": self.bias[::2], "repeated": self.bias[:1].expand(8), "single": self.bias[:1]}[self.kind]
        return torch.relu(torch.addmm(bias, x, self.weight.t()))


class Twofold(nn.Module):
    """Batches that a dict names, and a weight that another weight scales."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(4, 8), nn.Linear(4, 8)
        self.scale = nn.Parameter(torch.ones(8, 1))

    def forward(self, a: Tensor, b: Tensor, shift: Tensor | None = None) -> Tensor:
        assert shift is None
        return torch.relu(F.linear(a, self.left.weight * self.scale, self.left.bias)) + self.right(b).relu()


class OwnConvolution(nn.Conv2d):
    """A user's subclass that does more than its parent."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 2.0 + 1.0


def hooked() -> nn.Module:
    layer = nn.Conv2d(4, 4, 3)
    layer.register_forward_hook(lambda module, inputs, output: output * 3.0)
    return nn.Sequential(layer, nn.ReLU())


IMAGES: dict[str, Callable[[], nn.Module]] = {
    "BatchNorm and ReLU": lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU()),
    "no bias": lambda: nn.Sequential(nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6)),
    "grouped": lambda: nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.BatchNorm2d(8), nn.ReLU()),
    "depthwise": lambda: nn.Sequential(nn.Conv2d(4, 4, 3, groups=4, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
    "dilated, strided, padded": lambda: nn.Sequential(
        nn.Conv2d(4, 6, 3, stride=(2, 1), padding=(1, 2), dilation=2), nn.ReLU()
    ),
    "padding by name": lambda: nn.Sequential(nn.Conv2d(4, 6, 3, padding="same"), nn.ReLU()),
    "padded with reflections": lambda: nn.Sequential(nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), nn.ReLU()),
    "transposed": lambda: nn.Sequential(nn.ConvTranspose2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU()),
    "BatchNorm without weights": lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False), nn.ReLU()),
    "BatchNorm first": lambda: nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Sigmoid()),
    "in-place ReLU": lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True)),
    "GELU": lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.GELU()),
    "GroupNorm": lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.GroupNorm(2, 6), nn.ReLU(), nn.MaxPool2d(2)),
    "subclass": lambda: nn.Sequential(OwnConvolution(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU()),
    "hook": hooked,
    "residual": lambda: nn.Sequential(Residual(), Residual(2)),
    "residual, in place": lambda: nn.Sequential(Residual(in_place=True), Residual(2, in_place=True)),
    "residual, skip first": lambda: nn.Sequential(Residual(skip_first=True), Residual(2, skip_first=True)),
    "used twice": UsedTwice,
    "written between": WritesBetween,
    "seen before": SeenBefore,
    "weight norm": lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 6, 3)), nn.ReLU()),
}
ROWS: dict[str, Callable[[], nn.Module]] = {
    "MLP": lambda: nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16, bias=False), nn.ReLU(inplace=True)),
    "LayerNorm": lambda: nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 16), nn.ReLU()),
    "BatchNorm": lambda: nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU()),
    "chunk written": ChunkWritten,
    "every second bias": lambda: Biased("every second"),
    "repeated bias": lambda: Biased("repeated"),
    "single bias": lambda: Biased("single"),
    "cells": lambda: nn.Sequential(nn.GRUCell(8, 8), nn.ReLU()),
    "frozen": lambda: nn.Sequential(nn.Linear(8, 16).requires_grad_(False), nn.ReLU(), nn.Linear(16, 16)),
    "transformer": lambda: nn.Sequential(
        nn.Unflatten(1, (2, 4)), nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True), nn.Flatten()
    ),
}


def problem_of(trunk: nn.Module, inputs: object, examples: int = 11) -> Problem:
    """A classifier on top of `trunk` whose BatchNorms have statistics as training leaves them."""
    flat = nn.Sequential(trunk, nn.Flatten(), nn.LazyLinear(3)) if isinstance(inputs, Tensor) else trunk
    args = [inputs] if isinstance(inputs, Tensor) else list(inputs.values())  # type: ignore[attr-defined]
    with torch.no_grad():
        flat(*args)
    model = cases.initialised(flat, dtype=SINGLE)
    with torch.no_grad():
        for _ in range(10):
            model.train()(*args)
    return Problem(model, inputs, cases.labels(examples, classes=3))  # type: ignore[arg-type]


def images() -> Tensor:
    return cases.normal(11, 4, 8, 8, dtype=SINGLE)


def columns(problem: Problem, **way: object) -> np.ndarray:
    plane = Plane.random(problem, seed=1, ignore=None)  # BatchNorm's weights move too
    stated = {"network": "plain", "batch_size": 4, **way}
    evaluator = Evaluator(problem, plane, TERRAIN.measures(problem), CPU, way=stated)
    assert evaluator.way == {"layout": "contiguous", "points": 1, "graph": False, **stated}  # it was not given up
    return evaluator.evaluate(POINTS)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("name", IMAGES)
def test_fused_is_plain_on_images(name: str, layout: str) -> None:
    problem = problem_of(IMAGES[name](), images())
    np.testing.assert_allclose(columns(problem, network="fused", layout=layout), columns(problem), rtol=1e-6)


@pytest.mark.parametrize("name", ROWS)
def test_fused_is_plain_on_rows(name: str) -> None:
    problem = problem_of(ROWS[name](), cases.normal(11, 8, dtype=SINGLE))
    np.testing.assert_allclose(columns(problem, network="fused"), columns(problem), rtol=1e-6)


def test_fused_is_plain_with_named_inputs() -> None:
    inputs = {"a": cases.normal(11, 4, dtype=SINGLE), "b": cases.normal(11, 4, seed=1, dtype=SINGLE)}
    problem = problem_of(Twofold(), inputs)
    np.testing.assert_allclose(columns(problem, network="fused"), columns(problem), rtol=1e-6)


def test_fused_is_plain_with_tied_weights_and_ignored_tokens() -> None:
    given = cases.tokens()
    problem = Problem(cases.initialised(given.model, dtype=SINGLE), given.inputs, given.targets)
    pair = [
        Evaluator(problem, Plane.random(problem), TERRAIN.measures(problem), CPU, way={"network": n, "batch_size": 2})
        for n in ("fused", "plain")
    ]
    assert [each.way["network"] for each in pair] == ["fused", "plain"]
    np.testing.assert_allclose(pair[0].evaluate(POINTS), pair[1].evaluate(POINTS), rtol=1e-6)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_a_diverged_point_is_no_number_in_either_way(layout: str) -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 16, 3),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 8),
    )
    problem = problem_of(nn.Sequential(model, nn.ReLU(), nn.Linear(8, 8), nn.ReLU()), images())
    plane, far = Plane.random(problem, ignore=None), np.array([[10.0**k, 0.0] for k in range(0, 33, 4)])
    plain, fused = (
        Evaluator(problem, plane, TERRAIN.measures(problem), CPU, way={"network": n, "batch_size": 4, "layout": layout})
        for n in ("plain", "fused")
    )
    expected, found = plain.evaluate(far)[:, 0], fused.evaluate(far)[:, 0]
    assert fused.way["network"] == "fused"
    assert 0 < np.isfinite(expected).sum() < len(far)
    assert np.isfinite(found).tolist() == np.isfinite(expected).tolist()


class Operations(TorchDispatchMode):
    """Notes the operations that run while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(str(func).split(".")[1])
        return func(*args, **(kwargs or {}))


def operations(model: nn.Module, inputs: Tensor) -> list[str]:
    """What a network's fused way runs for a batch once the weights are folded, views left out."""
    kernels = Kernels.of(CPU, SINGLE)
    network = FusedNetwork(model.eval().requires_grad_(False), kernels)
    with torch.inference_mode():
        network(inputs)
        with Operations() as noted:
            network(inputs)
    return [name for name in noted.seen if name not in ("view", "t", "permute")]


@pytest.mark.parametrize("in_place", [False, True])
def test_a_residual_block_is_three_convolutions_and_writes_in_place(in_place: bool) -> None:
    found = operations(Residual(2, in_place), images())
    assert sorted(found) == ["_convolution_pointwise"] * 3 + ["add_"] + ["relu_"] * 2


def test_an_output_that_is_used_twice_is_kept() -> None:
    found = operations(UsedTwice(), images())
    assert found == ["_convolution_pointwise", "relu_", "_convolution_pointwise", "relu", "neg", "relu", "mul", "add"]


def test_a_linear_layers_activation_is_written_in_place() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    assert operations(model, torch.ones(5, 8)) == ["_linear_pointwise", "relu_", "_linear_pointwise"]


ACTIVATIONS = {
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "silu": nn.SiLU(),
    "gelu": nn.GELU(),
    "gelu by tanh": nn.GELU("tanh"),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_the_kernels_own_and_as_near_to_the_truth_as_torchs(name: str) -> None:
    """On rows, on sequences, whose rows lie in another shape, and behind a convolution; over the whole range of each."""
    shapes = {(11, 8): nn.Linear(8, 16), (5, 7, 8): nn.Linear(8, 16), (3, 8, 9, 9): nn.Conv2d(8, 6, 3)}
    for shape, layer in shapes.items():
        model = nn.Sequential(cases.initialised(layer, dtype=SINGLE), ACTIVATIONS[name])
        inputs = 4 * cases.normal(*shape, dtype=SINGLE)
        assert [n for n in operations(model, inputs) if not n.endswith("_pointwise")] == []
        with torch.inference_mode():
            fused, plain = FusedNetwork(model, Kernels.of(CPU, SINGLE))(inputs), model(inputs)
            truth = ACTIVATIONS[name](torch.as_tensor(model[0].double()(inputs.double())))
        assert (fused - truth).abs().max() < 2 * (plain - truth).abs().max() + 1e-7
        torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_of_the_kernels_own_keeps_nan_and_infinity(name: str) -> None:
    model = nn.Sequential(nn.Linear(1, 1, bias=False), ACTIVATIONS[name]).requires_grad_(False)
    model[0].weight.fill_(1.0)
    extremes = torch.tensor([[np.nan], [np.inf], [-np.inf], [1e30], [-1e30]], dtype=SINGLE)
    fused, truth = FusedNetwork(model, Kernels.of(CPU, SINGLE))(extremes), ACTIVATIONS[name](extremes)
    if name == "gelu":  # torch's of infinity is NaN, by its way of computing erf; infinity is right
        truth[1] = np.inf
    torch.testing.assert_close(fused, truth, equal_nan=True, rtol=1e-6, atol=0.0)


class UsedBefore(nn.Module):
    """A linear map that an activation and something else use."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        return torch.tanh(x) + x


def test_an_activation_is_left_where_something_else_uses_what_it_is_of() -> None:
    assert operations(UsedBefore(), torch.ones(5, 8)) == ["_linear_pointwise", "tanh", "add"]


def test_there_is_no_fused_way_in_double_precision() -> None:
    problem = cases.convolution()
    plane = Plane.random(problem)
    way = {"network": "fused", "batch_size": 10}
    evaluator = Evaluator(problem, plane, TERRAIN.measures(problem), CPU, way=way)
    assert evaluator.way["network"] == "plain"
    expected = Evaluator(problem, plane, TERRAIN.measures(problem), CPU).evaluate(POINTS)
    np.testing.assert_allclose(evaluator.evaluate(POINTS), expected, rtol=1e-12)


def test_numbers_do_not_depend_on_order_or_tiles() -> None:
    problem = problem_of(Residual(2), images())
    plane = Plane.random(problem)
    way = {"network": "fused", "batch_size": 4, "layout": "channels_last"}
    forth, back = (Evaluator(problem, plane, TERRAIN.measures(problem), CPU, way=way) for _ in range(2))
    single = np.concatenate([back.evaluate(POINTS[[i]]) for i in reversed(range(len(POINTS)))])[::-1]
    assert np.array_equal(forth.evaluate(POINTS), single)
