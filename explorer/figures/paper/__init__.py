"""Landscapes for papers: maps and surfaces drawn with matplotlib, as PDF, SVG or PNG."""

from .atlas import draw_atlas
from .composite import Panels, draw_composite
from .map import draw_map
from .presets import PRESETS, PaperSpec
from .save import save
from .surface import draw_surface

__all__ = ["PRESETS", "Panels", "PaperSpec", "draw_atlas", "draw_composite", "draw_map", "draw_surface", "save"]
