"""The page: as wide as the preset says, and as high as what is on it."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.transforms import Bbox
from mpl_toolkits.mplot3d import Axes3D, proj3d  # type: ignore[import-untyped]

from .color import wrap
from .presets import PaperSpec, Preset

# Space around a block on the page, as a share of an em.
SPACE = 0.6
# Thickness of a colour bar, in ems.
BAR = 0.9


def new_figure(preset: Preset) -> Figure:
    """An empty page as wide as the preset, drawn by Agg, without pyplot."""
    figure = Figure(figsize=(preset.width, preset.max_height), dpi=preset.dpi)
    FigureCanvasAgg(figure)
    return figure


def add_title(figure: Figure, spec: PaperSpec) -> None:
    """The title of `spec`, broken to the page's width, if there is one."""
    if spec.title:
        figure.suptitle(wrap(spec.title, 0.95 * spec.preset.width, spec.preset))


def space(preset: Preset) -> float:
    """The space around a block, in inches."""
    return SPACE * preset.font / 72


def fit_flat(figure: Figure, frames: Sequence[Axes], bar: Axes | None, shape: float, preset: Preset) -> None:
    """Lay out a page with one drawing, `shape` times as high as wide, its colour bar and its legend; cut it to them.

    `frames` share the drawing's place: the axes, and a second pair at the right where there is one.
    """
    if preset.wide:
        _fit_flat_wide(figure, frames, bar, shape, preset)
    else:
        _fit_flat_narrow(figure, frames, bar, shape, preset)
    figure.draw_without_rendering()


def _fit_flat_narrow(figure: Figure, frames: Sequence[Axes], bar: Axes | None, shape: float, preset: Preset) -> None:
    """From the top: title, legend, drawing, and the colour bar as wide as the drawing."""
    gap, room = space(preset), _around(figure, frames)
    under = _around(figure, [bar]) if bar else Around(0, -BAR * preset.font / 72 - gap, 0, 0)
    left, right = max(room.left, under.left) + gap, max(room.right, under.right) + gap
    width = preset.width - left - right
    thick = BAR * preset.font / 72
    base = gap + under.bottom + thick + under.top + gap + room.bottom
    over = room.top + gap + legend_size(figure)[1] + _title_height(figure, preset) + gap
    height = min(shape * width, preset.max_height - base - over)
    figure.set_size_inches(preset.width, base + height + over)
    for frame in frames:
        _place(figure, frame, Bbox.from_bounds(left + (width - height / shape) / 2, base, height / shape, height))
    if bar:
        _place(figure, bar, Bbox.from_bounds(left, gap + under.bottom, width, thick))
    pin_legend(figure, 0.5, 1 - (gap + _title_height(figure, preset)) / figure.get_figheight(), "upper center")


def _fit_flat_wide(figure: Figure, frames: Sequence[Axes], bar: Axes | None, shape: float, preset: Preset) -> None:
    """From the left: drawing, the colour bar as high as the drawing, legend; over them the title."""
    gap, room, title = space(preset), _around(figure, frames), _title_height(figure, preset)
    beside = _around(figure, [bar]) if bar else Around(0, 0, 0, 0)
    thick = BAR * preset.font / 72 if bar else 0.0
    legend_width, legend_height = legend_size(figure)
    taken = room.left + room.right + thick + beside.right + legend_width + 5 * gap
    top, bottom = max(room.top, beside.top) + title + gap, max(room.bottom, beside.bottom) + gap
    height = min(shape * (preset.width - taken), preset.max_height - top - bottom)
    width = height / shape
    figure.set_size_inches(preset.width, max(bottom + height + top, legend_height + title + 2 * gap))
    left = gap + room.left + (preset.width - taken - width) / 2
    for frame in frames:
        _place(figure, frame, Bbox.from_bounds(left, bottom, width, height))
    if bar:
        _place(figure, bar, Bbox.from_bounds(left + width + room.right + gap, bottom, thick, height))
    x = left + width + room.right + thick + beside.right + 3 * gap
    pin_legend(figure, x / preset.width, (bottom + height) / figure.get_figheight(), "upper left")


class Around(NamedTuple):
    """How far ticks, labels and words reach beyond a frame, in inches."""

    left: float
    bottom: float
    right: float
    top: float


def _around(figure: Figure, frames: Sequence[Axes]) -> Around:
    """The room that `frames`, which share one place, need around them; measured on a frame of a likely size."""
    for frame in frames:
        _place(figure, frame, Bbox.from_bounds(1.0, 1.0, 2.0, 2.0))
    figure.draw_without_rendering()
    box = _inches(figure, [frame.get_tightbbox() for frame in frames])
    inner = _inches(figure, [frames[0].get_window_extent()])
    return Around(inner.x0 - box.x0, inner.y0 - box.y0, box.x1 - inner.x1, box.y1 - inner.y1)


def _inches(figure: Figure, boxes: list[Bbox | None]) -> Bbox:
    union = Bbox.union([box for box in boxes if box is not None])
    return Bbox(union.get_points() / figure.dpi)


def legend_size(figure: Figure) -> tuple[float, float]:
    if not figure.legends:
        return 0.0, 0.0
    box = _inches(figure, [figure.legends[0].get_window_extent()])
    return box.width, box.height


def _title_height(figure: Figure, preset: Preset) -> float:
    title = getattr(figure, "_suptitle", None)
    return 0.0 if title is None else _inches(figure, [title.get_window_extent()]).height + space(preset)


def fit_scene(figure: Figure, scene: Axes3D, preset: Preset) -> None:
    """Lay out a page with a 3-D scene, its colour bar (the second axes) and its legend, and cut the page to them.

    Matplotlib's own layouts do not see where a 3-D box and its labels end. Text keeps its size while the box grows,
    so the box's size is found by a few corrections.
    """
    if preset.wide:
        _fit_wide(figure, scene, preset)
    else:
        _fit_narrow(figure, scene, preset)
    figure.draw_without_rendering()


def fit_turning(figure: Figure, scene: Axes3D, azimuths: Sequence[float]) -> None:
    """Lay out a wide page's scene anew, so that its box has one size and one middle, and fits, from every one of these sides."""
    width, height = figure.get_size_inches()
    gap, words = 0.1, figure.axes[1].get_position().x0 * width
    if figure.legends:
        words = min(words, _inches(figure, [figure.legends[0].get_window_extent()]).x0)
    title = 0.0 if figure._suptitle is None else _inches(figure, [figure._suptitle.get_window_extent()]).height  # type: ignore[attr-defined]
    room = np.array([words - 2 * gap, height - title - 2 * gap]) / 2
    still = [artist for artist in scene.collections if artist.get_gid() == "surface"]
    for artist in still:
        artist.set_visible(False)  # it lies in the box, and takes long
    side = min(width, height)
    for _ in range(6):  # labels do not shrink with the box
        side *= float((room / _reach(figure, scene, side, azimuths)).min())
    for artist in still:
        artist.set_visible(True)
    _place(figure, scene, Bbox.from_bounds(gap + room[0] - side / 2, gap + room[1] - side / 2, side, side))


def _reach(figure: Figure, scene: Axes3D, side: float, azimuths: Sequence[float]) -> np.ndarray:
    """How far box and labels reach from the middle of the scene's frame, across and up, at most, in inches."""
    reach = np.zeros(2)
    for azimuth in azimuths:
        scene.view_init(elev=scene.elev, azim=azimuth)
        content = _scene_extent(figure, scene, side)
        reach = np.maximum(reach, np.abs(content.get_points() - side / 2).max(0))
    return reach


def _fit_narrow(figure: Figure, scene: Axes3D, preset: Preset) -> None:
    """From the top: title, legend, scene, colour bar."""
    gap, bar = space(preset), figure.axes[1]
    _place(figure, bar, Bbox.from_bounds(0.14 * preset.width, 1.0, 0.72 * preset.width, BAR * preset.font / 72))
    side, content = _scale_scene(figure, scene, preset.width - 2 * gap, preset.max_height)
    box = _tight(figure, bar)
    over, title = legend_size(figure)[1], _title_height(figure, preset)
    figure.set_size_inches(preset.width, title + over + content.height + box.height + 4 * gap)
    _place(
        figure,
        bar,
        Bbox.from_bounds(0.14 * preset.width, gap + 1.0 - box.y0, 0.72 * preset.width, BAR * preset.font / 72),
    )
    _move_scene(figure, scene, side, gap, box.height + 2 * gap)
    pin_legend(figure, 0.5, 1 - (gap / 2 + title) / figure.get_figheight(), "upper center")


def _fit_wide(figure: Figure, scene: Axes3D, preset: Preset) -> None:
    """At the left the scene; at the right the legend over the colour bar; over both the title."""
    gap, bar, em = space(preset), figure.axes[1], preset.font / 72
    _place(figure, bar, Bbox.from_bounds(1.0, 1.0, BAR * em, 2.0))
    box, (legend_width, legend_height) = _tight(figure, bar), legend_size(figure)
    column = max(box.width, legend_width) + gap
    title = _title_height(figure, preset)
    side, content = _scale_scene(figure, scene, preset.width - column - 3 * gap, preset.max_height - title - 2 * gap)
    height = min(preset.max_height, max(content.height, legend_height + box.height) + title + 2 * gap)
    figure.set_size_inches(preset.width, height)
    left, words = preset.width - column, box.height - 2.0
    length = min(height - title - legend_height - words - 5 * gap, 24 * em)
    _place(figure, bar, Bbox.from_bounds(left, gap + 1.0 - box.y0 + gap, BAR * em, length))
    room = preset.width - column - 2 * gap - content.width
    _move_scene(figure, scene, side, gap + room / 2, (height - title - content.height) / 2)
    pin_legend(figure, (left - gap / 2) / preset.width, 1 - (gap + title) / height, "upper left")


def _tight(figure: Figure, axes: Axes) -> Bbox:
    figure.draw_without_rendering()
    return _inches(figure, [axes.get_tightbbox()])


def _place(figure: Figure, axes: Axes, inches: Bbox) -> None:
    width, height = figure.get_size_inches()
    axes.set_position((inches.x0 / width, inches.y0 / height, inches.width / width, inches.height / height))


def pin_legend(figure: Figure, x: float, y: float, corner: Literal["upper left", "upper center"]) -> None:
    if figure.legends:
        legend: Legend = figure.legends[0]
        legend.set_loc(corner)
        legend.set_bbox_to_anchor((x, y), transform=figure.transFigure)


def _scale_scene(figure: Figure, scene: Axes3D, width: float, height: float) -> tuple[float, Bbox]:
    """Side in inches of the scene's square frame such that box and labels just fit `width` × `height`; their extent."""
    side = min(width, height)
    for _ in range(5):
        content = _scene_extent(figure, scene, side)
        side *= min(width / content.width, height / content.height)
    return side, _scene_extent(figure, scene, side)


def _move_scene(figure: Figure, scene: Axes3D, side: float, left: float, bottom: float) -> None:
    """Put the lower left corner of the scene's content at (left, bottom) inches."""
    content = _scene_extent(figure, scene, side)
    _place(figure, scene, Bbox.from_bounds(left - content.x0, bottom - content.y0, side, side))


def _scene_extent(figure: Figure, scene: Axes3D, side: float) -> Bbox:
    """Extent in inches of the box and all labels while the frame's lower left corner is the page's."""
    _place(figure, scene, Bbox.from_bounds(0, 0, side, side))
    figure.draw_without_rendering()
    labels = [axis.get_tightbbox(figure.canvas.get_renderer()) for axis in (scene.xaxis, scene.yaxis, scene.zaxis)]  # type: ignore[attr-defined]
    corners = [(x, y, z) for x in scene.get_xlim() for y in scene.get_ylim() for z in scene.get_zlim()]
    flat = [proj3d.proj_transform(*corner, scene.get_proj())[:2] for corner in corners]
    box = Bbox.null()
    box.update_from_data_xy(scene.transData.transform(flat))
    return _inches(figure, [box, *labels])
