"""A landscape from somebody else: nothing outside it is opened, nothing is waited for, no size in it is believed."""

from __future__ import annotations

import json
import os
import resource
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import cases
import pytest
from lossnav.core import Plane, read_landscape
from lossnav.core.survey.integrity import DamagedError
from lossnav.core.survey.packing import pack
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.survey import surveyed


def what() -> Specification:
    problem = cases.with_path()
    return Specification(problem, Plane.random(problem), (21, 21), ("forward",), fidelity=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "s.zarr"
    surveyed(what(), path)
    return path


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "s.zarr")
    return tmp_path / "s.zarr"


CHUNK = "values/c/0/0"


def a_pipe(store: Path) -> None:
    (store / CHUNK).unlink()
    os.mkfifo(store / CHUNK)


def a_pipe_that_belongs_to_nothing(store: Path) -> None:
    os.mkfifo(store / "values/c/9")


def a_link_to_a_device(store: Path) -> None:
    (store / CHUNK).unlink()
    (store / CHUNK).symlink_to("/dev/zero")


def a_link_out(store: Path) -> None:
    shutil.move(store / CHUNK, store.parent / "secret")
    (store / CHUNK).symlink_to(store.parent / "secret")


def a_folder_elsewhere(store: Path) -> None:
    shutil.move(store / "values", store.parent / "elsewhere")
    (store / "values").symlink_to("../elsewhere")


def zstd_of_a_terabyte(store: Path) -> None:
    """A frame (RFC 8878) that says what it unpacks to in eight bytes."""
    (store / CHUNK).write_bytes(b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**40) + bytes(32))


def zstd_of_no_size(store: Path) -> None:
    (store / CHUNK).write_bytes(b"\x28\xb5\x2f\xfd\x00\x58" + bytes(32))


def edited(name: str, change: Callable[[dict], None]) -> Callable[[Path], None]:
    def edit(store: Path) -> None:
        file = store / name / "zarr.json"
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    return edit


enormous_chunks = edited("values", lambda c: c["chunk_grid"]["configuration"].update(chunk_shape=[2**20, 2**20]))
other_codecs = edited("values", lambda c: c["codecs"].insert(1, {"name": "gzip", "configuration": {"level": 1}}))
twice_packed = edited("values", lambda c: c["codecs"].insert(1, c["codecs"][1]))
texts = edited("alpha", lambda c: c.update(data_type="string", fill_value="", codecs=[{"name": "vlen-utf8"}]))
no_sides = edited(
    "cells", lambda c: c.update(shape=[], chunk_grid={"name": "regular", "configuration": {"chunk_shape": []}})
)
endless_shape = edited("values", lambda c: c.update(shape=[2**62, 4]))


def nested(store: Path) -> None:
    (store / "zarr.json").write_text("[" * 500_000)


HOSTILE = [
    a_pipe,
    a_pipe_that_belongs_to_nothing,
    a_link_to_a_device,
    a_link_out,
    a_folder_elsewhere,
    zstd_of_a_terabyte,
    zstd_of_no_size,
    enormous_chunks,
    other_codecs,
    twice_packed,
    texts,
    no_sides,
    endless_shape,
    nested,
]


@pytest.mark.parametrize("harm", HOSTILE)
def test_it_is_refused_in_a_sentence_before_any_of_it_is_made(store: Path, harm: Callable[[Path], None]) -> None:
    harm(store)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DamagedError):
        read_landscape(store)
    with pytest.raises(DamagedError):
        surveyed(what(), store)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def test_links_within_a_store_are_its_own_affair(store: Path, whole: Path) -> None:
    shutil.move(store / CHUNK, store / "values/moved")
    (store / CHUNK).symlink_to("../../moved")
    assert read_landscape(store).drop_attrs().identical(read_landscape(whole).drop_attrs())


def test_a_lock_that_is_a_link_is_not_written_through(store: Path) -> None:
    own = store.parent / "own"
    own.write_text("mine")
    lock = store.with_name(".s.zarr.lock")
    lock.unlink(missing_ok=True)
    lock.symlink_to(own)
    with pytest.raises(ValueError, match="is a link, and is not written through"):
        surveyed(what(), store)
    assert own.read_text() == "mine"


@pytest.fixture
def archive(whole: Path, tmp_path: Path) -> Path:
    pack(whole, tmp_path / "s.zip")
    return tmp_path / "s.zip"


def repacked(archive: Path, change: Callable[[str, bytes], bytes], way: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(archive) as old:
        content = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(archive, "w", way) as new:
        for name, data in content.items():
            new.writestr(name, change(name, data))


def test_an_archive_that_others_packed_is_read(archive: Path, whole: Path) -> None:
    repacked(archive, lambda name, data: data)
    assert read_landscape(archive).drop_attrs().identical(read_landscape(whole).drop_attrs())


def test_archives_that_unpack_without_end_are_refused(archive: Path) -> None:
    repacked(archive, lambda name, data: bytes(2**28) if name == CHUNK else data)
    with pytest.raises(DamagedError, match="more than its array has room for"):
        read_landscape(archive)
    repacked(archive, lambda name, data: data if name != CHUNK else b"", zipfile.ZIP_LZMA)
    with pytest.raises(DamagedError, match="packed in a way that is not read"):
        read_landscape(archive)


def test_an_archive_whose_list_is_a_bomb_is_refused(archive: Path) -> None:
    """Sizes as the list names them are believed by whoever makes room for them first."""
    content = bytearray(archive.read_bytes())
    place = content.find(b"PK\x01\x02")
    content[place + 24 : place + 28] = struct.pack("<I", 2**32 - 2)  # what the first entry unpacks to
    for _ in range(40):
        place = content.find(b"PK\x01\x02", place + 4)
        if place < 0:
            break
        content[place + 24 : place + 28] = struct.pack("<I", 2**32 - 2)
    archive.write_bytes(content)
    with pytest.raises(DamagedError, match="more than this machine can take"):
        read_landscape(archive)
