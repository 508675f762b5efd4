"""Landscapes on disk as Zarr: measured points, which of them are done, and full provenance.

A store is created under a temporary name and renamed; every chunk is written to a temporary file and renamed
(zarr's own doing). Values are written before the marks that say they are done, so a process killed at any
moment leaves points that are measured again, never points that are wrong.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ..checks import InputError
from ..machine.atomic import sweep, temporary, written_whole
from ..parameters.hashing import digest
from ..properties import Settings
from .grid import Plan
from .info import LandscapeInfo
from .integrity import SEALED, DamagedError, compressors, read_arrays, salvage, seal, unreadable
from .landscape import landscape
from .later import grown, grows, other_coordinates, with_overlays
from .points import MeasuredPoints

if TYPE_CHECKING:
    import zarr

FORMAT = 2
CHUNK = 256  # points


class LandscapeStore:
    """One landscape on disk, written as its points are measured."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the store for writing.

        Raises
        ------
        InputError  another process is writing to it
        """
        from filelock import FileLock, Timeout

        self._check_place()
        lock = FileLock(self.lock_path)
        try:
            lock.acquire(timeout=0.5)  # longer than a glance of `is_being_written`
        except Timeout as error:
            raise InputError(
                f"Another process is writing to '{self.path}': wait for it to end, or choose another --out."
            ) from error
        try:
            self._put_back()
            sweep(self.path)
            yield
        finally:
            lock.release()  # the file stays: removing it would let two processes each lock their own

    def _check_place(self) -> None:
        if self.path.suffix == ".zip":
            raise InputError(
                f"'{self.path}' ends in .zip, which is for packed landscapes: name a folder, such as 'land.zarr'."
            )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"'{self.path.parent}' cannot be made ({error.strerror}): choose another --out."
            ) from error
        if not os.access(self.path.parent, os.W_OK):
            raise InputError(f"'{self.path.parent}' cannot be written to: choose another --out.")

    @property
    def lock_path(self) -> Path:
        """The file that is locked while a process writes."""
        return self.path.with_name(f".{self.path.name}.lock")

    @property
    def is_being_written(self) -> bool:
        """Whether a process holds the store now."""
        from filelock import FileLock, Timeout

        if not self.lock_path.exists():
            return False
        try:
            with FileLock(self.lock_path, timeout=0):
                return False
        except Timeout:
            return True

    def replace_with(self, fresh: MeasuredPoints, spec: dict[str, Any]) -> MeasuredPoints:
        """`fresh`, now on disk in place of the landscape that was here, which is kept in `set_aside` until this is complete.

        The store must be held for writing. Where a process is killed before the new one exists, the next to hold the store
        puts the old one back. Of several attempts that were never completed, the landscape before the first is kept.

        Raises
        ------
        InputError  what is here is no landscape
        """
        if not self.path.exists():
            return self.open_or_create(fresh, spec)
        _refuse_others(self.path)
        attempt = self.set_aside.exists()
        old = temporary(self.path) if attempt else self.set_aside
        self.path.replace(old)
        try:
            self._create(fresh, spec)
        except BaseException:
            if not self.path.exists():
                old.replace(self.path)
            raise
        if attempt:
            shutil.rmtree(old)
        return fresh

    @property
    def set_aside(self) -> Path:
        """Where a landscape is kept while another one takes its place."""
        return self.path.with_name(f".{self.path.name}.before")

    def discard_old(self) -> None:
        """Remove the landscape that was replaced, now that the new one is complete."""
        if self.path.exists() and self.set_aside.exists():
            shutil.rmtree(self.set_aside)

    def _put_back(self) -> None:
        """What was set aside by a process that was killed before it had made the new one."""
        if self.set_aside.exists() and not self.path.exists():
            self.set_aside.replace(self.path)

    def open_or_create(self, fresh: MeasuredPoints, spec: dict[str, Any]) -> MeasuredPoints:
        """The points already measured here for the same specification, or `fresh`, now on disk.

        Where all that is measured here is asked for and more readouts beside it, they are added.

        Raises
        ------
        InputError  the store holds another landscape
        """
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            self._create(fresh, spec)
            return fresh
        found, stored = self._sealed(read_points(self.path)), self._group("r").attrs
        if stored["spec_digest"] != digest(spec):
            if grows(stored["spec"], spec):  # type: ignore[arg-type]
                return self._extend(grown(found, fresh), spec)
            if another := other_coordinates(stored["spec"], spec):  # type: ignore[arg-type]
                raise InputError(f"'{self.path}' {another}")
            raise InputError(
                f"'{self.path}' already holds another landscape ({found.info.name}, {found.info.plane['kind']} plane, "
                f"{len(found.plan.alpha)}×{len(found.plan.beta)}): choose another place, or delete it."
            )
        return found

    def write(self, points: MeasuredPoints, rows: slice) -> None:
        """Put the measured `rows` on disk: the values, then the marks that they are done."""
        with _every_chunk():
            group = self._group("r+")
            group["values"][rows] = points.values[rows]  # type: ignore[index]
            group["done"][rows] = points.done[rows]  # type: ignore[index]

    def write_info(self, points: MeasuredPoints) -> None:
        """Put what the landscape says of itself on disk."""
        attributes = self._group("r+").attrs
        about = {"about": points.info.as_json()}
        attributes.update(about | {SEALED: seal(points.plan, {**attributes, **about})})

    def _extend(self, points: MeasuredPoints, spec: dict[str, Any]) -> MeasuredPoints:
        """Make room for columns that came later; one killed before the names are written leaves room that it does not use."""
        with _every_chunk():
            group = self._group("r+")
            values = group["values"]
            before = values.shape[1]  # type: ignore[union-attr]
            values.resize(points.values.shape)  # type: ignore[union-attr]
            values[:, before:] = points.values[:, before:]  # type: ignore[index]
            group.attrs.update(_attributes(points, spec))
        return points

    def repair(self, fresh: MeasuredPoints, spec: dict[str, Any]) -> MeasuredPoints:
        """What can still be read of the same specification's points, on disk as a whole store again; the rest is to be measured.

        fresh  the same survey with nothing measured: its coordinates are what the store's are to be

        Raises
        ------
        InputError  the store holds another landscape; what it says of itself is damaged too
        """
        if not self.path.exists():
            return self.open_or_create(fresh, spec)
        try:
            return self.open_or_create(fresh, spec)
        except DamagedError:
            found = _salvaged(self._group("r"), self.path, fresh, spec)
        self._rewrite(found, spec)
        return found

    def _rewrite(self, points: MeasuredPoints, spec: dict[str, Any]) -> None:
        """The whole store anew; the one before is not removed until then."""
        place = temporary(self.path)
        write_group(place, points, spec)
        old = temporary(self.path) if self.set_aside.exists() else self.set_aside
        self.path.replace(old)
        place.replace(self.path)
        shutil.rmtree(old)

    def _sealed(self, points: MeasuredPoints) -> MeasuredPoints:
        """A store from before there were checksums gets some, as it is about to be written to."""
        attributes = self._group("r").attrs
        if SEALED not in attributes and not self.set_aside.exists():
            self._rewrite(points, dict(attributes["spec"]))  # type: ignore[arg-type]
        return points

    def _create(self, points: MeasuredPoints, spec: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written_whole(self.path, lambda place: write_group(place, points, spec))

    def _group(self, mode: Any) -> zarr.Group:
        import zarr

        return zarr.open_group(self.path, mode=mode)


PARTS = frozenset({"zarr.json", "alpha", "beta", "cells", "levels", "values", "done"})
MOST_OF_THEM = 3  # names of these that a folder has to hold to be a landscape, however damaged


def _refuse_others(path: Path) -> None:
    """Whatever is not a landscape, though perhaps a damaged one, is not replaced."""
    held = {each.name for each in path.iterdir()} if path.is_dir() else set()
    if held and len(held & PARTS) < MOST_OF_THEM:
        raise InputError(f"'{path}' is no lossnav landscape, and is not replaced: choose another place.")


def _every_chunk() -> Any:
    """Chunks of nothing but fill values are written too: one that is missing is lost, and never empty."""
    import zarr

    return zarr.config.set({"array.write_empty_chunks": True})


def _attributes(points: MeasuredPoints, spec: dict[str, Any]) -> dict[str, Any]:
    attributes = {
        "lossnav_format": FORMAT,
        "spec": spec,
        "spec_digest": digest(spec),
        "columns": list(points.columns),
        "stages": list(points.stages),
        "overlays": list(points.overlays),
        "about": points.info.as_json(),
    }
    return attributes | {SEALED: seal(points.plan, attributes)}


def write_group(place: Any, points: MeasuredPoints, spec: dict[str, Any], small: bool = False) -> None:
    """Write everything that is known to a new Zarr group at `place`, a path or a zarr store.

    small  column by column and shuffled by bytes, a fifth smaller, in place of chunks that grow with the survey
    """
    import zarr

    with _every_chunk():
        _write_arrays(zarr.create_group(place, attributes=_attributes(points, spec)), points, small)


def _write_arrays(group: zarr.Group, points: MeasuredPoints, small: bool) -> None:
    from zarr.codecs import BloscCodec

    plan, count = points.plan, len(points.plan.cells)
    for name, data in {"cells": plan.cells.astype("int32"), "levels": plan.levels.astype("int16")}.items():
        group.create_array(name, data=data, compressors=compressors())
    for name, axis in {"alpha": plan.alpha, "beta": plan.beta}.items():
        group.create_array(name, data=axis, compressors=compressors())
    values = group.create_array(
        "values",
        shape=points.values.shape,
        chunks=(count, 1) if small else (min(CHUNK, count), max(1, len(points.columns))),
        dtype=points.values.dtype,
        fill_value=np.nan,
        compressors=compressors(*([BloscCodec(cname="zstd", clevel=9, shuffle="shuffle")] if small else [])),
    )
    done = group.create_array(
        "done",
        shape=points.done.shape,
        chunks=(min(8 * CHUNK, count), points.done.shape[1]),
        dtype=bool,
        fill_value=False,
        compressors=compressors(),
    )
    values[:] = points.values
    done[:] = points.done


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
    try:
        if packed and not zipfile.is_zipfile(path):
            raise ValueError("no archive")
        with zarr.storage.ZipStore(path, mode="r") if packed else nullcontext(path) as source:
            return _points_in(zarr.open_group(source, mode="r"), path)
    except InputError:
        raise
    except (FileNotFoundError, zarr.errors.GroupNotFoundError, zipfile.BadZipFile, ValueError) as error:
        if path.is_dir() and len({each.name for each in path.iterdir()} & PARTS) >= MOST_OF_THEM:
            raise unreadable(path, error) from error
        raise InputError(f"'{path}' is no lossnav landscape: give a folder made by `lossnav survey`.") from error
    except Exception as error:  # damage of any kind is a sentence
        raise unreadable(path, error) from error


def _points_in(group: zarr.Group, path: Path) -> MeasuredPoints:
    attributes: dict[str, Any] = dict(group.attrs)
    _refuse_another_format(attributes, path)
    read = read_arrays(group, path)
    plan = Plan(read["alpha"], read["beta"], read["cells"].astype(int), read["levels"].astype(int))
    columns, stages, overlays = (tuple(attributes[name]) for name in ("columns", "stages", "overlays"))
    info = LandscapeInfo.from_json(attributes["about"])
    return MeasuredPoints(plan, columns, stages, read["values"], read["done"], overlays, info)


def _refuse_another_format(attributes: dict[str, Any], path: Path) -> None:
    if attributes.get("lossnav_format") != FORMAT:
        raise InputError(
            f"'{path}' should be a landscape of format {FORMAT}, but is of format {attributes.get('lossnav_format')}: "
            "make it again with `lossnav survey`."
        )


def _salvaged(group: zarr.Group, path: Path, fresh: MeasuredPoints, spec: dict[str, Any]) -> MeasuredPoints:
    attributes: dict[str, Any] = dict(group.attrs)
    same = attributes.get("spec_digest") == digest(spec) == digest(attributes.get("spec"))
    columns, stages = tuple(attributes["columns"]), tuple(attributes["stages"])
    if not same or (columns, stages) != (fresh.columns, fresh.stages):
        raise InputError(f"'{path}' is damaged, and not of this very survey: repair it with the command that made it.")
    values, done = salvage(group, path)
    if values.shape != fresh.values.shape or done.shape != fresh.done.shape or values.dtype != fresh.values.dtype:
        raise InputError(f"The sizes of '{path}' are damaged: measure it anew with --overwrite.")
    return replace(fresh, values=values, done=done, info=LandscapeInfo.from_json(attributes["about"]))


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


def pack(source: str | Path, target: str | Path) -> None:
    """Pack a landscape folder into one `.zip` file that `read_landscape` opens: for shipping and mailing."""
    import zarr

    points, spec = read_points(source), _specification(source)

    def write(place: Path) -> None:
        with zarr.storage.ZipStore(place, mode="w") as archive:
            write_group(archive, points, spec, small=True)

    written_whole(target, write)


def unpack(source: str | Path, target: str | Path) -> None:
    """Make a folder of a packed landscape, so that a survey can go on there."""
    points, spec = read_points(source), _specification(source)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    written_whole(target, lambda place: write_group(place, points, spec))


def _specification(source: str | Path) -> dict[str, Any]:
    import zarr

    packed = Path(source).suffix == ".zip"
    with zarr.storage.ZipStore(source, mode="r") if packed else nullcontext(source) as place:
        spec: Any = zarr.open_group(place, mode="r").attrs["spec"]
    return dict(spec)
