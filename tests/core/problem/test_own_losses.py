"""Losses of one's own: of all that a network returns, or calling and differentiating the network themselves, in every stage."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Estimation, InputError, Plane, Problem, coupling_matrix, density_map, spectrum, survey
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.example_gradients import example_gradients
from lossnav.core.curvature.operators import curvature
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

N = 10
X, TWO = cases.normal(N, 2), cases.normal(N, 2, seed=4)


def smooth(outputs: int = 1) -> nn.Module:
    return cases.initialised(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, outputs)))


class Residual(nn.Module):
    """The value and the residual of an equation, as published codes write it: without asking for autograd."""

    def __init__(self) -> None:
        super().__init__()
        self.net = smooth()

    def forward(self, x: Tensor) -> Tensor:
        x = x if x.requires_grad else x.detach().requires_grad_(True)
        u = self.net(x)
        (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        return torch.stack([u[:, 0], slope[:, 1] + 2.0 * slope[:, 0]], 1)


class Careful(Residual):
    """The same, asking for it."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            return super().forward(x)


class Forces(nn.Module):
    """Energies and forces, whose graph is kept in training alone, as force fields have it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = smooth()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        with torch.enable_grad():
            x = x.detach().requires_grad_(True)
            energy = self.net(x)[:, 0]
            (slope,) = torch.autograd.grad(energy.sum(), x, create_graph=self.training)
        return {"energy": energy, "forces": -slope}


class Silent(nn.Module):
    """Leaves its derivative out, without a word, where autograd is off."""

    def __init__(self) -> None:
        super().__init__()
        self.net = smooth()

    def forward(self, x: Tensor) -> Tensor:
        x = x.detach().requires_grad_(True)
        u = self.net(x)
        if not u.requires_grad:
            return u[:, 0]
        return u[:, 0] + torch.autograd.grad(u.sum(), x, create_graph=True)[0].sum(1)  # type: ignore[no-any-return]


@dataclass
class Output:
    mean: Tensor
    spread: Tensor


class Structured(nn.Module):
    def __init__(self, wrap: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.net, self.wrap = smooth(4), wrap

    def forward(self, x: Tensor) -> Any:
        return self.wrap(*self.net(x).chunk(2, 1))


def residual_loss(out: Tensor, y: Tensor) -> Tensor:
    return (out[:, 0] - y[:, 0]) ** 2 + 0.3 * out[:, 1] ** 2


def forces_loss(out: Mapping[str, Tensor], y: Tensor) -> Tensor:
    return (out["energy"] - y[:, 0]) ** 2 + (out["forces"] - y).square().sum(1)


def gaussian(mean: Tensor, log_variance: Tensor, y: Tensor) -> Tensor:
    return (0.5 * (log_variance + (y - mean) ** 2 / log_variance.exp())).sum(1)


def penalty(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """A gradient penalty, one loss per example."""
    x, y = batch
    x = x.requires_grad_(True)
    u = model(x)[:, 0]
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    return (u - y[:, 0]) ** 2 + (slope.norm(dim=1) - 1) ** 2


def penalty_mean(model: nn.Module, batch: dict[str, Any]) -> tuple[Tensor, int]:
    each = penalty(model, (batch["x"], batch["y"])) * batch["weight"]
    return each.mean(), len(each)


PROBLEMS: dict[str, tuple[Callable[[], Problem], Callable[[Any], Tensor]]] = {
    "a residual": (lambda: Problem(Residual(), X, TWO, residual_loss), lambda m: residual_loss(m(X), TWO)),
    "a careful one": (lambda: Problem(Careful(), X, TWO, residual_loss), lambda m: residual_loss(m(X), TWO)),
    "forces": (lambda: Problem(Forces(), X, TWO, forces_loss), lambda m: forces_loss(m.train()(X), TWO)),
    "left out in silence": (
        lambda: Problem(Silent(), X, TWO, lambda z, y: (z - y[:, 0]) ** 2),
        lambda m: (m(X) - TWO[:, 0]) ** 2,
    ),
    "a tuple": (
        lambda: Problem(Structured(lambda a, b: (a, b)), X, TWO, lambda z, y: gaussian(*z, y)),
        lambda m: gaussian(*m(X), TWO),
    ),
    "a dict": (
        lambda: Problem(
            Structured(lambda a, b: {"a": a, "b": b, "epoch": 3}), X, TWO, lambda z, y: gaussian(z["a"], z["b"], y)
        ),
        lambda m: gaussian(m(X)["a"], m(X)["b"], TWO),
    ),
    "a dataclass": (
        lambda: Problem(Structured(Output), X, TWO, lambda z, y: gaussian(z.mean, z.spread, y)),
        lambda m: gaussian(m(X).mean, m(X).spread, TWO),
    ),
    "a penalty": (lambda: Problem.from_loss(smooth(), (X, TWO), penalty), lambda m: penalty(m, (X.clone(), TWO))),
    "its mean": (
        lambda: Problem.from_loss(smooth(), {"x": X, "y": TWO, "weight": 2.0}, penalty_mean),
        lambda m: 2 * penalty(m, (X.clone(), TWO)),
    ),
}
EFFORT = Estimation(probes=3, steps=4, examples=None, descent_steps=5)


def at(problem: Problem, point: Mapping[str, Tensor], losses_of: Callable[[Any], Tensor]) -> Tensor:
    """The losses with other parameters, by a module that calls the network with them."""

    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = problem.model

        def forward(self) -> Tensor:
            return losses_of(self.inner)

    return functional_call(Called(), {f"inner.{k}": v for k, v in point.items()}, ())  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_stage_of_a_survey_has_its_numbers(name: str) -> None:
    make, losses_of = PROBLEMS[name]
    problem = make()
    data = [t.clone() for t in problem.inputs]
    plane = Plane.random(problem, ignore="none")
    overlays = ("slope", "viscosity", "coupling", "density_coverage", "elasticity_l2", "memory")
    land = survey(problem, plane, (3, 3), overlays=overlays, effort=EFFORT, batch_size=4, fidelity=True)
    for a, b in ((0.0, 0.0), (1.0, -1.0)):
        point = {k: v.clone().requires_grad_(True) for k, v in plane.at(a, b).items()}
        loss = at(problem, point, losses_of).mean()
        slopes = torch.autograd.grad(loss, list(point.values()), allow_unused=True)
        norm = sum(float(g.double().square().sum()) for g in slopes if g is not None) ** 0.5
        cell = land.sel(alpha=a, beta=b)
        assert float(cell["loss"]) == pytest.approx(float(loss.detach()), rel=1e-5)
        assert float(cell["slope"]) == pytest.approx(norm, rel=1e-4)
    reasons = json.loads(land.attrs["unavailable"])
    assert {"slope", "viscosity", "coupling", "density_coverage"} <= set(land.variables), reasons
    for left in ("viscosity", "coupling", "density_coverage"):
        assert np.isfinite(land[left]).all()
    assert all(torch.equal(a, b) and not a.requires_grad for a, b in zip(problem.inputs, data, strict=True))
    assert "band" in json.loads(land.attrs["fidelity"])


@pytest.mark.parametrize("name", PROBLEMS)
def test_products_with_the_hessian_are_exact(name: str) -> None:
    make, losses_of = PROBLEMS[name]
    problem = make()
    operator = curvature(problem, device="cpu", batch_size=4, dtype=torch.float64)
    layout, point = operator.layout, operator.function.point
    problem.model.double()

    def total(compact: Tensor) -> Tensor:
        return at(problem, layout.views(operator.padded(compact[None])[0]), losses_of).mean()

    expected = torch.autograd.functional.hessian(total, operator.compact(point[None])[0])
    torch.testing.assert_close(dense_matrix(operator), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", PROBLEMS)
def test_gradients_of_examples_have_the_gradient_as_their_mean(name: str) -> None:
    problem = PROBLEMS[name][0]()
    function = curvature(problem, device="cpu", batch_size=4).function
    every = torch.cat(list(example_gradients(function, rows=3)))
    assert len(every) == N
    torch.testing.assert_close(every.mean(0), function.gradient(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["a residual", "a dict", "a penalty", "its mean"])
def test_spectrum_coupling_and_density_map(name: str) -> None:
    problem, losses_of = PROBLEMS[name][0](), PROBLEMS[name][1]
    assert np.isfinite(spectrum(problem, top=2, steps=8, probes=2, device="cpu").top).all()
    assert np.isfinite(coupling_matrix(problem, device="cpu")).all()
    found = density_map(problem, permutations=5, device="cpu")
    np.testing.assert_allclose(found["loss"], losses_of(problem.model).detach(), rtol=1e-5)
    assert np.isfinite(found["gradient_norm"]).all()


def test_the_gauss_newton_matrix_of_several_outputs() -> None:
    """Σ Jᵀ H J with J of all outputs side by side."""
    make, _ = PROBLEMS["a dict"]
    problem = make()
    operator = curvature(problem, of="ggn", device="cpu", batch_size=4)
    layout, flat = operator.layout, operator.compact(operator.function.point[None])[0]

    def outputs(compact: Tensor) -> Tensor:
        out = functional_call(problem.model, layout.views(operator.padded(compact[None])[0]), (X.to(compact),))
        return torch.cat([out["a"], out["b"]], 1)

    jacobian = torch.autograd.functional.jacobian(outputs, flat)
    z = outputs(flat).detach()
    total = torch.zeros(len(flat), len(flat), dtype=torch.float64)
    for n in range(N):
        bend = torch.autograd.functional.hessian(
            lambda row, n=n: gaussian(row[None, :2], row[None, 2:], TWO[n : n + 1].to(row)).sum(), z[n]
        )
        total += (jacobian[n].T @ bend @ jacobian[n]).double() / N
    torch.testing.assert_close(dense_matrix(operator), total, rtol=1e-3, atol=1e-4)


def test_means_over_unequal_numbers_are_weighed_by_them() -> None:
    """A mean over unmasked entries, whose number differs from batch to batch."""
    mask = (cases.normal(N, 2, seed=9) > 0).double()

    def masked(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        x, y, kept = batch
        return ((model(x) - y).square() * kept).sum() / kept.sum().clamp(min=1), kept.sum().clamp(min=1e-9)

    problem = Problem.from_loss(smooth(2), (X, TWO, mask), masked)
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 3), batch_size=3)
    for a in (-1.0, 1.0):
        out = functional_call(problem.model, plane.at(a, a), (X,))
        expected = float((((out - TWO).square() * mask).sum() / mask.sum()).detach())
        assert float(land["loss"].sel(alpha=a, beta=a)) == pytest.approx(expected, rel=1e-6)


def test_data_of_different_lengths_are_one_example() -> None:
    """Points inside and on the boundary, as a PINN has them."""
    inside, border = cases.normal(7, 2), cases.normal(4, 2, seed=2)

    def total(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        x = batch["inside"].requires_grad_(True)
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        return slope.square().mean() + model(batch["border"]).square().mean()

    problem = Problem.from_loss(smooth(), {"inside": inside, "border": border}, total)
    land = survey(
        problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=("slope", "viscosity"), effort=EFFORT
    )
    expected = total(problem.model, {"inside": inside.clone(), "border": border})
    assert land["loss"].item() == pytest.approx(float(expected.detach()), rel=1e-6)
    assert {"slope", "viscosity"} <= set(land.variables)
    assert "one example" in " ".join(problem.notes)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "an average": (
        lambda: Problem.from_loss(smooth(), (X, TWO), lambda m, b: m(b[0]).mean(0, keepdim=True).repeat(1, 2)),
        r"return \(loss, len\(x\)\)",
    ),
    "no tensor": (lambda: Problem.from_loss(smooth(), {"x": 3.0}, penalty), "one row per example"),
    "an error inside": (
        lambda: Problem.from_loss(smooth(), (X, TWO), lambda m, b: m(b["x"])),
        r"called as loss\(model, batch\)",
    ),
    "a loss that raises": (
        lambda: Problem(Structured(lambda a, b: (a, b)), X, TWO, lambda z, y: F.mse_loss(z, y, reduction="none")),
        "The loss cannot take what the network returns, a tuple of 0",
    ),
    "targets in a dict": (lambda: Problem(smooth(), X, {"y": TWO}, penalty), "Problem.from_loss"),  # type: ignore[arg-type]
    "Gauss-Newton of the network's own loss": (
        lambda: dense_matrix(curvature(Problem.from_loss(smooth(), (X, TWO), penalty), of="ggn", device="cpu")),
        "no Gauss-Newton matrix",
    ),
    "the empirical Fisher of a mean": (
        lambda: dense_matrix(
            curvature(
                Problem.from_loss(smooth(), {"x": X, "y": TWO, "weight": 1.0}, penalty_mean),
                of="empirical_fisher",
                device="cpu",
            )
        ),
        "let it return one loss per example",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_had_is_said_in_a_sentence(what: str) -> None:
    attempt, words = REFUSED[what]
    with pytest.raises(InputError, match=words) as caught:
        attempt()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_random_numbers_of_the_caller_stay_as_they_were() -> None:
    model = Drawing()
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[union-attr]
    Problem(model, X, cases.labels(N, classes=3))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(before[1], np.random.get_state()[1])


class Drawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = smooth(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) * (1 + torch.rand(1) * np.random.rand())  # type: ignore[no-any-return]
