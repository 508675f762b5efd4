"""The page's exports: figures for papers, a self-contained page, and the data."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr
from lossnav.core.formats import write_csv, write_netcdf, write_vtk

from .bundle import bundle
from .figures.paper import FilmSpec, PaperSpec, draw_map, draw_surface, film_frames, save, save_film, save_mesh
from .figures.shared.picture import Picture
from .published import Start, published_page
from .summaries.adaptive import adaptive_text
from .summaries.film import captions, frames

FIGURE_FORMATS = ("pdf", "svg", "png", "zip")
FILM_FORMATS = ("gif", "mp4", "webm")  # of a picture with a training path
MESH_FORMATS = ("glb", "obj", "stl")
DATA_FORMATS = ("html", *MESH_FORMATS, "vtp", "csv", "nc")
MEASURED_FORMATS = ("csv", "nc")  # numbers as they were measured, gaps and all
MIME = {
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "png": "image/png",
    "zip": "application/zip",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "html": "text/html",
    "glb": "model/gltf-binary",
    "obj": "model/obj",
    "stl": "model/stl",
    "vtp": "application/xml",
    "csv": "text/csv",
    "nc": "application/x-netcdf",
}


@dataclass(frozen=True)
class Export:
    """A file to be written.

    kind    "map" | "surface"; an HTML page has both
    format  one of FIGURE_FORMATS, FILM_FORMATS or DATA_FORMATS
    width   a preset of the paper figures
    camera  the page's, as plotly has it; empty: the default view
    """

    kind: str
    format: str
    width: str
    camera: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def mime(self) -> str:
        """Its media type."""
        return MIME[self.format]


def exported(land: xr.Dataset, picture: Picture, export: Export) -> bytes:
    """The file's bytes; the same for the same landscape, picture and choice."""
    if export.format == "html":
        return published_page([land], Start.of(picture, export.camera), walks=[picture.walks]).encode()
    if export.format == "zip":
        return bundle(land, paper_spec(picture, export), export.kind)
    writers: dict[str, Callable[[Path], object]] = {
        "csv": lambda path: write_csv(land, path),
        "nc": lambda path: write_netcdf(land, path),
        "vtp": lambda path: write_vtk(land, path),
        **dict.fromkeys(MESH_FORMATS, lambda path: save_mesh(land, picture, path)),
        **dict.fromkeys(FILM_FORMATS, lambda path: write_film(land, paper_spec(picture, export), path)),
    }
    write = writers.get(export.format, lambda path: _write_figure(land, picture, export, path))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"lossnav.{export.format}"
        write(path)
        return path.read_bytes()


def paper_spec(picture: Picture, export: Export) -> PaperSpec:
    """The page's picture as a specification for print."""
    camera = {"camera": dict(export.camera["eye"])} if "eye" in export.camera else {}
    return PaperSpec(picture, export.width, **camera)  # type: ignore[arg-type]


def write_film(land: xr.Dataset, spec: PaperSpec, path: Path, film: FilmSpec | None = None) -> Path:
    """The training as a film, the path growing over the surface.

    Raises
    ------
    InputError  no path in the picture, or an ending that is not made here
    """
    film = film or FilmSpec()
    return save_film(film_frames(land, spec, film, captions(frames(land))), path, film.fps)


def _write_figure(land: xr.Dataset, picture: Picture, export: Export, path: Path) -> None:
    draw = draw_surface if export.kind == "surface" else draw_map
    save(draw(land, paper_spec(picture, export)), path, adaptive_text(land))
