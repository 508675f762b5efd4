"""Requests, the commands they mean, and finding and running their landscapes."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lossnav.core import Settings, load_problem
from lossnav.core.plane.kinds import KINDS
from lossnav.core.survey.packing import pack
from lossnav.explorer import landscapes
from lossnav.explorer.figures.shared.picture import value_text
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.landscapes import begin_from_shipped, best, exact_match, shipped_path
from lossnav.explorer.request.planes import make_plane
from lossnav.explorer.request.survey import SurveyRequest
from typed_command import computed


def test_the_choices_of_the_random_plane_do_not_tell_other_planes_apart() -> None:
    plain = SurveyRequest("gaussians-mlp", "trajectory")
    assert replace(plain, seed=7, normalize="layer").settled == plain
    assert replace(plain, plane="random", seed=7).settled != replace(plain, plane="random").settled


def test_every_choice_changes_the_place_of_the_landscape() -> None:
    request = SurveyRequest("gaussians-mlp")
    others = [
        replace(request, seed=1),
        replace(request, normalize="layer"),
        replace(request, ignore="none"),
        replace(request, orthogonal=True),
        replace(request, grid=25),
        replace(request, zoom=2.0),
        replace(request, plane="trajectory"),
        replace(request, target="markov-gpt"),
    ]
    assert len({r.path for r in [request, *others]}) == 1 + len(others)


def test_changed_code_or_weights_are_another_landscape(tmp_path: Path) -> None:
    file, weights = tmp_path / "mine.py", tmp_path / "w.safetensors"
    file.write_text("problem = None")
    weights.write_text("")
    before = SurveyRequest(str(file)).path
    assert SurveyRequest(str(file)).path == before
    later = file.stat().st_mtime_ns + 10**9
    os.utime(weights, ns=(later, later))
    trained = SurveyRequest(str(file)).path
    assert trained != before
    os.utime(file, ns=(2 * later, 2 * later))
    assert SurveyRequest(str(file)).path != trained


@pytest.mark.parametrize(
    "place", ["runs/7/w.pt", "../elsewhere/w.safetensors", "../elsewhere/all/w.npz", "linked/w.pt"]
)
@pytest.mark.parametrize("change", ["newer", "older", "longer", "gone"])
def test_weights_that_change_anywhere_are_another_landscape(tmp_path: Path, place: str, change: str) -> None:
    """In folders below, behind a link, and where the problem's file names them; also by a copy that keeps an older time."""
    file, weights = tmp_path / "here" / "mine.py", tmp_path / "here" / place
    file.parent.mkdir()
    (tmp_path / "elsewhere" / "all").mkdir(parents=True)
    (file.parent / "linked").symlink_to(tmp_path / "elsewhere")
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_text("1")
    named = ["../elsewhere/w.safetensors", "../elsewhere/all", "runs/7", "linked"]
    file.write_text(f"import torch\nnamed = {named}\nproblem = None")
    before = SurveyRequest(str(file)).path
    assert SurveyRequest(str(file)).path == before
    about = weights.stat()
    if change == "gone":
        weights.unlink()
    else:
        weights.write_text("12" if change == "longer" else "2")
        moved = {"newer": 10**9, "older": -(10**12)}.get(change, 0)
        os.utime(weights, ns=(about.st_atime_ns, about.st_mtime_ns + moved))
    assert SurveyRequest(str(file)).path != before


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("problem = None", False),
        ("weights = Path(__file__).parent / 'runs' / 'last.pt'", True),
        ("weights = [*Path(__file__).parent.rglob('*.pt')]", True),
        ("from helper import weights", True),
        ("import helpers.inner", True),
        ("from .helper import weights", True),
        ("this is no Python", True),
    ],
)
def test_a_training_beside_a_problem_changes_nothing_that_its_code_does_not_name(
    tmp_path: Path, code: str, seen: bool
) -> None:
    file, weights = tmp_path / "mine.py", tmp_path / "runs" / "last.pt"
    file.write_text(code)
    for module in ("helper.py", "helpers/inner.py"):
        (tmp_path / module).parent.mkdir(exist_ok=True)
        (tmp_path / module).write_text("weights = torch.load('runs/last.pt')")
    (tmp_path / "train.py").write_text("torch.save(model.state_dict(), 'runs/last.pt')")
    weights.parent.mkdir()
    weights.write_text("1")
    before = SurveyRequest(str(file)).path
    weights.write_text("12")
    assert (SurveyRequest(str(file)).path != before) == seen


def test_what_is_no_network_of_a_problem_changes_nothing(tmp_path: Path) -> None:
    """Pictures, landscapes, hidden folders and virtual environments; links in a circle and odd texts end nothing."""
    file = tmp_path / "mine.py"
    file.write_text("problem = None\nodd = '/', '..', '~', 'a\\0b', '\\ud800/x.pt', '~nobody/w.pt', 'x' * 9\n")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "itself.pt").symlink_to("itself.pt")
    before = SurveyRequest(str(file)).path
    for name in (
        "figure.png",
        "land.zarr/zarr.json",
        "land.zarr/x.bin",
        ".git/x.py",
        "venv/lib/x.py",
        "a/node_modules/x.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
        assert SurveyRequest(str(file)).path == before, name


def test_the_command_is_what_a_person_would_type() -> None:
    words = shlex.split(SurveyRequest("digits-resnet", seed=3, zoom=0.5).command)
    assert words[:3] == ["lossnav", "survey", "digits-resnet"]
    assert words[words.index("--seed") + 1] == "3"
    assert words[words.index("--zoom") + 1] == "0.5"


@pytest.mark.parametrize("name", [kind.name for kind in KINDS])
def test_every_plane_can_be_made(name: str) -> None:
    problem = load_problem("gaussians-mlp")
    plane = make_plane(problem, SurveyRequest(problem.name, name))
    assert plane.kind == name.partition("-")[0]


def test_a_standard_request_opens_on_the_shipped_landscape() -> None:
    request = SurveyRequest("gaussians-mlp")
    found = best(request)
    assert found is not None
    assert found.path == shipped_path(request)
    assert found.done == found.total
    assert found.complete(request)
    assert found.older(request) == ""
    assert found.landscape(Settings()).sizes == {"alpha": 51, "beta": 51, **_other_sizes(found)}


def _other_sizes(found) -> dict[str, int]:
    return {k: v for k, v in found.landscape(Settings()).sizes.items() if k not in ("alpha", "beta")}


def ship_instead(came: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a landscape come with the samples, whatever its grid."""
    monkeypatch.setattr(landscapes, "shipped_path", lambda request: came)
    monkeypatch.setattr(SurveyRequest, "is_standard", True)


def test_a_job_computes_what_was_asked_and_the_page_finds_it() -> None:
    request = SurveyRequest("gaussians-mlp", seed=5, grid=25, effort="preview", every=16, tolerance=0.0)
    assert exact_match(request) is None
    job = Jobs().start(request)
    assert job.process.wait(timeout=300) == 0, job.failure
    found = exact_match(request)
    assert found is not None
    assert found.complete(request)
    assert found.done == 25 * 25 + 3 * 3 * 3
    land = found.landscape(Settings())
    assert np.isfinite(land["viscosity"].values).all()
    assert land["viscosity"].attrs["measured_on"] == "3 × 3"


def test_forward_passes_alone_can_be_asked_for() -> None:
    request = SurveyRequest("gaussians-mlp", seed=6, grid=25, effort="none", tolerance=0.0)
    computed(request)
    found = exact_match(request)
    assert found is not None
    assert found.complete(request)
    assert found.done == 25 * 25
    assert "viscosity" not in found.landscape(Settings())


def test_an_adaptive_survey_draws_the_whole_grid_from_some_of_its_points() -> None:
    request = SurveyRequest("gaussians-mlp", seed=6, grid=51, effort="none")
    computed(request)
    found = exact_match(request)
    assert found is not None
    assert found.complete(request)
    assert not found.complete(replace(request, tolerance=0.001))
    assert not found.complete(replace(request, tolerance=0.0))
    land = found.landscape(Settings())
    assert land["loss"].shape == (51, 51)
    assert np.isfinite(land["loss"].values).all()
    assert found.done == int(land["measured"].sum()) < 51 * 51 / 4
    between = tuple(np.argwhere(~land["measured"].values)[0])
    assert value_text(land, "loss", between).startswith("≈")
    at = tuple(np.argwhere(land["measured"].values)[0])
    assert not value_text(land, "loss", at).startswith("≈")


def test_a_landscape_in_other_coordinates_stays_as_it_came_and_the_survey_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = SurveyRequest("linear-regression", grid=25, effort="preview", every=16, tolerance=0.0)
    before = replace(request, coordinates="parameters")
    computed(before)
    pack(before.path, came := tmp_path / "came.zarr.zip")
    ship_instead(came, monkeypatch)
    shipped = exact_match(request)
    assert shipped is not None
    assert shipped.path == came
    begin_from_shipped(request)
    assert not request.path.exists()
    assert "curvature is in the parameters" in exact_match(request).older(request)
    assert "Measuring starts anew, in filter-normalised coordinates." in exact_match(request).older(request)
    computed(request)
    anew = exact_match(request)
    assert anew is not None
    assert anew.path == request.path
    assert anew.complete(request)
    assert anew.older(request) == ""
    assert (
        anew.landscape(Settings())["viscosity"].attrs["units"]
        != shipped.landscape(Settings())["viscosity"].attrs["units"]
    )


def test_a_survey_goes_on_from_the_landscape_that_came_with_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = SurveyRequest("linear-regression", grid=25, effort="preview", every=8, tolerance=0.0)
    coarse = replace(request, every=16)
    computed(coarse)
    pack(coarse.path, came := tmp_path / "came.zarr.zip")
    shutil.rmtree(coarse.path)
    ship_instead(came, monkeypatch)
    shipped = exact_match(coarse)
    assert shipped is not None
    assert shipped.path == came
    assert shipped.complete(coarse)
    begin_from_shipped(request)
    begun = exact_match(request)
    assert begun is not None
    assert begun.path == request.path
    assert np.array_equal(begun.points.values, shipped.points.values, equal_nan=True)
    computed(request)
    finer = exact_match(request)
    assert finer is not None
    assert finer.complete(request)
    kept = shipped.points.done_at("curvature")
    columns = shipped.points.columns_of("curvature")
    assert np.array_equal(finer.points.values[kept][:, columns], shipped.points.values[kept][:, columns])
    assert finer.points.done_at("curvature").sum() > 2 * kept.sum()


def test_a_cancelled_job_keeps_its_points_and_goes_on_to_the_same_numbers() -> None:
    jobs = Jobs()
    request = SurveyRequest("gaussians-mlp", seed=2, grid=25, effort="preview", every=8)
    job = jobs.start(request)
    deadline = time.monotonic() + 200
    while job.running and time.monotonic() < deadline and not (exact_match(request) and exact_match(request).done > 20):
        time.sleep(0.05)
    job.cancel()
    part = exact_match(request)
    assert part is not None
    assert job.failure is None
    jobs.start(request).process.wait(timeout=300)
    whole = exact_match(request)
    assert whole is not None
    assert whole.complete(request)
    assert part.done < whole.done
    for stage in part.points.used:
        measured, columns = part.points.done_at(stage), part.points.columns_of(stage)
        before, after = (points.values[measured][:, columns] for points in (part.points, whole.points))
        np.testing.assert_array_equal(after, before)


def test_a_job_that_fails_says_why_in_a_sentence(tmp_path) -> None:
    file = tmp_path / "nothing.py"
    file.write_text("x = 1\n")
    job = Jobs().start(SurveyRequest(str(file)))
    job.process.wait(timeout=120)
    assert job.failure is not None
    assert "should define `problem`" in job.failure
    assert "Traceback" not in job.failure


def test_a_file_beside_a_problem_is_not_taken_for_what_came_with_lossnav(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text("problem = None\n")
    request = SurveyRequest(str(mine))
    shipped = shipped_path(SurveyRequest("linear-regression"))
    (tmp_path / f"mine.py.{request.plane}.zarr.zip").write_bytes(shipped.read_bytes())
    assert exact_match(request) is None


def test_the_longest_name_of_a_file_has_results_with_names_that_a_system_takes(tmp_path: Path) -> None:
    for letter, count in (("x", 252), ("é", 126), ("\u202e", 84)):
        mine = tmp_path / f"{letter * count}.py"
        mine.write_text("problem = None\n")
        request = SurveyRequest(str(mine))
        assert len(request.path.name.encode()) < 200
        assert exact_match(request) is None
