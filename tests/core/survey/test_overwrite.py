"""Measured anew: the old landscape goes when the new one is complete, and not before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cases
import numpy as np
import pytest
from lossnav.core import InputError, Plane, read_landscape
from lossnav.core.survey import run as course
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.store import LandscapeStore
from lossnav.core.survey.survey import surveyed


def what(seed: int = 0) -> Specification:
    problem = cases.with_path()
    return Specification(problem, Plane.random(problem, seed=seed), (5, 5), ("forward",), fidelity=False)


def stop(done: int, total: int) -> None:
    if 3 <= done < total:
        raise KeyboardInterrupt


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LandscapeStore:
    monkeypatch.setattr(course, "SECONDS_BETWEEN_WRITES", -1.0)
    surveyed(what(), tmp_path / "s.zarr")
    return LandscapeStore(tmp_path / "s.zarr")


def test_the_new_one_takes_the_place_of_the_old_one_when_it_is_complete(store: LandscapeStore) -> None:
    old = read_landscape(store.path)
    with pytest.raises(KeyboardInterrupt):
        surveyed(what(1), store.path, stop, overwrite=True)
    assert 0 < read_points(store.path).made < 25
    assert read_landscape(store.set_aside).identical(old)
    with pytest.raises(
        KeyboardInterrupt
    ):  # another attempt: what the first had measured was named, the old one was not
        surveyed(what(2), store.path, stop, overwrite=True)
    assert read_landscape(store.set_aside).identical(old)
    surveyed(what(2), store.path)
    assert not store.set_aside.exists()
    np.testing.assert_array_equal(read_landscape(store.path)["loss"], surveyed(what(2))["loss"])
    assert {each.name for each in store.path.parent.iterdir()} == {"s.zarr", ".s.zarr.lock"}


def test_a_store_that_is_being_written_is_not_touched(store: LandscapeStore) -> None:
    old = read_landscape(store.path)
    with store.writing(), pytest.raises(InputError, match="Another process is writing"):
        surveyed(what(), store.path, overwrite=True)
    assert read_landscape(store.path).identical(old)
    assert not store.set_aside.exists()


def test_what_cannot_be_replaced_stays(store: LandscapeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    old = read_landscape(store.path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LandscapeStore, "_create", full)
    with pytest.raises(OSError, match="No space"):
        surveyed(what(), store.path, overwrite=True)
    assert read_landscape(store.path).identical(old)


KILLED = """
import os, signal, sys
from lossnav.core.survey.store import LandscapeStore
from lossnav.core.survey.reading import read_points
store = LandscapeStore(sys.argv[1])
LandscapeStore._create = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with store.writing():
    store.replace_with(read_points(store.path), {})
"""


def test_killed_before_the_new_one_exists_the_old_one_is_put_back(store: LandscapeStore) -> None:
    old = read_landscape(store.path)
    assert subprocess.run([sys.executable, "-c", KILLED, str(store.path)], check=False).returncode == -9
    assert not store.path.exists()
    with store.writing():
        assert read_landscape(store.path).identical(old)


def test_what_a_killed_creation_left_is_swept_by_the_next(store: LandscapeStore) -> None:
    left = store.path.with_name(f".{store.path.name}.0123abcd")
    (left / "values").mkdir(parents=True)
    other = store.path.with_name(".other.zarr.0123abcd")
    other.mkdir()
    surveyed(what(), store.path)
    assert not left.exists()
    assert other.exists()


SIGNED = """
import os, signal, sys
import cases
from lossnav.core import Plane, survey
from lossnav.core.survey import run
run.SECONDS_BETWEEN_WRITES = -1.0
problem = cases.with_path()
stop = lambda done, total: done >= 7 and os.kill(os.getpid(), signal.SIGKILL)
survey(problem, Plane.random(problem), (5, 5), overlays=("forward",), fidelity=False, store=sys.argv[1], progress=stop)
"""


def test_a_run_that_is_killed_has_signed_what_it_measured(tmp_path: Path) -> None:
    place = tmp_path / "k.zarr"
    env = {**os.environ, "PYTHONPATH": str(Path(cases.__file__).parent)}
    assert subprocess.run([sys.executable, "-c", SIGNED, str(place)], check=False, env=env).returncode == -9
    (run,) = read_points(place).info.provenance or ()
    assert 0 < run["measurements"] <= read_points(place).made
    surveyed(what(), place)
    first, second = read_points(place).info.provenance or ()
    assert first["measurements"] + second["measurements"] == 25
    assert "running" not in second
