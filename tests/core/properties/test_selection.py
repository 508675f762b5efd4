"""What names mean, and which measurements follow from them."""

from __future__ import annotations

import json
from pathlib import Path

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Estimation, InputError, Plane, Problem, survey
from lossnav.core.properties import PROPERTIES
from lossnav.core.properties.selection import wanted
from torch import nn


def test_all_is_every_readout_but_those_that_must_be_asked_for() -> None:
    found = set(wanted(cases.with_path(), ("all",)).variables)
    asked = {r.variable for p in PROPERTIES for r in p.readouts if r.asked}
    assert asked == {"viscosity_keskar", "coupling_interaction", "coupling_interaction_null"}
    assert not asked & found
    assert {"slope", "shape", "coupling", "memory_basin", "elasticity_recovery"} <= found


def test_forward_needs_nothing_around_a_point() -> None:
    found = wanted(cases.with_path(), ("forward",))
    assert {"perplexity", "probability", "memory", "elasticity"} <= set(found.variables)
    assert all(not found.local_measures(stage) for stage in ("gradient", "curvature", "descent"))


def test_a_readout_by_its_own_name_brings_what_it_needs_and_no_more() -> None:
    found = wanted(cases.classifier(), ("viscosity_trace",))
    assert found.variables == ("viscosity_trace",)
    assert [m.columns for m in found.local_measures("curvature")] == [("trace", "trace_se")]
    assert not found.local_measures("descent")
    assert wanted(cases.classifier(), ("keskar",)).variables == ("viscosity_keskar",)


def test_a_propertys_name_comes_before_a_readouts() -> None:
    found = set(wanted(cases.classifier(), ("probability",)).variables)
    assert found == {"probability", *(f"probability_{name}" for name in ("entropy", "right", "calibration"))}


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'viscosity'"):
        wanted(cases.classifier(), ("viscositi",))


class Branching(nn.Module):
    """A forward that looks at its numbers, which per-example derivatives refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.inner(x)
        return h if h.sum().item() > 0 else 2 * h


def test_a_stage_that_a_network_breaks_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    problem = Problem(cases.initialised(Branching()), cases.normal(6, 3), cases.labels(6, classes=3))
    few = Estimation(probes=3, steps=2, examples=6, descent_steps=2)
    plane = Plane.random(problem)
    for _ in range(2):  # the second time it is read from disk, and not tried again
        land = survey(problem, plane, (3, 3), overlays=("all",), effort=few, store=tmp_path / "land")
        reasons = json.loads(land.attrs["unavailable"])
        assert "belong together" in reasons["density_coverage"]  # its forward looks at the whole batch
        assert "density_coverage" not in land
        assert np.isfinite(land["viscosity"].values).all()
        assert np.isfinite(land["memory_basin"].values).all()


def test_another_matrix_has_its_own_name_and_no_shape() -> None:
    problem = cases.smooth()
    few = Estimation(probes=3, steps=2, examples=6, of="ggn")
    land = survey(problem, Plane.random(problem), (2, 2), overlays=("viscosity", "shape"), effort=few)
    assert "shape" in json.loads(land.attrs["unavailable"])
    assert "shape" not in land
    assert land["viscosity_trace"].attrs["long_name"] == "Trace of the Gauss-Newton matrix"
    assert float(land["viscosity_lambda_min"].min()) >= -1e-10
