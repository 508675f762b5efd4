"""Profiles: the line within a plane, the command, the barrier that is told, and two networks before and after alignment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
from cases import classifier
from charts import figures_of
from lossnav.core import InputError, Plane, load_problem, read_landscape, survey
from lossnav.core.plane import on_plane, places_of
from lossnav.core.plane.configuration import tensors_of
from lossnav.core.profile import Barrier, barrier
from lossnav.explorer.cli import app
from lossnav.explorer.figures.web.profile import profile_figure
from lossnav.explorer.jobs.record import records
from lossnav.explorer.panels.profile import readouts_along
from lossnav.explorer.request.profile import ProfileRequest
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.summaries.profile import barrier_of, curve_sentence, read_curve
from streamlit.testing.v1 import AppTest
from typed_command import computed
from typer.testing import CliRunner

COPIES = """
import torch
from torch import nn
from lossnav.core import Problem, Trajectory

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 3)).double()
x = torch.randn(60, 2, dtype=torch.double)
with torch.no_grad():
    for p in model.parameters():
        p.mul_(6)
y = model(x).argmax(1)
order = torch.randperm(12)
theta = {n: p.detach() for n, p in model.named_parameters()}
other = {"0.weight": theta["0.weight"][order], "0.bias": theta["0.bias"][order],
         "2.weight": theta["2.weight"][:, order] + 1e-9, "2.bias": theta["2.bias"]}
problem = Problem(model, x, y, trajectory=Trajectory([other, theta]))
"""


@pytest.fixture
def copies(tmp_path: Path) -> str:
    """A network whose first checkpoint is itself with its hidden units in another order."""
    (tmp_path / "copies.py").write_text(COPIES)
    return str(tmp_path / "copies.py")


def run(*words: str) -> str:
    found = CliRunner().invoke(app, ["profile", *words], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return " ".join(found.output.split())


def test_a_line_within_a_plane_measures_what_the_plane_measures_there() -> None:
    """Readouts at points of the line are those of the plane at the same place, curvature in the same unit included."""
    problem = classifier(n=16)
    plane = Plane.random(problem, seed=2)
    line = plane.across((-0.5, -0.5), (0.5, 0.5))
    kinds = ("viscosity", "coupling", "probability", "slope")
    along = survey(on_plane(problem, plane), line, (3, 1), overlays=kinds, fidelity=False)
    grid = survey(problem, plane, (3, 3), ((-0.5, 0.5), (-0.5, 0.5)), overlays=kinds, fidelity=False)
    for name in ("loss", "viscosity", "coupling", "probability", "slope"):
        np.testing.assert_allclose(along[name].values[:, 0], np.diag(grid[name].values), rtol=1e-6, err_msg=name)


def test_a_line_needs_two_places() -> None:
    with pytest.raises(InputError, match="needs two places"):
        Plane.random(classifier()).across((0.5, 0.5), (0.5, 0.5))


def test_the_command_keeps_a_landscape_and_tells_the_barrier(tmp_path: Path) -> None:
    out = tmp_path / "p.zarr"
    words = ("--from", "-1,0", "--to=1,0.5", "--points", "9", "--overlay", "forward", "-o", str(out))
    said = run("gaussians-mlp", *words)
    land = read_landscape(out)
    assert land.sizes["alpha"] == 9
    assert land.lossnav.plane["between"] == ["(-1, 0)", "(1, 0.5)"]
    problem = load_problem("gaussians-mlp")
    plane = Plane.random(problem)
    ends = survey(problem, plane, (2, 1), ((-1.0, 1.0), (0.0, 0.0)), overlays=(), fidelity=False)
    assert land["loss"].values[0, 0] == pytest.approx(ends["loss"].values[0, 0], rel=1e-5)
    assert "barrier" in said
    rise = barrier_of(land)
    t, losses = land["alpha"].values, land["loss"].values[:, 0]
    excess = losses - ((1 - t) * losses[0] + t * losses[-1])
    assert rise.height >= max(0.0, excess.max()) - 1e-12


def test_alignment_takes_the_barrier_to_a_permuted_copy_away(copies: str, tmp_path: Path) -> None:
    between = ("--plane", "line", "--between", "trained,initial", "--overlay", "forward", "--points", "17")
    before = run(copies, *between, "-o", str(tmp_path / "b.zarr"))
    after = run(copies, *between, "--align", "-o", str(tmp_path / "a.zarr"))
    heights = {}
    for name in "ba":
        land = read_landscape(tmp_path / f"{name}.zarr")
        inside = land.sel(alpha=slice(0, 1))
        heights[name] = barrier_of(inside).height
    assert heights["b"] > 0.1
    assert heights["a"] < 1e-6
    assert "cosine of the weights" in after
    assert "→ 1." in after.replace(",", "")
    assert "Aligned" not in before
    assert (tmp_path / "a.alignment.json").exists()


def test_a_curve_joins_what_the_straight_line_does_not(copies: str, tmp_path: Path) -> None:
    words = ("--plane", "line", "--between", "trained,initial", "--overlay", "forward", "--points", "17", "--curve")
    out = tmp_path / "c.zarr"
    said = run(copies, *words, "-o", str(out))
    t, loss, how = read_curve(tmp_path / "c.curve.json")
    land = read_landscape(out)
    inside = land.sel(alpha=slice(0, 1))
    assert loss[[0, -1]] == pytest.approx(inside["loss"].values[[0, -1], 0], rel=1e-5)
    assert barrier(t, loss).height < 0.5 * barrier_of(inside).height
    assert curve_sentence(t, loss, how) in said
    problem = load_problem(copies)
    a, b, control = places_of(problem, f"trained,initial,{tmp_path / 'c.curve.safetensors'}", 3, "through")
    one, other, bent = map(tensors_of, (a, b, control))
    alpha, beta, _ = Plane.through(a, b, control).project(
        {name: 0.25 * one[name] + 0.5 * bent[name] + 0.25 * other[name] for name in one}
    )
    middle = survey(
        problem, Plane.through(a, b, control), (2, 1), ((alpha, 1.0), (beta, beta)), overlays=(), fidelity=False
    )
    assert middle["loss"].values[0, 0] == pytest.approx(loss[16], rel=1e-4)
    figure = profile_figure(land, [], barrier_of(land), False, curve=(t, loss))
    np.testing.assert_array_equal(next(x for x in figure.data if x.name == "curve of low loss").y, loss)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gaussians-mlp",), "--to is missing"),
        (("gaussians-mlp", "--to", "1,1", "--align"), "--plane line"),
        (("gaussians-mlp", "--to", "1,1", "--points", "8"), "odd number"),
        (("gaussians-mlp", "--plane", "line", "--to", "1,1"), "leave them out"),
        (("markov-gpt", "--plane", "line", "--align"), "without alignment"),
        (("gaussians-mlp", "--to", "1,1", "--curve"), "--plane line"),
    ],
)
def test_refusals_say_what_to_do(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        CliRunner().invoke(app, ["profile", *words], catch_exceptions=False)


def test_units_with_statistics_of_their_own_are_not_aligned_under_the_trained_networks(tmp_path: Path) -> None:
    text = (
        COPIES.replace("nn.Tanh()", "nn.BatchNorm1d(12), nn.Tanh()")
        .replace(
            '"2.weight": theta["2.weight"][:, order] + 1e-9, "2.bias": theta["2.bias"]',
            '**{f"1.{n}": theta[f"1.{n}"][order] for n in ("weight", "bias")}, "3.weight": theta["3.weight"][:, order], '
            '"3.bias": theta["3.bias"]',
        )
        .replace("y = model(x)", "model.eval()\ny = model(x)")
    )
    (tmp_path / "norm.py").write_text(text)
    words = [
        str(tmp_path / "norm.py"),
        "--plane",
        "line",
        "--between",
        "trained,initial",
        "--align",
        "--overlay",
        "forward",
    ]
    with pytest.raises(InputError, match="keep their own statistics"):
        CliRunner().invoke(app, ["profile", *words, "--batchnorm", "eval"], catch_exceptions=False)


def test_the_requests_are_commands_that_run() -> None:
    plane = SurveyRequest("gaussians-mlp", zoom=2.0)
    request = ProfileRequest.across(plane, ((0.0, 0.0), (-0.5, 0.25)))
    assert request.path != ProfileRequest.across(plane, ((0.0, 0.0), (-0.5, 0.25)), whole=True).path
    computed(request)
    land = read_landscape(request.path)
    assert land.lossnav.plane["between"] == ["(0, 0)", "(-0.5, 0.25)"]
    assert land.sizes["alpha"] == 33
    between = ProfileRequest.between("gaussians-mlp", "initial", "trained", True)
    assert "--align" in between.arguments
    assert "--align" not in between.unaligned.arguments
    curved = replace(between, curve=True)
    assert curved.arguments == [*between.arguments[:-2], "--curve", *between.arguments[-2:]]
    assert curved.unaligned == between.unaligned


def test_the_loss_its_chord_and_its_barrier_are_drawn_and_the_readouts_below(tmp_path: Path) -> None:
    out = tmp_path / "p.zarr"
    run("gaussians-mlp", "--from", "-1,-1", "--to", "1,1", "--points", "9", "--overlay", "forward", "-o", str(out))
    land = read_landscape(out)
    names = readouts_along(land)
    assert "perplexity" in names
    figure = profile_figure(land, names, Barrier(0.5, 0.25, 0.0, 9), dark=True, before=land)
    drawn = {trace.name: trace for trace in figure.data}
    losses = land["loss"].values[:, 0]
    np.testing.assert_array_equal(drawn["loss"].y, losses)
    np.testing.assert_array_equal(drawn["straight line"].y, losses[[0, -1]])
    foot = 0.75 * losses[0] + 0.25 * losses[-1]
    np.testing.assert_allclose(drawn["barrier"].y, [foot, foot + 0.5])
    assert {"before alignment", *names} <= set(drawn)


def _page(line: str) -> AppTest:
    page = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=120)
    page.query_params["line"] = line
    page.run()
    assert not page.exception
    return page


def test_a_link_with_a_line_draws_it_and_measures_nothing() -> None:
    page = _page("0.0,0.0,0.5,0.5")
    figures = figures_of(page)
    names = [trace.get("name") for figure in figures for trace in figure["data"]]
    assert names.count("profile") == 1
    assert records() == []


def test_a_link_with_a_line_that_is_none_says_so() -> None:
    page = _page("0.0,nan,1")
    assert any("names a line '0.0,nan,1' that is none" in box.value for box in page.warning)
