"""Landscapes for papers: maps and surfaces drawn with matplotlib, as PDF, SVG or PNG."""

from .atlas import draw_atlas
from .composite import Panels, draw_composite
from .film import FilmSpec, film_frames
from .film_file import ffmpeg, film_ending, save_film
from .map import draw_map
from .presets import PRESETS, PaperSpec
from .save import save
from .surface import draw_surface
from .surface_mesh import save_mesh

__all__ = [
    "PRESETS",
    "FilmSpec",
    "Panels",
    "PaperSpec",
    "draw_atlas",
    "draw_composite",
    "draw_map",
    "draw_surface",
    "ffmpeg",
    "film_ending",
    "film_frames",
    "save",
    "save_film",
    "save_mesh",
]
