"""The verdict: every reason with a landscape that has the fault, and one that has not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lossnav.explorer
import numpy as np
import pytest
import torch
import xarray as xr
from lossnav.core import InputError, Plane, Problem, Trajectory, load_problem, survey
from lossnav.core.plane.kinds import KINDS
from lossnav.core.problem import at_checkpoint, problem_identity
from lossnav.explorer.summaries import verdict as verdicts
from lossnav.explorer.summaries.verdict import AMBER, GREEN, RED, Reason, verdict, with_reported_loss
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")

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


def reported(told: float) -> xr.Dataset:
    return bowl(facts={"terrain": {"reported_loss": told}})


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


def on_other_examples(*numbers: float) -> xr.Dataset:
    samples = {"examples": 256, "all": 5000, "more": 768, "readouts": {"viscosity": numbers}}
    return bowl(fidelity={"samples": samples})


CASES: list[tuple[str, Callable[[], xr.Dataset], Callable[[], xr.Dataset] | None, str]] = [
    ("is finite", lambda: holes(1.0), lambda: holes(0.0), RED),
    ("finite", lambda: holes(0.2), lambda: holes(0.02), AMBER),
    ("lowe", lambda: lower_beside(0.9), lambda: lower_beside(0.995), AMBER),
    ("sampling noise", lambda: with_value(bowl(), density_gradient_signal=5.0, slope=0.3),
     lambda: with_value(bowl(), density_gradient_signal=1.0, slope=0.3), AMBER),
    ("eigenvalue", lambda: saddle(-1.0), lambda: saddle(-0.25), AMBER),
    ("the training wrote down", lambda: logged(0.4), lambda: logged(0.49), AMBER),
    ("the log said", lambda: reported(0.171), lambda: reported(0.98), AMBER),
    ("chance", lambda: guessing(0.11), lambda: guessing(0.2), RED),
    ("BatchNorm", lambda: bowl(plane={"kind": "through", "batchnorm": "eval"}), None, AMBER),
    ("of the curvature", lambda: held(0.001), lambda: held(0.2), AMBER),
    ("were allowed", lambda: coarse(0.03), lambda: coarse(0.005), AMBER),
    ("on as many others", lambda: on_other_examples(10.0, 14.0, 9.0, 10.0),
     lambda: on_other_examples(10.0, 11.0, 9.0, 10.0), AMBER),
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


def test_the_number_that_the_training_printed_is_held_against_the_centre() -> None:
    (told,) = about(reported(0.171), "the log said")
    assert told.says == "Not the log's number: the loss at the centre is 1, the log said 0.171."
    (fine,) = about(with_reported_loss(reported(0.171), 0.99), "the log said")
    assert fine.says == "The loss at the centre is 1, the log said 0.99."
    assert about(bowl(), "the log said") == []
    assert with_reported_loss(bowl(), None).attrs == bowl().attrs


def small(**more: Any) -> Problem:
    torch.manual_seed(0)
    inputs = torch.randn(12, 2)
    model = torch.nn.Linear(2, 1)
    steps = [{n: p.detach().clone() * k for n, p in model.named_parameters()} for k in (0.5, 1.0)]
    return Problem(model, inputs, inputs[:, :1], loss="mse", trajectory=Trajectory(steps), **more)


def test_a_problem_hands_on_what_its_training_printed_where_the_plane_lies_around_its_network() -> None:
    with torch.no_grad():
        truth = float(((small().model(small().inputs[0]) - small().targets) ** 2).mean())
    problem, wrong = small(reported_loss=truth), small(reported_loss=torch.tensor(2 * truth))
    (fine,) = about(survey(problem, Plane.random(problem), (3, 3)), "the log said")
    assert fine.light == GREEN
    (told,) = about(survey(wrong, Plane.random(wrong), (3, 3)), "the log said")
    assert told.light == AMBER
    elsewhere = Plane.make("line", wrong, between="initial,trained")
    assert about(survey(wrong, elsewhere, (3, 1)), "the log said") == []
    moved = at_checkpoint(wrong, 0)
    assert about(survey(moved, Plane.random(moved), (3, 3)), "the log said") == []
    assert problem_identity(problem) == problem_identity(wrong)  # no other landscape because of it


@pytest.mark.parametrize("told", [float("nan"), float("inf"), "much", torch.zeros(2)])
def test_what_no_training_prints_is_refused(told: object) -> None:
    with pytest.raises(InputError, match="reported_loss should be the finite number"):
        small(reported_loss=told)


def test_the_page_has_a_field_for_it() -> None:
    app = AppTest.from_file(APP, default_timeout=120).run()
    field = app.number_input(key="reported_gaussians-mlp")
    assert field.value is None
    field.set_value(0.289).run()
    assert not app.exception
    assert any("the log said 0.289" in block.proto.body for block in app.get("html"))
    app.number_input(key="reported_gaussians-mlp").set_value(0.1).run()
    (answer,) = [e for e in app.expander if "Is this plot right?" in e.label]
    assert any("the log&#x27;s number" in block.proto.body.lower() for block in answer.get("html"))
    app.selectbox(key="model").set_value("digits-resnet").run()
    assert not any("the log said" in block.proto.body for block in app.get("html"))


def test_the_address_holds_the_number() -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["reported_gaussians-mlp"] = "0.171"
    app.run()
    assert not app.exception
    assert app.number_input(key="reported_gaussians-mlp").value == 0.171
    assert any("the log said 0.171" in block.proto.body for block in app.get("html"))


def test_every_plane_that_is_advised_exists() -> None:
    advised = re.findall(r"--plane ([\w-]+)", Path(verdicts.__file__).read_text("utf-8"))
    assert advised
    assert set(advised) <= {kind.name for kind in KINDS}


def test_a_log_without_weight_decay_is_recognised() -> None:
    """Training prints the criterion; the loss that is drawn has ½ λ ‖θ‖² in it."""
    land = bowl(centre={"loss": 0.0294, "data_loss": 0.00488}, facts={"terrain": {"reported_loss": 0.0049}})
    (found,) = about(land, "the log said")
    assert found.light == GREEN
    assert "Without weight decay the loss at the centre is 0.00488" in found.says
    assert "0.0294" in found.says
    (other,) = about(with_reported_loss(land, 0.5), "the log said")
    assert other.light == AMBER
