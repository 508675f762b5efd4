"""Products by the rules of a network's operations, against automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable

import cases
import pytest
import torch
from lossnav.core import Problem
from lossnav.core.spectrum.operators import Curvature
from lossnav.core.spectrum.products import LossFunction
from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Every kind of operation that joins, pools and reshapes."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, bias=bias)
        self.norm = nn.BatchNorm2d(4)
        self.inner = nn.Conv2d(4, 4, 3, padding=2, dilation=2, bias=bias)
        self.before = nn.BatchNorm2d(4)
        self.down = nn.Conv2d(4, 6, 3, stride=2)
        self.head = nn.Linear(6, 3, bias=bias)

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(pixels.unflatten(1, (1, 6, 6)))), inplace=True)
        x = F.max_pool2d(x, 2, stride=1)
        x = x + torch.tanh(self.inner(self.before(x)))
        x = F.avg_pool2d(F.gelu(self.down(x)), 2)
        return self.head(x.view(x.size(0), -1))  # type: ignore[no-any-return]


class Shared(nn.Module):
    """One layer applied twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(3, 3), nn.Linear(3, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.silu(self.layer(torch.tanh(self.layer(x)))))  # type: ignore[no-any-return]


class Overwritten(nn.Module):
    """Writes over a value that is used again."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        return self.head(F.relu(x, inplace=True) + x)  # type: ignore[no-any-return]


def trained(model: nn.Module, *shape: int, n: int = 9, classes: int = 3) -> Problem:
    model = cases.initialised(model)
    data = cases.normal(n, *shape)
    with torch.no_grad():
        for _ in range(20):
            model.train()(data)
    return Problem(model, data, cases.labels(n, classes=classes))


def half_frozen() -> Problem:
    model = cases.initialised(Residual())
    for module in (model.stem, model.norm):
        module.requires_grad_(False)
    model.inner.weight.requires_grad_(False)
    model.before.bias.requires_grad_(False)
    return Problem(model, cases.normal(8, 36), cases.labels(8, classes=3))


RULED: dict[str, Callable[[], Problem]] = {
    **{name: cases.CASES[name] for name in ("classifier", "smooth", "convolution", "soft labels", "regression")},
    **{name: cases.CASES[name] for name in ("gaussian", "custom", "frozen", "dropout")},
    "residual": lambda: trained(Residual(), 36),
    "residual without biases": lambda: trained(Residual(bias=False), 36),
    "half frozen": half_frozen,
    "shared layer": lambda: trained(Shared(), 3),
    "normalised rows": lambda: trained(
        nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5, affine=False), nn.Softplus(), nn.Linear(5, 3)), 4
    ),
}


def both(problem: Problem, of: str, batch_size: int | None = None) -> tuple[Curvature, Curvature]:
    ruled, plain = (LossFunction(problem, device="cpu", batch_size=batch_size) for _ in range(2))
    assert ruled.program is not None
    plain.program = None
    return Curvature(ruled, of), Curvature(plain, of)


@pytest.mark.parametrize("of", ["hessian", "ggn"])
@pytest.mark.parametrize("name", RULED)
def test_products_are_those_of_automatic_differentiation(name: str, of: str) -> None:
    ruled, plain = both(RULED[name](), of, batch_size=4)
    rows = cases.normal(3, ruled.size, seed=1)
    assert torch.allclose(ruled.products(rows), plain.products(rows), rtol=1e-9, atol=1e-11)
    assert ruled.function.program is not None  # nothing fell back on the way


@pytest.mark.parametrize(
    "name", ["tied tokens", "two inputs", "named inputs", "recurrent", "attention", "weight norm", "complex buffer"]
)
def test_what_has_no_rule_is_differentiated_automatically(name: str) -> None:
    function = LossFunction(cases.CASES[name](), device="cpu")
    function.hessian_products(torch.zeros_like(function.point)[None])
    assert function.program is None


def test_a_value_that_is_overwritten_and_used_again_is_not_understood() -> None:
    function = LossFunction(trained(Overwritten(), 3), device="cpu")
    assert function.program is None


def test_a_hook_makes_a_network_not_understood() -> None:
    model = cases.initialised(cases.mlp((3, 4, 3)))
    model[0].register_forward_hook(lambda module, inputs, output: 2 * output)
    assert LossFunction(Problem(model, cases.normal(4, 3), cases.labels(4, classes=3))).program is None


def test_a_network_changed_after_it_was_followed_is_followed_again() -> None:
    model = cases.initialised(cases.mlp((3, 4, 3)))
    data, labels = cases.normal(6, 3), cases.labels(6, classes=3)
    assert len(LossFunction(Problem(model, data, labels)).program or ()) == 3
    model.append(nn.Tanh())
    ruled, plain = both(Problem(model, data, labels), "hessian")
    rows = cases.normal(2, ruled.size)
    assert torch.allclose(ruled.products(rows), plain.products(rows), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("ruled", [True, False])
def test_products_follow_the_point_and_the_buffers(ruled: bool) -> None:
    problem = trained(Residual(), 36)
    function = LossFunction(problem, device="cpu")
    if not ruled:
        function.program = None
    row = cases.normal(1, len(function.point)) * (function.point != 0)
    first = function.hessian_products(row)
    assert torch.equal(function.hessian_products(row), first)
    function.point.mul_(1.1)
    second = function.hessian_products(row)
    assert not torch.allclose(first, second)
    function.point = function.point / 1.1
    assert torch.allclose(function.hessian_products(row), first, rtol=1e-9, atol=1e-12)
    function.workspace.model.norm.running_var.mul_(2)
    assert not torch.allclose(function.hessian_products(row), first)


@pytest.mark.parametrize("name", ["residual", "classifier"])
def test_products_do_not_depend_on_the_number_of_threads(name: str) -> None:
    problem, found, before = RULED[name](), [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            operator = both(problem, "hessian")[0]
            found.append(operator.products(cases.normal(3, operator.size, seed=1)))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert torch.allclose(other, found[0], rtol=1e-10, atol=1e-13)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("name", RULED)
def test_products_on_a_gpu_are_those_on_a_cpu(name: str) -> None:
    problem = RULED[name]()
    here, there = (Curvature(LossFunction(problem, device=device)) for device in ("cpu", "cuda"))
    rows = cases.normal(3, here.size, seed=1)
    assert torch.allclose(there.products(rows.cuda()).cpu(), here.products(rows), rtol=1e-8, atol=1e-10)
