"""The first look of a survey that has only begun: true numbers, soon, and never in the survey's place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import lossnav.explorer
import numpy as np
import pytest
import torch
from lossnav.core import Plane, Problem, Settings, load_problem, read_landscape, survey
from lossnav.core.survey import footprint as memory_needs
from lossnav.explorer.jobs import Job
from lossnav.explorer.landscapes import exact_match
from lossnav.explorer.live.first_look import (
    first_look_path,
    is_for_the_page,
    pace_text,
    precise,
    read_first_look,
    take_first_look,
)
from lossnav.explorer.live.session import LiveSession
from lossnav.explorer.panels.progress import _progress, fineness
from lossnav.explorer.request.survey import SurveyRequest
from streamlit.testing.v1 import AppTest
from torch import nn
from typed_command import lossnav as typed
from typed_command import sentence

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
OWN = """
import torch
from lossnav.core import Problem
torch.manual_seed(0)
problem = Problem(torch.nn.Linear(3, 2), torch.randn(50, 3), torch.arange(50) % 2)
"""


def network() -> Problem:
    torch.manual_seed(0)
    return Problem(nn.Linear(3, 2), torch.randn(50, 3), torch.arange(50) % 2)


def test_it_has_the_surveys_numbers_at_the_points_that_it_measured(tmp_path: Path) -> None:
    problem, path = network(), tmp_path / "a" / "look.npz"
    request = SurveyRequest("own", seed=3, zoom=2.0)
    take_first_look(problem, request, path)
    look = read_first_look(path)
    assert look is not None
    assert look.rows >= 9
    assert look.examples == look.all_examples == 50
    land, every = look.landscape(Settings()), (65 - 1) // (look.rows - 1)
    plane = Plane.random(problem, seed=3)
    true = survey(problem, plane, shape=(look.rows, look.rows), span=((-2, 2), (-2, 2)))
    measured = land["loss"].values[::every, ::every]
    np.testing.assert_allclose(land["alpha"].values[::every], true["alpha"].values)
    np.testing.assert_allclose(measured, true["loss"].values, rtol=1e-5)
    assert look.points.info.centre is not None
    np.testing.assert_allclose(look.points.info.centre["loss"], true.lossnav.centre["loss"], rtol=1e-6)


def test_what_takes_time_to_prepare_is_left_to_the_survey(tmp_path: Path) -> None:
    take_first_look(network(), SurveyRequest("own"), tmp_path / "look.npz")
    look = read_first_look(tmp_path / "look.npz")
    assert look is not None
    held = look.landscape(Settings())
    assert "perplexity" in held
    assert "elasticity" not in held


class Broken(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        raise LookupError("nothing of the network's own may end the survey here")


def test_a_network_that_breaks_leaves_no_look_and_no_traceback(tmp_path: Path) -> None:
    problem = network()
    problem.model.__class__ = Broken
    take_first_look(problem, SurveyRequest("own"), tmp_path / "look.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoil", [lambda held: held[:100], lambda held: b"", lambda held: held[:-40] + bytes(40)])
def test_a_damaged_one_is_none(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "look.npz"
    assert read_first_look(path) is None
    take_first_look(network(), SurveyRequest("own"), path)
    path.write_bytes(spoil(path.read_bytes()))
    assert read_first_look(path) is None


def test_the_page_draws_it_without_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    request = SurveyRequest("gaussians-mlp", seed=4)  # of which nothing came with the sample
    app = AppTest.from_file(APP, default_timeout=180)
    app.query_params.update({"model": "gaussians-mlp", "seed": "4"})
    app.run()
    assert "shows a first picture" in " ".join(each.value for each in app.caption)
    problem = load_problem("gaussians-mlp")
    take_first_look(problem, request, first_look_path(request.path))
    app.run()
    assert not app.exception
    assert any(each.value.endswith("this is a first picture.") for each in app.caption)
    assert "Is this plot right?" not in " ".join(each.label for each in app.expander)
    text = " ".join(each.proto.body for each in app.get("html"))
    assert "trained network: loss 0.289 nats" in text
    assert "not measured" in text  # and not "unavailable": the survey measures it


def test_what_does_not_fit_is_refused_before_a_first_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(memory_needs, "free_bytes", lambda device: 0)
    request = replace(SurveyRequest("gaussians-mlp", seed=5), effort="none", grid=5)
    assert "This survey needs about" in sentence(*request.arguments, "--out", str(request.path))
    assert not first_look_path(request.path).exists()


def test_a_survey_for_the_page_takes_one_and_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    target = tmp_path / "own.py"
    target.write_text(OWN)
    request = replace(SurveyRequest(str(target)), effort="none", grid=5)
    assert is_for_the_page(request.path)
    assert not is_for_the_page(tmp_path / "own.zarr")
    seen: list[tuple[bool, float]] = []
    take = take_first_look

    def watched(problem: Problem, asked: SurveyRequest, path: Path, say: Callable[[str], object]) -> None:
        take(problem, asked, path, say)
        seen.append((path == first_look_path(request.path), fineness(request)))

    monkeypatch.setattr("lossnav.explorer.commands.survey.take_first_look", watched)
    typed(*request.arguments, "--out", str(request.path))
    assert len(seen) == 1
    assert seen[0][0]
    assert 0 < seen[0][1] < 1
    assert not first_look_path(request.path).exists()
    stored = exact_match(request)
    assert stored is not None
    assert fineness(request) == stored.drawable > 1
    typed(*request.arguments, "--out", str(tmp_path / "elsewhere.zarr"))
    assert len(seen) == 1  # a person's own command takes none
    one, other = (read_landscape(path)["loss"].values for path in (request.path, tmp_path / "elsewhere.zarr"))
    np.testing.assert_array_equal(one, other)  # and the survey's numbers are the same with and without


def test_before_the_first_picture_it_is_said_how_long_it_takes(tmp_path: Path) -> None:
    problem, request = network(), SurveyRequest("own", grid=25)
    said: list[str] = []
    take_first_look(problem, request, tmp_path / "look.npz", said.append)
    session = LiveSession(problem)
    session.part.recent, session.full.recent = [0.002], [0.05]
    assert len(said) == 1
    assert said[0].startswith(f"A pass over its {problem.example_count:,} examples takes ")
    text = pace_text(session, 625)
    part = 0.05 if session.part is session.full else 0.002
    assert f"a first picture of 9 × 9 points about {precise(81 * part)}" in text
    assert text.endswith(f"all 625 points at that pace {precise(625 * 0.05)} at most")


def test_the_page_says_what_runs_before_there_is_a_picture(tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = Job(SimpleNamespace(log=log, started=1.0, asked=0.0))  # type: ignore[arg-type]
    request = SurveyRequest(str(tmp_path / "mine.py"))
    assert re.fullmatch(
        r"Reading .*mine\.py, with all that its code does … \d+ (s|min) so far", _progress(request, None, job)[1]
    )
    log.write_text("Its code has run\nA pass takes 3 ms\n")
    assert _progress(request, None, job)[1].startswith("A pass takes 3 ms … ")
