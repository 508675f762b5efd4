"""A claim's figure for papers: whatever panels its result has, two in a row, with verdict and status over them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from lossnav.core.claims import Panel, Result, Series
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..shared.scales import format_value
from ..shared.style import class_colors
from .presets import PRESETS, print_style

ACROSS, TALL, ROW = 2, 2.7, 0.24  # panels in a row; inches of a panel, and of each of its named rows
FAINT = 0.25


def draw_claim(result: Result) -> Figure:
    """Panels under one line: the claim's verdict, and whether it is confirmatory."""
    preset = PRESETS["double"]
    rows = [result.panels[k : k + ACROSS] for k in range(0, len(result.panels), ACROSS)]
    heights = [max(TALL, *(1 + ROW * len(panel.rows) for panel in row)) for row in rows]
    with print_style(preset):
        figure = Figure(figsize=(preset.width, sum(heights) + 0.5), dpi=preset.dpi, layout="constrained")
        figure.suptitle(fill(f"{result.claim}: {result.verdict.verdict} ({result.status})", 90))
        grid = figure.add_gridspec(len(rows), ACROSS, height_ratios=heights)
        for k, panel in enumerate(result.panels):
            _draw(figure.add_subplot(grid[divmod(k, ACROSS)]), panel)
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    colors = class_colors(len(panel.series))
    for series, color in zip(panel.series, colors, strict=True):
        _series(axes, series, color, bool(panel.rows))
    for x in panel.upright:
        axes.axvline(x, color="0.6", linestyle=":", linewidth=0.8, zorder=0)
    axes.set_title(panel.title)
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    for name in panel.logarithmic:
        axes.set(**{f"{name}scale": "log"})
        _powers(axes.xaxis if name == "x" else axes.yaxis)
    if panel.rows:
        _name_rows(axes, panel.rows, panel.words)
    if sum(not each.faint for each in panel.series) > 1:
        axes.legend(fontsize="x-small", handlelength=1.2, labelspacing=0.2)


def _series(axes: Axes, series: Series, color: str, named: bool) -> None:
    x, y = (np.array(values, dtype=float) for values in (series.x, series.y))
    alpha = FAINT if series.faint else 1.0
    if series.kind == "line":
        axes.plot(x, y, color=color, linewidth=0.6 if series.faint else 1.4, alpha=alpha, label=series.name)
    elif series.kind == "bars":
        axes.barh(y, x, 0.7, color=color, alpha=alpha, label=series.name)
    else:
        axes.plot(x, y, "o", color=color, markersize=2 if series.faint else 3, alpha=alpha, label=series.name, mew=0)
    if len(series.low):
        low, high = (np.array(values, dtype=float) for values in (series.low, series.high))
        (axes.hlines(y, low, high, color, linewidth=0.8) if named else axes.vlines(x, low, high, color, linewidth=0.8))


def _powers(axis: Axis) -> None:
    """A logarithmic axis with plain numbers: each power of ten, or 1, 2 and 5 of each where there are few."""
    low, high = axis.get_view_interval()
    subs = (1.0, 2.0, 5.0) if high < 30 * low else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_value(value)))
    axis.set_minor_formatter(NullFormatter())


def _name_rows(axes: Axes, rows: Sequence[str], words: Sequence[str]) -> None:
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for y, word in enumerate(words):
        axes.annotate(word, (1.01, y), xycoords=("axes fraction", "data"), fontsize="x-small", va="center")
