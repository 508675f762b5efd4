"""Curvature at θ₀ on other examples and on more, against dense matrices of these examples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lossnav.core import Estimation, InputError, Plane, Problem, survey
from lossnav.core.local.samples import disjoint_samples, sampled_examples
from lossnav.core.survey.fidelity import fidelity
from torch import nn

ESTIMATION = Estimation(examples=100, coordinates="parameters")


def least_squares(count: int, **settings: object) -> Problem:
    """Squared error of a linear network: H = 2 XᵀX / n at every point. Each input's first number says which it is."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 6, generator=generator, dtype=torch.float64)
    inputs[:, 0] = torch.arange(count) / count
    model = nn.Linear(6, 1, bias=False).double()
    return Problem(model, inputs, torch.randn(count, 1, generator=generator).double(), loss="mse", **settings)  # type: ignore[arg-type]


def sharpest(problem: Problem) -> float:
    inputs = problem.args[0]
    return float(torch.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs))[-1])


@pytest.mark.parametrize(("count", "samples", "larger"), [(1000, 3, 300), (500, 3, 500), (250, 2, 250), (150, 1, 150)])
def test_each_number_is_that_of_its_examples(count: int, samples: int, larger: int) -> None:
    problem = least_squares(count)
    land = survey(problem, Plane.random(problem), (3, 3), overlays=("viscosity",), effort=ESTIMATION, fidelity=True)
    found = land.lossnav.fidelity["samples"]
    expected = [sharpest(sampled_examples(problem, 100, 0, number)) for number in range(samples)]
    expected.append(sharpest(sampled_examples(problem, larger, 0)))
    np.testing.assert_allclose(found["readouts"]["viscosity"], expected, rtol=1e-10)
    assert (found["examples"], found["more"], found["all"]) == (100, larger, count)
    assert found["readouts"]["viscosity"][0] == float(land["viscosity"][1, 1])  # the survey's own comes first
    assert set(found["readouts"]) == {
        name for name in land if f"{name}".startswith("viscosity") and "_se" not in f"{name}"
    } - {name for name in land if land[name].attrs.get("stage") != "curvature"}


def test_samples_have_no_example_in_common_and_make_up_the_larger_one() -> None:
    problem = least_squares(1000)
    rows = [set(sampled_examples(problem, 100, 0, number).args[0][:, 0].tolist()) for number in range(3)]
    assert all(len(each) == 100 for each in rows)
    assert set.union(*rows) == set(sampled_examples(problem, 300, 0).args[0][:, 0].tolist())
    assert disjoint_samples(problem, 300) == 3


def test_of_batches_whole_ones_are_taken() -> None:
    problem = least_squares(1000, batches=50)
    rows = [sampled_examples(problem, 100, 0, number).args[0][:, 0] for number in range(disjoint_samples(problem, 100))]
    assert len(rows) == 10
    assert torch.cat(rows).sort().values.equal(problem.args[0][:, 0])
    found = survey(
        problem, Plane.random(problem), (1, 1), overlays=("viscosity",), effort=ESTIMATION, fidelity=True
    ).lossnav.fidelity["samples"]
    assert (found["examples"], found["more"]) == (100, 300)


@pytest.mark.parametrize(
    ("overlays", "settings", "kept"),
    [
        (("viscosity",), {"effort": "full"}, True),
        (("perplexity",), {"effort": ESTIMATION}, True),
        (("viscosity",), {"effort": ESTIMATION}, False),
    ],
    ids=["all examples", "no curvature", "no fidelity"],
)
def test_where_there_is_nothing_to_say_nothing_is_said(
    overlays: tuple[str, ...], settings: dict[str, object], kept: bool
) -> None:
    problem = least_squares(250)
    land = survey(problem, Plane.random(problem), (3, 3), overlays=overlays, fidelity=kept, **settings)  # type: ignore[arg-type]
    assert "samples" not in (land.lossnav.fidelity or {})


def test_what_cannot_be_measured_on_others_leaves_the_rest() -> None:
    def fails() -> dict[str, object]:
        raise InputError("No curvature there. Nothing else.")

    problem = least_squares(30)
    found = fidelity(problem, Plane.random(problem), torch.device("cpu"), further={"samples": fails})
    assert found["unavailable"]["samples"].startswith("No curvature there")
    assert found["gradient_share"] is not None
