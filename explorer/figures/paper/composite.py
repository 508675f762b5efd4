"""Several networks in one figure: a column for each landscape, a row for each readout, one colour bar for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from ..shared.letters import letter
from ..shared.picture import axis_titles, title_of
from ..shared.units import short_unit
from ..shared.walks import DrawnWalk
from . import axes as frame
from . import marks, page
from .color import LETTER, Coloring, coloring, mappable, wrap
from .contours import contour_look
from .grid import complete_grid
from .legend import add_row_legend
from .map import add_image
from .presets import PaperSpec, Preset, print_style

GAP, APART, BAR = 0.9, 2.9, 0.9  # in ems: between panels, with numbers there; a colour bar's thickness
SMALL = 0.8  # of the page's type size: numbers
AT_END = 0.04  # of an axis
ROOMY = 14  # ems: a panel as wide has room for the trainings' losses
LEVELS = 6  # contour lines of a panel, which has no room for numbers on them


@dataclass(frozen=True)
class Panels:
    """Rows and columns of a composite figure.

    landscapes  one for each column
    names       what stands over each column
    specs       one for each row: its picture's colour is on the scale that all columns share
    trainings   other trainings over each column; none where it is empty
    """

    landscapes: Sequence[xr.Dataset]
    names: Sequence[str]
    specs: Sequence[PaperSpec]
    trainings: Sequence[tuple[DrawnWalk, ...]] = ()

    def walks(self, column: int) -> tuple[DrawnWalk, ...]:
        """The other trainings over a column."""
        return self.trainings[column] if self.trainings else ()

    @property
    def all_walks(self) -> list[DrawnWalk]:
        """The other trainings of all columns, each once."""
        return list({walk.name: walk for walks in self.trainings for walk in walks}.values())


@dataclass(frozen=True)
class _Lengths:
    """In inches, before and around the panels: the page is as high as they need."""

    left: float
    right: float
    above: float
    below: float
    gap: float
    between: float
    panel: tuple[float, float]
    rows: int

    @property
    def height(self) -> float:
        return self.above + self.rows * self.panel[1] + (self.rows - 1) * self.between + self.below


def draw_composite(panels: Panels) -> Figure:
    """The figure, as wide as the first row's preset says; its colours mean the same within a row.

    InputError: a readout that a landscape lacks, too little is measured yet, or a landscape has one direction only.
    """
    preset = panels.specs[0].preset
    with print_style(preset):
        grids = [complete_grid(land) for land in panels.landscapes]
        figure = page.new_figure(preset)
        page.add_title(figure, panels.specs[0])
        painted = [[coloring(grid, spec) for grid in grids] for spec in panels.specs]
        letters = max(len(label) for colors in painted for label in ("", *_ticks(colors[0])[1]))
        add_row_legend(figure, _entries(panels, grids), preset)
        lengths = _lengths(panels, grids, preset, letters, page.legend_size(figure)[1])
        figure.set_size_inches(preset.width, lengths.height)
        page.pin_legend(figure, 0.5, 1 - (page.space(preset) + _title(panels)) / lengths.height, "upper center")
        for row, (spec, colors) in enumerate(zip(panels.specs, painted, strict=True)):
            for column, (grid, color) in enumerate(zip(grids, colors, strict=True)):
                drawn = replace(spec, picture=replace(spec.picture, walks=panels.walks(column)))
                axes = _panel(figure, grid, color, drawn, _place(lengths, row, column))
                _words(axes, panels, (row, column), grids, lengths)
            _bar(figure, colors, spec, _place(lengths, row, len(grids) - 1), _beside(grids[0], spec, lengths.panel[1]))
        return figure


def _entries(panels: Panels, grids: Sequence[xr.Dataset]) -> list[Line2D]:
    """Legend entries, where there are other trainings to be told from the landscapes' own."""
    preset, walks = panels.specs[0].preset, panels.all_walks
    seen = panels.specs[0].picture.path and any(marks.path_of(grid) is not None for grid in grids)
    own = [Line2D([], [], color=marks.INK, lw=2.2 * preset.line, label="training path")] if walks and seen else []
    return [*own, *marks.walk_entries(walks, preset)]


def _title(panels: Panels) -> float:
    """Height of the title over all, in inches."""
    return 1.8 * panels.specs[0].preset.font / 72 if panels.specs[0].title else 0.0


def _lengths(panels: Panels, grids: Sequence[xr.Dataset], preset: Preset, letters: int, legend: float) -> _Lengths:
    """As wide as the page; `letters` of the longest number beside a colour bar, `legend` its height in inches."""
    em = preset.font / 72
    gap = (GAP if _one_height(grids) else APART) * em
    left = 3.6 * em
    for labelled in (1, 2, 3, 4):  # lines beside a bar: fewer lines leave higher panels, which need fewer
        right = (GAP + BAR + 1.6 + LETTER * SMALL * letters + 1.2 * labelled) * em
        width = (preset.width - left - right - (len(grids) - 1) * gap) / len(grids)
        height = _shape(grids) * width
        if max(_beside(grids[0], spec, height).count("\n") + 1 for spec in panels.specs) <= labelled:
            break
    lines = max(_over(name, width, preset).count("\n") + 1 for name in panels.names)
    under = max(wrap(axis_titles(grid)[0], width, preset).count("\n") for grid in grids)  # further lines
    over = _title(panels) + (legend + page.space(preset) if legend else 0.0)
    return _Lengths(
        left,
        right,
        (1.25 * lines + 0.8) * em + over,
        (3.4 + 1.25 * under) * em,
        gap,
        GAP * em,
        (width, height),
        len(panels.specs),
    )


def _one_height(grids: Sequence[xr.Dataset]) -> bool:
    """Whether the numbers along β are the same for all columns, so that the first one's serve."""
    ends = np.array([grid["beta"].to_numpy()[[0, -1]] for grid in grids])
    return bool(np.allclose(ends, ends[0]))


def _shape(grids: Sequence[xr.Dataset]) -> float:
    """How many times as high as wide every panel is: as the first's span is, within reason."""
    spans = [float(np.ptp(grids[0][d].to_numpy())) for d in ("alpha", "beta")]
    return float(np.clip(spans[1] / spans[0], 0.5, 2.0)) if min(spans) > 0 else 1.0


def _beside(grid: xr.Dataset, spec: PaperSpec, height: float) -> str:
    """Label of a row's colour bar: the readout and its unit."""
    return wrap(short_unit(title_of(grid, spec.picture.color.variable)), height, spec.preset)


def _over(name: str, width: float, preset: Preset) -> str:
    return wrap(name, width, preset)


def _place(lengths: _Lengths, row: int, column: int) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of a panel, in inches."""
    width, height = lengths.panel
    left = lengths.left + column * (width + lengths.gap)
    bottom = lengths.height - lengths.above - (row + 1) * height - row * lengths.between
    return left, bottom, width, height


def _axes(figure: Figure, inches: tuple[float, float, float, float]) -> Axes:
    across, up = figure.get_size_inches()
    left, bottom, width, height = inches
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def _panel(
    figure: Figure, grid: xr.Dataset, color: Coloring, spec: PaperSpec, place: tuple[float, float, float, float]
) -> Axes:
    axes = _axes(figure, place)
    alpha, beta = grid["alpha"].to_numpy(), grid["beta"].to_numpy()
    axes.set_aspect("auto")
    add_image(axes, grid, color, spec)
    axes.set(xlim=(alpha[0], alpha[-1]), ylim=(beta[0], beta[-1]))
    if spec.picture.contours:
        _contours(axes, grid, spec)
    if spec.picture.path:
        marks.add_path(axes, grid, spec.preset)
    marks.add_walks(axes, grid, spec, losses=place[2] >= ROOMY * spec.preset.font / 72)
    if np.isnan(color.positions).any():
        axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, zorder=0.5, **marks.gap_look()))
    return axes


def _contours(axes: Axes, grid: xr.Dataset, spec: PaperSpec) -> None:
    """Of the height, at the levels that all columns share."""
    layer = spec.picture.elevation
    values = grid[layer.variable].to_numpy()
    shared = values if layer.reach is None else layer.scale.invert(np.linspace(*layer.reach, 64))
    levels, _ = layer.scale.levels(shared, count=LEVELS)
    heights = np.ma.masked_invalid(layer.scale.apply(values))
    inside = [level for level in levels if heights.min() < level < heights.max()]
    if inside:
        look = contour_look(layer.variable, 0, spec.preset) | {"linewidths": 0.6 * spec.preset.line}
        axes.contour(grid["alpha"].to_numpy(), grid["beta"].to_numpy(), heights.T, levels=inside, zorder=3, **look)


def _words(axes: Axes, panels: Panels, at: tuple[int, int], grids: Sequence[xr.Dataset], lengths: _Lengths) -> None:
    """Ticks and titles along the left and the lower edge, the column's name over the first row, a letter in each panel."""
    (row, column), preset = at, panels.specs[0].preset
    grid, last, first = grids[column], row == len(panels.specs) - 1, column == 0
    frame.even_ticks(axes.xaxis, grid["alpha"].to_numpy(), 3)
    frame.even_ticks(axes.yaxis, grid["beta"].to_numpy(), 3)
    _inwards(axes)
    numbers = first or not _one_height(grids)
    axes.tick_params(labelsize=SMALL * preset.font, length=2, pad=1.5, labelbottom=last, labelleft=numbers)
    if last:
        axes.set_xlabel(wrap(axis_titles(grid)[0], lengths.panel[0], preset), labelpad=1.5)
    if first:
        up = {axis_titles(each)[1] for each in grids}
        axes.set_ylabel(wrap(up.pop() if len(up) == 1 else "β", lengths.panel[1], preset), labelpad=1.5)
    if row == 0:
        name = _over(panels.names[column], lengths.panel[0], preset)
        axes.set_title(name, fontsize=preset.font, pad=0.35 * preset.font)
    _letter(axes, row * len(panels.names) + column, preset)


def _inwards(axes: Axes) -> None:
    """Numbers at the very ends of an axis stay within the panel, so that they do not meet those of the next."""
    for axis, turn, ends in (
        (axes.xaxis, "horizontalalignment", ("left", "right")),
        (axes.yaxis, "verticalalignment", ("bottom", "top")),
    ):
        low, high = axis.get_view_interval()
        for tick, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
            share = (tick - low) / (high - low)
            if min(share, 1 - share) < AT_END:
                label.set(**{turn: ends[int(share > 0.5)]})


def _letter(axes: Axes, k: int, preset: Preset) -> None:
    """In the upper left corner, on a ground of its own."""
    inside: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "ha": "left"}
    ground = {"facecolor": marks.PAPER, "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
    size = preset.font
    axes.annotate(
        letter(k), (0, 1), xytext=(2.5, -2.5), fontsize=size, fontweight="bold", bbox=ground, zorder=9, **inside
    )


def _bar(
    figure: Figure, colors: Sequence[Coloring], spec: PaperSpec, last: tuple[float, float, float, float], label: str
) -> None:
    """The row's colour bar, beside its last panel and as high, pointed where any panel was clipped."""
    em = spec.preset.font / 72
    left, bottom, width, height = last
    place = _axes(figure, (left + width + GAP * em, bottom, BAR * em, height))
    color = replace(colors[0], extend=_extended(colors))
    bar = figure.colorbar(mappable(color), cax=place, extend=color.extend)
    positions, labels = _ticks(color)
    bar.set_ticks(list(positions), labels=list(labels))
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL * spec.preset.font, length=2, pad=1.5)
    bar.outline.set_linewidth(spec.preset.line)
    bar.set_label(label)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)


def _ticks(color: Coloring) -> tuple[Sequence[float], Sequence[str]]:
    """Of classes all, though a panel shows some of them."""
    classes = color.layer.classes
    if classes is None:
        return list(color.tick_positions), color.tick_labels
    positions, labels = classes.ticks(np.arange(len(classes.labels)), len(classes.labels))
    return list(positions), tuple(labels)


def _extended(colors: Sequence[Coloring]) -> str:
    low = any(color.extend in ("min", "both") for color in colors)
    high = any(color.extend in ("max", "both") for color in colors)
    return {(True, True): "both", (True, False): "min", (False, True): "max"}.get((low, high), "neither")
