"""A disk that takes no more: one sentence, what was measured is kept, and the same command goes on from there."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import cases
import pytest
import xarray as xr
import zarr.storage._local as local
from lossnav.core import InputError, Plane, read_landscape
from lossnav.core.engine import tuning
from lossnav.core.full_disk import TROUBLES
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.store import LandscapeStore
from lossnav.core.survey.survey import surveyed


def what() -> Specification:
    problem = cases.with_path()
    return Specification(problem, Plane.random(problem), (21, 21), ("forward",), fidelity=False)


@pytest.fixture(scope="module")
def plainly() -> Iterator[None]:
    """Point by point, however fast this machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "WORTH_SECONDS", math.inf)
        patch.setattr(import_module("lossnav.core.survey.run"), "MOST_IN_TILE", 1)
        yield


@pytest.fixture(scope="module")
def whole(plainly: None) -> xr.Dataset:
    return surveyed(what()).drop_attrs()


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Lets zarr write so many files more, then refuses with an error number, as the system does."""

    def fill(files: int, number: int) -> None:
        left, put = [files], local._put

        def full(*args: object, **kwargs: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(number, "as the system says it")
            return put(*args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(local, "_put", full)

    return fill


@pytest.fixture
def written_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("lossnav.core.survey.run"), "SECONDS_BETWEEN_WRITES", 0.0)


@pytest.mark.parametrize(
    ("files", "number"), [*((n, errno.ENOSPC) for n in (0, 5, 17, 61, 400)), *((60, n) for n in TROUBLES)]
)
def test_it_is_said_what_is_kept_and_the_survey_goes_on(
    files: int, number: int, filled, written_often, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    filled(files, number)
    with pytest.raises(InputError, match=TROUBLES[number][0]) as said:
        surveyed(what(), tmp_path / "s.zarr")
    assert "run the same command again" in str(said.value)
    monkeypatch.undo()
    kept = int(read_landscape(tmp_path / "s.zarr")["measured"].sum()) if (tmp_path / "s.zarr").exists() else 0
    assert f"of {kept:,} of 441 points" in str(said.value) or kept == 0
    asked: list[int] = []
    resumed = surveyed(what(), tmp_path / "s.zarr", lambda done, total: asked.append(done))
    assert bool(resumed["measured"].all())
    assert not kept or min(asked) >= kept
    assert resumed.drop_attrs().identical(whole)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".s.")) == [".s.zarr.lock"]


def test_the_old_landscape_stays_where_there_is_no_room_for_a_new_one(filled, tmp_path: Path) -> None:
    before = surveyed(what(), tmp_path / "s.zarr")
    filled(8, errno.ENOSPC)
    with pytest.raises(InputError, match="what was there before is as it was"):
        surveyed(what(), tmp_path / "s.zarr", overwrite=True)
    assert not LandscapeStore(tmp_path / "s.zarr").set_aside.exists()
    assert read_landscape(tmp_path / "s.zarr").drop_attrs().identical(before.drop_attrs())
