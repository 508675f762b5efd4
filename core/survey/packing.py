"""Landscapes packed into one `.zip` file, for shipping and mailing, and unpacked again."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ..machine.atomic import written_whole
from .group import write_group
from .reading import read_points


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
