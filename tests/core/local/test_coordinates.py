"""Curvature in filter-normalised coordinates against T H T with T written out, and what rescaling layers leaves as it is."""

from __future__ import annotations

import copy

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import InputError, Plane, Problem, read_landscape, survey
from lossnav.core.local.estimation import Estimation
from torch import Tensor, nn

SPAN = ((-0.6, 0.7), (-0.4, 0.5))
WHOLE = Estimation(probes=24, steps=24, examples=None)
FEW = Estimation(probes=4, steps=5, examples=None)
INVARIANT = (
    "loss",
    "viscosity",
    "viscosity_trace",
    "viscosity_convexity",
    "viscosity_sam",
    "viscosity_adaptive",
    "viscosity_relative_flatness",
    "coupling",
    "coupling_between",
    "coupling_offdiagonal",
    "coupling_interlayer",
    "shape",
)
ALWAYS = ("loss", "viscosity_adaptive", "viscosity_relative_flatness")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_matrix_is_that_of_theta_over_its_filters_lengths(seed: int) -> None:
    problem = cases.classifier(seed)
    plane, unit = Plane.random(problem, seed=3), reference.filter_lengths(problem)
    owners = reference.parameter_owners(problem)
    overlays = ("viscosity", "coupling", "viscosity_sam", "viscosity_adaptive")
    land = survey(problem, plane, (2, 2), SPAN, overlays=overlays, effort=WHOLE)
    count, between = len(owners), sum(a != b for a in owners for b in owners)
    for place, point in reference.places(land, plane):
        H = unit[:, None] * reference.hessian(problem, point) * unit
        values = torch.linalg.eigvalsh(H)
        off, inter = reference.shares(H, owners)
        diagonal = H.diagonal().square().sum()
        expected = {
            "viscosity": values[-1],
            "viscosity_lambda_min": values[0],
            "viscosity_trace": values.sum(),
            "coupling_offdiagonal": off,
            "coupling_interlayer": inter,
            "coupling": ((H.square().sum() - diagonal) / ((count - 1) * diagonal)).sqrt(),
            "coupling_between": (inter * H.square().sum() / between / (diagonal / count)).sqrt(),
        }
        for name, truth in expected.items():
            assert float(land[name][place]) == pytest.approx(float(truth), rel=1e-7), name
        row, slope = reference.flat(point), reference.gradient(problem, point)
        for name, T in (("viscosity_sam", unit), ("viscosity_adaptive", row.abs())):
            up = row + 0.05 * T.square() * slope / (T * slope).norm()
            rise = float(reference.loss(problem, reference.unflat(up, point)) - reference.loss(problem, point))
            assert float(land[name][place]) == pytest.approx(rise, rel=1e-7, abs=1e-11), name


def petzka(H: Tensor, point: dict[str, Tensor]) -> float:
    """Σ_l Σ_ss' ⟨w_s, w_s'⟩ tr H_ss', row by row."""
    total, start = 0.0, 0
    for value in point.values():
        if value.ndim == 2:
            rows, width = value.double(), value.shape[1]
            for s in range(len(rows)):
                for t in range(len(rows)):
                    block = H[start + s * width : start + (s + 1) * width, start + t * width : start + (t + 1) * width]
                    total += float(rows[s] @ rows[t]) * float(block.trace())
        start += value.numel()
    return total


def test_relative_flatness_has_no_bias_and_its_error_is_its_spread() -> None:
    problem = cases.classifier(3)
    plane, here = Plane.random(problem, seed=3), ((0.4, 0.4), (-0.3, -0.3))
    point = plane.at(0.4, -0.3)
    truth = petzka(reference.hessian(problem, point), point)
    name = "viscosity_relative_flatness"
    lands = [survey(problem, plane, (1, 1), here, overlays=(name,), seed=s, effort=FEW) for s in range(80)]
    values, errors = (np.array([land[v].item() for land in lands]) for v in (name, f"{name}_se"))
    assert abs(values.mean() - truth) < 3.5 * values.std() / 80**0.5
    assert 0.7 < np.sqrt((errors**2).mean()) / values.std() < 1.4


def rescaled(problem: Problem, c: float) -> Problem:
    """One function: the first layer and its bias times c, the second's weights over c."""
    model = copy.deepcopy(problem.model)
    with torch.no_grad():
        for tensor in (model[0].weight, model[0].bias):  # type: ignore[index]
            tensor.mul_(c)
        model[2].weight.div_(c)  # type: ignore[index]
    return Problem(model, problem.inputs[0], problem.targets)


@pytest.mark.parametrize("c", [0.05, 20.0])
@pytest.mark.parametrize("effort", [WHOLE, FEW])
def test_rescaling_layers_leaves_every_curvature_overlay(c: float, effort: Estimation) -> None:
    problem = cases.classifier(1)
    lands = [
        survey(p, Plane.random(p, seed=4), (2, 2), SPAN, overlays=("viscosity", "coupling", "shape"), effort=effort)
        for p in (problem, rescaled(problem, c))
    ]
    for name in INVARIANT:
        np.testing.assert_allclose(lands[1][name].values, lands[0][name].values, rtol=1e-8, atol=1e-11, err_msg=name)


def test_in_the_parameters_only_what_has_units_of_its_own_stays() -> None:
    problem = cases.classifier(1)
    effort = Estimation(probes=4, steps=5, examples=None, coordinates="parameters")
    lands = [
        survey(p, Plane.random(p, seed=4), (2, 2), SPAN, overlays=("viscosity",), effort=effort)
        for p in (problem, rescaled(problem, 20.0))
    ]
    for name in ALWAYS:
        np.testing.assert_allclose(lands[1][name].values, lands[0][name].values, rtol=1e-8, err_msg=name)
    assert (np.abs(np.log(lands[1]["viscosity"].values / lands[0]["viscosity"].values)) > 0.3).all()


def test_a_landscape_says_in_which_coordinates_it_was_measured(tmp_path: object) -> None:
    problem = cases.classifier(1)
    plane = Plane.random(problem)
    for coordinates, unit in (("filter", "filter length"), ("parameters", "parameter unit")):
        effort = Estimation(probes=3, steps=3, coordinates=coordinates)
        place = f"{tmp_path}/{coordinates}"
        survey(problem, plane, (2, 2), overlays=("viscosity",), effort=effort, store=place)
        land = read_landscape(place)
        assert land["viscosity"].attrs["units"] == f"nats per squared {unit}"
        assert land.lossnav.estimation.get("coordinates", "parameters") == coordinates
    with pytest.raises(InputError, match="coordinates"):
        survey(problem, plane, (2, 2), overlays=("viscosity",), effort=effort, store=f"{tmp_path}/filter")


def test_unknown_coordinates_are_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'filter'"):
        Estimation(coordinates="filters")


class Residual(nn.Module):
    """A filter of zeros, as where a network is initialised to do nothing yet."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 3)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.first(x)))


def test_filters_of_zeros_have_no_unit_and_nothing_breaks() -> None:
    problem = Problem(Residual().double(), cases.normal(6, 3), cases.labels(6, classes=3))
    land = survey(problem, Plane.random(problem), (2, 2), SPAN, overlays=("viscosity", "coupling"), effort=FEW)
    for name in ("viscosity", "viscosity_sam", "coupling"):
        assert np.isfinite(land[name].values).all(), name
