"""The slice: a landscape along one direction, drawn as curves."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..shared.picture import minimum as lowest_cell
from ..shared.scales import Scale
from . import axes as frame
from . import marks, page
from .color import wrap
from .contours import LINE_STYLES, line_color
from .grid import Floats, Layer, layer
from .legend import add_legend
from .presets import PaperSpec, Preset

# Height of the frame over its width: the golden section.
SHAPE = 0.62


def is_line(grid: xr.Dataset) -> bool:
    """Whether the landscape varies along one direction only."""
    return min(grid.sizes["alpha"], grid.sizes["beta"]) < 2


def draw_line(grid: xr.Dataset, spec: PaperSpec) -> Figure:
    """`spec.surface` along the one direction of `grid`, and `spec.color` on a second axis where it is another one."""
    figure = page.new_figure(spec.preset)
    axes = figure.add_subplot()
    dim = "alpha" if grid.sizes["alpha"] >= grid.sizes["beta"] else "beta"
    at = grid[dim].to_numpy()
    curves = [_add_curve(axes, at, layer(grid, spec.surface), spec.elevation_scale, spec.preset)]
    if spec.color != spec.surface:
        curves.append(_add_second(axes, at, layer(grid, spec.color), spec))
    entries: list[Artist] = [
        *curves,
        *_add_minimum(axes, grid, dim, spec),
        *_add_gaps(axes, at, layer(grid, spec.surface), spec),
    ]
    _frame(axes, at, frame.direction_labels(grid)[dim == "beta"])
    add_legend(figure, entries if len(entries) > 1 else [], spec.preset)
    page.add_title(figure, spec)
    page.fit_flat(figure, figure.axes, None, SHAPE, spec.preset)
    return figure


def _frame(axes: Axes, at: Floats, label: str) -> None:
    low, high = Scale().limits(at)
    axes.set_xlim(low, high)
    frame.even_ticks(axes.xaxis, at)
    axes.set_xlabel(label)


def _add_curve(axes: Axes, at: Floats, drawn: Layer, scale: Scale, preset: Preset, style: object = "solid") -> Line2D:
    positions = scale.apply(drawn.values).ravel()
    low, high = scale.limits(drawn.values)
    room = 0.05 * (high - low)
    axes.set_ylim(low - room, high + room)
    frame.scaled_ticks(axes.yaxis, scale, drawn.values)
    axes.set_ylabel("\n".join([wrap(drawn.label, 1.7 * preset.font / 8, preset), *_poles(drawn)]))
    dots = "o" if np.isfinite(positions).sum() == 1 else ""
    (curve,) = axes.plot(
        at, positions, color=line_color(drawn.name), lw=2.4 * preset.line, linestyle=style, marker=dots,
        label=drawn.long_name, gid=f"curve-{drawn.name}", zorder=4,
    )  # fmt: skip
    return curve


def _poles(drawn: Layer) -> list[str]:
    """The poles' words as a line that is read upwards along the axis."""
    return [f"{drawn.low_pole} → {drawn.high_pole}"] if drawn.low_pole and drawn.high_pole else []


def _add_second(axes: Axes, at: Floats, drawn: Layer, spec: PaperSpec) -> Line2D:
    """The overlay on an axis of its own at the right, dashed."""
    second = axes.twinx()
    curve = _add_curve(second, at, drawn, spec.color_scale, spec.preset, LINE_STYLES[1])
    return curve


def _add_minimum(axes: Axes, grid: xr.Dataset, dim: str, spec: PaperSpec) -> list[Line2D]:
    lowest = lowest_cell(grid, spec.surface)
    if lowest is None:
        return []
    height = spec.elevation_scale.apply(layer(grid, spec.surface).values)[lowest]
    at = (float(grid[dim][max(lowest)]), float(height))  # the other direction has one point, number 0
    return [marks.add_mark(axes, at, "x", "minimum", spec.preset, facecolor="none")] if np.isfinite(height) else []


def _add_gaps(axes: Axes, at: Floats, drawn: Layer, spec: PaperSpec) -> list[Patch]:
    """Hatched bands between the drawn points on either side of a gap."""
    gaps = np.isnan(spec.elevation_scale.apply(drawn.values)).ravel()
    look = marks.gap_look()
    for first, last in _runs(gaps):
        axes.axvspan(at[max(first - 1, 0)], at[min(last + 1, len(at) - 1)], zorder=0.5, gid="gaps", **look)
    return [marks.gap_entry(drawn.values.ravel()[gaps])] if gaps.any() else []


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]
