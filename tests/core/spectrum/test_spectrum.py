"""Gradients, Hessian products, Lanczos and traces against whole matrices."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Plane, Problem
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.spectrum.lanczos import extreme_eigenpairs
from lossnav.core.spectrum.trace import hessian_trace
from torch import Tensor, nn

CURVED = [
    "smooth",
    "convolution",
    "tied tokens",
    "soft labels",
    "gaussian",
    "regression",
    "frozen",
    "recurrent",
    "attention",
    "complex buffer",
]


def dense(function: LossFunction, row: Tensor) -> Tensor:
    """A padded flat vector as the reference's, without padding."""
    return reference.flat(function.layout.views(row))


@pytest.mark.parametrize("case", CURVED)
def test_gradient_and_hessian_products_are_the_dense_ones(case: str) -> None:
    problem = cases.CASES[case]()
    point = Plane.random(problem, seed=8, normalize="none").at(0.1, 0.1)
    function = LossFunction(problem, point)
    slope = reference.gradient(problem, point).numpy()
    assert dense(function, function.gradient()).numpy() == pytest.approx(slope, rel=1e-8, abs=1e-13)
    H = reference.hessian(problem, point)
    rows = [{k: cases.normal(*v.shape, seed=s) for k, v in point.items()} for s in range(3)]
    flats = torch.stack([function.layout.flatten(r, torch.device("cpu"), torch.float64) for r in rows])
    for row, product in zip(rows, function.hessian_products(flats), strict=True):
        expected = H @ reference.flat(row)
        assert float((dense(function, product) - expected).norm() / expected.norm()) < 1e-9


@pytest.mark.parametrize("case", ["weight norm", "smooth", "attention"])
def test_hessian_products_are_differences_of_gradients(case: str) -> None:
    """Beside the dense matrix, since torch's own second derivative of a fused kernel can be wrong (weight norm's is)."""
    problem = cases.CASES[case]()
    function = LossFunction(problem)
    row = {k: cases.normal(*v.shape, seed=2) for k, v in problem.parameters.items()}
    v, x, h = reference.flat(row), reference.flat(problem.parameters), 1e-5
    above, below = (reference.gradient(problem, reference.unflat(x + s * h * v, row)) for s in (1, -1))
    flat = function.layout.flatten(row, torch.device("cpu"), torch.float64)
    found = dense(function, function.hessian_products(flat[None])[0])
    assert float((found - (above - below) / (2 * h)).norm() / found.norm()) < 1e-6


@pytest.mark.parametrize("case", ["smooth", "tied tokens", "convolution"])
@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_products_are_means_whatever_the_batches(case: str, batch_size: int) -> None:
    problem = cases.CASES[case]()
    whole, cut = (LossFunction(problem, batch_size=b) for b in (None, batch_size))
    row = torch.ones_like(whole.point)[None]
    assert cut.loss(cut.point) == pytest.approx(whole.loss(whole.point), rel=1e-12)
    assert cut.gradient().numpy() == pytest.approx(whole.gradient().numpy(), rel=1e-9, abs=1e-14)
    assert cut.hessian_products(row).numpy() == pytest.approx(whole.hessian_products(row).numpy(), rel=1e-9, abs=1e-14)


def test_single_precision_products_are_close() -> None:
    single = cases.classifier(3, dtype=torch.float32)
    function = LossFunction(single)
    truth = LossFunction(cases.classifier(3))
    row = torch.randn(1, len(function.point), generator=cases.seeded(1))
    expected = truth.hessian_products(row.double())
    found = function.hessian_products(row).double()
    assert float((found - expected).norm() / expected.norm()) < 1e-5


def test_a_linear_loss_has_no_curvature() -> None:
    model = cases.initialised(nn.Linear(2, 1))
    problem = Problem(model, cases.normal(3, 2), cases.normal(3, 1), loss=lambda f, y: f[:, 0])
    function = LossFunction(problem)
    assert not function.hessian_products(torch.ones_like(function.point)[None]).any()


def symmetric(values: list[float], seed: int = 0) -> Tensor:
    turn = torch.linalg.qr(cases.normal(len(values), len(values), seed=seed))[0]
    return turn @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ turn.T


SPECTRA = {
    "positive": [float(k) for k in range(1, 41)],
    "mixed": [*np.linspace(-3, 2, 30).tolist(), 9.0, -7.0],
    "negative": [-float(k) for k in range(1, 31)],
    "low rank": [5.0, 2.0, -1.0, *[0.0] * 30],
    "close": [1.0, 1.0 - 1e-4, *np.linspace(-0.5, 0.5, 40).tolist()],
    "geometric": [2.0**-k for k in range(40)],
}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(("top", "bottom"), [(1, 0), (2, 0), (1, 1), (3, 2)])
@pytest.mark.parametrize("block", [1, 2])
def test_lanczos_finds_the_ends_of_the_spectrum(spectrum: str, top: int, bottom: int, block: int) -> None:
    values = SPECTRA[spectrum]
    A = symmetric(values)
    pairs = extreme_eigenpairs(lambda v: A @ v, cases.normal(block, len(values), seed=5), top, bottom, tolerance=1e-7)
    exact = torch.linalg.eigvalsh(A)
    expected = [*exact.flip(0)[:top].tolist(), *exact[:bottom].tolist()]
    assert pairs.values.tolist() == pytest.approx(expected, abs=1e-8 * max(map(abs, values)))
    assert pairs.vectors.norm(dim=1).tolist() == pytest.approx([1.0] * len(expected))
    misses = (pairs.vectors @ A - pairs.values[:, None] * pairs.vectors).norm(dim=1)
    assert float(misses.max()) < 1e-5 * max(map(abs, values))
    own = misses / pairs.values.abs().clamp_min(1e-300)
    solid = pairs.values.abs() > 1e-6
    assert pairs.residuals[solid].numpy() == pytest.approx(own[solid].numpy(), rel=1e-2, abs=1e-12)


@pytest.mark.parametrize("values", [[4.0, 4.0, 1.0, 0.5, -2.0, -2.0], [3.0] * 8, [0.0] * 5, [2.0, 2.0, *[1.0] * 20]])
@pytest.mark.parametrize(("top", "bottom"), [(2, 0), (1, 1), (2, 2)])
def test_eigenvalues_that_occur_more_than_once(values: list[float], top: int, bottom: int) -> None:
    A = symmetric(values)
    pairs = extreme_eigenpairs(lambda v: A @ v, cases.normal(2, len(values), seed=5), top, bottom)
    ordered = sorted(values)
    assert pairs.values.tolist() == pytest.approx([*ordered[::-1][:top], *ordered[:bottom]], abs=1e-8)
    assert (pairs.vectors[:top] @ pairs.vectors[:top].T).numpy() == pytest.approx(np.eye(top), abs=1e-8)


def test_one_start_finds_pairs_in_a_constant_matrix() -> None:
    pairs = extreme_eigenpairs(lambda v: 3.0 * v, cases.normal(6), top=2)
    assert pairs.values.tolist() == pytest.approx([3.0, 3.0])
    assert abs(float(pairs.vectors[0] @ pairs.vectors[1])) < 1e-10


def test_padding_stays_zero() -> None:
    A = torch.diag(torch.tensor([1.0, 2.0, 3.0, 0.0, 0.0], dtype=torch.float64))
    start = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    pairs = extreme_eigenpairs(lambda v: A @ v, start, top=1, bottom=1)
    assert pairs.values.tolist() == pytest.approx([3.0, 1.0])
    assert not pairs.vectors[:, 3:].any()


def test_steps_that_run_out_are_seen_in_the_residual() -> None:
    A = symmetric(SPECTRA["close"])
    few = extreme_eigenpairs(lambda v: A @ v, cases.normal(len(A), seed=1), most_steps=4)
    many = extreme_eigenpairs(lambda v: A @ v, cases.normal(len(A), seed=1))
    assert float(few.residuals[0]) > 1e-2
    assert float(many.residuals[0]) <= 1e-4 * (1 + 1e-6)


@pytest.mark.parametrize("case", ["smooth", "tied tokens", "recurrent"])
def test_trace_is_within_its_standard_error(case: str) -> None:
    problem = cases.CASES[case]()
    expected = float(torch.trace(reference.hessian(problem, problem.parameters)))
    found = hessian_trace(LossFunction(problem), probes=400)
    assert found.standard_error > 0
    assert abs(found.value - expected) < 3 * found.standard_error
    few = [hessian_trace(LossFunction(problem), probes=25, seed=s) for s in range(20)]
    spread = np.std([e.value for e in few], ddof=1)
    assert np.mean([e.standard_error for e in few]) == pytest.approx(spread, rel=0.5)


def test_trace_of_a_diagonal_hessian_is_exact() -> None:
    model = cases.initialised(nn.Linear(4, 1, bias=False))
    problem = Problem(model, torch.diag(torch.tensor([1.0, 2.0, 3.0, 0.5])).double(), cases.normal(4, 1), loss="mse")
    found = hessian_trace(LossFunction(problem), probes=3)
    assert found.value == pytest.approx(2 * (1 + 4 + 9 + 0.25) / 4, rel=1e-12)
    assert found.standard_error == pytest.approx(0.0, abs=1e-12)


def test_the_model_is_not_touched() -> None:
    problem = cases.CASES["convolution"]()
    before = {k: v.clone() for k, v in problem.model.state_dict().items()}
    function = LossFunction(problem)
    function.hessian_products(function.gradient()[None])
    assert all(torch.equal(v, before[k]) for k, v in problem.model.state_dict().items())
    assert all(p.grad is None for p in problem.model.parameters())
