"""A landscape file that is looked at without its network: what it holds, and why the rest is not there."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import xarray as xr
from lossnav.core import PROPERTIES, InputError, Settings
from lossnav.core.formats import read_any
from lossnav.core.survey import MeasuredPoints, filled, landscape, read_points

from .landscapes import drawn_level
from .shared import READ, Recent

SHIPPED = Path(str(files("lossnav.sample_models"))) / "landscapes"
NOT_IN_FILE = "The file does not hold it, and without its network it cannot be measured."


@dataclass(frozen=True)
class Opened:
    """A landscape file.

    land    what it holds
    points  the measured points, where the file is lossnav's own store: its readouts follow temperature, strength and width
    """

    path: Path
    land: xr.Dataset
    points: MeasuredPoints | None

    @property
    def facts(self) -> dict[str, Any]:
        """Facts of the properties, where the file has them."""
        found: dict[str, Any] = self.land.lossnav.facts
        return found

    @property
    def unavailable(self) -> dict[str, str]:
        """Readout → why it is not there; the file's own reasons first."""
        told = self.land.lossnav.unavailable
        names = [r.variable for owner in PROPERTIES for r in owner.readouts if r.variable not in self.land]
        return {name: told.get(name, NOT_IN_FILE) for name in names}

    def measured(self, settings: Settings) -> xr.Dataset:
        """The file's numbers, gaps and all."""
        if self.points is None or settings == self.land.lossnav.settings:
            return self.land
        return landscape(self.points, settings)

    def landscape(self, settings: Settings) -> xr.Dataset:
        """The landscape to draw: readouts of coarser grids interpolated, of an unfinished survey its finest complete level."""
        land = filled(self.measured(settings))
        level = None if self.points is None else drawn_level(self.points)
        return land if level is None else land.isel(alpha=level[0], beta=level[1])


def landscape_path(named: str | Path, plane: str = "random") -> Path:
    """The file; of a sample's name, or "NAME.PLANE", the landscape that came with it. A file of that name goes before.

    plane  that of a sample which is named alone

    >>> landscape_path("digits-plain").name, landscape_path("markov-gpt.trajectory").name
    ('digits-plain.random.zarr.zip', 'markov-gpt.trajectory.zarr.zip')
    >>> landscape_path("digits-plain", "trajectory").name
    'digits-plain.trajectory.zarr.zip'
    >>> landscape_path("mine.zarr").name
    'mine.zarr'
    """
    path = Path(named)
    shipped = [SHIPPED / f"{path.name}{kind}.zarr.zip" for kind in ("", f".{plane}")] if path == Path(path.name) else []
    return path if path.exists() else next((each for each in shipped if each.exists()), path)


def opened_once(path: Path) -> Opened:
    """The landscape at `path` as it was read when the file was last written.

    Raises
    ------
    InputError  as `opened`; it is no longer there
    OSError     it cannot be looked at
    """
    path = path.absolute()
    if not path.exists():
        raise InputError(f"'{path.name}' is no longer in its folder: choose another landscape, or measure it again.")
    return _recent.get(opened, (path, path.stat().st_mtime_ns), lambda: opened(path))


def _size(opened: Opened) -> int:
    points = 0 if opened.points is None else opened.points.values.nbytes
    return points + int(opened.land.nbytes)


_recent = Recent[Opened](READ, _size)


def opened(path: str | Path) -> Opened:
    """The landscape at `path`.

    Raises
    ------
    InputError  nothing there, or no landscape; one with nothing measured yet
    """
    path = Path(path)
    if path.is_dir() or path.suffix.lower() == ".zip":
        points = read_points(path)
        if drawn_level(points) is None:
            raise InputError(f"'{path.name}' has no complete level to draw yet: let its survey go on a little.")
        return Opened(path, landscape(points), points)
    return Opened(path, read_any(path), None)
