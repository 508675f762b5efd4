"""Second derivatives that are wrong or absent are found, and products are then right in another way."""

from __future__ import annotations

import warnings

import cases
import pytest
import torch
from lossnav.core import Problem, spectrum
from lossnav.core.curvature.operators import curvature
from lossnav.core.curvature.second_derivatives import second_derivatives
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class Kept(torch.autograd.Function):
    """tanh whose derivative is kept as a number, so that its own derivative is lost without a word."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def, override]
        y = torch.tanh(x)
        ctx.slope = (1 - y**2).detach()
        return y

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def, override]
        return gradient * ctx.slope  # type: ignore[no-any-return]


class Once(Kept):
    """The same, and torch knows."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def, override]
        return gradient * ctx.slope  # type: ignore[no-any-return]


class Bent(nn.Module):
    def __init__(self, function: object) -> None:
        super().__init__()
        self.first, self.last, self.function = nn.Linear(3, 4), nn.Linear(4, 3), function

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.function(self.first(x)))  # type: ignore[operator, no-any-return]


def problem_of(function: object, dtype: torch.dtype = torch.float64) -> Problem:
    model = cases.initialised(Bent(function), 3, dtype)
    return Problem(model, cases.normal(9, 3, dtype=dtype), cases.labels(9, classes=3))


def dense(problem: Problem, of: str) -> Tensor:
    operator = curvature(problem, of=of, device="cpu")
    return operator.products(torch.eye(operator.size, dtype=operator.dtype))


@pytest.mark.parametrize("case", cases.CASES)
def test_ordinary_networks_are_confirmed(case: str) -> None:
    found = second_derivatives(cases.CASES[case]())
    assert (found.how, found.confirmed, found.why) == ("exact", True, "")


@pytest.mark.parametrize("of", ["hessian", "ggn", "fisher", "empirical_fisher"])
@pytest.mark.parametrize("function", [Kept, Once])
def test_wrong_and_absent_derivatives_give_way_to_differences(function: type[Kept], of: str) -> None:
    problem, truth = problem_of(function.apply), problem_of(torch.tanh)
    found = second_derivatives(problem)
    assert found.how == "differences"
    assert found.miss < 1e-6
    assert "central differences" in found.sentence
    torch.testing.assert_close(dense(problem, of), dense(truth, of), rtol=1e-6, atol=1e-8)


def test_a_network_in_float32_is_differenced_in_float64() -> None:
    truth = problem_of(torch.tanh)
    model = cases.initialised(Bent(Kept.apply), 3).float()
    for own, other in zip(truth.model.parameters(), model.parameters(), strict=True):
        own.data.copy_(other)  # the same numbers, which float32 holds
    inputs = truth.inputs[0].float()
    single = Problem(model, inputs, truth.targets)
    double = Problem(truth.model, inputs.double(), truth.targets)
    torch.testing.assert_close(dense(single, "hessian").double(), dense(double, "hessian"), rtol=1e-5, atol=1e-7)


def test_the_hard_sigmoid_is_written_out() -> None:
    problem = problem_of(F.hardsigmoid)
    assert second_derivatives(problem).how == "elementary"
    truth = problem_of(lambda x: F.relu6(x + 3) / 6)
    torch.testing.assert_close(dense(problem, "hessian"), dense(truth, "hessian"), rtol=1e-10, atol=1e-12)


def test_the_older_weight_norm_has_its_own_hessian() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.utils.weight_norm(nn.Linear(3, 3)).double()
    problem = Problem(model, cases.normal(9, 3), cases.labels(9, classes=3))
    names = list(problem.parameters)

    def loss(*values: Tensor) -> Tensor:
        at = dict(zip(names, values, strict=True))
        weight = at["weight_g"] * at["weight_v"] / at["weight_v"].norm(dim=1, keepdim=True)
        return F.cross_entropy(F.linear(problem.inputs[0], weight, at["bias"]), problem.targets)

    values = tuple(problem.parameters.values())
    rows = torch.autograd.functional.hessian(loss, values)
    matrix = torch.cat(
        [torch.cat([b.reshape(v.numel(), -1) for b in row], 1) for v, row in zip(values, rows, strict=True)]
    )
    found = torch.from_numpy(spectrum(problem).eigenvalues)
    torch.testing.assert_close(found, torch.linalg.eigvalsh(matrix), rtol=1e-9, atol=1e-11)


def test_a_loss_without_second_derivative_has_a_curvature_all_the_same() -> None:
    def ctc(z: Tensor, y: Tensor) -> Tensor:
        how = (torch.full((len(y),), 5), torch.full((len(y),), 2))
        return F.ctc_loss(z.log_softmax(-1).transpose(0, 1), y, *how, reduction="none")

    model = cases.initialised(nn.Linear(3, 4), 2)
    problem = Problem(model, cases.normal(6, 5, 3), cases.labels(6, 2, classes=3) + 1, loss=ctc)
    assert second_derivatives(problem).how == "differences"
    matrix = dense(problem, "hessian")
    torch.testing.assert_close(matrix, matrix.T, rtol=1e-5, atol=1e-7)
    # log-partition functions of a linear model: L bends by what its gradient changes, to second order
    operator = curvature(problem, device="cpu")
    v = cases.normal(1, operator.size, seed=4)
    step, here = 1e-3, operator.function.point
    flat = operator.padded(v)[0]
    losses = [operator.function.loss(here + k * step * flat) for k in (-1, 0, 1)]
    second = (losses[0] - 2 * losses[1] + losses[2]) / step**2
    assert float(v[0] @ matrix @ v[0]) == pytest.approx(second, rel=1e-4)


def test_a_loss_without_gradient_says_so() -> None:
    from lossnav.core import InputError

    model = cases.initialised(nn.Linear(3, 3), 2)
    counts = Problem(
        model, cases.normal(40, 3), cases.labels(40, classes=3), loss=lambda z, y: (z.argmax(1) != y).double()
    )
    with pytest.raises(InputError, match="no gradient in the parameters"):
        spectrum(counts)
