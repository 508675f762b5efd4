"""Weights from somebody else: nothing is run, nothing outside is opened, no size in the file is believed."""

from __future__ import annotations

import collections
import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from lossnav.core import InputError
from lossnav.core.problem.loading import load_problem
from lossnav.core.problem.weights import read_weights
from safetensors.torch import save_file

W = {"w": torch.arange(6.0).reshape(2, 3)}


def test_one_number_a_billion_times_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1).expand(2**15, 2**16)}, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"'w' of shape \(32768, 65536\), 8.6 GB"):
        read_weights(tmp_path / "w.pt")


def test_tied_weights_and_views_are_read(tmp_path: Path) -> None:
    torch.save({"a": W["w"], "b": W["w"], "c": W["w"].T}, tmp_path / "w.pt")
    assert torch.equal(read_weights(tmp_path / "w.pt")["c"], W["w"].T)


def test_containers_that_hold_each_other_are_refused(tmp_path: Path) -> None:
    itself: dict[str, object] = dict(W)
    itself["again"] = itself
    doubled: dict[str, object] = dict(W)
    for _ in range(40):
        doubled = {"a": doubled, "b": doubled}
    for content in (itself, doubled):
        torch.save(content, tmp_path / "w.pt")
        with pytest.raises(InputError, match="without end"):
            read_weights(tmp_path / "w.pt")


class Room:
    def __reduce__(self) -> tuple[type, tuple[int]]:
        return bytearray, (2**40,)


@pytest.mark.parametrize("zipped", [True, False])
def test_room_that_a_pickle_asks_for_is_not_made(zipped: bool, tmp_path: Path) -> None:
    torch.save({**W, "x": Room()}, tmp_path / "w.pt", pickle_protocol=2, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match="bytearray"):
        read_weights(tmp_path / "w.pt")


def test_an_archive_that_is_packed_is_refused(tmp_path: Path) -> None:
    torch.save(W, tmp_path / "w.pt")
    with (
        zipfile.ZipFile(tmp_path / "w.pt") as old,
        zipfile.ZipFile(tmp_path / "p.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(InputError, match="packed in a way that is not read"):
        read_weights(tmp_path / "p.pt")


def test_an_archive_of_several_disks_is_a_sentence(tmp_path: Path) -> None:
    """zipfile raises where it is asked whether this is an archive."""
    torch.save(W, tmp_path / "w.pt")
    content = bytearray((tmp_path / "w.pt").read_bytes())
    place = content.rfind(b"PK\x06\x07")  # the ZIP64 locator, which counts disks in its last four bytes
    content[place + 16 : place + 20] = (7).to_bytes(4, "little")
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(InputError):
        read_weights(tmp_path / "w.pt")


@pytest.mark.parametrize("tensor", [W["w"].to_sparse(), W["w"].to("meta")])
def test_tensors_that_are_not_plain_are_a_sentence(tensor: torch.Tensor, tmp_path: Path) -> None:
    torch.save({"w": tensor}, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"not plain|holds more than weights|not a plain file"):
        read_weights(tmp_path / "w.pt")


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors", "model.safetensors.index.json"])
def test_pipes_are_refused_and_not_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="but is a pipe"):
        read_weights(tmp_path / name)
    with pytest.raises(InputError, match=r"but is a pipe|holds no weights|is none"):
        read_weights(tmp_path)


def checkpoint(folder: Path, weight_map: dict[str, object]) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return folder


@pytest.mark.parametrize("place", ["../secret.safetensors", "/etc/passwd", "", 3, "model.safetensors.index.json"])
def test_an_index_names_files_beside_it_alone(place: object, tmp_path: Path) -> None:
    save_file(W, tmp_path / "secret.safetensors")
    with pytest.raises(InputError, match="should name weights files beside it"):
        read_weights(checkpoint(tmp_path / "c", {"w": place}))


def test_links_out_of_a_checkpoint_folder_are_not_followed(tmp_path: Path) -> None:
    save_file(W, tmp_path / "secret.safetensors")
    folder = checkpoint(tmp_path / "c", {"w": "a.safetensors"})
    (folder / "a.safetensors").symlink_to("../secret.safetensors")
    with pytest.raises(InputError, match="link that leads out"):
        read_weights(folder)
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(InputError, match="link that leads out"):
        read_weights(folder)


def test_the_links_of_a_hub_s_cache_are(tmp_path: Path) -> None:
    blobs, revision = tmp_path / "models--x/blobs", tmp_path / "models--x/snapshots/1"
    blobs.mkdir(parents=True)
    revision.mkdir(parents=True)
    save_file(W, blobs / "abc")
    (revision / "model.safetensors").symlink_to("../../blobs/abc")
    assert torch.equal(read_weights(revision)["w"], W["w"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"x = 1\ny = (2,\nproblem = )\n", r"Line 3 of 'mine.py' is not Python"),
        (b"x = 1\nif x:\nproblem = 2\n", r"Line 3 of 'mine.py' is not Python that can be read \(expected an indented"),
        (b"x = '\xff'\n", "'mine.py' is not Python"),
        (b"x = 1\x00\n", "mine.py"),
        (b"x = 1\nproblem = y\n", r"Line 2 of 'mine.py' fails \(NameError: name 'y' is not defined\)"),
        (b"import sys\nsys.exit(3)\n", r"Line 2 of 'mine.py' fails \(SystemExit: 3\)"),
        (b"def problem():\n    return 1 / 0\n", r"Line 2 of 'mine.py' fails \(ZeroDivisionError: division by zero\)"),
        (b"import not_there_at_all\n", r"Line 1 of 'mine.py' fails \(ModuleNotFoundError"),
        (b"(" * 2000, r"Line 1 of 'mine.py' is not Python"),
        (b"", "should define `problem`"),
    ],
)
def test_what_is_wrong_with_a_problem_file_is_its_line_and_a_sentence(text: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_bytes(text)
    with pytest.raises(InputError, match=said) as error:
        load_problem(tmp_path / "mine.py")
    assert "\n" not in str(error.value)


def test_a_neighbour_s_syntax_error_names_the_neighbour(tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("x = = 1\n")
    (tmp_path / "mine.py").write_text("import beside_it\n")
    with pytest.raises(InputError, match=r"Line 1 of 'beside_it.py' is not Python"):
        load_problem(tmp_path / "mine.py")


def test_pickles_are_still_not_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "made"),)

    (tmp_path / "w.pt").write_bytes(pickle.dumps(collections.OrderedDict(w=Harm())))
    with pytest.raises(InputError, match=r"not a plain file of weights|holds more than weights"):
        read_weights(tmp_path / "w.pt")
    assert not (tmp_path / "made").exists()
