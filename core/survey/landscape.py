"""Measured points as a landscape: an xarray Dataset over (alpha, beta), with every readout at the settings given."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import numpy as np
import xarray as xr

from ..adaptive.interpolated import interpolated
from ..local.estimation import IN_PARAMETERS
from ..plane.filter_coordinates import COORDINATES
from ..properties import OWNERS, Settings
from ..properties.protocol import STAGES, Owner, Points, Readout
from ..properties.registry import HEIGHTS
from ..properties.terrain import TERRAIN
from .info import LandscapeInfo
from .intervals import interval_attributes
from .points import MeasuredPoints
from .preview import glanced

GRID = ("alpha", "beta")
MATRIX_NAMES = {
    "ggn": "the Gauss-Newton matrix",
    "remainder": "the remainder",
    "fisher": "the Fisher",
    "empirical_fisher": "the empirical Fisher",
}


def landscape(points: MeasuredPoints, settings: Settings | None = None) -> xr.Dataset:
    """Every readout on the grid, at the given temperature, strength and kernel width.

    Returns
    -------
    Dataset over ("alpha", "beta"): `loss`, accuracy and error where there are labels, each overlay's readouts,
    `measured` (bool), and `measured_curvature` and so on where a stage is in use; the path over "checkpoint" where
    there is one. What is measured is NaN where it is not measured yet; closed-form readouts are
    known everywhere. An adaptive survey has values everywhere, and `<name>_error` beside what is interpolated; under way,
    those of a costly stage may be a first look's, whose error is infinite.
    """
    info = points.info
    if info.tolerance is None or not info.refined:
        return landscape_as_measured(points, settings)
    seen, rough = glanced(points)
    land, said = interpolated(landscape_as_measured(seen, settings), info.refined, info.tolerance, rough, HEIGHTS)
    land.lossnav.adaptive = said
    return land


def landscape_as_measured(points: MeasuredPoints, settings: Settings | None = None) -> xr.Dataset:
    """`landscape` without what an adaptive survey interpolates: NaN wherever nothing was measured."""
    settings, plan = settings or Settings(), points.plan
    variables: dict[str, Any] = {
        "measured" if stage == STAGES[0] else f"measured_{stage}": (GRID, plan.grid(points.done_at(stage), fill=False))
        for stage in points.used
    }
    known = known_at(points)
    for owner in OWNERS:
        variables |= _readouts(owner, points, known, settings)
    land = xr.Dataset(coords={"alpha": ("alpha", plan.alpha), "beta": ("beta", plan.beta)})
    land = land.assign(variables)  # at once: one by one, each compares its coordinates with all that are there
    _add_notes(land, points, known, settings)
    land.attrs = points.info.as_attrs(settings)
    return land


def known_at(points: MeasuredPoints) -> Points:
    """The columns that readouts are derived from, at every point; NaN where they are not measured."""
    alpha, beta = points.plan.points.T
    # a point killed between its value and its mark is measured again, so it is not shown yet
    named = {
        c: np.where(points.done_at(stage), points.values[:, i].astype(float), np.nan)
        for i, (c, stage) in enumerate(zip(points.columns, points.stages, strict=True))
    }
    parameters = int(points.info.problem.get("parameters", 0))
    return Points(alpha, beta, named, points.info.facts, np.array(points.info.plane["gram"]), parameters)


def _shown(owner: Owner, points: MeasuredPoints) -> list[Readout]:
    readouts = owner.readouts_of(points.info.facts.get(owner.name, {}))
    return [r for r in readouts if (owner is TERRAIN and not r.local) or r.variable in points.overlays]


def numbers_of(points: MeasuredPoints, variables: Collection[str]) -> dict[str, np.ndarray]:
    """What `landscape_as_measured` holds of some variables and their standard errors, (A, B) each, as bare numbers."""
    known = known_at(points)
    numbers: dict[str, np.ndarray] = {}
    for owner in OWNERS:
        if any(readout.variable in variables for readout in _shown(owner, points)):
            numbers |= _numbers(owner, points, known, Settings())
    wanted = {*variables, *(f"{variable}_se" for variable in variables)}
    return {name: points.plan.grid(values) for name, values in numbers.items() if name in wanted}


def _numbers(owner: Owner, points: MeasuredPoints, known: Points, settings: Settings) -> dict[str, np.ndarray]:
    """A property's readouts that are shown, and their standard errors, at every point."""
    shown = [r.variable for r in _shown(owner, points) if r.variable not in points.info.unavailable]
    values = owner.values(known, settings) if shown else {}
    return {name: values[name] for v in shown if v in values for name in (v, f"{v}_se") if name in values}


def _readouts(owner: Owner, points: MeasuredPoints, known: Points, settings: Settings) -> dict[str, Any]:
    """A property's readouts and their errors, as variables of a Dataset."""
    values, variables = _numbers(owner, points, known, settings), {}
    for readout in _shown(owner, points):
        if readout.variable not in values:
            continue
        attrs = _attributes(owner, readout, points.info)
        variables[readout.variable] = (GRID, points.plan.grid(values[readout.variable]), attrs)
        if f"{readout.variable}_se" in values:
            error = {**attrs, "long_name": f"{readout.label}: {readout.error}", "error_of": readout.variable}
            error |= interval_attributes(readout, points)
            errors = points.plan.grid(values[f"{readout.variable}_se"])
            variables[f"{readout.variable}_se"] = (GRID, errors, error)
    return variables


def _add_notes(land: xr.Dataset, points: MeasuredPoints, known: Points, settings: Settings) -> None:
    """Add the properties' remarks on readouts, and their further arrays to draw."""
    for owner in OWNERS:
        notes = owner.notes(known, settings) if _shown(owner, points) else {}
        for variable in notes.keys() & land.keys():
            land[variable].attrs |= notes[variable]
        for name, (dimension, numbers) in owner.drawn(points.info.facts.get(owner.name, {})).items():
            land[name] = (dimension, np.array(numbers))


def coordinates_of(info: LandscapeInfo) -> str:
    """In which coordinates curvature was measured; landscapes from before there was a choice say nothing of them."""
    return str((info.estimation or {"coordinates": COORDINATES[0]}).get("coordinates", IN_PARAMETERS))


def _attributes(owner: Owner, readout: Readout, info: LandscapeInfo) -> dict[str, Any]:
    matrix, units = (info.estimation or {}).get("of", "hessian"), readout.unit
    if coordinates_of(info) == IN_PARAMETERS:
        units = units.replace("filter length", "parameter unit")
    # a loss that is no likelihood is not in nats
    loss_unit = "nats" if info.facts["terrain"]["is_likelihood"] else "loss units"
    return {
        "long_name": readout.label.replace("the Hessian", MATRIX_NAMES.get(matrix, "the Hessian")),
        "units": units.replace("nats", loss_unit),
        "property": owner.name,
        "readout": readout.name,
        "low_pole": readout.poles[0],
        "high_pole": readout.poles[1],
        "scale": readout.scale,
        "zero": int(readout.zero),
        "stage": readout.stage,
        **({"labels": json.dumps(readout.labels)} if readout.labels else {}),
    }
