"""What the page hands out: figures for papers, a self-contained page, and the data."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr
from lossnav.core.formats import write_csv, write_netcdf

from .figures.paper import PaperSpec, draw_map, draw_surface, save
from .figures.shared.picture import Picture
from .figures.web.map2d import map_figure
from .figures.web.surface3d import surface_figure
from .summaries.adaptive import adaptive_text

FIGURE_FORMATS = ("pdf", "svg", "png")
DATA_FORMATS = ("html", "csv", "nc")
MEASURED_FORMATS = ("csv", "nc")  # numbers as they were measured, gaps and all
MIME = {
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "png": "image/png",
    "html": "text/html",
    "csv": "text/csv",
    "nc": "application/x-netcdf",
}


@dataclass(frozen=True)
class Export:
    """A file to be written.

    kind    "map" | "surface"; for HTML both
    format  one of FIGURE_FORMATS or DATA_FORMATS
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
        return html_page(land, picture, export.camera).encode()
    writers: dict[str, Callable[[Path], object]] = {
        "csv": lambda path: write_csv(land, path),
        "nc": lambda path: write_netcdf(land, path),
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


def html_page(land: xr.Dataset, picture: Picture, camera: Mapping[str, Mapping[str, float]]) -> str:
    """Both figures in one file that needs no network: plotly's script is inside."""
    first = surface_figure(land, picture, 620, camera).to_html(full_html=False, include_plotlyjs=True, div_id="surface")
    second = map_figure(land, picture, 560).to_html(full_html=False, include_plotlyjs=False, div_id="map")
    name = html.escape(str(land.attrs.get("name", "landscape")))
    style = (
        "body{font-family:system-ui,sans-serif;margin:1rem;display:grid;gap:1rem;"
        "grid-template-columns:repeat(auto-fit,minmax(480px,1fr))}h1{grid-column:1/-1;font-size:1.2rem;margin:0}p{grid-column:1/-1;margin:0}"
    )
    said = html.escape(adaptive_text(land) or "")
    caption = f"<p>{said}.</p>" if said else ""
    ground = "#101617;color:#E4EBEB" if picture.dark else "#fff"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{name}</title>"
        f"<style>{style}body{{background:{ground}}}</style><body><h1>{name}</h1>{caption}{first}{second}</body></html>"
    )


def _write_figure(land: xr.Dataset, picture: Picture, export: Export, path: Path) -> None:
    draw = draw_surface if export.kind == "surface" else draw_map
    save(draw(land, paper_spec(picture, export)), path, adaptive_text(land))
