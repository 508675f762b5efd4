"""Several landscapes, or several readouts of one, as one figure: `lossnav figure A B --color loss --color viscosity`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lossnav.core import InputError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ..figures.shared.picture import Picture
    from ..figures.shared.walks import DrawnWalk


@dataclass(frozen=True)
class Rows:
    """Rows of a composite: a readout each, and how all of them are drawn.

    colors       a readout for each row
    color_scale  its scale; None: the one that fits all landscapes
    height       the readout whose contour lines are drawn, and its scale
    contours, path  draw the lines; the training path
    """

    colors: Sequence[str]
    color_scale: str | None
    height: tuple[str, str | None]
    contours: bool
    path: bool


def composite(
    lands: Sequence[xr.Dataset],
    names: Sequence[str],
    rows: Rows,
    width: str,
    title: str | None,
    trainings: Sequence[tuple[DrawnWalk, ...]] = (),
) -> Figure:
    """A column for each landscape, a row for each readout; within a row one scale for all.

    trainings  over each landscape, other trainings of its network

    Raises
    ------
    InputError  a readout that one of the landscapes lacks, a slice among them, a scale that the values do not allow
    """
    from ..figures.paper import Panels, PaperSpec, draw_composite
    from ..figures.paper.grid import check_drawable
    from ..figures.paper.line import is_line

    for land, name in zip(lands, names, strict=True):
        if is_line(land):
            raise InputError(f"'{name}' is a slice along one direction, which has no map: draw it by itself.")
        for readout in (*rows.colors, rows.height[0]):
            check_drawable(land, readout)
    pictures = [_picture(lands, color, rows) for color in rows.colors]
    specs = [PaperSpec(each, width, title=title) for each in pictures]  # type: ignore[arg-type]  # checked there
    return draw_composite(Panels(lands, names, specs, trainings))


def _picture(lands: Sequence[xr.Dataset], color: str, rows: Rows) -> Picture:
    from ..figures.shared.picture import Picture
    from ..figures.shared.scales import Scale, check_log
    from ..summaries.compare import joint, joint_layer

    for name, kind in (rows.height, (color, rows.color_scale)):
        if kind is not None:
            check_log(Scale(kind), joint(lands, name)[name].values, name)  # type: ignore[arg-type]  # checked there
    height = joint_layer(lands, *rows.height)
    same = color == rows.height[0] and rows.color_scale is None
    paint = height if same else joint_layer(lands, color, rows.color_scale)
    return Picture(height, paint, contours=rows.contours, path=rows.path)


def check_composite(output: Path, kind: str, lines: Sequence[str], surface: str, arrows: bool) -> None:
    """Refuse a composite that cannot be drawn.

    arrows  whether they are asked for

    Raises
    ------
    InputError  a ZIP, surfaces, arrows, lines of another readout than the height
    """
    if output.suffix.lower() == ".zip":
        raise InputError("A ZIP is of one landscape and one --color: give one, or write a .pdf, .svg or .png.")
    if kind != "map" or arrows:
        raise InputError(
            "Several landscapes or colours are drawn as maps without arrows: leave --kind and --arrows away."
        )
    if lines and list(lines) != [surface]:
        raise InputError(f"The lines of several maps are those of the height: --contours {surface}, or none.")


def column_names(paths: Sequence[Path], lands: Sequence[xr.Dataset]) -> list[str]:
    """Titles of the columns: the networks' names where these tell them apart, else the files'.

    >>> import xarray as xr
    >>> nets = [xr.Dataset(attrs={"name": name}) for name in ("small", "large")]
    >>> column_names([Path("a.zarr"), Path("b.random.zarr.zip")], nets)
    ['small', 'large']
    >>> column_names([Path("a.zarr"), Path("b.random.zarr.zip")], nets[:1] * 2)
    ['a', 'b.random']
    """
    known = [land.lossnav.name for land in lands]
    if all(known) and len(set(known)) == len(known):
        return [str(name) for name in known]
    return [path.name.removesuffix(".zip").removesuffix(path.suffix).removesuffix(".zarr") for path in paths]
