"""A bit that changes in a single file, or a part that is lost, is a sentence when it is read: never other numbers, never a traceback."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases
import h5py
import numpy as np
import pytest
import torch
import xarray as xr
from lossnav.core import InputError, Plane, Problem, Recorder, coupling_matrix, density_map, spectrum, survey
from lossnav.core.answers import answers, read_answers, write_answers
from lossnav.core.claims import CLAIMS, damage_is_said, read_result, shipped, write_result
from lossnav.core.claims.kept import kept_tables
from lossnav.core.formats import read_density_map, write_density_map
from lossnav.core.formats.netcdf import read_netcdf, write_netcdf
from lossnav.core.problem import kept_trials
from lossnav.core.problem.weights import load_weights
from lossnav.core.sealed import EMPTY, KEY, MARK, read_json, verified, write_json, write_sealed
from lossnav.core.spectrum.io import (
    SpectraAlong,
    StoredCoupling,
    read_along,
    read_coupling,
    read_spectrum,
    write_along,
    write_coupling,
    write_spectrum,
)
from lossnav.core.walk import Recipe, read_walk, walk
from safetensors.torch import save_file
from torch import nn

FLIPS, CUTS = 60, 15


@pytest.fixture(scope="module")
def problem() -> Problem:
    return cases.four_classes(nn.Linear(3, 4))


Kind = tuple[Callable[[Path, Problem], object], Callable[[Path], Any]]


def _landscape(path: Path, problem: Problem) -> object:
    return write_netcdf(survey(problem, Plane.random(problem), (3, 3), overlays=("forward",), fidelity=False), path)


def _along(path: Path, problem: Problem) -> object:
    each = spectrum(problem, method="exact")
    return write_along(SpectraAlong((0, 1), (0, 5), (each, each), {"of": "hessian"}), path)


def _answers(path: Path, problem: Problem) -> object:
    return write_answers(answers(problem, {"trained": None}, examples=4, device="cpu"), path)


def _walk(path: Path, problem: Problem) -> object:
    return walk(problem, Recipe("adam", 4, every=2), problem.parameters, Plane.random(problem), store=path)


def _weights(path: Path, problem: Problem) -> object:
    held = {name: p.detach().clone() for name, p in problem.model.state_dict().items()}
    return write_sealed(path, lambda place: save_file(held, place, metadata={KEY: EMPTY}))


def _recorded(path: Path, problem: Problem) -> object:
    recorder = Recorder(problem.model, path.with_suffix(""), every=1)
    recorder(torch.tensor(1.5))
    return recorder._path(0).rename(path)


def _weights_read(path: Path) -> object:
    return [p.detach().numpy() for p in load_weights(nn.Linear(3, 4), path).parameters()]


KINDS: dict[str, Kind] = {
    "spectrum.json": (
        lambda path, problem: write_spectrum(spectrum(problem, method="exact"), path, {"a": 1}),
        read_spectrum,
    ),
    "along.json": (_along, read_along),
    "coupling.json": (
        lambda path, problem: write_coupling(StoredCoupling(None, coupling_matrix(problem), {}), path),
        read_coupling,
    ),
    "density.nc": (lambda path, problem: write_density_map(density_map(problem), path), read_density_map),
    "land.nc": (_landscape, read_netcdf),
    "answers.json": (_answers, read_answers),
    "walk.npz": (_walk, read_walk),
    "result.json": (lambda path, _: write_result(shipped(CLAIMS[0]), path), read_result),
    "control.safetensors": (_weights, _weights_read),
    "recorded.safetensors": (_recorded, _weights_read),
}


@pytest.fixture(scope="module")
def made(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    for name, (write, _) in KINDS.items():
        write(folder / name, problem)
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_no_flipped_bit_and_no_cut_gives_other_numbers_or_a_traceback(name: str, made: Path, tmp_path: Path) -> None:
    read, content = KINDS[name][1], (made / name).read_bytes()
    assert content.count(MARK.encode()) == 1
    whole = told(read(made / name))
    draw, seen = random.Random(name), 0
    for number in range(FLIPS + CUTS):
        spoilt = bytearray(content)
        if number < FLIPS:
            spoilt[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        else:
            del spoilt[draw.randrange(len(content)) :]
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(spoilt)
        said = None
        try:
            assert told(read(path)) == whole
        except InputError as error:
            said = str(error)
        seen += said is not None and "\n" not in said
    assert seen > 0.8 * (FLIPS + CUTS)  # but for those in the words of the digest


@pytest.mark.parametrize("name", KINDS)
def test_a_file_without_a_digest_reads_as_before(name: str, made: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(without_digest((made / name).read_bytes(), name))
    assert MARK.encode() not in path.read_bytes()
    assert told(KINDS[name][1](path)) == told(KINDS[name][1](made / name))


def test_hdf5_that_is_changed_by_others_has_no_digest_any_more(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "land.nc"
    path.write_bytes((made / "land.nc").read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["note"] = "mine"
    assert read_netcdf(path).attrs["note"] == "mine"


def test_a_digest_of_json_is_asked_for_where_there_has_to_be_one(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"x": [1.5]})
    assert read_json(path, sealed=True) == {"x": [1.5]}
    path.write_text('{"x": [1.5]}')
    assert read_json(path) == {"x": [1.5]}
    with pytest.raises(InputError, match="damaged"):
        read_json(path, sealed=True)
    path.write_text('{"x": [1.5], "sealed": "lossnav-sha25"}')  # the words themselves are spoilt
    with pytest.raises(InputError, match="damaged"):
        read_json(path)


def test_a_file_of_a_kind_without_a_place_for_a_digest_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no place"):
        write_sealed(tmp_path / "a.txt", lambda place: place.write_text("x"))
    assert list(tmp_path.iterdir()) == []


def test_findings_of_which_a_bit_changed_are_tested_anew(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    name = next(iter(kept_trials.KINDS))
    finding = {"a": 1.5}
    known = replace_kinds(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_trials, "KINDS", known)
        kept_trials.write(path, [1.0, 2.0], {name: finding})
        content = path.read_bytes()
        assert kept_trials.read(path, [1.0, 2.0]) == {name: finding}
        for at in range(len(content)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            assert kept_trials.read(path, [1.0, 2.0]) == {}


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # numpy leaves what it cannot unpack open
def test_networks_of_a_claim_of_which_a_bit_changed_are_named(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=40)
    words: Any = ("Table", tmp_path, {}, [(1.0,)], lambda _: {"y": values, "z": values[:3]}, lambda *_: None, ["a"])
    kept_tables(*words)
    (path,) = tmp_path.rglob("*.npz")
    content, draw, seen = path.read_bytes(), random.Random(0), 0
    for _ in range(150):
        spoilt = bytearray(content)
        spoilt[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(spoilt)
        try:
            with damage_is_said(tmp_path):
                np.testing.assert_array_equal(kept_tables(*words)["y"][0], values)
        except InputError as error:
            seen += f"'{path}' is damaged: remove it" in str(error)
    assert seen > 100


def test_an_archive_without_a_digest_is_held_against_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(9.0))
    assert verified(path) == path
    content = path.read_bytes()
    path.write_bytes(content.replace(np.float64(4).tobytes(), np.float64(5).tobytes(), 1))
    with pytest.raises(InputError, match="damaged"):
        verified(path)


def replace_kinds(name: str) -> dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]]:
    return {name: (lambda value: value, lambda value: value)}


def told(value: Any) -> object:
    """What is equal where two results are, to the last bit."""
    if isinstance(value, (xr.Dataset, xr.DataArray)):
        return pickle.dumps(value.to_dict())
    if isinstance(value, torch.Tensor):
        return value.numpy().tobytes()
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {name: told(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [told(each) for each in value]
    return told(vars(value)) if hasattr(value, "__dataclass_fields__") else repr(value)


def without_digest(content: bytes, name: str) -> bytes:
    """A file as it was written before there were digests."""
    kind = name.rpartition(".")[2]
    if kind == "json":
        return json.dumps({k: v for k, v in json.loads(content).items() if k != KEY}).encode()
    if kind == "nc":
        return content[: content.rindex(MARK.encode()) - 1]
    if kind == "npz":
        at = content.rindex(MARK.encode())
        return content[: at - 2] + b"\0\0"
    return content.replace(MARK.encode(), b"lossnav-sha2-6:")
