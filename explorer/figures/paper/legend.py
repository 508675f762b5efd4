"""The legend: a row over the drawing on narrow pages, a column beside it on wide ones."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from .color import wrap
from .presets import Preset


def add_legend(figure: Figure, entries: Sequence[Artist], preset: Preset) -> None:
    """A legend of `entries`, to be placed by the page; none where there are none."""
    if not entries:
        return
    labels = [wrap(str(entry.get_label()), 1.4 * preset.font / 8 if preset.wide else 1.0, preset) for entry in entries]
    for columns in (1,) if preset.wide else (3, 2, 1):
        legend = figure.legend(list(entries), labels, ncols=columns, loc="upper left", **_spacing(preset))
        figure.draw_without_rendering()
        if columns == 1 or legend.get_window_extent().width < figure.bbox.width:
            return
        legend.remove()


def add_row_legend(figure: Figure, entries: Sequence[Artist], preset: Preset) -> None:
    """A legend of `entries` side by side, as many as the page is wide, to be placed by the page; none where there are none."""
    labels = [wrap(str(entry.get_label()), 0.9 * preset.width, preset) for entry in entries]
    for columns in range(len(entries), 0, -1):
        legend = figure.legend(list(entries), labels, ncols=columns, loc="upper left", **_spacing(preset))
        figure.draw_without_rendering()
        if columns == 1 or legend.get_window_extent().width < 0.95 * figure.bbox.width:
            return
        legend.remove()


def _spacing(preset: Preset) -> dict[str, float]:
    between = 0.7 if preset.wide else 0.35
    return {
        "handlelength": 1.6,
        "handletextpad": 0.5,
        "columnspacing": 1.2,
        "labelspacing": between,
        "borderaxespad": 0.0,
        "borderpad": 0.0,
    }
