"""Computes what pages open on for the samples, by the very commands that the pages would run."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from lossnav.core import load_problem
from lossnav.core.formats import read_density_map, write_density_map
from lossnav.core.problem import problem_digest
from lossnav.core.sealed import write_json
from lossnav.sample_models import NAMES

from ..figures.shared.example_image import shows_inputs
from ..request.base import Request
from ..request.density import DensityRequest
from ..request.shipped import FOLDER, INDEX, Shipped, card_digest, file_digest, index, shipped
from ..request.spectrum import AlongRequest, CouplingRequest, SpectrumRequest

COMMAND = (sys.executable, "-m", "lossnav.explorer.cli")
VERSIONED = ("lossnav", "torch", "numpy", "scikit-learn")


def wanted(name: str) -> dict[str, Request]:
    """Ending of a file's name after the sample's → request, for all that the pages ask for at their own settings."""
    place = SpectrumRequest(name)
    return {
        "density.nc": DensityRequest(name),
        "spectrum.json": place,
        "along.json": AlongRequest(name),
        "sweep.json": CouplingRequest.beside(place, "sweep"),
        "matrix.json": CouplingRequest.beside(place, "matrix"),
    }


def missing(name: str) -> list[str]:
    """Keys of `wanted` of which there is nothing that fits the sample as it is."""
    return [kind for kind, request in wanted(name).items() if shipped(request) is None]


def ship(name: str, kinds: Sequence[str] = (), further: Sequence[str] = ()) -> None:
    """Compute a sample's results and list them.

    kinds    only these keys of `wanted`
    further  words for the command, where what the page asks for takes too long
    """
    FOLDER.mkdir(exist_ok=True)
    problem = problem_digest(load_problem(name))
    for kind, request in wanted(name).items():
        if kinds and kind not in kinds:
            continue
        path, started = FOLDER / f"{name}.{kind}", time.monotonic()
        words = [*request.arguments, *further]
        _compute(words, path)
        seconds = round(time.monotonic() - started, 1)
        made_by = words if further else ()
        versions = {package: version(package) for package in VERSIONED}
        content, card = file_digest(path), card_digest(name)
        _list(request, Shipped(path.name, content, card, problem, seconds, versions, made_by))
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB, {seconds:.0f} s", flush=True)


def _compute(words: Sequence[str], path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        subprocess.run([*COMMAND, *words, "--out", str(made)], check=True, stdout=subprocess.DEVNULL)
        if path.suffix == ".nc":
            write_small(made, path)
        else:
            shutil.copyfile(made, path)


def write_small(made: Path, path: Path) -> None:
    """A density map without what its page does not show, in float32, packed."""
    density_map = read_density_map(made)
    if not shows_inputs(density_map):
        density_map = density_map.drop_vars("input", errors="ignore")
    # the places of the grid stay as they are: a plot's ends are read from them
    density_map = density_map.assign(
        {n: v.astype("float32") for n, v in density_map.data_vars.items() if v.dtype == "float64"}
    )
    write_density_map(density_map, path, packed=True)


def _list(request: Request, made: Shipped) -> None:
    listed = sorted((index() | {" ".join(request.arguments): made}).items())
    write_json(FOLDER / INDEX, {words: dict(sorted(asdict(each).items())) for words, each in listed}, indent=1)


def main(words: Sequence[str] | None = None) -> None:
    """What `python -m lossnav.explorer.commands.ship` does; `words` of the command line, None: the process's own."""
    parser = argparse.ArgumentParser("python -m lossnav.explorer.commands.ship", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"samples, all without one: {', '.join(NAMES)}")
    parser.add_argument(
        "--missing", action="store_true", help="only what is not there, or not of the samples as they are"
    )
    given = parser.parse_args(words)
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"{', '.join(unknown)}: no such sample; there are {', '.join(NAMES)}")
    for name in given.names or NAMES:
        kinds = missing(name) if given.missing else list(wanted(name))
        if kinds:
            ship(name, kinds)


if __name__ == "__main__":
    main()
