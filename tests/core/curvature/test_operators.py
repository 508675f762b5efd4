"""Products with each curvature matrix against matrices made slowly: example by example, class by class."""

from __future__ import annotations

from itertools import product

import cases
import pytest
import reference
import torch
from lossnav.core import Gaussian, InputError, Plane, Problem
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.operators import KINDS, Curvature, Matrix, curvature
from lossnav.core.problem.likelihoods import CrossEntropy
from torch import Tensor, nn
from torch.nn import functional as F

SMALL = [
    "smooth",
    "convolution",
    "tied tokens",
    "soft labels",
    "gaussian",
    "regression",
    "custom",
    "frozen",
    "recurrent",
    "attention",
    "weight norm",
    "complex buffer",
]
STATED = [name for name in SMALL if name not in ("regression", "custom")]  # their loss is a likelihood
Point = dict[str, Tensor]


def rows_of_outputs(problem: Problem, point: Point) -> Tensor:
    found = reference.outputs(problem, point)
    if not problem.likelihood.is_categorical:
        return found.flatten(1)
    flat = found.flatten(0, -2)
    return flat if problem.targets.is_floating_point() else flat[problem.targets.flatten() != -100]


def rows_of_targets(problem: Problem) -> Tensor:
    y = problem.targets
    if not problem.likelihood.is_categorical:
        return y.flatten(1)
    return y if y.is_floating_point() else y.flatten()[y.flatten() != -100]


def row_loss(problem: Problem, z: Tensor, y: Tensor) -> Tensor:
    kind = problem.likelihood
    if kind.name == "cross_entropy":
        return -(y * F.log_softmax(z, -1)).sum() if y.is_floating_point() else -F.log_softmax(z, -1)[int(y)]
    if isinstance(kind, Gaussian):
        return -torch.distributions.Normal(z, kind.sigma).log_prob(y).sum()
    return F.mse_loss(z, y) if kind.name == "mse" else kind.losses(z[None], y[None])[0]


def jacobian(problem: Problem, point: Point) -> Tensor:
    """(N, K, P)"""
    found: Tensor = torch.autograd.functional.jacobian(
        lambda r: rows_of_outputs(problem, reference.unflat(r, point)), reference.flat(point)
    )
    return found


def gauss_newton(problem: Problem, point: Point) -> Tensor:
    total = torch.zeros((), dtype=torch.float64)
    outputs, targets = rows_of_outputs(problem, point), rows_of_targets(problem)
    for J, z, y in zip(jacobian(problem, point), outputs, targets, strict=True):
        H = torch.autograd.functional.hessian(lambda out, y=y: row_loss(problem, out, y), z)
        total = total + J.T @ H @ J
    return total / len(outputs)


def true_fisher(problem: Problem, point: Point) -> Tensor:
    """Every label the model may give, weighted by its probability; ±σ about the mean stands for a Gaussian exactly."""
    total = torch.zeros((), dtype=torch.float64)
    outputs = rows_of_outputs(problem, point)
    for J, z in zip(jacobian(problem, point), outputs, strict=True):
        if isinstance(problem.likelihood, Gaussian):
            sigma = problem.likelihood.sigma
            labels = [(z + sigma * torch.tensor(s).double(), 0.5 ** len(z)) for s in product((-1, 1), repeat=len(z))]
        else:
            labels = [(torch.tensor(k), float(p)) for k, p in enumerate(z.softmax(-1))]
        for y, p in labels:
            slope = J.T @ torch.autograd.functional.jacobian(lambda out, y=y: row_loss(problem, out, y), z)
            total = total + p * torch.outer(slope, slope)
    return total / len(outputs)


def empirical_fisher(problem: Problem, point: Point) -> Tensor:
    gradients = reference.prediction_gradients(problem, point)
    return gradients.T @ gradients / len(gradients)


REFERENCES = {
    "hessian": reference.hessian,
    "ggn": gauss_newton,
    "remainder": lambda problem, point: reference.hessian(problem, point) - gauss_newton(problem, point),
    "fisher": true_fisher,
    "empirical_fisher": empirical_fisher,
}


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found.double() - expected).norm() / expected.norm().clamp_min(1e-12))


@pytest.mark.parametrize("of", KINDS)
@pytest.mark.parametrize("case", SMALL)
def test_matrices_are_the_slow_ones(case: str, of: str) -> None:
    if of == "fisher" and case not in STATED:
        pytest.skip("a loss without a likelihood has no Fisher")
    if case == "weight norm" and of in ("hessian", "remainder"):
        pytest.skip("torch's own second derivative of weight normalisation, which the reference uses, is wrong")
    problem = cases.CASES[case]()
    point = Plane.random(problem, seed=8, normalize="none").at(0.1, 0.1)
    found = dense_matrix(curvature(problem, point, of))
    assert found.shape == (problem.parameter_count,) * 2
    assert relative(found, REFERENCES[of](problem, point)) < 1e-9


@pytest.mark.parametrize("case", STATED)
def test_fisher_is_the_gauss_newton_matrix_of_a_likelihood(case: str) -> None:
    problem = cases.CASES[case]()
    fisher, ggn = (dense_matrix(curvature(problem, of=of)) for of in ("fisher", "ggn"))
    assert relative(fisher, ggn) < 1e-9  # soft labels sum to one only up to rounding


def test_hessian_is_gauss_newton_plus_remainder_and_they_differ() -> None:
    problem = cases.smooth(4)
    H, G, R = (dense_matrix(curvature(problem, of=of)) for of in ("hessian", "ggn", "remainder"))
    assert relative(G + R, H) < 1e-12
    assert float(R.norm() / H.norm()) > 0.01


def test_empirical_fisher_of_tokens_is_not_that_of_sequences() -> None:
    """Squaring a sequence's summed gradient would mix its tokens."""
    problem = cases.tokens(3, ignored=False)
    gradients = reference.prediction_gradients(problem, problem.parameters)
    summed = gradients.reshape(*problem.targets.shape, -1).sum(1)
    wrong = summed.T @ summed / len(gradients)
    found = dense_matrix(curvature(problem, of="empirical_fisher"))
    assert relative(found, gradients.T @ gradients / len(gradients)) < 1e-9
    assert relative(found, wrong) > 0.1


@pytest.mark.parametrize("of", KINDS)
@pytest.mark.parametrize("case", ["smooth", "tied tokens", "convolution"])
def test_means_do_not_depend_on_the_batches(case: str, of: str) -> None:
    problem = cases.CASES[case]()
    rows = cases.normal(3, problem.parameter_count, seed=1)
    whole = curvature(problem, of=of).products(rows)
    for size in (1, 2, 5):
        assert relative(curvature(problem, of=of, batch_size=size).products(rows), whole) < 1e-12


@pytest.mark.parametrize("of", KINDS)
def test_single_precision_is_close(of: str) -> None:
    rows = cases.normal(4, cases.classifier(3).parameter_count, seed=1)
    single = curvature(cases.classifier(3, dtype=torch.float32), of=of).products(rows.float())
    assert single.dtype == torch.float32
    assert relative(single, curvature(cases.classifier(3), of=of).products(rows)) < 1e-3


@pytest.mark.parametrize("of", KINDS)
def test_several_rows_are_each_row_alone(of: str) -> None:
    operator = curvature(cases.smooth(5), of=of)
    rows = cases.normal(3, operator.size, seed=2)
    apart = torch.cat([operator.products(row[None]) for row in rows])
    assert torch.allclose(operator.products(rows), apart, rtol=1e-12, atol=1e-14)


def test_padding_is_no_dimension() -> None:
    operator = curvature(cases.smooth(5))
    assert isinstance(operator, Curvature)
    assert operator.size == cases.smooth(5).parameter_count < operator.layout.size
    rows = cases.normal(2, operator.size, seed=2)
    flats = operator.padded(rows)
    assert torch.equal(operator.compact(flats), rows)
    assert float(flats.square().sum()) == pytest.approx(float(rows.square().sum()))
    views = operator.layout.views(flats[0])
    assert torch.equal(torch.cat([v.flatten() for v in views.values()]), rows[0])


def test_empirical_fisher_of_losses_that_look_at_other_examples() -> None:
    """Each gradient is of one loss, though that reads the outputs of all examples."""

    def centred(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - outputs.mean(0) - targets).square().sum(1)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    inputs, targets = torch.randn(12, 3).double(), torch.randn(12, 2).double()
    found = dense_matrix(curvature(Problem(model, inputs, targets, loss=centred), of="empirical_fisher"))
    losses, weights = centred(model(inputs), targets), list(model.parameters())
    each = [torch.autograd.grad(loss, weights, retain_graph=True) for loss in losses]
    rows = torch.stack([torch.cat([g.flatten() for g in one]) for one in each])
    torch.testing.assert_close(found, rows.T @ rows / len(rows))


@pytest.mark.parametrize("of", ["ggn", "empirical_fisher"])
def test_a_model_that_ignores_its_parameters_has_no_curvature(of: str) -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return x

    problem = Problem(Constant(), torch.ones(3, 2), torch.tensor([0, 1, 1]))
    operator = curvature(problem, of=of)
    assert not operator.products(torch.ones(2, operator.size)).any()


class Weighted(CrossEntropy):
    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (1 + targets) * super().losses(outputs, targets)


@pytest.mark.parametrize("of", ["ggn", "hessian"])
def test_a_loss_derived_from_one_that_is_known_bends_in_its_own_way(of: str) -> None:
    plain = cases.smooth(3)
    ours, same = (
        Problem(plain.model, plain.args, plain.targets, loss=loss)
        for loss in (Weighted(), lambda z, y: (1 + y) * F.cross_entropy(z, y, reduction="none"))
    )
    assert relative(dense_matrix(curvature(ours, of=of)), dense_matrix(curvature(same, of=of))) < 1e-12


@pytest.mark.parametrize("of", ["ggn", "hessian"])
def test_a_loss_linear_in_the_outputs_of_a_linear_model_has_no_curvature(of: str) -> None:
    problem = Problem(
        cases.initialised(nn.Linear(2, 1)), cases.normal(3, 2), cases.normal(3, 1), loss=lambda f, y: f[:, 0]
    )
    assert not curvature(problem, of=of).products(torch.ones(1, 3).double()).any()


def test_gauss_newton_and_fishers_are_positive() -> None:
    for of in ("ggn", "fisher", "empirical_fisher"):
        values = torch.linalg.eigvalsh(dense_matrix(curvature(cases.convolution(), of=of)))
        assert float(values.min()) > -1e-12 * float(values.max())


def test_unknown_matrix_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'hessian'"):
        curvature(cases.smooth(), of="hesian")


@pytest.mark.parametrize("case", ["regression", "custom"])
def test_no_fisher_without_a_likelihood(case: str) -> None:
    problem = cases.CASES[case]()
    with pytest.raises(InputError, match=r"Gaussian\(sigma\)"):
        curvature(problem, of="fisher").products(torch.ones(1, problem.parameter_count).double())


@pytest.mark.parametrize("of", KINDS)
def test_the_model_is_not_touched(of: str) -> None:
    problem = cases.CASES["convolution"]()
    before = {k: v.clone() for k, v in problem.model.state_dict().items()}
    curvature(problem, of=of).products(cases.normal(2, problem.parameter_count))
    assert all(torch.equal(v, before[k]) for k, v in problem.model.state_dict().items())
    assert all(p.grad is None for p in problem.model.parameters())


def test_dense_matrix_of_a_matrix_is_itself() -> None:
    A = cases.normal(300, 300)
    assert torch.equal(dense_matrix(Matrix(A + A.T)), A + A.T)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Softsign], ids=["by rules", "by automatic differentiation"])
def test_curvature_is_the_same_where_the_caller_has_switched_gradients_off(activation):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), activation(), nn.Linear(4, 2)).double()
    problem = Problem(model, torch.randn(20, 3).double(), torch.randint(2, (20,)))
    with torch.no_grad():
        found = {kind: dense_matrix(curvature(problem, of=kind)) for kind in KINDS}
    for kind in KINDS:
        torch.testing.assert_close(found[kind], dense_matrix(curvature(problem, of=kind)), rtol=0, atol=0)
