"""What a landscape says of itself, on disk and in `attrs`: nothing is lost on the way, and old files are read."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import cases
import pytest
import xarray as xr
from lossnav.core import Plane, Settings, Tolerance, survey
from lossnav.core.survey.info import IN_ATTRS, LandscapeInfo
from lossnav.core.survey.reading import read_points


def test_what_is_written_is_read_again_and_nothing_is_written_of_what_is_not_known(tmp_path) -> None:
    problem = cases.with_path()
    how = {"overlays": ("all",), "tolerance": Tolerance(0.1, "log", None, 0.2), "fidelity": True, "device": "cpu"}
    land = survey(problem, Plane.trajectory(problem), (5, 5), store=tmp_path / "land", **how)
    written = json.loads((tmp_path / "land" / "zarr.json").read_text())["attributes"]["about"]
    info = read_points(tmp_path / "land").info
    assert info.as_json() == written
    assert LandscapeInfo.from_json(written) == info
    assert {"glance", "failed"}.isdisjoint(written)
    assert info.tolerance == how["tolerance"]
    for name in IN_ATTRS:
        assert getattr(land.lossnav, name) == getattr(info, name), name
        assert json.loads(land.attrs[name]) == written[name], name
    assert land.lossnav.name == "Sequential"
    assert land.lossnav.settings == Settings()
    assert land.lossnav.adaptive == json.loads(land.attrs["adaptive"])


def test_every_field_survives_json() -> None:
    info = LandscapeInfo(
        "net",
        every=2,
        tolerance=Tolerance(0.02, "log", 3.0),
        refined={"forward": {"share": 0.02, "error": None, "asked": 9, "readouts": None}},
        glance={"rows": [0], "stages": {}, "examples": 8},
        failed=("descent",),
        descents={"basin": None},
        fidelity={},
        provenance=({"seconds": 1.0},),
        spec={"dtype": "float32"},
        estimation={"probes": 4},
        centre={"loss": None},
        later={"curvature": {"columns": ["x"], "filled": 1, "of": 2}},
    )
    assert all(getattr(info, f.name) is not None for f in fields(info))
    assert LandscapeInfo.from_json(json.loads(json.dumps(info.as_json()))) == info
    assert list(replace(info, glance=None, failed=None).as_json()) == [
        f.name for f in fields(info) if f.name not in ("glance", "failed")
    ]


def test_what_another_version_noted_is_left_out() -> None:
    assert LandscapeInfo.from_json({"name": "net", "weather": "fine", "tolerance": None}) == LandscapeInfo("net")


def test_a_dataset_from_elsewhere_says_nothing_and_a_wrong_name_is_told() -> None:
    land = xr.Dataset(attrs={"plane": ""})
    assert (land.lossnav.plane, land.lossnav.facts, land.lossnav.every, land.lossnav.adaptive) == ({}, {}, None, {})
    with pytest.raises(AttributeError, match="plane, facts"):
        _ = land.lossnav.plain
    land.attrs["plane"] = '{"kind": "line"}'
    assert land.lossnav.plane == {"kind": "line"}  # as it is now


def test_null_says_as_much_as_nothing() -> None:
    named = ("problem", "plane", "facts", "unavailable")
    nothing, null = xr.Dataset(), xr.Dataset(attrs=dict.fromkeys(named, "null"))
    for name in named:
        assert getattr(null.lossnav, name) == getattr(nothing.lossnav, name) is not None
