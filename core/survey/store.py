"""Landscapes on disk as Zarr: measured points, which of them are done, and full provenance.

A store is created under a temporary name and renamed; every chunk is written to a temporary file and renamed
(zarr's own doing). Values are written before the marks that say they are done, so a process killed at any
moment leaves points that are measured again, never points that are wrong.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import InputError
from ..full_disk import full_disk_said
from ..machine.atomic import sweep, temporary, written_whole
from ..parameters.hashing import digest
from .group import attributes, every_chunk, write_group
from .info import LandscapeInfo
from .integrity import SEALED, DamagedError, salvage, seal
from .later import grown, grows, other_coordinates, other_definitions
from .places import at_stored_places
from .points import MeasuredPoints
from .reading import looks_like_landscape, read_points

if TYPE_CHECKING:
    import zarr


ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:[/\\]")  # s3:// …, of which a path keeps one stroke; C:\\ is a folder


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
        if ADDRESS.match(str(self.path)):
            raise InputError(
                f"'{self.path}' is an address, and a landscape is written to a folder that can be locked: choose one, and copy the "
                "landscape when it is done."
            )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"'{self.path.parent}' cannot be made ({error.strerror}): choose another --out."
            ) from error
        if self.lock_path.is_symlink():
            raise InputError(f"'{self.lock_path}' is a link, and is not written through: remove it.")
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
        """Put back a landscape that a process set aside, and was killed before it had made the new one."""
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
        measured, stored = self._sealed(read_points(self.path)), self._group("r").attrs
        fresh, spec = at_stored_places(fresh, spec, stored["spec"])  # type: ignore[arg-type]
        if stored["spec_digest"] != digest(spec):
            if grows(stored["spec"], spec):  # type: ignore[arg-type]
                return self._extend(grown(measured, fresh), spec)
            before: Any = stored["spec"]
            if another := other_coordinates(before, spec) or other_definitions(before, spec):
                raise InputError(f"'{self.path}' {another}")
            raise InputError(
                f"'{self.path}' already holds another landscape ({measured.info.name}, {measured.info.plane['kind']} plane, "
                f"{len(measured.plan.alpha)}×{len(measured.plan.beta)}): choose another place, or delete it."
            )
        return measured

    def write(self, points: MeasuredPoints, rows: slice) -> None:
        """Put the measured `rows` on disk: the values, then the marks that they are done."""
        with self._room(), every_chunk():
            group = self._group("r+")
            group["values"][rows] = points.values[rows]  # type: ignore[index]
            group["done"][rows] = points.done[rows]  # type: ignore[index]

    def write_info(self, points: MeasuredPoints) -> None:
        """Put what the landscape says of itself on disk."""
        about = {"about": points.info.as_json()}
        with self._room():
            group = self._group("r+")
            # at once: `attrs.update` writes one after the other, and a reader, or a kill, in between would find another's digest
            group.update_attributes(about | {SEALED: seal(points.plan, {**group.attrs, **about})})

    def _extend(self, points: MeasuredPoints, spec: dict[str, Any]) -> MeasuredPoints:
        """Make room for columns that came later; one killed before the names are written leaves room that it does not use."""
        with self._room(), every_chunk():
            group = self._group("r+")
            values = group["values"]
            before = values.shape[1]  # type: ignore[union-attr]
            values.resize(points.values.shape)  # type: ignore[union-attr]
            values[:, before:] = points.values[:, before:]  # type: ignore[index]
            group.update_attributes(attributes(points, spec))
        return points

    def repair(self, fresh: MeasuredPoints, spec: dict[str, Any]) -> MeasuredPoints:
        """The points of the same specification that can still be read, on disk as a whole store again; the rest is to be measured.

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
            found, spec = _salvaged(self._group("r"), self.path, fresh, spec)
        self._rewrite(found, spec)
        return found

    def _rewrite(self, points: MeasuredPoints, spec: dict[str, Any]) -> None:
        """The whole store anew; the one before is not removed until then."""
        place = temporary(self.path)
        with self._room():
            _written(place, lambda: write_group(place, points, spec))
        old = temporary(self.path) if self.set_aside.exists() else self.set_aside
        self.path.replace(old)
        place.replace(self.path)
        shutil.rmtree(old)

    def _sealed(self, points: MeasuredPoints) -> MeasuredPoints:
        """A store from before there were checksums gets some, as it is about to be written to."""
        said = self._group("r").attrs
        if SEALED not in said and not self.set_aside.exists():
            self._rewrite(points, dict(said["spec"]))  # type: ignore[arg-type]
        return points

    def _create(self, points: MeasuredPoints, spec: dict[str, Any]) -> None:
        with full_disk_said(self.path, lambda: "nothing was written, and what was there before is as it was."):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            written_whole(self.path, lambda place: write_group(place, points, spec))

    def _room(self) -> AbstractContextManager[None]:
        """Where the disk takes no more, it is said how much is kept."""
        return full_disk_said(self.path, self._kept)

    def _kept(self) -> str:
        marks: Any = self._group("r")["done"]
        done = int(np.asarray(marks[:]).any(1).sum())
        return f"what was measured before, of {done:,} of {marks.shape[0]:,} points, is kept."

    def _group(self, mode: Any) -> zarr.Group:
        import zarr

        return zarr.open_group(self.path, mode=mode)


def _written(place: Path, write: Callable[[], object]) -> None:
    """Have something written at `place`; where that fails, nothing is left of it."""
    try:
        write()
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _refuse_others(path: Path) -> None:
    """Refuse to replace anything that is not a landscape, damaged or not."""
    if path.is_dir() and any(path.iterdir()) and not looks_like_landscape(path):
        raise InputError(f"'{path}' is no lossnav landscape, and is not replaced: choose another place.")


def _salvaged(
    group: zarr.Group, path: Path, fresh: MeasuredPoints, spec: dict[str, Any]
) -> tuple[MeasuredPoints, dict[str, Any]]:
    said: dict[str, Any] = dict(group.attrs)
    fresh, spec = at_stored_places(fresh, spec, said.get("spec") or {})
    same = said.get("spec_digest") == digest(spec) == digest(said.get("spec"))
    columns, stages = tuple(said["columns"]), tuple(said["stages"])
    if not same or (columns, stages) != (fresh.columns, fresh.stages):
        raise InputError(f"'{path}' is damaged, and not of this very survey: repair it with the command that made it.")
    values, done = salvage(group, path)
    if values.shape != fresh.values.shape or done.shape != fresh.done.shape or values.dtype != fresh.values.dtype:
        raise InputError(f"The sizes of '{path}' are damaged: measure it anew with --overwrite.")
    return replace(fresh, values=values, done=done, info=LandscapeInfo.from_json(said["about"])), spec
