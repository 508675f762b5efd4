"""Landscapes read from disk: a Zarr folder, or one packed into a `.zip`."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from ..checks import InputError
from ..foreign import plain_file
from ..properties import Settings
from .grid import GridPlan
from .group import FORMAT
from .headers import refuse_odd_things
from .info import LandscapeInfo
from .integrity import DamagedError, read_arrays, unreadable
from .landscape import landscape
from .later import with_overlays
from .points import MeasuredPoints
from .soundness import what_is_wrong_with_points

if TYPE_CHECKING:
    import zarr

PARTS = frozenset({"zarr.json", "alpha", "beta", "cells", "levels", "values", "done"})
MOST_OF_THEM = 3  # names of these that a folder has to hold to be a landscape, however damaged


def looks_like_landscape(path: Path) -> bool:
    """Whether a folder holds enough of a landscape's files to be one, however damaged."""
    return path.is_dir() and len({each.name for each in path.iterdir()} & PARTS) >= MOST_OF_THEM


def read_points(path: str | Path) -> MeasuredPoints:
    """The measured points of a landscape on disk: a Zarr folder, or one packed into a `.zip`.

    Raises
    ------
    InputError  nothing there, or something that is no landscape
    """
    import zarr

    path = Path(path)
    if not path.exists():
        raise InputError(f"No landscape at '{path}': check the path, or make one with `lossnav survey`.")
    packed = path.suffix == ".zip"
    _refuse_odd_things(path, packed)
    try:
        with zarr.storage.ZipStore(path, mode="r") if packed else nullcontext(path) as source:
            return _points_in(zarr.open_group(source, mode="r"), path)
    except InputError:
        raise
    except (FileNotFoundError, zarr.errors.GroupNotFoundError, zipfile.BadZipFile, ValueError) as error:
        if looks_like_landscape(path):
            raise unreadable(path, error) from error
        raise InputError(f"'{path}' is no lossnav landscape: give a folder made by `lossnav survey`.") from error
    except Exception as error:  # damage of any kind is a sentence
        raise unreadable(path, error) from error


def _refuse_odd_things(path: Path, packed: bool) -> None:
    """Before anything is opened; a pipe would wait forever."""
    if packed or not path.is_dir():
        plain_file(path)
    try:
        refuse_odd_things(path)
    except InputError as error:
        raise DamagedError(str(error)) from error
    except Exception as error:  # no archive
        raise InputError(f"'{path}' is no lossnav landscape: give a folder made by `lossnav survey`.") from error


def _points_in(group: zarr.Group, path: Path) -> MeasuredPoints:
    attributes: dict[str, Any] = dict(group.attrs)
    _refuse_another_format(attributes, path)
    read = read_arrays(group, path)
    plan = GridPlan(read["alpha"], read["beta"], read["cells"], read["levels"])
    columns, stages, overlays = (tuple(_listed(attributes, name)) for name in ("columns", "stages", "overlays"))
    if not isinstance(attributes["about"], dict):
        raise ValueError("nothing is said of its subject")
    info = LandscapeInfo.from_json(attributes["about"])
    points = MeasuredPoints(plan, columns, stages, read["values"], read["done"], overlays, info)
    wrong = what_is_wrong_with_points(points)
    if wrong is not None:
        raise DamagedError(f"'{path}' is damaged: {wrong}. Measure it anew with --overwrite.")
    return replace(points, plan=replace(plan, cells=plan.cells.astype(int), levels=plan.levels.astype(int)))


def _listed(attributes: dict[str, Any], name: str) -> list[Any]:
    if not isinstance(attributes[name], list):
        raise ValueError(f"its {name} are no list")
    return list(attributes[name])


def _refuse_another_format(attributes: dict[str, Any], path: Path) -> None:
    if attributes.get("lossnav_format") != FORMAT:
        raise InputError(
            f"'{path}' should be a landscape of format {FORMAT}, but is of format {attributes.get('lossnav_format')}: "
            "make it again with `lossnav survey`."
        )


def read_landscape(path: str | Path, settings: Settings | None = None, overlays: Sequence[str] = ()) -> xr.Dataset:
    """The landscape at `path` as `survey` returned it, complete or as far as it was measured.

    Parameters
    ----------
    settings  what may be turned without measuring again; None: as it is unless it is turned
    overlays  readouts to derive beside those that it was surveyed with, as far as they follow from what is stored

    Raises
    ------
    InputError  nothing there, or something that is no landscape; an unknown name
    """
    return landscape(with_overlays(read_points(path), overlays), settings)
