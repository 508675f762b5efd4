"""A stored spectrum of valid JSON may still mean nothing: that is a sentence, and it is not drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases
import pytest
from lossnav.core import InputError, coupling_matrix, spectrum
from lossnav.core.sealed import KEY
from lossnav.core.spectrum import (
    SpectraAlong,
    StoredCoupling,
    coupling_sweep,
    read_along,
    read_coupling,
    read_spectrum,
    write_coupling,
    write_spectrum,
)
from lossnav.core.spectrum.io import write_along

Content = dict[str, Any]
READERS = {"spectrum": read_spectrum, "along": read_along, "coupling": read_coupling}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, problem = tmp_path_factory.mktemp("stored"), cases.with_path()
    found = spectrum(problem, method="exact")
    write_spectrum(found, folder / "spectrum.json", {"name": "x"})
    write_along(SpectraAlong((0, 2, 5), (0, 20, 50), (found, found)), folder / "along.json")
    coupled = StoredCoupling(coupling_sweep(problem, gammas=(0.0, 1.0)), coupling_matrix(problem))
    write_coupling(coupled, folder / "coupling.json")
    return folder


def changed(stored: Path, kind: str, change: Callable[[Content], object], folder: Path) -> Path:
    content = {name: each for name, each in json.loads((stored / f"{kind}.json").read_text()).items() if name != KEY}
    change(content)
    (folder / "x.json").write_text(json.dumps(content))
    return folder / "x.json"


def of(part: str, **fields: object) -> Callable[[Content], object]:
    return lambda content: content[part].update(fields)


@pytest.mark.parametrize("kind", READERS)
def test_what_was_written_is_read(kind: str, stored: Path, tmp_path: Path) -> None:
    READERS[kind](changed(stored, kind, lambda content: content.update(future=1), tmp_path))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        *(
            ("spectrum", of("spectrum", **{name: value}))
            for name in ("eigenvalues", "weights", "top", "residuals", "bottom", "bottom_residuals")
            for value in ([], None, "x", 3, [[1.0]], ["a"], [-1.0, 2.0, -1.0])
        ),
        *(
            ("spectrum", of("spectrum", **{name: value}))
            for name in ("trace", "trace_se", "steps", "probes", "seed", "parameter_count", "index", "method", "of")
            for value in (None, "<b>", [1.0], True)
        ),
        ("spectrum", of("spectrum", trace_se=-1.0)),
        ("spectrum", of("spectrum", parameter_count=10**30)),
        ("spectrum", of("spectrum", index=2.0)),
        ("spectrum", of("spectrum", index_interval=[1.0, 0.0])),
        ("spectrum", lambda content: content.update(about=None)),
        ("along", lambda content: content.update(steps=[50, 20, 0])),
        ("along", lambda content: content.update(steps=[0, 20])),
        ("along", lambda content: content.update(steps=["a", "b", "c"])),
        ("along", lambda content: content.update(checkpoints=[0, 0, 5])),
        ("along", lambda content: content.update(checkpoints=[], steps=[], spectra=[])),
        ("along", lambda content: content.update(spectra=content["spectra"] * 2)),
        ("along", lambda content: content["spectra"][1].update(of="fisher")),
        ("coupling", of("sweep", dims=["rank", "gamma"])),
        ("coupling", of("sweep", attrs={})),
        ("coupling", of("sweep", attrs={"of": "hessian", "exact": "x", "probes": 0, "seed": 0})),
        ("coupling", of("matrix", data="x")),
        ("coupling", of("matrix", coords={})),
        ("coupling", lambda content: content["matrix"]["coords"]["standard_error"].update(dims=["layer"])),
    ],
)
def test_what_means_nothing_is_a_sentence(
    kind: str, change: Callable[[Content], object], stored: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="is no lossnav"):
        READERS[kind](changed(stored, kind, change, tmp_path))


def test_a_version_of_the_future_is_said(stored: Path, tmp_path: Path) -> None:
    path = changed(stored, "spectrum", lambda content: content.update(lossnav_spectrum=99), tmp_path)
    with pytest.raises(InputError, match="of version 99, and this lossnav reads version 1"):
        read_spectrum(path)
