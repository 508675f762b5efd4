"""The map: the plane from above, one variable as colour, others as contour lines, the training path on it."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ..shared.picture import axis_titles
from . import axes as frame
from . import marks, page
from .color import Coloring, add_color_bar, coloring
from .contours import add_contours, label_contours
from .grid import complete_grid, densify
from .legend import add_legend
from .line import draw_line, is_line
from .presets import PaperSpec, print_style

PRINTED_DPI = 300


def draw_map(landscape: xr.Dataset, spec: PaperSpec) -> Figure:
    """`landscape` from above, as a matplotlib figure as wide as `spec` says; a curve where it has one direction only.

    InputError: `spec` names a variable that the landscape lacks, or too little is measured yet.
    """
    with print_style(spec.preset):
        grid = complete_grid(landscape)
        return draw_line(grid, spec) if is_line(grid) else _draw(grid, spec)


def _draw(grid: xr.Dataset, spec: PaperSpec) -> Figure:
    figure = page.new_figure(spec.preset)
    axes = figure.add_subplot()
    color = coloring(grid, spec)
    shape = _frame(axes, grid)
    add_image(axes, grid, color, spec)
    contoured = add_contours(axes, grid, spec)
    arrows = marks.add_arrows(axes, grid, spec)
    path = marks.add_path(axes, grid, spec.preset) if spec.picture.path else []
    walks = marks.add_walks(axes, grid, spec)
    points = marks.add_minimum(axes, grid, spec) + marks.add_point(axes, spec)
    empty = np.isnan(color.positions)
    gaps = [marks.add_gaps(axes, color.layer.values[empty])] if empty.any() else []
    bar = add_color_bar(figure, color, spec.preset)
    add_legend(figure, [*(one.entry for one in contoured), *arrows, *path, *walks, *points, *gaps], spec.preset)
    page.add_title(figure, spec)
    page.fit_flat(figure, [axes], bar.ax, shape, spec.preset)
    label_contours(axes, contoured, [*path, *points], spec.preset)
    return figure


def _frame(axes: Axes, grid: xr.Dataset) -> float:
    """Axes, labels and limits; how many times as high as wide the frame is."""
    alpha, beta = grid["alpha"].to_numpy(), grid["beta"].to_numpy()
    shape = frame.set_shape(axes, alpha, beta)
    frame.even_ticks(axes.xaxis, alpha)
    frame.even_ticks(axes.yaxis, beta)
    across, up = axis_titles(grid)
    axes.set(xlabel=across, ylabel=up)
    return shape


def add_image(axes: Axes, grid: xr.Dataset, color: Coloring, spec: PaperSpec) -> AxesImage:
    """The colours, as dense as print shows them; gaps stay transparent."""
    count = int(PRINTED_DPI * 0.75 * spec.preset.width)
    axes_of_grid = grid["alpha"].to_numpy(), grid["beta"].to_numpy()
    alpha, beta, dense = densify(*axes_of_grid, color.positions, count, nearest=color.layer.classes is not None)
    half = (alpha[1] - alpha[0]) / 2, (beta[1] - beta[0]) / 2
    return axes.imshow(
        np.ma.masked_invalid(dense).T, origin="lower", cmap=color.colormap, norm=color.norm, interpolation="nearest",
        extent=(alpha[0] - half[0], alpha[-1] + half[0], beta[0] - half[1], beta[-1] + half[1]),
        aspect=axes.get_aspect(), rasterized=True, zorder=1, gid=f"color-{color.layer.name}",
    )  # fmt: skip
