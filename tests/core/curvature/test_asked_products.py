"""Products with the curvature by differences of gradients, asked for by the user, against a dense Hessian."""

from __future__ import annotations

import cases
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, check, spectrum
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.operators import curvature
from lossnav.core.curvature.second_derivatives import second_derivatives
from lossnav.core.problem.identity import problem_identity
from lossnav.core.survey.footprint import footprint
from lossnav.core.survey.specification import Specification


def problem(products: str | None) -> Problem:
    model = cases.initialised(cases.mlp((3, 5, 4)))
    return Problem(model, cases.normal(12, 3), cases.labels(12, classes=4), products=products)


def test_they_are_the_hessians_to_the_error_stated() -> None:
    exact, asked = problem(None), problem("differences")
    found = second_derivatives(asked)
    assert found.how == "differences"
    assert found.sentence.startswith("Differences of gradients were asked for.")
    assert not found.lopsided
    H, D = (dense_matrix(curvature(p, device="cpu")) for p in (exact, asked))
    assert float((H - D).norm() / H.norm()) < max(10 * found.miss, 1e-7)
    assert not torch.equal(H, D)
    assert spectrum(asked, top=1).top[0] == pytest.approx(spectrum(exact, top=1).top[0], rel=1e-6)
    assert any("asked for" in line.says for line in check(asked))


def test_they_are_part_of_what_the_landscape_is_and_of_its_memory() -> None:
    exact, asked = problem(None), problem("differences")
    assert problem_identity(exact) != problem_identity(asked)
    sizes = [footprint(Specification(p, Plane.random(p), overlays=("viscosity",))).lasting for p in (exact, asked)]
    assert "float64" not in sizes[0]
    assert sizes[1]["float64"] >= 8 * 8 * asked.parameter_count


def test_other_ways_are_refused() -> None:
    with pytest.raises(InputError, match="differences"):
        problem("difference")
