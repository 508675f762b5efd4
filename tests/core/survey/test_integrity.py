"""Damage to a store is seen, named, and only what is damaged is measured again."""

from __future__ import annotations

import json
import random
import shutil
import time
from contextlib import suppress
from pathlib import Path

import cases
import numpy as np
import pytest
import zarr
from lossnav.core import InputError, Plane, read_landscape
from lossnav.core.survey.integrity import SEALED, DamagedError, _digest_of_said
from lossnav.core.survey.packing import pack
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.survey import surveyed
from zarr.storage import LocalStore


def what(shape: tuple[int, int] = (21, 21)) -> Specification:
    problem = cases.with_path()
    return Specification(problem, Plane.random(problem), shape, ("forward",), fidelity=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 441 points in two tiles; nobody writes to it."""
    path = tmp_path_factory.mktemp("whole") / "s.zarr"
    surveyed(what(), path)
    return path


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "s.zarr")
    return tmp_path / "s.zarr"


def flip(file: Path, byte: int, bit: int = 0) -> None:
    content = bytearray(file.read_bytes())
    content[byte % len(content)] ^= 1 << bit
    file.write_bytes(content)


def edit(file: Path, change: object) -> None:
    content = json.loads(file.read_text())
    change(content)  # type: ignore[operator]
    file.write_text(json.dumps(content))


def same_numbers(path: Path, other: Path) -> bool:
    return read_landscape(path).drop_attrs().identical(read_landscape(other).drop_attrs())


def lost(store: Path) -> None:
    (store / "values/c/1/0").unlink()


def changed(store: Path) -> None:
    flip(store / "values/c/1/0", 11)


@pytest.mark.parametrize("damage", [lost, changed])
def test_a_tile_that_is_lost_or_changed_is_named_and_measured_again(store: Path, whole: Path, damage) -> None:
    damage(store)
    for reading in (lambda: read_landscape(store), lambda: surveyed(what(), store)):
        with pytest.raises(DamagedError, match="points 256–440 of 'values' cannot be read as they were written"):
            reading()
    asked: list[int] = []
    surveyed(what(), store, lambda done, total: asked.append(done), repair=True)
    assert min(asked) > 256  # the other tile's points were kept
    assert same_numbers(store, whole)
    assert sum(run["measurements"] for run in read_points(store).info.provenance or ()) == 441 + 185


def test_marks_that_are_lost_are_seen(store: Path, whole: Path) -> None:
    (store / "done/c/0/0").unlink()
    with pytest.raises(DamagedError, match="points 0–440 of 'done'"):
        read_landscape(store)
    surveyed(what(), store, repair=True)
    assert same_numbers(store, whole)


@pytest.mark.parametrize("name", ["alpha", "beta", "cells", "levels"])
def test_coordinates_that_are_lost_changed_or_replaced_are_seen(store: Path, whole: Path, name: str) -> None:
    file = next(file for file in (store / name / "c").rglob("*") if file.is_file())
    file.unlink()
    with pytest.raises(DamagedError):
        read_landscape(store)
    array = zarr.open_group(store, mode="r+")[name]
    array[:] = np.zeros(array.shape, array.dtype)  # whole chunks with right checksums, and all wrong
    with pytest.raises(DamagedError, match="coordinates are not as they were written"):
        read_landscape(store)
    with pytest.raises(DamagedError, match="--overwrite"):
        surveyed(what(), store)
    surveyed(what(), store, repair=True)
    assert same_numbers(store, whole)


def test_what_it_says_of_itself_is_seen_to_be_changed(store: Path) -> None:
    edit(store / "zarr.json", lambda content: content["attributes"]["about"].update(name="another"))
    with pytest.raises(DamagedError, match="what it says of itself"):
        read_landscape(store)


def test_a_packed_store_that_is_damaged_is_seen(store: Path, tmp_path: Path) -> None:
    pack(store, tmp_path / "s.zip")
    size = (tmp_path / "s.zip").stat().st_size
    for byte in range(200, size, size // 40):
        shutil.copy(tmp_path / "s.zip", tmp_path / "d.zip")
        flip(tmp_path / "d.zip", byte, 3)
        with suppress(InputError):
            assert same_numbers(tmp_path / "d.zip", store)  # a byte that says nothing, such as a date


def test_no_single_flipped_bit_gives_other_numbers_or_a_traceback(store: Path, whole: Path, tmp_path: Path) -> None:
    files = sorted(file.relative_to(whole) for file in whole.rglob("*") if file.is_file())
    chance = random.Random(0)
    refused = []
    for _ in range(150):
        file = chance.choice(files)
        kept = (whole / file).read_bytes()
        flip(store / file, chance.randrange(len(kept)), chance.randrange(8))
        with suppress(InputError):
            refused.append(file)
            assert same_numbers(store, whole), file
            refused.pop()
        (store / file).write_bytes(kept)
    assert len(refused) > 100


@pytest.mark.parametrize("part", ["values", "done", "alpha"])
def test_a_part_that_is_gone_is_a_sentence(store: Path, part: str) -> None:
    shutil.rmtree(store / part)
    with pytest.raises(InputError):
        read_landscape(store)


@pytest.mark.parametrize("size", [30_000, 10**9, 10**18, -1])
def test_sizes_in_headers_are_looked_at_before_anything_is_made(store: Path, size: int) -> None:
    for name in ("values", "done", "cells", "levels", "alpha", "beta"):
        shape = size if name in ("alpha", "beta") else size * size
        edit(store / name / "zarr.json", lambda content, shape=shape: content["shape"].__setitem__(0, shape))
    started = time.monotonic()
    with pytest.raises(InputError):
        read_landscape(store)
    assert time.monotonic() - started < 20


def unsealed(store: Path) -> None:
    """As stores were before there were checksums."""
    group = zarr.open_group(store, mode="r+")
    for name in ("values", "done", "alpha", "beta", "cells", "levels"):
        data, chunks, fill = group[name][:], group[name].chunks, group[name].fill_value
        del group[name]
        array = group.create_array(name, shape=data.shape, chunks=chunks, dtype=data.dtype, fill_value=fill)
        array[:] = data
    attributes = dict(group.attrs)
    del attributes[SEALED]
    group.attrs.clear()
    group.attrs.update(attributes)


def test_an_old_store_reads_as_before_and_gets_checksums_when_it_is_written_to(store: Path, whole: Path) -> None:
    unsealed(store)
    spec = json.loads((store / "zarr.json").read_text())["attributes"]["spec"]
    assert same_numbers(store, whole)
    assert SEALED not in zarr.open_group(store, mode="r").attrs
    surveyed(what(), store)
    group = zarr.open_group(store, mode="r")
    assert SEALED in group.attrs
    assert group.attrs["spec"] == spec
    assert same_numbers(store, whole)
    assert {each.name for each in store.parent.iterdir()} == {"s.zarr", ".s.zarr.lock"}
    changed(store)
    with pytest.raises(DamagedError):
        read_landscape(store)


def test_repair_of_a_whole_store_changes_nothing_and_of_another_survey_is_refused(store: Path, whole: Path) -> None:
    surveyed(what(), store, repair=True)
    assert same_numbers(store, whole)
    with pytest.raises(InputError, match="another landscape"):
        surveyed(what((9, 9)), store, repair=True)
    lost(store)
    with pytest.raises(InputError, match="not of this very survey"):
        surveyed(what((9, 9)), store, repair=True)
    surveyed(what(), store, overwrite=True)  # the other way on
    assert same_numbers(store, whole)


def test_what_a_store_says_is_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After every single write a reader, or a survey that goes on after a kill, finds what it says and the digest of that."""
    said: list[dict[str, object]] = []
    put = LocalStore.set

    async def watched(self: LocalStore, key: str, value: object) -> None:
        await put(self, key, value)  # type: ignore[arg-type]
        if key == "zarr.json":
            said.append(json.loads((Path(self.root) / key).read_text())["attributes"])

    monkeypatch.setattr(LocalStore, "set", watched)
    surveyed(what((9, 9)), tmp_path / "s.zarr")
    sealed = [each for each in said if SEALED in each]
    assert len({json.dumps(each["about"], sort_keys=True) for each in sealed}) > 2  # it changes as the survey goes on
    assert [_digest_of_said(each) == each[SEALED]["about"] for each in sealed] == [True] * len(sealed)  # type: ignore[index]
