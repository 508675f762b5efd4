"""`lossnav film`: the training as a film, its path growing over the surface."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .drawing_options import ColorScale, Contours, Knob, Scale, Surface
from .figure import _picture
from .options import console, folder_for, numbers, read_landscape_file, settings


def film_command(
    landscape: Annotated[
        Path, typer.Argument(help="A landscape with a training path: .zarr, .zarr.zip, .nc, or a sample's name.")
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
    land = read_landscape_file(landscape, (color, *lines, surface), settings(knob or ()))
    picture = _picture(land, (surface, scale), (color, color_scale), lines, path=True, arrows=False)
    write_film(land, PaperSpec(picture, camera=(azimuth, elevation), title=title), output, film)
    console.print(f"Film in {output}, {output.stat().st_size / 1e6:.1f} MB", markup=False)
