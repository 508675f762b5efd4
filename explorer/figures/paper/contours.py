"""Contour lines: one line style and colour per variable, labelled on the line in the variable's own unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ..shared import style
from ..shared.picture import Layer, Picture
from .grid import Field, field
from .marks import INK, PAPER, halo
from .presets import PaperSpec, Preset

LINE_STYLES: tuple[Any, ...] = ("solid", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.4, 1.2, 1.4)))


@dataclass(frozen=True)
class Contoured:
    """The drawn lines of one variable, the text of each level, and the legend entry."""

    lines: ContourSet
    labels: tuple[str, ...]
    entry: Line2D


def add_contours(axes: Axes, landscape: xr.Dataset, spec: PaperSpec) -> list[Contoured]:
    """The contour lines of the height and of every further line of the picture that there are any of."""
    alpha, beta = landscape["alpha"].to_numpy(), landscape["beta"].to_numpy()
    drawn = []
    for k, layer in enumerate(contoured(spec.picture)):
        over, scale, name = field(landscape, layer), layer.scale, layer.variable
        levels, labels = scale.levels(over.values, count=8)
        if len(levels):
            lines = axes.contour(
                alpha, beta, np.ma.masked_invalid(scale.apply(over.values)).T, levels=levels, zorder=3,
                **contour_look(name, k, spec.preset),
            )  # fmt: skip
            lines.set_path_effects(halo(spec.preset, spec.preset.line))
            lines.set_gid(f"contour-{name}")
            drawn.append(Contoured(lines, tuple(labels), contour_entry(over, k, spec.preset)))
    return drawn


def contour_look(name: str, k: int, preset: Preset) -> dict[str, Any]:
    """Colour, width and dashes of the k-th contoured variable: told apart without colour, too."""
    return {"colors": line_color(name), "linewidths": preset.line, "linestyles": [LINE_STYLES[k % len(LINE_STYLES)]]}


def line_color(name: str) -> str:
    """Lines of the terrain are ink, those of a property have its colour."""
    return INK if style.property_of(name) == style.TERRAIN_NAME else style.contour_color(name)


def contoured(picture: Picture) -> tuple[Layer, ...]:
    """The layers that contour lines are drawn of, the height first, each once."""
    layers = [*([picture.elevation] if picture.contours else []), *picture.lines]
    return tuple({layer.variable: layer for layer in layers}.values())


def contour_entry(drawn: Field, k: int, preset: Preset) -> Line2D:
    """The legend entry of the k-th contoured variable."""
    dashes = LINE_STYLES[k % len(LINE_STYLES)]
    return Line2D([], [], color=line_color(drawn.name), linestyle=dashes, lw=preset.line, label=drawn.label)


def label_contours(axes: Axes, drawn: Sequence[Contoured], marks: Sequence[Line2D], preset: Preset) -> None:
    """Write each level on its lines, wherever neither the frame, a mark nor another label is in the way.

    To be called when the page is laid out: which label hides which depends on sizes.
    """
    # The path is in the way where it runs, a point mark where it stands.
    paths = [mark.get_transform().transform_path(mark.get_path()) for mark in marks if mark.get_gid() == "path"]
    taken = [mark.get_window_extent() for mark in marks if mark.get_gid() != "path"]
    for one in drawn:
        texts = dict(zip(one.lines.levels, one.labels, strict=True))
        for text in axes.clabel(one.lines, fmt=texts, fontsize=0.75 * preset.font, colors=INK, inline=False):
            text.set(bbox={"facecolor": PAPER, "alpha": 0.8, "edgecolor": "none", "pad": 0.5}, zorder=3.5)
            box = text.get_window_extent()
            crossed = any(path.intersects_bbox(box, filled=False) for path in paths)
            if _inside(axes, box) and not crossed and not any(box.overlaps(other) for other in taken):
                taken.append(box)
            else:
                _remove(one.lines, text)


def _inside(axes: Axes, box: Bbox) -> bool:
    frame = axes.get_window_extent()
    return bool(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1)


def _remove(lines: ContourSet, text: Text) -> None:
    text.remove()
    lines.labelTexts.remove(text)
