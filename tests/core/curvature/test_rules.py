"""Products by the rules of a network's operations, against automatic differentiation."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from types import MethodType

import cases
import pytest
import torch
from abilities import needs
from lossnav.core import Problem
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.curvature.operators import Curvature
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


class Awkward(nn.Module):
    """Two layers with a function of (layers, x) as the forward."""

    def __init__(self, course: Callable[[Awkward, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last, self.same = nn.Linear(6, 6), nn.Linear(6, 3), nn.Identity()
        self.course = course

    def forward(self, x: Tensor) -> Tensor:
        return self.course(self, x)


def writes_to_a_view(net: Awkward, x: Tensor) -> Tensor:
    x = net.first(x)
    return net.last(F.relu(x.view(x.size(0), 6), inplace=True) + x)  # type: ignore[no-any-return]


def writes_behind_dropout(net: Awkward, x: Tensor) -> Tensor:
    x = net.first(x)
    return net.last(F.relu(F.dropout(x, 0.5, net.training), inplace=True) + x)  # type: ignore[no-any-return]


def adds_in_place(net: Awkward, x: Tensor) -> Tensor:
    x = net.first(x)
    y = net.same(x)
    y += torch.tanh(x)
    return net.last(y + x)  # type: ignore[no-any-return]


def folds_examples(net: Awkward, x: Tensor) -> Tensor:
    return net.last(torch.tanh(net.first(x.view(-1, 6)))).view(-1, 2, 3).mean(1)  # type: ignore[no-any-return]


def shapes_like_another(net: Awkward, x: Tensor) -> Tensor:
    y = torch.tanh(net.first(x))
    return net.last(y.view(-1, 2, 3).tanh().view(y.shape))  # type: ignore[no-any-return]


def shapes_by_name(net: Awkward, x: Tensor) -> Tensor:
    return net.last(torch.tanh(net.first(x)).reshape(shape=(-1, 6)))  # type: ignore[no-any-return,call-overload]


def averages_everything(net: Awkward, x: Tensor) -> Tensor:
    return net.last(torch.tanh(net.first(x))) + torch.tanh(net.first(x)).mean(dim=[])  # type: ignore[no-any-return]


def pools_examples_as_channels(net: Awkward, x: Tensor) -> Tensor:
    return net.last(F.max_pool2d(torch.tanh(net.first(x)).unflatten(1, (2, 3)), 1).flatten(1))  # type: ignore[no-any-return]


AWKWARD: dict[str, tuple[Callable[[Awkward, Tensor], Tensor], int]] = {
    "writes to a view": (writes_to_a_view, 6),
    "writes behind dropout": (writes_behind_dropout, 6),
    "adds in place": (adds_in_place, 6),
    "folds examples": (folds_examples, 12),
    "shapes like another": (shapes_like_another, 6),
    "shapes by name": (shapes_by_name, 6),
    "averages everything": (averages_everything, 6),
    "pools examples as channels": (pools_examples_as_channels, 6),
}


def awkward(name: str) -> Problem:
    course, width = AWKWARD[name]
    return Problem(cases.initialised(Awkward(course)), cases.normal(7, width), cases.labels(7, classes=3))


def by_differentiation(problem: Problem, rows: Tensor) -> Tensor:
    """H v of the network as it is called, with nothing of ours between."""
    point = {k: p.clone().requires_grad_(True) for k, p in problem.parameters.items()}
    outputs = torch.func.functional_call(problem.model.eval(), point, problem.args)
    slopes = torch.autograd.grad(F.cross_entropy(outputs, problem.targets), list(point.values()), create_graph=True)
    flat = torch.cat([slope.flatten() for slope in slopes])
    found = [torch.autograd.grad(flat, list(point.values()), row, retain_graph=True) for row in rows]
    return torch.stack([torch.cat([piece.flatten() for piece in pieces]) for pieces in found])


@pytest.mark.parametrize("name", AWKWARD)
def test_whatever_the_forward_does_products_are_those_of_the_network(name: str) -> None:
    problem = awkward(name)
    operator = Curvature(LossFunction(problem, device="cpu"))
    rows = cases.normal(3, operator.size, seed=1)
    assert torch.allclose(operator.products(rows), by_differentiation(problem, rows), rtol=1e-9, atol=1e-11)


def doubled(*parts: object) -> Tensor:
    return 2 * parts[-1]  # type: ignore[operator,no-any-return]


ALTERED: dict[str, Callable[[nn.Sequential], object]] = {
    "hook": lambda model: model.register_forward_hook(doubled),
    "hook of a part": lambda model: model[0].register_forward_hook(doubled),
    "hook before": lambda model: model.register_forward_pre_hook(lambda module, inputs: (2 * inputs[0],)),
    "forward of its own": lambda model: setattr(
        model[1], "forward", MethodType(lambda layer, x: 2 * F.linear(x, layer.weight, layer.bias), model[1])
    ),
}


@pytest.mark.parametrize("change", ALTERED)
def test_what_changes_a_module_after_it_was_followed_is_not_overlooked(change: str) -> None:
    model = cases.initialised(nn.Sequential(cases.mlp((6, 6, 6)), nn.Linear(6, 3)))
    problem = Problem(model, cases.normal(7, 6), cases.labels(7, classes=3))
    assert LossFunction(problem, device="cpu").program is not None
    ALTERED[change](model)
    operator = Curvature(LossFunction(problem, device="cpu"))
    rows = cases.normal(2, operator.size)
    assert torch.allclose(operator.products(rows), by_differentiation(problem, rows), rtol=1e-9, atol=1e-11)


def test_attributes_that_cannot_be_compared_are_no_hindrance() -> None:
    problem = awkward("writes to a view")
    problem.model.pair = (torch.ones(2), torch.ones(2))
    for _ in range(2):
        LossFunction(problem, device="cpu")


def test_other_threads_call_their_networks_while_one_is_followed() -> None:
    other, x, found = cases.initialised(cases.mlp((6, 6, 3))), cases.normal(2, 6), list[Tensor]()

    def course(net: Awkward, inputs: Tensor) -> Tensor:
        thread = threading.Thread(target=lambda: found.append(other(x)))
        thread.start()
        thread.join()
        return net.last(torch.tanh(net.first(inputs)))  # type: ignore[no-any-return]

    problem = Problem(cases.initialised(Awkward(course)), cases.normal(4, 6), cases.labels(4, classes=3))
    found.clear()
    assert LossFunction(problem, device="cpu").program is not None
    assert [bool(torch.equal(each, other(x))) for each in found] == [True] * len(found) != []


def held_numbers() -> int:
    gc.collect()
    return sum(t.numel() for t in gc.get_objects() if issubclass(type(t), Tensor))


@pytest.mark.parametrize("name", ["residual", "smooth"])
def test_nothing_of_the_directions_is_kept_between_products(name: str) -> None:
    operator = both(RULED[name](), "hessian", batch_size=2)[0]
    rows = cases.normal(40, operator.size)
    operator.products(rows[:1])  # linearised
    before = held_numbers()
    operator.products(rows)
    assert held_numbers() <= 1.05 * before


def test_single_precision_is_as_exact_as_automatic_differentiation() -> None:
    problem = trained(Residual(), 36, n=64)
    rows = cases.normal(3, problem.parameter_count, seed=1)
    true = both(problem, "hessian")[0].products(rows)
    problem = Problem(problem.model.float(), problem.args[0].float(), problem.targets)
    ruled, plain = (op.products(rows.float()).double() - true for op in both(problem, "hessian"))
    assert float(ruled.norm()) <= 3 * float(plain.norm()) + 1e-7 * float(true.norm())


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
@needs("cuda")
@pytest.mark.parametrize("name", RULED)
def test_products_on_a_gpu_are_those_on_a_cpu(name: str) -> None:
    problem = RULED[name]()
    here, there = (Curvature(LossFunction(problem, device=device)) for device in ("cpu", "cuda"))
    rows = cases.normal(3, here.size, seed=1)
    assert torch.allclose(there.products(rows.cuda()).cpu(), here.products(rows), rtol=1e-8, atol=1e-10)
