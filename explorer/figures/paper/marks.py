"""Marks on a drawing: the training path, walks and other trainings, the minimum, the picked point, arrows, gaps; legend entries."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import AbstractPathEffect, withStroke

from ..shared import style
from ..shared.arrows import Arrows, arrows_of
from ..shared.picture import path_inside
from ..shared.scales import format_value
from ..shared.walks import DrawnWalk, ends_of, own_loss
from .grid import Floats, minimum
from .presets import PaperSpec, Preset

INK = "#111111"
PAPER = "#FFFFFF"
POINT_COLOR = style.ACCENT_DARK


def halo(preset: Preset, width: float) -> list[AbstractPathEffect]:
    """A thin white edge, so that a line of `width` points is seen on dark and on light colours."""
    return [withStroke(linewidth=width + 1.6 * preset.line, foreground=PAPER, alpha=0.75)]


def path_of(landscape: xr.Dataset) -> tuple[Floats, Floats] | None:
    """(alpha, beta) of the checkpoints, each (checkpoint,), NaN outside the plane; None where no training path is seen."""
    path = path_inside(landscape)
    return None if path is None else (path["path_alpha"].to_numpy(), path["path_beta"].to_numpy())


def add_path(axes: Axes, landscape: xr.Dataset, preset: Preset) -> list[Line2D]:
    """The training path, with an open circle at its start and a star at its end; legend entries of what is in view."""
    path = path_of(landscape)
    if path is None:
        return []
    (line,) = axes.plot(*path, color=INK, lw=2.2 * preset.line, zorder=5, label="training path", gid="path")
    line.set_path_effects(halo(preset, 2.2 * preset.line))
    marks = [
        add_mark(axes, (path[0][0], path[1][0]), "o", "start", preset, facecolor=PAPER),
        add_mark(axes, (path[0][-1], path[1][-1]), "*", "end", preset, facecolor=PAPER, size=1.4),
    ]
    return [line, *(mark for mark in marks if in_view(axes, mark))]


def walk_entries(walks: Sequence[DrawnWalk], preset: Preset) -> list[Line2D]:
    """Legend entries of walks and other trainings, each a line of its colour."""
    return [Line2D([], [], color=walk.color, lw=2.2 * preset.line, label=walk.name) for walk in walks]


def add_walks(axes: Axes, landscape: xr.Dataset, spec: PaperSpec, losses: bool = True) -> list[Line2D]:
    """Walks and other trainings as they are projected, each with a star and its own loss at its end; their legend entries.

    losses  whether there is room for them
    """
    preset = spec.preset
    for walk in spec.picture.walks:
        alpha, beta = walk.inside(ends_of(landscape))
        width = 1.8 * preset.line
        (line,) = axes.plot(alpha, beta, color=walk.color, lw=width, zorder=5, gid=f"walk {walk.name}")
        line.set_path_effects(halo(preset, width))
        if np.isnan(alpha[-1]):
            continue  # it ends outside
        place = (float(alpha[-1]), float(beta[-1]))
        add_mark(axes, place, "*", f"end of {walk.name}", preset, facecolor=walk.color, size=1.2)
        if losses:
            add_loss(axes, place, walk.loss[-1], walk.color, preset)
    path, loss = path_of(landscape), own_loss(landscape)
    own = losses and spec.picture.walks and spec.picture.path
    if own and path is not None and loss is not None and np.isfinite(path[0][-1]):
        add_loss(axes, (float(path[0][-1]), float(path[1][-1])), loss, INK, preset)
    return walk_entries(spec.picture.walks, preset)


def add_loss(axes: Axes, place: tuple[float, float], loss: float, color: str, preset: Preset) -> None:
    """A training's own loss beside its end, on the side where there is more room."""
    left = place[0] > sum(axes.get_xlim()) / 2
    axes.annotate(
        format_value(loss),
        place,
        xytext=((-0.6 if left else 0.6) * preset.font, 0.35 * preset.font),
        textcoords="offset points",
        ha="right" if left else "left",
        color=color,
        fontsize=0.9 * preset.font,
        fontweight="bold",
        zorder=8,
        path_effects=halo(preset, 1.2 * preset.line),
    )


def add_mark(
    axes: Axes, at: tuple[float, float], marker: str, label: str, preset: Preset, *, facecolor: str, size: float = 0.7
) -> Line2D:
    """One ink-edged marker, `size` times the type size."""
    (mark,) = axes.plot([at[0]], [at[1]], marker, **mark_look(label, preset, facecolor=facecolor, size=size))
    mark.set_path_effects(halo(preset, 1.4 * preset.line))
    return mark


def mark_look(label: str, preset: Preset, *, facecolor: str, size: float = 0.7) -> dict[str, Any]:
    """How a marker looks, in the plane and on the surface alike."""
    return {
        "label": label,
        "gid": label,
        "zorder": 7,
        "markersize": size * preset.font,
        "markerfacecolor": facecolor,
        "markeredgecolor": INK,
        "markeredgewidth": 1.4 * preset.line,
    }


def in_view(axes: Axes, mark: Line2D) -> bool:
    """Whether a marker lies inside the axes' limits."""
    x, y = (float(np.asarray(data)[0]) for data in (mark.get_xdata(), mark.get_ydata()))
    return min(axes.get_xlim()) <= x <= max(axes.get_xlim()) and min(axes.get_ylim()) <= y <= max(axes.get_ylim())


def add_minimum(axes: Axes, landscape: xr.Dataset, spec: PaperSpec) -> list[Line2D]:
    """A cross at the lowest point of what is drawn as height, as on the page."""
    at = minimum(landscape, spec.picture.elevation.variable)
    return [] if at is None else [add_mark(axes, at, "x", "minimum", spec.preset, facecolor="none", size=0.5)]


def add_point(axes: Axes, spec: PaperSpec) -> list[Line2D]:
    """A diamond at the picked point."""
    if spec.picture.point is None:
        return []
    mark = add_mark(axes, spec.picture.point, "D", "picked point", spec.preset, facecolor=POINT_COLOR, size=0.6)
    return [mark] if in_view(axes, mark) else []


def add_arrows(axes: Axes, landscape: xr.Dataset, spec: PaperSpec) -> list[Line2D]:
    """The arrows of each property of the picture; legend entries of those that are drawn."""
    every = {name: arrows_of(landscape, name) for name in spec.picture.arrows}
    return [_add_arrows(axes, arrows, arrow_color(spec, name), spec) for name, arrows in every.items() if arrows]


def _add_arrows(axes: Axes, arrows: Arrows, color: str, spec: PaperSpec) -> Line2D:
    drawn = axes.quiver(
        *arrows.tails.T, *np.ma.masked_invalid(arrows.vectors.T),
        angles="xy", scale_units="xy", scale=1.0, color=color, width=0.004, zorder=4,
    )  # fmt: skip
    drawn.set_path_effects(halo(spec.preset, 0.0))
    return Line2D([], [], color=color, marker=r"$\rightarrow$", lw=0, label=arrows.label)


def arrow_color(spec: PaperSpec, owner: str) -> str:
    """The property's colour, or ink where the map itself already has it."""
    return INK if style.property_of(spec.picture.color.variable) == owner else style.contour_color(owner)


def gap_look() -> dict[str, Any]:
    """How a place without a finite number looks: grey and hatched."""
    return {"facecolor": "#E4E4E4", "edgecolor": style.GAP_COLOR, "hatch": "//////", "linewidth": 0.0}


def gap_entry(values: Floats) -> Patch:
    """The legend entry of gaps; `values` are those that lie in them, of which a log scale shows none at or below 0."""
    finite = np.isfinite(values)
    words = [word for word, there in (("not finite", not finite.all()), ("0 or below", finite.any())) if there]
    return Patch(label=", or ".join(words), **gap_look())


def add_gaps(axes: Axes, values: Floats) -> Patch:
    """A hatched ground under the drawing, seen where nothing can be drawn of these values; its legend entry."""
    axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, zorder=0.5, gid="gaps", **gap_look()))
    return gap_entry(values)
