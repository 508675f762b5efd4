"""The fuzzed readers: for each, whole inputs, how they are spoilt, and its use of one as by the page and the command."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lossnav.core import Settings, load_problem
from lossnav.core.formats.density_map import read_density_map
from lossnav.core.problem.weights import load_weights, read_weights
from lossnav.core.spectrum.io import read_along, read_coupling, read_spectrum
from lossnav.explorer.landscape_file import opened

from . import seeds
from .mutator import mutated, mutated_text

SPOIL, PLACE, READ = Callable[[random.Random], bytes], str, Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """One reader.

    make  writes the next spoilt input into an empty folder, and says where it is
    read  reads it; answers, or raises InputError
    """

    make: Callable[[random.Random, Path], Path]
    read: Callable[[Path], object]


def _file(
    name: str, whole: list[bytes], spoil: Callable[..., bytes] = mutated
) -> Callable[[random.Random, Path], Path]:
    def make(random_: random.Random, folder: Path) -> Path:
        path = folder / name
        path.write_bytes(spoil(whole, random_))
        return path

    return make


def _folder() -> Callable[[random.Random, Path], Path]:
    whole = seeds.files_of(seeds.store())

    def make(random_: random.Random, folder: Path) -> Path:
        place = folder / "s.zarr"
        content = dict(whole)
        _spoil_one(content, random_)
        for name, data in content.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        return place

    return make


def _spoil_one(content: dict[str, bytes], random_: random.Random) -> None:
    """A file of a store changed, lost, or put in another's place."""
    name, other = random_.choice(list(content)), random_.choice(list(content))
    kind = random_.random()
    if kind < 0.7:
        spoil = mutated_text if name.endswith(".json") else mutated
        content[name] = spoil([content[name]], random_)
    elif kind < 0.85:
        content[name], content[other] = content[other], content[name]
    else:
        del content[name]


def _surface(whole: list[bytes], random_: random.Random) -> bytes:
    """The text as a text is spoilt, or either as bytes are."""
    return mutated_text(whole[:1], random_) if random_.random() < 0.5 else mutated(whole, random_)


def _landscape(path: Path) -> object:
    """As the page shows a file: its facts, what it lacks, its numbers and its readouts."""
    found = opened(path)
    settings = Settings()
    return found.facts, found.unavailable, found.measured(settings).load(), found.landscape(settings).load()


def _weights(path: Path) -> object:
    from copy import deepcopy

    read_weights(path)
    return load_weights(deepcopy(seeds.problem().model), path)


def _spectra(path: Path) -> object:
    """Whichever of the three it says that it is."""
    from lossnav.core import InputError

    said = []
    for read in (read_spectrum, read_along, read_coupling):
        try:
            return read(path)
        except InputError as error:
            said.append(error)
    raise said[0]


def reader(name: str, folder: Path) -> Reader:
    """The reader of that name; `folder` is where its inputs lie one after another."""
    pipe = str(folder.parent / seeds.PIPE)
    makers: dict[str, Callable[[], Reader]] = {
        "safetensors": lambda: Reader(_file("a.safetensors", seeds.safetensors()), _weights),
        "pt": lambda: Reader(_file("a.pt", seeds.pickled()), _weights),
        "li_h5": lambda: Reader(_file("a.h5", seeds.li_h5(pipe)), _landscape),
        "netcdf": lambda: Reader(_file("a.nc", seeds.netcdf()), _landscape),
        "vtp": lambda: Reader(_file("a.vtp", seeds.vtp(), _surface), _landscape),
        "density": lambda: Reader(_file("a.nc", seeds.density()), read_density_map),
        "zarr": lambda: Reader(_folder(), _landscape),
        "zip": lambda: Reader(_file("a.zip", seeds.zipped()), _landscape),
        "spectra": lambda: Reader(_file("a.json", seeds.spectra(), mutated_text), _spectra),
        "problem": lambda: Reader(_file("mine.py", seeds.problem_files(), mutated_text), load_problem),
        "address": lambda: address_reader(),
    }
    return makers[name]()


NAMES = ("safetensors", "pt", "li_h5", "netcdf", "vtp", "density", "zarr", "zip", "spectra", "problem", "address")


def address_reader() -> Reader:
    """Imported when it is needed: it brings Streamlit."""
    from .address import address

    return Reader(*address())


def emptied(folder: Path) -> Path:
    """The folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
