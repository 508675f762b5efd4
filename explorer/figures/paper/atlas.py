"""The atlas for print: one terrain, a panel for each readout, in a row, with panel letters and a colour bar each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure

from ..shared.letters import letter
from ..shared.picture import Layer, Picture, title_of
from ..shared.units import short_unit
from . import page
from .color import Coloring, coloring, mappable, wrap
from .contours import contour_look
from .grid import complete_grid
from .map import add_image
from .presets import PaperSpec, Preset, Width, print_style

NARROWEST = 0.6  # inches: of narrower panels more rows are made
BELOW, BAR, GAP = 3.0, 0.5, 0.9  # lines of type under a panel, a bar's thickness, between panels
TITLE = 0.85  # of the page's type size


def draw_atlas(landscape: xr.Dataset, layers: Sequence[Layer], width: Width = "double") -> Figure:
    """A panel for each layer, with the contour lines of the first, which is the height.

    InputError: a variable that the landscape lacks, or too little is measured yet.
    """
    specs = [PaperSpec(Picture(elevation=layers[0], color=layer, path=False), width) for layer in layers]
    preset = specs[0].preset
    with print_style(preset):
        grid = complete_grid(landscape)
        figure = page.new_figure(preset)
        fitting = max(1, int(preset.width / (NARROWEST + GAP * preset.font / 72)))
        rows = -(-len(layers) // fitting)
        sizes = _Sizes(
            preset, -(-len(layers) // rows), _shape(grid), [title_of(grid, each.variable) for each in layers]
        )
        figure.set_size_inches(preset.width, rows * sizes.row)
        for k, spec in enumerate(specs):
            _panel(figure, grid, spec, k, sizes)
        return figure


class _Sizes:
    """Lengths of one panel, in inches."""

    def __init__(self, preset: Preset, per_row: int, shape: float, titles: Sequence[str]) -> None:
        line = preset.font / 72
        self.per_row, self.gap, self.bar = per_row, GAP * line, BAR * line
        self.width = (preset.width - (per_row + 1) * self.gap) / per_row
        self.height = shape * self.width
        self.titles = [wrap(short_unit(title), (self.width - line) / TITLE, preset) for title in titles]
        lines = 1 + max(title.count("\n") for title in self.titles)
        self.above, self.below = (1.25 * TITLE * lines + 0.6) * line, BELOW * line
        self.row = self.above + self.height + self.below


def _shape(grid: xr.Dataset) -> float:
    """How many times as high as wide a panel is: as the span is, within reason."""
    spans = [float(np.ptp(grid[d].to_numpy())) for d in ("alpha", "beta")]
    return float(np.clip(spans[1] / spans[0], 0.5, 2.0)) if min(spans) > 0 else 1.0


def _panel(figure: Figure, grid: xr.Dataset, spec: PaperSpec, k: int, sizes: _Sizes) -> None:
    total = float(figure.get_size_inches()[1])
    left = sizes.gap + (k % sizes.per_row) * (sizes.width + sizes.gap)
    bottom = total - (k // sizes.per_row + 1) * sizes.row + sizes.below
    axes = figure.add_axes(_share(figure, left, bottom, sizes.width, sizes.height))
    color = coloring(grid, spec)
    axes.set(xticks=[], yticks=[], aspect="auto")
    add_image(axes, grid, color, spec)
    _contours(axes, grid, spec)
    axes.set(xlim=_ends(grid, "alpha"), ylim=_ends(grid, "beta"))
    _title(axes, k, sizes.titles[k], spec.preset)
    place = figure.add_axes(_share(figure, left, bottom - 2 * sizes.bar, sizes.width, sizes.bar))
    _bar(figure, place, color, spec.preset)


def _share(
    figure: Figure, left: float, bottom: float, width: float, height: float
) -> tuple[float, float, float, float]:
    across, up = figure.get_size_inches()
    return left / across, bottom / up, width / across, height / up


def _ends(grid: xr.Dataset, dimension: str) -> tuple[float, float]:
    values = grid[dimension].to_numpy()
    return float(values.min()), float(values.max())


def _contours(axes: Axes, grid: xr.Dataset, spec: PaperSpec) -> None:
    layer = spec.picture.elevation
    values = grid[layer.variable].to_numpy()
    levels, _ = layer.scale.levels(values, count=6)
    if len(levels):
        heights = np.ma.masked_invalid(layer.scale.apply(values)).T
        look = contour_look(layer.variable, 0, spec.preset) | {"linewidths": 0.5 * spec.preset.line}
        axes.contour(grid["alpha"].to_numpy(), grid["beta"].to_numpy(), heights, levels=levels, zorder=3, **look)


def _title(axes: Axes, k: int, title: str, preset: Preset) -> None:
    """The letter, and the readout with its unit beside it."""
    up: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "va": "bottom",
        "annotation_clip": False,
    }
    axes.annotate(letter(k), (0, 1), xytext=(0, 2), fontsize=preset.font, fontweight="bold", **up)
    axes.annotate(title, (0, 1), xytext=(1.1 * preset.font, 2), fontsize=TITLE * preset.font, **up)


def _bar(figure: Figure, place: Axes, color: Coloring, preset: Preset) -> None:
    bar: Colorbar = figure.colorbar(mappable(color), cax=place, extend=color.extend, orientation="horizontal")
    ticks = _few(len(color.tick_positions))
    bar.set_ticks([color.tick_positions[i] for i in ticks], labels=[color.tick_labels[i] for i in ticks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=0.8 * preset.font, length=2, pad=1)
    bar.outline.set_linewidth(preset.line)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
    if len(ticks) == 2:  # inside the panel's width
        first, last = bar.ax.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")


def _few(count: int) -> list[int]:
    """The first and the last of so many ticks: a narrow bar has no room for more."""
    return sorted({0, count - 1}) if count else []
