"""The surface: one variable as height and one as colour over the plane, its contour lines on the floor."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]
from mpl_toolkits.mplot3d.art3d import Poly3DCollection  # type: ignore[import-untyped]

from ..shared.picture import axis_titles
from ..shared.scales import format_value
from ..shared.walks import ends_of, own_loss
from . import axes as frame
from . import marks, page
from .camera import angles, direction
from .color import Coloring, add_color_bar, coloring, rgb
from .contours import contour_entry, contour_look, contoured
from .grid import Floats, complete_grid, densify, field, minimum, sample
from .legend import add_legend
from .line import draw_line, is_line
from .presets import Camera, PaperSpec, Preset, print_style

# Facets along each side of the dense surface, and height of the box over its sides.
FACETS = 180
BOX_HEIGHT = 0.62
# How far the floor lies under the lowest point, and how far marks float above the surface, as shares of the height.
FLOOR = 0.35
LIFT = 0.012
# Points of a line for each step between checkpoints.
PIECES = 12
# Distances in points at which mplot3d puts tick labels and axis labels when their pads are 0.
TICK_LABEL_OFFSET, AXIS_LABEL_OFFSET = 8.0, 21.0
# The light comes from the left, above the camera's shoulder; the rest of the brightness is everywhere.
LIGHT_TURN, LIGHT_HEIGHT, AMBIENT = 60.0, 45.0, 0.72


@dataclass(frozen=True)
class Relief:
    """A dense surface: coordinates (n,), heights and colour positions (n, n), gaps as NaN; `box` its three extents."""

    alpha: Floats
    beta: Floats
    height: Floats
    paint: Floats
    low: float
    high: float

    @property
    def floor(self) -> float:
        """Height of the floor under the surface."""
        return self.low - FLOOR * (self.high - self.low)

    @property
    def lift(self) -> float:
        """How far a mark floats above the surface."""
        return LIFT * (self.high - self.low)

    @property
    def box(self) -> Floats:
        """Extents (3,) of the drawn box in the units of its axes, for directions as the eye sees them."""
        aspect = np.array([1.0, 1.0, BOX_HEIGHT])
        return np.array([np.ptp(self.alpha), np.ptp(self.beta), self.high - self.floor]) / aspect


def draw_surface(landscape: xr.Dataset, spec: PaperSpec) -> Figure:
    """`landscape` as a lit surface seen from `spec.camera`; a curve where it has one direction only.

    InputError: `spec` names a variable that the landscape lacks, or too little is measured yet.
    """
    with print_style(spec.preset):
        grid = complete_grid(landscape)
        return draw_line(grid, spec) if is_line(grid) else _draw(grid, spec)


def _draw(grid: xr.Dataset, spec: PaperSpec) -> Figure:
    figure = page.new_figure(spec.preset)
    axes: Axes3D = figure.add_subplot(projection="3d", computed_zorder=False)
    color = coloring(grid, spec)
    relief = relief_of(grid, color, spec)
    _frame(axes, grid, relief, spec)
    entries = _add_floor(axes, grid, relief, spec)
    entries += _add_path(axes, grid, relief, spec) if spec.picture.path else []
    entries += _add_walks(axes, grid, relief, spec)
    entries += _add_marks(axes, grid, relief, spec)
    add_color_bar(figure, color, spec.preset)
    add_legend(figure, entries, spec.preset)
    page.add_title(figure, spec)
    page.fit_scene(figure, axes, spec.preset)
    # Last, because the layout draws the page several times and the facets are what takes time.
    _add_facets(axes, relief, color, spec)
    return figure


def relief_of(grid: xr.Dataset, color: Coloring, spec: PaperSpec) -> Relief:
    """The surface that `spec` draws of a complete grid."""
    alpha, beta = grid["alpha"].to_numpy(), grid["beta"].to_numpy()
    values = field(grid, spec.picture.elevation).values
    dense_alpha, dense_beta, height = densify(alpha, beta, spec.picture.elevation.scale.apply(values), FACETS + 1)
    paint = densify(alpha, beta, color.positions, FACETS + 1, nearest=color.layer.classes is not None)[2]
    return Relief(dense_alpha, dense_beta, height, paint, *spec.picture.elevation.scale.limits(values))


def _add_facets(axes: Axes3D, relief: Relief, color: Coloring, spec: PaperSpec) -> None:
    """The surface itself, as lit facets; those with a gap at a corner are left out."""
    corners = np.stack(np.broadcast_arrays(relief.alpha[:, None], relief.beta[None, :], relief.height), axis=-1)
    facets = np.stack([corners[:-1, :-1], corners[1:, :-1], corners[1:, 1:], corners[:-1, 1:]], axis=-2)
    positions = relief.paint[:-1, :-1] if color.layer.classes else _facet_mean(relief.paint)
    paint = rgb(color, positions) * _light(relief, spec)[..., None]
    whole = np.isfinite(facets).all(axis=(-1, -2)) & np.isfinite(positions)
    colors = np.clip(paint[whole], 0, 1)
    surface = Poly3DCollection(
        facets[whole], facecolors=colors, edgecolors=colors, linewidths=0.25, zorder=2, rasterized=True, gid="surface"
    )
    axes.add_collection3d(surface, autolim=False)


def _facet_mean(values: Floats) -> Floats:
    return np.asarray((values[:-1, :-1] + values[1:, :-1] + values[1:, 1:] + values[:-1, 1:]) / 4)


def _light(relief: Relief, spec: PaperSpec) -> Floats:
    """Brightness (n − 1, n − 1) of each facet, near 1: enough to feel the shape, too little to bend the colours."""
    side = 1.0 / FACETS
    slope_alpha, slope_beta = np.gradient(relief.height / relief.box[2], side)
    normal = np.stack([-slope_alpha, -slope_beta, np.ones_like(slope_alpha)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lamp = direction((angles(spec.camera)[0] - LIGHT_TURN, LIGHT_HEIGHT))
    # Beside a gap the slope is unknown: as bright as level ground.
    lit = AMBIENT + (1 - AMBIENT) * np.clip(normal @ lamp, 0, 1) / lamp[2]
    return _facet_mean(np.where(np.isnan(lit), 1.0, lit))


def _add_floor(axes: Axes3D, grid: xr.Dataset, relief: Relief, spec: PaperSpec) -> list[Line2D]:
    """The contour lines of the height and of further readouts on the floor; their legend entries."""
    entries = []
    for k, layer in enumerate(contoured(spec.picture)):
        drawn, scale, name = field(grid, layer), layer.scale, layer.variable
        levels, _ = scale.levels(drawn.values)
        if len(levels):
            positions = np.ma.masked_invalid(scale.apply(drawn.values)).T
            lines = axes.contour(
                *np.meshgrid(grid["alpha"], grid["beta"]), positions, levels=levels, zdir="z", offset=relief.floor,
                zorder=1, **contour_look(name, k, spec.preset),
            )  # fmt: skip
            lines.set_gid(f"contour-{name}")
            entries.append(contour_entry(drawn, k, spec.preset))
    return entries


def _add_path(axes: Axes3D, grid: xr.Dataset, relief: Relief, spec: PaperSpec) -> list[Line2D]:
    """The training path on the surface: whole where it is seen, dotted where a hill hides it."""
    path, points = marks.path_of(grid), path_points(grid, relief)
    if path is None or points is None:
        return []
    width = _add_seen(axes, relief, points, spec, marks.INK, "path")
    entry = Line2D([], [], color=marks.INK, lw=width, label="training path")
    ends = [
        _add_mark(axes, relief, (path[0][0], path[1][0]), "o", "start", spec.preset, facecolor=marks.PAPER),
        _add_mark(axes, relief, (path[0][-1], path[1][-1]), "*", "end", spec.preset, facecolor=marks.PAPER, size=1.4),
    ]
    return [entry, *(mark for mark in ends if mark is not None)]


def _add_seen(axes: Axes3D, relief: Relief, points: Floats, spec: PaperSpec, color: str, name: str) -> float:
    """A line over the surface, whole where it is seen, dotted where a hill hides it; its width."""
    width = 2.2 * spec.preset.line
    parts = seen_and_hidden(relief, points, spec.camera)
    for part, look, zorder in zip(parts, ("solid", (0, (1, 1.5))), (5, 4), strict=True):
        (line,) = axes.plot(*part.T, color=color, lw=width, linestyle=look, zorder=zorder, gid=name)
        line.set_path_effects(marks.halo(spec.preset, width) if look == "solid" else [])
    return width


def _add_walks(axes: Axes3D, grid: xr.Dataset, relief: Relief, spec: PaperSpec) -> list[Line2D]:
    """Walks and other trainings over the surface, each with its own loss at its end; their legend entries."""
    for walk in spec.picture.walks:
        alpha, beta = walk.inside(ends_of(grid))
        points = _over(relief, _refine(alpha), _refine(beta))
        if points is None:
            continue
        _add_seen(axes, relief, points, spec, walk.color, f"walk {walk.name}")
        end = (float(alpha[-1]), float(beta[-1]))
        if _add_mark(axes, relief, end, "*", f"end of {walk.name}", spec.preset, facecolor=walk.color, size=1.2):
            _add_loss(axes, points[-1], walk.loss[-1], walk.color, spec.preset)
    own, loss = path_points(grid, relief), own_loss(grid)
    if spec.picture.walks and spec.picture.path and own is not None and loss is not None and np.isfinite(own[-1]).all():
        _add_loss(axes, own[-1], loss, marks.INK, spec.preset)
    return marks.walk_entries(spec.picture.walks, spec.preset)


def _add_loss(axes: Axes3D, place: Floats, loss: float, color: str, preset: Preset) -> None:
    """A training's own loss beside its end."""
    look = {"color": color, "fontsize": 0.9 * preset.font, "fontweight": "bold", "zorder": 8}
    text = axes.text(*map(float, place), f"   {format_value(loss)}", **look)
    text.set_path_effects(marks.halo(preset, 1.2 * preset.line))


def path_points(grid: xr.Dataset, relief: Relief) -> Floats | None:
    """The training path over the surface, (PIECES · (checkpoints − 1) + 1, 3), NaN outside; None where nothing of it is seen."""
    path = marks.path_of(grid)
    if path is None:
        return None
    return _over(relief, _refine(path[0]), _refine(path[1]))


def _over(relief: Relief, alpha: Floats, beta: Floats) -> Floats | None:
    """A line (n, 3) lifted onto the surface, NaN outside; None where nothing of it is seen."""
    height = sample(relief.alpha, relief.beta, relief.height, (alpha, beta)) + relief.lift
    return None if np.isnan(height).all() else np.stack([alpha, beta, height], axis=-1)


def seen_and_hidden(relief: Relief, points: Floats, camera: Camera) -> tuple[Floats, Floats]:
    """A line over the surface (n, 3) as two: what a camera sees of it, and what a hill hides; NaN where the other one is."""
    hidden = _hidden(relief, points, direction(camera))
    flat, height = points[:, :2], points[:, 2]
    heights = (np.where(part | _beside(part), height, np.nan) for part in (~hidden, hidden))
    seen, behind = (np.column_stack([flat, each]) for each in heights)
    return seen, behind


def _refine(series: Floats, pieces: int = PIECES) -> Floats:
    """`series` with `pieces` points for each step, so that a line follows the surface between checkpoints."""
    steps = np.arange(len(series))
    return np.interp(np.linspace(0, len(series) - 1, pieces * (len(series) - 1) + 1), steps, series)


def _beside(part: np.ndarray) -> np.ndarray:
    """Points next to one of `part`: the two kinds of line meet."""
    return np.asarray(np.append(part[1:], False))


def _hidden(relief: Relief, points: Floats, towards_eye: np.ndarray, steps: int = 200) -> np.ndarray:
    """Which points (n, 3) lie behind the surface: some point of their sight line is under it."""
    reach = np.linspace(0.02, 1.5, steps)[:, None, None] * (towards_eye * relief.box)
    along = points[None] + reach
    ground = sample(relief.alpha, relief.beta, relief.height, (along[..., 0], along[..., 1]))
    return np.asarray((ground > along[..., 2]).any(axis=0))


def _add_marks(axes: Axes3D, grid: xr.Dataset, relief: Relief, spec: PaperSpec) -> list[Line2D]:
    """The minimum and the picked point on the surface; entries of what is there."""
    wanted = [
        (minimum(grid, spec.picture.elevation.variable), "x", "minimum", "none", 0.5),
        (spec.picture.point, "D", "picked point", marks.POINT_COLOR, 0.6),
    ]
    drawn = [
        _add_mark(axes, relief, at, marker, label, spec.preset, facecolor=face, size=size)
        for at, marker, label, face, size in wanted
        if at is not None
    ]
    return [mark for mark in drawn if mark is not None]


def _add_mark(
    axes: Axes3D, relief: Relief, at: tuple[float, float], marker: str, label: str, preset: Preset, **look: Any
) -> Line2D | None:
    alpha, beta = np.asarray([at[0]]), np.asarray([at[1]])
    height = sample(relief.alpha, relief.beta, relief.height, (alpha, beta)) + relief.lift
    if np.isnan(height).any():
        return None
    mark = marks.mark_look(label, preset, **look)
    (drawn,) = axes.plot(alpha, beta, height, marker, **mark)
    drawn.set_path_effects(marks.halo(preset, 1.4 * preset.line))
    return Line2D([], [], linestyle="none", marker=marker, **mark)


def _frame(axes: Axes3D, grid: xr.Dataset, relief: Relief, spec: PaperSpec) -> None:
    azimuth, elevation = angles(spec.camera)
    axes.set_proj_type("ortho")
    axes.view_init(elev=elevation, azim=azimuth)
    axes.set_box_aspect((1, 1, BOX_HEIGHT), zoom=1.0)
    axes.set(xlim=relief.alpha[[0, -1]], ylim=relief.beta[[0, -1]], zlim=(relief.floor, relief.high))
    _label(axes, grid, spec)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((0.97, 0.97, 0.97, 1.0))
        axis._axinfo["grid"].update({"color": "#DDDDDD", "linewidth": 0.6 * spec.preset.line})
        axis.line.set_linewidth(spec.preset.line)
    for axis, reach in ((axes.xaxis, 0.6), (axes.yaxis, 0.6), (axes.zaxis, 0.8)):
        _move_labels(axis, reach, spec.preset)


def _move_labels(axis: Any, reach: float, preset: Preset) -> None:
    """Put tick labels and axis label beside the axis, clear of each other: mplot3d centres them at fixed distances.

    `reach`: how much of a tick label's width points away from the axis.
    """
    half = 0.25 * preset.font * max((len(text.get_text()) for text in axis.get_ticklabels()), default=1)
    ticks = 0.55 * preset.font + reach * half
    axis.set_tick_params(pad=ticks - TICK_LABEL_OFFSET)
    axis.labelpad = ticks + reach * half + 0.9 * preset.font - AXIS_LABEL_OFFSET


def _label(axes: Axes3D, grid: xr.Dataset, spec: PaperSpec) -> None:
    across, up = axis_titles(grid)
    height = field(grid, spec.picture.elevation)
    axes.set(xlabel=across, ylabel=up, zlabel=height.label)
    frame.even_ticks(axes.xaxis, grid["alpha"].to_numpy())
    frame.even_ticks(axes.yaxis, grid["beta"].to_numpy())
    # Seen from high above, the upright axis is short.
    count = max(2, round(6 * np.cos(np.radians(angles(spec.camera)[1]))))
    frame.scaled_ticks(axes.zaxis, spec.picture.elevation.scale, height.values, count)
