"""The verdict: every reason with a landscape that has the fault, and one that has not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from lossnav.core import Plane, load_problem, survey
from lossnav.explorer.summaries.verdict import AMBER, GREEN, RED, Reason, verdict

AXIS = np.linspace(-1, 1, 9)


def bowl(**attributes: Any) -> xr.Dataset:
    """1 + α² + β², the centre measured as 1, with what is given of attributes as JSON."""
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    land = xr.Dataset({"loss": (("alpha", "beta"), 1 + a**2 + b**2)}, {"alpha": AXIS, "beta": AXIS})
    return land.assign_attrs({k: json.dumps(v) for k, v in {"centre": {"loss": 1.0}, **attributes}.items()})


def with_value(land: xr.Dataset, **values: float) -> xr.Dataset:
    return land.assign({k: (("alpha", "beta"), np.full((9, 9), v)) for k, v in values.items()})


def holes(share: float) -> xr.Dataset:
    land = bowl()
    values = land["loss"].values.copy()
    values.ravel()[: round(share * values.size)] = np.inf
    return land.assign(loss=(("alpha", "beta"), values))


def lower_beside(loss: float) -> xr.Dataset:
    land = bowl()
    values = land["loss"].values.copy()
    values[6, 4] = loss
    return land.assign(loss=(("alpha", "beta"), values))


def guessing(accuracy: float) -> xr.Dataset:
    facts, problem = {"probability": {"classes": 10}}, {"predictions": 1000}
    return bowl(centre={"loss": 1.0, "accuracy": accuracy}, facts=facts, problem=problem)


def logged(told: float) -> xr.Dataset:
    return bowl(fidelity={"path": {"true_loss": [2.0, 0.5], "training_loss": [2.0, told]}})


def held(share: float) -> xr.Dataset:
    return bowl(plane={"kind": "random"}, fidelity={"trace_share": share, "trace_share_se": share / 10})


def coarse(error: float) -> xr.Dataset:
    return bowl(adaptive={"tolerance": 0.01, "forward": {"measured": 50, "of": 81, "error": error}})


def stepped(digits: int) -> xr.Dataset:
    land = bowl(spec={"dtype": "float32", "precision": "bf16"})
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    return land.assign(loss=(("alpha", "beta"), np.round(1 + a**2 + 1.1 * b**2 + 0.01 * a + 0.003 * b, digits)))


def saddle(least: float) -> xr.Dataset:
    return with_value(bowl(), viscosity_lambda_min=least, viscosity=10.0, viscosity_lambda_min_se=0.1)


CASES: list[tuple[str, Callable[[], xr.Dataset], Callable[[], xr.Dataset] | None, str]] = [
    ("is finite", lambda: holes(1.0), lambda: holes(0.0), RED),
    ("finite", lambda: holes(0.2), lambda: holes(0.02), AMBER),
    ("lowe", lambda: lower_beside(0.9), lambda: lower_beside(0.995), AMBER),
    ("sampling noise", lambda: with_value(bowl(), density_gradient_signal=5.0, slope=0.3),
     lambda: with_value(bowl(), density_gradient_signal=1.0, slope=0.3), AMBER),
    ("eigenvalue", lambda: saddle(-1.0), lambda: saddle(-0.25), AMBER),
    ("the training wrote down", lambda: logged(0.4), lambda: logged(0.49), AMBER),
    ("chance", lambda: guessing(0.11), lambda: guessing(0.2), RED),
    ("BatchNorm", lambda: bowl(plane={"kind": "through", "batchnorm": "eval"}), None, AMBER),
    ("of the curvature", lambda: held(0.001), lambda: held(0.2), AMBER),
    ("were allowed", lambda: coarse(0.03), lambda: coarse(0.005), AMBER),
    ("steps", lambda: stepped(1), lambda: stepped(9), AMBER),
]  # fmt: skip


def about(land: xr.Dataset, words: str) -> list[Reason]:
    return [reason for reason in verdict(land).reasons if words.lower() in reason.says.lower()]


@pytest.mark.parametrize(("words", "faulty", "good", "light"), CASES, ids=[f"{c[0]}-{c[3]}" for c in CASES])
def test_each_reason_is_told_where_it_is_and_only_there(
    words: str, faulty: Callable[[], xr.Dataset], good: Callable[[], xr.Dataset] | None, light: str
) -> None:
    (told,) = about(faulty(), words)
    assert told.light == light
    assert told.advice
    assert verdict(faulty()).light == light
    if good is None:
        assert about(bowl(plane={"kind": "through"}), words) == []
    else:
        (fine,) = about(good(), words)
        assert (fine.light, fine.advice) == (GREEN, "")


def test_an_adaptive_survey_says_whether_its_grid_was_fine_enough() -> None:
    problem = load_problem("gaussians-mlp")
    land = survey(problem, Plane.random(problem), (65, 65), tolerance=0.02)
    (told,) = about(land, "were allowed")
    assert told.light == (GREEN if land.lossnav.adaptive["forward"]["error"] <= 0.02 else AMBER)
    assert "2 % were allowed" in told.says


def test_red_comes_first_and_is_in_the_sentence() -> None:
    found = verdict(guessing(0.1).assign(density_gradient_signal=with_value(bowl(), x=9.0)["x"]))
    assert [reason.light for reason in found.reasons][:2] == [RED, AMBER]
    assert found.says.startswith("Do not trust this picture yet: the network guesses")


def test_green_needs_more_than_a_picture() -> None:
    assert verdict(bowl()).light == AMBER
    known = with_value(guessing(0.9), density_gradient_signal=0.5)
    assert (verdict(known).light, verdict(known).says[:7]) == (GREEN, "Nothing")


def test_what_is_interpolated_at_the_centre_says_nothing() -> None:
    land = with_value(bowl(), density_gradient_signal=9.0)
    land["density_gradient_signal"].attrs["stage"] = "gradient"
    land["measured_gradient"] = (("alpha", "beta"), np.zeros((9, 9), bool))
    assert about(land, "sampling noise") == []


def test_a_plane_without_its_centre_says_nothing_of_it() -> None:
    land = with_value(bowl(), density_gradient_signal=9.0)
    assert about(land.assign_coords(alpha=AXIS + 5), "sampling noise") == []
