"""The slice: a landscape along one direction, drawn as curves."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..shared.picture import axis_titles
from ..shared.picture import minimum as lowest_cell
from ..shared.scales import Scale
from . import axes as frame
from . import marks, page
from .color import wrap
from .contours import LINE_STYLES, line_color
from .grid import Field, Floats, field
from .legend import add_legend
from .presets import PaperSpec, Preset

# Height of the frame over its width: the golden section.
SHAPE = 0.62


def is_line(grid: xr.Dataset) -> bool:
    """Whether the landscape varies along one direction only."""
    return min(grid.sizes["alpha"], grid.sizes["beta"]) < 2


def draw_line(grid: xr.Dataset, spec: PaperSpec) -> Figure:
    """The height along the one direction of `grid`, and the colour on a second axis where it is another readout."""
    figure = page.new_figure(spec.preset)
    axes = figure.add_subplot()
    elevation, color = spec.picture.elevation, spec.picture.color
    dim = "alpha" if grid.sizes["alpha"] >= grid.sizes["beta"] else "beta"
    at = grid[dim].to_numpy()
    curves = [_add_curve(axes, at, field(grid, elevation), elevation.scale, spec.preset)]
    if color.variable != elevation.variable:
        curves.append(_add_second(axes, at, field(grid, color), spec))
    entries: list[Artist] = [
        *curves,
        *_add_minimum(axes, grid, dim, spec),
        *_add_gaps(axes, at, field(grid, elevation), spec),
    ]
    _frame(axes, at, axis_titles(grid)[dim == "beta"])
    add_legend(figure, entries if len(entries) > 1 else [], spec.preset)
    page.add_title(figure, spec)
    page.fit_flat(figure, figure.axes, None, SHAPE, spec.preset)
    return figure


def _frame(axes: Axes, at: Floats, label: str) -> None:
    low, high = Scale().limits(at)
    axes.set_xlim(low, high)
    frame.even_ticks(axes.xaxis, at)
    axes.set_xlabel(label)


def _add_curve(axes: Axes, at: Floats, drawn: Field, scale: Scale, preset: Preset, style: object = "solid") -> Line2D:
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


def _poles(drawn: Field) -> list[str]:
    """The poles' words as a line that is read upwards along the axis."""
    return [f"{drawn.low_pole} → {drawn.high_pole}"] if drawn.low_pole and drawn.high_pole else []


def _add_second(axes: Axes, at: Floats, drawn: Field, spec: PaperSpec) -> Line2D:
    """The overlay on an axis of its own at the right, dashed."""
    second = axes.twinx()
    curve = _add_curve(second, at, drawn, spec.picture.color.scale, spec.preset, LINE_STYLES[1])
    return curve


def _add_minimum(axes: Axes, grid: xr.Dataset, dim: str, spec: PaperSpec) -> list[Line2D]:
    elevation = spec.picture.elevation
    lowest = lowest_cell(grid, elevation.variable)
    if lowest is None:
        return []
    height = elevation.scale.apply(field(grid, elevation).values)[lowest]
    at = (float(grid[dim][max(lowest)]), float(height))  # the other direction has one point, number 0
    return [marks.add_mark(axes, at, "x", "minimum", spec.preset, facecolor="none")] if np.isfinite(height) else []


def _add_gaps(axes: Axes, at: Floats, drawn: Field, spec: PaperSpec) -> list[Patch]:
    """Hatched bands between the drawn points on either side of a gap."""
    gaps = np.isnan(spec.picture.elevation.scale.apply(drawn.values)).ravel()
    look = marks.gap_look()
    for first, last in _runs(gaps):
        axes.axvspan(at[max(first - 1, 0)], at[min(last + 1, len(at) - 1)], zorder=0.5, gid="gaps", **look)
    return [marks.gap_entry(drawn.values.ravel()[gaps])] if gaps.any() else []


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]
