"""`lossnav film`: the training as a film, its path growing over the surface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from lossnav.core import InputError

from .drawing_options import ColorScale, Contours, Knob, Scale, Surface
from .figure import _picture
from .options import console, folder_for, landscape_file, measure, numbers, read_landscape_file, settings

if TYPE_CHECKING:
    import xarray as xr

PLANE = "trajectory"  # of which a film is


def film_command(
    landscape: Annotated[
        Path,
        typer.Argument(
            help="A landscape with a training path: .zarr, .zarr.zip, .nc, or a sample's name, for the plane of its training."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The film: .gif; .mp4 or .webm where ffmpeg is.")],
    seconds: Annotated[float, typer.Option(help="From the first checkpoint to the last.")] = 6.0,
    fps: Annotated[float, typer.Option(help="Pictures in a second.")] = 10.0,
    size: Annotated[int, typer.Option(help="Pixels across.")] = 800,
    turn: Annotated[float, typer.Option(help="Degrees by which the camera turns meanwhile; takes longer.")] = 0.0,
    color: Annotated[str, typer.Option(help="The readout shown as colour.")] = "loss",
    contours: Contours = None,
    surface: Surface = "loss",
    scale: Scale = None,
    color_scale: ColorScale = None,
    camera: Annotated[str, typer.Option(help="Azimuth and elevation at the start, in degrees.")] = "-55,36",
    title: Annotated[str | None, typer.Option(help="Text over the film.")] = None,
    knob: Knob = None,
) -> None:
    """Have the training path grow over the surface, as a film."""
    from ..export import write_film
    from ..figures.paper import FilmSpec, PaperSpec, film_ending

    film = FilmSpec(seconds, fps, size, turn)
    film_ending(folder_for(output))
    azimuth, elevation = numbers(camera, 2, "--camera")
    lines = [] if contours == ["none"] else contours or ["loss"]
    file = landscape_file(landscape, PLANE)
    _check_path(file, output)  # before anything is interpolated or drawn
    land = read_landscape_file(file, (color, *lines, surface), settings(knob or ()))
    picture = _picture(land, (surface, scale), (color, color_scale), lines, path=True, arrows=False)
    write_film(land, PaperSpec(picture, camera=(azimuth, elevation), title=title), output, film)
    console.print(f"Film in {output}, {output.stat().st_size / 1e6:.1f} MB", markup=False)


def _check_path(file: Path, output: Path) -> None:
    """Refuse a landscape whose picture has no training path, and say which landscape has one.

    Raises
    ------
    InputError  the network's checkpoints are not known, or the plane sees next to nothing of the training; not a landscape
    """
    from ..beside import surveyed_target
    from ..figures.shared.picture import path_inside

    land = _as_measured(file)
    if path_inside(land) is not None:
        return
    again = measure(surveyed_target(land.lossnav.provenance) or "mine.py", PLANE)
    if "path_alpha" not in land:
        raise InputError(
            f"A film shows the training path, but '{file.name}' has none: its network's checkpoints are not known. Give them, "
            f'Problem(…, trajectory=Trajectory.from_folder("checkpoints")), and then {again}.'
        )
    shipped = landscape_file(Path(f"{land.lossnav.name}.{PLANE}"))
    here = f"`lossnav film {land.lossnav.name}.{PLANE} -o {output.name}`" if file.parent == shipped.parent else again
    raise InputError(
        f"A film shows the training path, but there is none in this picture: the plane of '{file.name}' sees next to nothing of the "
        f"training. Film the training's own plane: {here}."
    )


def _as_measured(file: Path) -> xr.Dataset:
    """A landscape without what lies between its points."""
    from lossnav.core.formats import read_any
    from lossnav.core.survey import landscape_as_measured, read_points

    if file.is_dir() or (file.suffix == ".zip" and file.exists()):
        return landscape_as_measured(read_points(file))
    return read_any(file)
