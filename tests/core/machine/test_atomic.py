"""What is written is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from lossnav.core.machine.atomic import written_whole


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(place: Path) -> None:
        place.write_text("new")
        assert path.read_text() == "old"

    assert written_whole(path, write) == path
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("folder", [False, True])
def test_nothing_is_left_of_what_failed(tmp_path: Path, folder: bool) -> None:
    def write(place: Path) -> None:
        if folder:
            place.mkdir()
        (place / "part" if folder else place).write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written_whole(tmp_path / "a", write)
    assert names(tmp_path) == []


def test_two_writers_of_one_name_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"

    def write(place: Path) -> None:
        place.write_text("outer")
        written_whole(path, lambda inner: inner.write_text("inner"))

    written_whole(path, write)
    assert path.read_text() == "outer"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_takes_the_place_of_an_empty_one_and_of_no_other(tmp_path: Path) -> None:
    def write(place: Path) -> None:
        place.mkdir()
        (place / "b").write_text("b")

    (tmp_path / "a").mkdir()
    written_whole(tmp_path / "a", write)
    assert names(tmp_path / "a") == ["b"]
    with pytest.raises(OSError, match=r"not empty|exists"):
        written_whole(tmp_path / "a", write)
    assert names(tmp_path) == ["a"]
