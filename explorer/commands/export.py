"""`lossnav export`: a landscape's surface as a mesh, for Blender, the web and 3-D printers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from lossnav.core.formats import MeshBox, mesh_ending
from rich.console import Console

from ..figures.shared.scales import format_value
from .drawing_options import ColorScale, Knob, Scale, Surface
from .figure import _picture
from .options import folder_for, read_landscape_file, settings


def export_command(
    landscape: Annotated[Path, typer.Argument(help="A landscape: .zarr, .zarr.zip, .nc, .h5, or a sample's name.")],
    output: Annotated[Path, typer.Argument(help="The mesh: .glb, .obj, or .stl, a solid that prints.")],
    color: Annotated[str, typer.Option(help="The readout shown as colour; an .stl has none.")] = "loss",
    surface: Surface = "loss",
    scale: Scale = None,
    color_scale: ColorScale = None,
    size: Annotated[
        float | None, typer.Option(help="Length of the longer side; without it 1, of an .stl 100 (mm).")
    ] = None,
    relief: Annotated[float, typer.Option(help="Height of the surface, as a share of that.")] = MeshBox.relief,
    base: Annotated[float, typer.Option(help="Thickness of an .stl's base, as a share of that.")] = MeshBox.base,
    knob: Knob = None,
) -> None:
    """Write the surface as a mesh, with a readout as its colours."""
    from ..figures.paper import save_mesh

    box = MeshBox(size, relief, base)
    mesh_ending(folder_for(output))
    land = read_landscape_file(landscape, (color, surface), settings(knob or ()))
    picture = _picture(land, (surface, scale), (color, color_scale), [], path=False, arrows=False)
    said = save_mesh(land, picture, output, box)
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"Mesh in {output}. {sentence(said)}", markup=False)


def sentence(said: dict[str, Any]) -> str:
    """How large a mesh is, and what its lengths mean.

    >>> about = {"size": 100.0, "relief": 40.0, "up": "z", "length_of_one_alpha_or_beta": 13.0, "lowest_height": -3.0}
    >>> sentence(about | {"height": "Loss (nats)", "height_scale": "log", "length_of_one_height": 8.0, "base": 3.0})
    '100 × 40 high, z up; 1 along α or β is 13 long, a factor of 10 in Loss (nats) 8; base 3.'
    """
    one = {"log": "a factor of 10 in", "linear": "1 of"}.get(
        said["height_scale"], f"1 of the {said['height_scale']} scale of"
    )
    base = f"; base {format_value(said['base'])}" if "base" in said else ""
    return (
        f"{format_value(said['size'])} × {format_value(said['relief'])} high, {said['up']} up; 1 along α or β is "
        f"{format_value(said['length_of_one_alpha_or_beta'])} long, {one} {said['height']} "
        f"{format_value(said['length_of_one_height'])}{base}."
    )
