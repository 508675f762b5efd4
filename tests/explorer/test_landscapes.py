"""What of a landscape on disk is drawn, and when there is a better picture to draw."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from lossnav.core import Plane, load_problem, survey
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.store import LandscapeStore
from lossnav.explorer import landscapes
from lossnav.explorer.landscapes import _found, drawn_level
from lossnav.explorer.warm import draw_a_sample


def stopped_after(points: int, store: Path) -> None:
    """An adaptive survey that was stopped at so many measurements."""
    problem = load_problem("gaussians-mlp")

    def stop(done: int, total: int) -> None:
        if done >= points:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        survey(problem, Plane.random(problem, 3), (33, 33), tolerance=0.01, store=store, progress=stop)


def test_an_adaptive_picture_is_the_whole_grid_and_waits_for_the_coarsest_one(tmp_path: Path) -> None:
    stopped_after(1, tmp_path / "land.zarr")
    points = read_points(tmp_path / "land.zarr")
    coarse = points.plan.levels == points.plan.levels.max()
    points.done[:] = False
    points.done[:5, 0] = True  # five of its nine points

    def drawn() -> int:
        level = drawn_level(points)
        return 0 if level is None else len(level[0])

    assert drawn() == 0
    points.done[coarse, 0] = True
    assert drawn() == 33


def test_a_first_look_is_a_better_picture(tmp_path: Path) -> None:
    stopped_after(20, tmp_path / "land.zarr")
    found = _found(tmp_path / "land.zarr")
    before = found.drawable
    assert before > 0
    found.points.info = replace(found.points.info, glance={"rows": [], "stages": {"gradient": []}})
    assert found.drawable == before + 1


def test_a_landscape_is_read_again_only_when_something_was_written(tmp_path: Path) -> None:
    place = tmp_path / "land.zarr"
    stopped_after(20, place)
    first = _found(place)
    assert _found(place) is first
    store, points = LandscapeStore(place), read_points(place)
    points.info = replace(points.info, name="another")
    store.write_info(points)
    second = _found(place)
    assert second is not first
    assert second.points.info.name == "another"
    points.values[0], points.done[0] = 0.75, True
    store.write(points, slice(0, 1))
    assert _found(place).points.values[0, 0] == 0.75


def test_what_cannot_be_read_yet_is_looked_at_again(tmp_path: Path) -> None:
    place = tmp_path / "land.zarr"
    place.mkdir()
    assert _found(place).drawable == 0
    stopped_after(20, place)
    assert _found(place).drawable > 0


def test_sessions_that_ask_together_have_a_store_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, reads, asking = tmp_path / "land.zarr", [], threading.Barrier(6)
    problem = load_problem("gaussians-mlp")
    survey(problem, Plane.random(problem, 3), (3, 3), overlays=("forward",), fidelity=False, store=place)

    def slowly(path: Path) -> object:
        reads.append(path)
        time.sleep(0.5)  # in which the others come
        (place / "note").write_text(str(len(reads)))  # a survey writes meanwhile
        return read_points(path)

    monkeypatch.setattr(landscapes, "read_points", slowly)

    def ask() -> None:
        asking.wait()
        assert _found(place).done == 9

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(reads) < 6  # two, where all come while it is read first: they take the second reading
    monkeypatch.undo()
    found = _found(place)
    assert _found(place) is found


def test_what_is_being_created_is_looked_at_again(tmp_path: Path) -> None:
    place = tmp_path / "land.zarr"
    place.mkdir()
    (place / "begun").touch()
    assert not len(_found(place).rows)
    (place / "begun").unlink()
    problem = load_problem("gaussians-mlp")
    survey(problem, Plane.random(problem, 3), (3, 3), overlays=("forward",), fidelity=False, store=place)
    assert len(_found(place).rows) == 3


def test_a_picture_is_drawn_before_the_first_page_asks() -> None:
    assert draw_a_sample()
