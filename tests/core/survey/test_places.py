"""A survey that was begun elsewhere goes on, though the ends of its span differ in their last bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cases
import numpy as np
import pytest
import xarray as xr
import zarr
from lossnav.core import InputError, Plane, load_problem, read_landscape, survey
from lossnav.core.local import preset
from lossnav.core.survey.group import write_group
from lossnav.core.survey.packing import unpack
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.survey import surveyed
from lossnav.sample_models.survey import FOLDER, GRID


def moved(plane: Plane, by: float) -> Plane:
    (left, right), ends = plane.span
    return replace(plane, span=((left, right + by * (right - left)), ends))


def land_of(store: Path, by: float = 0.0, **more: object) -> xr.Dataset:
    problem = cases.with_path()
    return survey(problem, moved(Plane.trajectory(problem), by), (5, 5), device="cpu", store=store, **more)  # type: ignore[arg-type]


def test_the_stored_places_stay(tmp_path: Path) -> None:
    first = land_of(tmp_path / "land", overlays=())
    again = land_of(tmp_path / "land", 1e-13, overlays=("perplexity",))
    np.testing.assert_array_equal(again.alpha, first.alpha)
    np.testing.assert_array_equal(again.loss, first.loss)
    assert "perplexity" in again
    xr.testing.assert_equal(read_landscape(tmp_path / "land")[["perplexity"]], again[["perplexity"]])


def test_a_damaged_store_is_repaired_at_its_own_places(tmp_path: Path) -> None:
    first = land_of(tmp_path / "land")
    for chunk in (tmp_path / "land" / "values" / "c").rglob("*"):
        if chunk.is_file():
            chunk.unlink()
    with pytest.raises(InputError, match="damaged"):
        land_of(tmp_path / "land", 1e-13)
    problem = cases.with_path()
    spec = Specification(problem, moved(Plane.trajectory(problem), 1e-13), (5, 5), device="cpu")
    surveyed(spec, tmp_path / "land", repair=True)
    repaired = read_landscape(tmp_path / "land")
    np.testing.assert_array_equal(repaired.alpha, first.alpha)
    np.testing.assert_array_equal(repaired.loss, first.loss)


def test_another_span_is_another_landscape(tmp_path: Path) -> None:
    land_of(tmp_path / "land")
    with pytest.raises(InputError, match="already holds another landscape"):
        land_of(tmp_path / "land", 1e-6)


def with_an_older_definition(store: Path, target: Path) -> None:
    """A landscape as if an earlier version had measured one of its columns, by a definition that is no longer measured."""
    points, spec = read_points(store), dict(zarr.open_group(store, mode="r").attrs["spec"])  # type: ignore[arg-type]
    named = {points.columns[-1]: "measured_then"}
    columns = {stage: [named.get(name, name) for name in names] for stage, names in spec["columns"].items()}
    points = replace(points, columns=tuple(named.get(name, name) for name in points.columns))
    write_group(target, points, {**spec, "columns": columns})


@pytest.mark.parametrize("kind", ["random", "trajectory"])
def test_the_landscapes_that_come_with_the_samples_go_on_here(kind: str, tmp_path: Path) -> None:
    unpack(FOLDER / f"gaussians-mlp.{kind}.zarr.zip", tmp_path / "land")
    with_an_older_definition(tmp_path / "land", tmp_path / "older")
    stored = read_landscape(tmp_path / "land")
    problem = load_problem("gaussians-mlp")
    plane = getattr(Plane, kind)(problem)
    spec = Specification(problem, plane, GRID)
    np.testing.assert_allclose(spec.plan.alpha, stored.alpha, rtol=1e-12)
    how = {"overlays": ("all",), "effort": preset("standard"), "fidelity": True, "every": stored.lossnav.every}
    with pytest.raises(InputError, match="earlier version, and some of its readouts are defined otherwise now"):
        survey(problem, plane, GRID, store=tmp_path / "older", **how)
    found = survey(problem, plane, GRID, store=tmp_path / "land", **how)
    np.testing.assert_array_equal(found.loss, stored.loss)
    np.testing.assert_array_equal(found.viscosity, stored.viscosity)
