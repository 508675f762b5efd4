"""`lossnav figure`: a landscape drawn for a paper, as the page draws it where nothing else is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from lossnav.core.properties import KNOBS

from .drawing_options import ColorScale, Contours, Surface
from .options import console, folder_for, numbers, read_landscape_file, settings
from .path_options import Paths, paths_in, paths_on

if TYPE_CHECKING:
    import xarray as xr

    from ..figures.shared.picture import Layer, Picture


def figure_command(
    landscapes: Annotated[
        list[Path],
        typer.Argument(
            help="A landscape: .zarr, .zarr.zip, .nc, an .h5 surface of Li et al.'s code, or a sample's name. Several are "
            "drawn as columns of one figure.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The figure: .pdf, .svg or .png; .zip: a PDF with caption, references and numbers."
        ),
    ],
    kind: Annotated[str, typer.Option(help="map (2-D) or surface (3-D).")] = "map",
    width: Annotated[
        str, typer.Option(help="single, double, text, nature, nature-double, slide or poster.")
    ] = "single",
    color: Annotated[
        list[str] | None,
        typer.Option(help="The readout shown as colour, the loss without it. Several are drawn as rows of one figure."),
    ] = None,
    contours: Contours = None,
    surface: Surface = "loss",
    scale: Annotated[
        str | None,
        typer.Option(help="linear, log or symlog, for the height; without it, the one that the page draws it on."),
    ] = None,
    color_scale: ColorScale = None,
    path: Annotated[bool, typer.Option(help="Draw the training path.")] = True,
    paths: Paths = None,
    arrows: Annotated[bool, typer.Option("--arrows", help="Draw forces as arrows.")] = False,
    camera: Annotated[str, typer.Option(help="Azimuth and elevation of the surface, in degrees.")] = "-55,36",
    title: Annotated[str | None, typer.Option(help="Text over the figure.")] = None,
    knob: Annotated[
        list[str] | None,
        typer.Option(
            help=f"A property's setting, as on the page, NAME=VALUE: {', '.join(KNOBS)}.", metavar="NAME=VALUE"
        ),
    ] = None,
) -> None:
    """Draw a landscape for a paper."""
    from lossnav.core.checks import known
    from lossnav.core.machine import written_whole

    from ..bundle import bundle
    from ..figures.paper import PaperSpec, draw_map, draw_surface, save
    from ..summaries.adaptive import adaptive_text
    from .composite import Rows, check_composite, column_names, composite

    draw = {"map": draw_map, "surface": draw_surface}[known(kind, ("map", "surface"), "kind of figure")]
    azimuth, elevation = numbers(camera, 2, "--camera")
    lines, colors = [] if contours == ["none"] else contours or ["loss"], color or ["loss"]
    turned = settings(knob or ())
    lands = [read_landscape_file(each, (*colors, *lines, surface), turned) for each in landscapes]
    if len(lands) * len(colors) > 1:
        check_composite(output, kind, lines, surface, arrows)
        rows = Rows(colors, color_scale, (surface, scale), bool(lines), path)
        trainings = paths_on(paths or (), lands)
        drawn = composite(lands, column_names(landscapes, lands), rows, width, title, trainings)
        save(drawn, folder_for(output), adaptive_text(lands[0]) if len(lands) == 1 else "")
        console.print(f"Figure in {output}")
        return
    land = lands[0]
    picture = _picture(land, (surface, scale), (colors[0], color_scale), lines, path, arrows)
    picture = replace(picture, walks=paths_in(paths or (), land))
    spec = PaperSpec(picture, width, (azimuth, elevation), title)  # type: ignore[arg-type]  # checked there, with a sentence
    if output.suffix.lower() == ".zip":
        content = bundle(land, spec, kind)
        written_whole(folder_for(output), lambda place: place.write_bytes(content))
    else:
        save(draw(land, spec), folder_for(output), adaptive_text(land))
    console.print(f"Figure in {output}")


def _picture(
    land: xr.Dataset,
    height: tuple[str, str | None],
    color: tuple[str, str | None],
    lines: Sequence[str],
    path: bool,
    arrows: bool,
) -> Picture:
    """The picture to draw: height and colour by readout and scale (None: the page's)."""
    from ..figures.paper.grid import check_drawable
    from ..figures.shared.picture import Picture, arrows_in, path_inside

    for name in (height[0], color[0], *lines):
        check_drawable(land, name)
    same = color[0] == height[0] and color[1] is None
    elevation, paint = (_layer(land, *each) for each in (height, height if same else color))
    return Picture(
        elevation=elevation,
        color=paint,
        lines=tuple(_layer(land, name) for name in lines if name != height[0]),
        contours=height[0] in lines,
        path=path and path_inside(land) is not None,
        arrows=arrows_in(land) if arrows else (),
    )


def _layer(land: xr.Dataset, name: str, kind: str | None = None) -> Layer:
    """On the scale that was asked for, or the page's."""
    from ..figures.shared.picture import Layer
    from ..figures.shared.scales import Scale, check_log
    from ..state import Drawing

    if kind is not None:
        check_log(Scale(kind), land[name].values, name)  # type: ignore[arg-type]  # checked there, with a sentence
    if kind == "log":
        return Layer(name, Scale("log"))  # with gaps where the page would turn to a linear scale by itself
    return Drawing(name, kind or "auto").layer(land)
