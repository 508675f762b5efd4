"""Half precision, mixed, complex, quantised, unbuilt: moved without steps, or refused in a sentence that can be followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Estimation, InputError, Plane, Problem, density_map, spectrum, survey
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.example_gradients import example_gradients
from lossnav.core.curvature.operators import curvature
from lossnav.core.problem.identity import problem_identity
from lossnav.core.survey.specification import Specification
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

X, Y = cases.normal(12, 3, dtype=torch.float32), cases.labels(12, classes=3)
EFFORT = Estimation(probes=3, steps=4, examples=None, descent_steps=5)


def net(dtype: torch.dtype = torch.float32) -> nn.Module:
    return cases.initialised(cases.mlp((3, 4, 3), nn.Tanh), dtype=torch.float32).to(dtype)


class Mixed(nn.Module):
    """A half-precision backbone and a head in single precision, each casting for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(3, 8).bfloat16(), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.tanh(self.body(x.to(self.body.weight.dtype)))
        return self.head(inner.to(self.head.weight.dtype))  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_weights_move_without_steps(kind: torch.dtype) -> None:
    half, twin = net(kind), net(kind).float()  # the same numbers
    problem, reference = Problem(half, X, Y), Problem(twin, X, Y)
    plane, other = Plane.random(problem), Plane.random(reference)
    how: Any = {"shape": (41, 1), "span": ((-2e-3, 2e-3), (0, 0)), "overlays": ("slope",), "effort": EFFORT}
    land, wanted = survey(problem, plane, **how), survey(reference, other, **how)
    np.testing.assert_allclose(land["loss"], wanted["loss"], rtol=1e-6)
    np.testing.assert_allclose(land["slope"], wanted["slope"], rtol=1e-5)
    assert len(np.unique(land["loss"])) > 35
    point = plane.at(1e-3, 0)
    assert all(t.dtype == torch.float32 for t in point.values())
    expected = F.cross_entropy(functional_call(twin, point, (X,)), Y)
    assert float(land["loss"].sel(alpha=1e-3, beta=0, method="nearest")) == pytest.approx(
        float(expected.detach()), rel=1e-6
    )
    assert spectrum(problem, device="cpu").top[0] == pytest.approx(spectrum(reference, device="cpu").top[0], rel=1e-5)
    assert all(p.dtype == kind for p in half.parameters())
    assert "moved and evaluated in float32" in " ".join(problem.notes)


def test_their_own_arithmetic_is_to_be_had_and_has_steps() -> None:
    problem = Problem(net(torch.bfloat16), X, Y)
    land = survey(problem, Plane.random(problem), (41, 1), ((-2e-3, 2e-3), (0, 0)), dtype="bfloat16")
    assert len(np.unique(land["loss"])) < 10
    assert "steps of 2⁻⁸" in " ".join(problem.notes)


def test_mixed_precision_is_evaluated_in_the_widest() -> None:
    model = Mixed()
    problem, wide = Problem(model, X, Y), Problem(Mixed().float(), X, Y)
    wide.model.load_state_dict(model.state_dict())
    assert problem.dtype == torch.float32
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 3), overlays=("slope", "viscosity"), effort=EFFORT)
    for a in (-1.0, 0.0, 1.0):
        expected = F.cross_entropy(functional_call(wide.model, plane.at(a, a), (X,)), Y)
        assert float(land["loss"].sel(alpha=a, beta=a)) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert np.isfinite(density_map(problem, permutations=5)["gradient_norm"]).all()


class Complex(nn.Module):
    """Complex weights, one layer, and a real head."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = nn.Parameter(torch.randn(4, 3, dtype=torch.complex128))
        self.head = nn.Linear(4, 3, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        return self.head((x.to(self.turn.dtype) @ self.turn.T).abs().square())  # type: ignore[no-any-return]


def test_both_parts_of_complex_weights_have_curvature() -> None:
    torch.manual_seed(0)
    model = Complex()
    problem = Problem(model, X.double(), Y)
    assert problem.parameter_count == 2 * 12 + 15
    operator = curvature(problem, device="cpu")
    layout, point = operator.layout, operator.function.point

    def total(compact: Tensor) -> Tensor:
        views = layout.views(operator.padded(compact[None])[0])
        return F.cross_entropy(functional_call(model, views, (X.double(),)), Y)

    flat = operator.compact(point[None])[0]
    expected = torch.autograd.functional.hessian(total, flat)
    torch.testing.assert_close(dense_matrix(operator), expected, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(
        operator.compact(operator.function.gradient()[None])[0], torch.autograd.functional.jacobian(total, flat)
    )
    every = torch.cat(list(example_gradients(operator.function)))
    torch.testing.assert_close(every.mean(0), operator.function.gradient())


def test_losses_of_complex_weights_are_kept_in_their_own_precision() -> None:
    torch.manual_seed(0)
    problem = Problem(Complex(), X.double(), Y)
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 1), overlays=("slope",), fidelity=False)
    for a in (-1.0, 0.0, 1.0):
        loss = F.cross_entropy(functional_call(problem.model, plane.at(a, 0), (X.double(),)), Y)
        assert float(land["loss"].sel(alpha=a)[0]) == pytest.approx(float(loss.detach()), rel=1e-12)


def test_the_networks_own_arithmetic_is_another_survey() -> None:
    problem = Problem(net(torch.bfloat16), X, Y)
    plane = Plane.random(problem)
    own, wide = (Specification(problem, plane, dtype=kind) for kind in ("bfloat16", None))
    assert (own.number, wide.number) == (torch.bfloat16, torch.float32)
    assert own.as_json() != wide.as_json()


class Adapted(nn.Module):
    """Trained float32 beside a frozen layer of another precision, which it is told of by name."""

    def __init__(self, kind: torch.dtype) -> None:
        super().__init__()
        self.base = nn.Linear(X.shape[1], 3).requires_grad_(False).to(kind)
        self.head = nn.Linear(X.shape[1], 3)

    def forward(self, x: Tensor) -> Tensor:
        kept = F.linear(x, self.base.weight.to(x.dtype), self.base.bias.to(x.dtype))
        return kept + self.head(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_inputs_beside_a_frozen_part_in_other_numbers_come_as_in_training(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    model = Adapted(kind)
    problem = Problem(model, X, Y)
    assert problem.args[0].dtype == torch.float32
    want = float(F.cross_entropy(model(X), Y).detach())
    land = survey(problem, Plane.random(problem), (3, 3), fidelity=False)
    assert float(land["loss"].sel(alpha=0, beta=0)) == pytest.approx(want, rel=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_quantised_part_that_stays_as_it_is() -> None:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(X.shape[1], 5))
    model = nn.Sequential(torch.ao.quantization.quantize_dynamic(body, {nn.Linear}), nn.Tanh(), nn.Linear(5, 3))
    problem = Problem(model, X, Y)
    want = float(F.cross_entropy(model(X), Y).detach())
    land = survey(problem, Plane.random(problem), (3, 3), overlays=("slope",), effort=EFFORT, fidelity=False)
    assert float(land["loss"].sel(alpha=0, beta=0)) == pytest.approx(want, rel=1e-6)
    other = nn.Sequential(
        torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(X.shape[1], 5)), {nn.Linear}), *model[1:]
    )
    identities = [problem_identity(Problem(network, X, Y)) for network in (model, other)]
    assert identities[0]["weights"] != identities[1]["weights"]


def in_eight_bits() -> nn.Module:
    model = nn.Linear(X.shape[1], 3)
    model.weight = nn.Parameter(model.weight.detach().to(torch.float8_e4m3fn))
    return model


def quantised() -> nn.Module:
    """What dynamic quantisation leaves: layers that hold no parameter."""

    class PackedLinear(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    PackedLinear.__module__ = "torch.ao.nn.quantized.dynamic.modules.linear"
    return nn.Sequential(PackedLinear())


def made_in_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return nn.Linear(3, 3)


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "lazy": (lambda: Problem(nn.Sequential(nn.LazyLinear(3)), X, Y), r"run the network once, model\(inputs\[:2\]\)"),
    "meta": (lambda: Problem(nn.Linear(3, 3, device="meta"), X, Y), "meta device"),
    "inference": (lambda: Problem(made_in_inference_mode(), X, Y), "inference_mode"),
    "eight bits": (lambda: Problem(in_eight_bits(), X, Y), r"model.to\(torch.bfloat16\)"),
    "quantised": (lambda: Problem(quantised(), X, Y), "before quantisation"),
}


@pytest.mark.parametrize("what", BAD)
def test_weights_that_cannot_be_moved(what: str) -> None:
    attempt, words = BAD[what]
    with pytest.raises(InputError, match=words) as caught:
        attempt()
    assert str(caught.value).endswith(".")


def test_a_lazy_layer_that_was_built_is_a_layer() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(3))
    model(X[:2])
    assert Problem(model, X, Y).parameter_count == 31
