"""Landscapes as meshes: .glb for Blender and the web, .obj for everything, .stl as a solid that a 3-D printer prints; by trimesh."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..checks import InputError
from ..machine.atomic import File, written_whole
from .files import Floats, _axes, whole_cells

if TYPE_CHECKING:
    from trimesh import Trimesh

MISSING = "Meshes need trimesh, which is not installed: pip install trimesh."
UNIT, PRINTED = 1.0, 100.0  # the longest side; of an .stl, whose numbers printers take for millimetres
RELIEF, BASE = (
    0.4,
    0.03,
)  # height of the surface, thickness of a solid under its lowest point: shares of the longest side
LARGEST = 1e6  # of a side
UPWARD = {
    ".glb": "y",
    ".obj": "y",
    ".stl": "z",
}  # the axis that points up: glTF's own, and what Blender expects of each
HEADER = 80  # bytes of an .stl before its number of triangles

Colors = NDArray[np.uint8]


@dataclass(frozen=True)
class MeshBox:
    """The box that a mesh is scaled to.

    size    length of the longer of the two directions; None: UNIT, of an .stl PRINTED
    relief  height of the surface, from its lowest point to its highest, as a share of that
    base    thickness of a solid under its lowest point, as a share of that

    Raises
    ------
    InputError  a length that is not positive
    """

    size: float | None = None
    relief: float = RELIEF
    base: float = BASE

    def __post_init__(self) -> None:
        for name, value, most in (("size", self.size, LARGEST), ("relief", self.relief, 10), ("base", self.base, 10)):
            if value is not None and not 0 < value <= most:
                raise InputError(f"A mesh's {name} should be more than 0 and at most {most:g}, but is {value:g}.")


@dataclass(frozen=True)
class Scaling:
    """How a landscape's numbers become a mesh's: x = (α − alpha) · plane, y = (β − beta) · plane, z = (height − low) · upward.

    A solid stands on its base besides: its z is larger by that.
    """

    alpha: float
    beta: float
    low: float
    plane: float
    upward: float

    @classmethod
    def of(cls, alpha: Floats, beta: Floats, heights: Floats, box: MeshBox, size: float) -> Scaling:
        """That brings a landscape into its box; a flat surface stays flat."""
        finite = heights[np.isfinite(heights)]
        low, high = float(finite.min()), float(finite.max())
        upward = box.relief * size / (high - low) if high > low else 0.0
        plane = size / max(float(np.ptp(alpha)), float(np.ptp(beta)))
        return cls(float(alpha.min()), float(beta.min()), low, plane, upward)

    def applied(self, alpha: Floats, beta: Floats, heights: Floats) -> Floats:
        """Points (n, 3), upward last."""
        columns = (alpha - self.alpha) * self.plane, (beta - self.beta) * self.plane, (heights - self.low) * self.upward
        return np.stack([column.ravel() for column in columns], axis=-1)


def write_mesh(
    landscape: xr.Dataset,
    path: File,
    heights: Floats | None = None,
    colors: Colors | None = None,
    box: MeshBox | None = None,
    about: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the surface as a mesh: a vertex for each point, two triangles for each cell of the grid.

    heights  (alpha, beta), on whatever scale they are drawn; None: the loss
    colors   (alpha, beta, 3), sRGB; None, or an .stl, which has no place for them: none
    box      what it is scaled to
    about    said beside the scale in the file: in a .glb under "extras", in an .obj as comments, in an .stl's header as far as
             it goes

    A cell with a corner whose height is not finite is a hole. An .stl is a closed solid on a base, with walls around its holes;
    of two cells that touch in a corner alone, one is left out, since no solid has such an edge. y points up in .glb and .obj, z
    in .stl.

    Returns
    -------
    what is said of it in the file: the scale as numbers, and how the axes lie

    Raises
    ------
    InputError  another ending, one direction only, no whole cell, or trimesh is not installed
    """
    ending = mesh_ending(path)
    landscape = landscape.sortby(["alpha", "beta"]).transpose("alpha", "beta", ...)
    if min(landscape.sizes["alpha"], landscape.sizes["beta"]) < 2:
        raise InputError("A mesh is a surface, but this landscape has one direction only.")
    heights = landscape["loss"].to_numpy().astype(float) if heights is None else np.asarray(heights, dtype=float)
    box, whole = box or MeshBox(), _whole_cells(np.isfinite(heights), solid=ending == ".stl")
    size = box.size or (PRINTED if ending == ".stl" else UNIT)
    axes = _axes(landscape)
    scaling = Scaling.of(*axes, heights, box, size)
    points = scaling.applied(*axes, np.where(np.isfinite(heights), heights, scaling.low))
    said = _said(scaling, box, size, ending) | (about or {})
    faces = _triangles(whole)
    if ending == ".stl":
        points, faces = _solid(points, faces, box.base * size)
    mesh = _mesh(points, faces, None if colors is None or ending == ".stl" else colors.reshape(-1, 3))
    content = EXPORTERS[ending](mesh, said)
    written_whole(path, lambda place: place.write_bytes(content))
    return said


def mesh_ending(path: File) -> str:
    """The ending of a mesh's file.

    Raises
    ------
    InputError  another one
    """
    ending = Path(path).suffix.lower()
    if ending not in UPWARD:
        raise InputError(
            f"A mesh ends in .glb, .obj or .stl, but {Path(path).name!r} came; give it one of these endings. "
            "Other formats are written by `lossnav convert`."
        )
    return ending


def _whole_cells(finite: NDArray[np.bool_], solid: bool) -> NDArray[np.bool_]:
    """Cells (alpha − 1, beta − 1) with four finite corners; of a solid, those that touch in a corner alone thinned out."""
    whole = whole_cells(finite)
    while solid and len(touching := _touching(whole)):
        whole[tuple(touching.T)] = False
    if not whole.any():
        raise InputError("A mesh needs a cell of the grid with four finite corners, but this landscape has none.")
    return whole


def _touching(whole: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Of each two cells that have a corner in common, and no neighbour beside it, one."""
    a, b, c, d = whole[:-1, :-1], whole[1:, 1:], whole[:-1, 1:], whole[1:, :-1]
    falling, rising = a & b & ~c & ~d, c & d & ~a & ~b
    return np.concatenate([np.argwhere(falling), np.argwhere(rising) + np.array([0, 1])])


def _triangles(whole: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Two triangles for each whole cell, (n, 3), counter-clockwise as seen from above."""
    place = np.arange((whole.shape[0] + 1) * (whole.shape[1] + 1)).reshape(whole.shape[0] + 1, -1)
    a, b, c, d = (part[whole] for part in (place[:-1, :-1], place[1:, :-1], place[1:, 1:], place[:-1, 1:]))
    return np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])


def _solid(points: Floats, top: NDArray[np.intp], base: float) -> tuple[Floats, NDArray[np.intp]]:
    """The surface on a base: a floor at 0, the lowest point `base` over it, and walls around both."""
    count = len(points)
    floor = points * np.array([1, 1, 0])
    edges = np.concatenate([top[:, [0, 1]], top[:, [1, 2]], top[:, [2, 0]]])
    there = edges[:, 0] * count + edges[:, 1]
    u, v = edges[~np.isin(there, edges[:, 1] * count + edges[:, 0])].T  # without a neighbour on the other side
    walls = np.concatenate([np.stack([v, u, u + count], -1), np.stack([v, u + count, v + count], -1)])
    return np.concatenate([points + np.array([0, 0, base]), floor]), np.concatenate([top, top[:, ::-1] + count, walls])


def _mesh(points: Floats, faces: NDArray[np.intp], colors: Colors | None) -> Trimesh:
    try:
        from trimesh import Trimesh
    except ImportError as error:
        raise InputError(MISSING) from error
    mesh = Trimesh(points, faces, vertex_colors=colors, process=False, validate=False)
    mesh.remove_unreferenced_vertices()
    return mesh


def _said(scaling: Scaling, box: MeshBox, size: float, ending: str) -> dict[str, Any]:
    """The scale, in numbers and in words."""
    base = {"base": box.base * size} if ending == ".stl" else {}
    return {
        "up": UPWARD[ending],
        "size": size,
        "relief": box.relief * size,
        **base,
        "alpha_at_0": scaling.alpha,
        "beta_at_0": scaling.beta,
        "length_of_one_alpha_or_beta": scaling.plane,
        "lowest_height": scaling.low,
        "length_of_one_height": scaling.upward,
    }


def _glb(mesh: Any, said: dict[str, Any]) -> bytes:
    """glTF: y up, colours linear, and a material that is no metal, which would be the format's own."""
    from trimesh import Scene
    from trimesh.exchange.gltf import export_glb

    mesh.vertices = _y_up(mesh.vertices)
    if mesh.visual.kind == "vertex":
        mesh.visual.vertex_colors = _linear(np.asarray(mesh.visual.vertex_colors))
    scene = Scene({"landscape": mesh}, metadata={"landscape": said})
    content: bytes = export_glb(scene, include_normals=True, tree_postprocessor=_dull)
    return content


def _dull(tree: dict[str, Any]) -> None:
    rough = {"baseColorFactor": [1, 1, 1, 1], "metallicFactor": 0.0, "roughnessFactor": 0.9}
    tree["materials"] = [{"name": "terrain", "doubleSided": True, "pbrMetallicRoughness": rough}]
    for part in tree["meshes"]:
        for primitive in part["primitives"]:
            primitive["material"] = 0


def _obj(mesh: Trimesh, said: dict[str, Any]) -> bytes:
    from trimesh.exchange.obj import export_obj

    mesh.vertices = _y_up(mesh.vertices)
    header = "\n".join(["lossnav", *(f"# {name}: {_plain(value)}" for name, value in said.items())])
    text: str = export_obj(mesh, include_normals=False, header=header)
    return text.encode("utf-8")


def _plain(value: object) -> str:
    """A value on one line, whatever it holds."""
    return json.dumps(value, ensure_ascii=True)


def _stl(mesh: Trimesh, said: dict[str, Any]) -> bytes:
    from trimesh.exchange.stl import export_stl

    words = f"lossnav, mm: 1 alpha = {said['length_of_one_alpha_or_beta']:.5g}, 1 height = {said['length_of_one_height']:.5g}"
    content: bytes = export_stl(mesh)
    return words.encode("ascii")[:HEADER].ljust(HEADER) + content[HEADER:]


def _y_up(points: Floats) -> Floats:
    """α stays to the right, height is y, β goes away from who looks."""
    return np.stack([points[:, 0], points[:, 2], 0.0 - points[:, 1]], axis=-1)


def _linear(colors: Colors) -> Colors:
    """Colours (n, 4) of a screen as quantities of light, which is what glTF's vertices have; alpha stays.

    >>> _linear(np.array([[0, 128, 255, 128]], np.uint8)).tolist()
    [[0, 55, 255, 128]]
    """
    light = colors / 255.0
    light[:, :3] = np.where(light[:, :3] <= 0.04045, light[:, :3] / 12.92, ((light[:, :3] + 0.055) / 1.055) ** 2.4)
    rounded: Colors = np.round(255 * light).astype(np.uint8)
    return rounded


Exporter = Callable[[Any, dict[str, Any]], bytes]
EXPORTERS: dict[str, Exporter] = {".glb": _glb, ".obj": _obj, ".stl": _stl}
