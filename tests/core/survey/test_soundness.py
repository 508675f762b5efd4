"""A store whose chunks are whole and whose JSON is valid may still mean nothing: that is a sentence, not a traceback or a drawing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pytest
import zarr
from lossnav.core import InputError, Plane, read_landscape
from lossnav.core.survey.group import every_chunk
from lossnav.core.survey.integrity import SEALED, DamagedError, compressors
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.survey import surveyed

ARRAYS = ("alpha", "beta", "cells", "levels", "values", "done")
Arrays = dict[str, np.ndarray]
Said = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    problem, path = cases.with_path(), tmp_path_factory.mktemp("whole") / "s.zarr"
    overlays = ("forward", "coupling", "memory")
    surveyed(Specification(problem, Plane.random(problem), (5, 3), overlays, fidelity=False), path)
    return path


@pytest.fixture
def changed(whole: Path, tmp_path: Path) -> Callable[[Callable[[Arrays, Said], object]], Path]:
    """The same store with another meaning, without digests, as stores from before there were any."""

    def make(change: Callable[[Arrays, Said], object]) -> Path:
        group = zarr.open_group(whole, mode="r")
        arrays = {name: np.asarray(group[name][:]) for name in ARRAYS}  # type: ignore[index]
        said: Said = json.loads(json.dumps({name: each for name, each in group.attrs.items() if name != SEALED}))
        change(arrays, said)
        with every_chunk():
            made = zarr.create_group(tmp_path / "s.zarr", attributes=said)
            for name, data in arrays.items():
                made.create_array(name, data=data, chunks=data.shape, compressors=compressors())
        return tmp_path / "s.zarr"

    return make


def column(arrays: Arrays, said: Said, name: str, value: float) -> None:
    arrays["values"][:, said["columns"].index(name)] = value


def about(**fields: object) -> Callable[[Arrays, Said], object]:
    return lambda arrays, said: said["about"].update(fields)


def attribute(**fields: object) -> Callable[[Arrays, Said], object]:
    return lambda arrays, said: said.update(fields)


def array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Arrays, Said], object]:
    return lambda arrays, said: arrays.update({name: change(arrays[name])})


def test_what_is_only_written_otherwise_is_read_as_before(whole: Path, changed) -> None:
    there = changed(
        lambda arrays, said: (arrays.update(beta=arrays["beta"].astype(">f8")), said.update(future={"g": 1}))
    )
    assert read_landscape(there).drop_attrs().identical(read_landscape(whole).drop_attrs())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (array("alpha", lambda a: a[::-1].copy()), "'alpha' should rise"),
        (array("alpha", lambda a: a[[0, 2, 1, 3, 4]]), "'alpha' should rise"),
        (array("beta", lambda b: np.zeros_like(b)), "'beta' should rise"),
        (array("alpha", lambda a: a > 0), "'alpha' should rise"),
        (array("cells", lambda c: c + 0.4), "whole numbers"),
        (array("cells", lambda c: c[[0, 0, *range(2, len(c))]]), "comes twice"),
        (array("levels", lambda v: v * 0), "levels of 1 or more"),
        (array("done", lambda d: d[:, :1]), "true or false"),
        (array("done", lambda d: np.full(d.shape, np.nan)), "true or false"),
        (array("values", lambda v: v[:, :1]), "a column for each name"),
        (array("values", lambda v: np.nan_to_num(v).astype("i4")), "fractions"),
        (attribute(columns="loss"), "no list"),
        (lambda arrays, said: said["columns"].__setitem__(1, "loss"), "names that differ"),
        (lambda arrays, said: said["stages"].pop(), "a stage each"),
        (lambda arrays, said: said["stages"].__setitem__(0, "future"), "should be of forward"),
        (attribute(overlays=[["viscosity"]]), "should be names"),
        (attribute(about=[1]), "nothing is said"),
        (attribute(about={}), "cannot be read"),
        (about(name=5), "under 'name'"),
        (about(problem=[1]), "under 'problem'"),
        (about(problem={"parameters": -1}), "under 'problem'"),
        (about(problem={"parameters": 10**400}), "under 'problem'"),
        (about(plane={"kind": "random"}), "under 'plane'"),
        (about(plane={"kind": "random", "gram": [[float("nan"), 0], [0, 1]]}), "under 'plane'"),
        (about(facts={"terrain": None}), "under 'facts'"),
        (about(facts={}), "no readout can be derived"),
        (about(unavailable={"viscosity": 5}), "under 'unavailable'"),
        (about(estimation="x"), "under 'estimation'"),
        (about(every=0), "under 'every'"),
        (about(every=True), "under 'every'"),
        (about(centre={"loss": "low"}), "under 'centre'"),
        (about(refined=["forward"]), "under 'refined'"),
        (about(provenance=["mine"]), "under 'provenance'"),
        (lambda arrays, said: column(arrays, said, "interlayer_se", -1), "'interlayer_se', an error"),
        (lambda arrays, said: column(arrays, said, "accuracy", 7), "from 0 to 1"),
    ],
)
def test_what_no_survey_says_is_a_sentence(change: Callable[[Arrays, Said], object], text: str, changed) -> None:
    with pytest.raises(InputError, match=text) as caught:
        read_points(changed(change))
    assert isinstance(caught.value, DamagedError)
    assert "easure it anew" in str(caught.value)
