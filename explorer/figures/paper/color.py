"""One variable as colour: its map, its limits, its colour bar with the poles' words at the ends."""

from dataclasses import dataclass
from textwrap import fill

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure

from ..shared import style
from ..shared.picture import color_limits, diverges
from .grid import Field, Floats, field
from .presets import PaperSpec, Preset

# Mean width of a letter, as a share of the type size: enough to break lines before they leave the page.
LETTER = 0.56
# Room for a colour bar's label along the bar, in inches: the shortest bar has it.
LABEL_WIDTH = 2.3


@dataclass(frozen=True)
class Coloring:
    """A layer with everything that turns its numbers into colour; `positions` (alpha, beta) are on the scale."""

    layer: Field
    positions: Floats
    colormap: Colormap
    norm: Normalize
    tick_positions: Floats
    tick_labels: tuple[str, ...]
    extend: str


def coloring(grid: xr.Dataset, spec: PaperSpec) -> Coloring:
    """How the picture's colour is drawn: diverging, and centred, only where the variable says that zero matters."""
    layer, scale = field(grid, spec.picture.color), spec.picture.color.scale
    low, high = color_limits(grid, spec.picture.color)
    diverging = diverges(grid, layer.name)
    drawn = np.isfinite(scale.apply(layer.values)).any()
    inside = layer.values if layer.classes else scale.invert([low, high])
    ticks, labels = scale.ticks(inside if drawn else [], count=5)
    return Coloring(
        layer=layer,
        positions=scale.apply(layer.values),
        colormap=_colormap(layer, spec, diverging),
        norm=Normalize(low, high),
        tick_positions=ticks,
        tick_labels=tuple(labels),
        extend=_extend(layer.values, scale.low, scale.high),
    )


def _colormap(layer: Field, spec: PaperSpec, diverging: bool) -> Colormap:
    if layer.classes:
        return ListedColormap(style.class_colors(len(layer.classes.labels)))
    return matplotlib.colormaps[spec.colormap or style.colormap_for(layer.name, diverging=diverging)]


def _extend(values: Floats, low: float | None, high: float | None) -> str:
    """Which ends of the colour bar are pointed, because values beyond them were clipped."""
    below = low is not None and bool((values < low).any())
    above = high is not None and bool((values > high).any())
    return {(True, True): "both", (True, False): "min", (False, True): "max"}.get((below, above), "neither")


def add_color_bar(figure: Figure, color: Coloring, preset: Preset) -> Colorbar:
    """The colour bar of `color` in axes of its own: upright on wide pages, else lying; the page places it."""
    orientation = "vertical" if preset.wide else "horizontal"
    bar = figure.colorbar(
        mappable(color), cax=figure.add_axes((0, 0, 1, 1)), extend=color.extend, orientation=orientation
    )
    _dress(bar, color, preset)
    return bar


def mappable(color: Coloring) -> ScalarMappable:
    """A matplotlib mappable, from which a colour bar is made."""
    return ScalarMappable(color.norm, color.colormap)


def _dress(bar: Colorbar, color: Coloring, preset: Preset) -> None:
    """Ticks in original units, the label, the poles' words."""
    bar.set_ticks(list(color.tick_positions), labels=list(color.tick_labels))
    bar.ax.minorticks_off()
    bar.outline.set_linewidth(preset.line)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
    bar.set_label(wrap(color.layer.label, LABEL_WIDTH, preset))
    _name_poles(bar, color.layer, preset)


def _name_poles(bar: Colorbar, layer: Field, preset: Preset) -> None:
    """The poles' words: over and under an upright bar, over the two ends of a lying one."""
    gap = 0.35 * preset.font
    size = 0.9 * preset.font
    upright = (
        (layer.low_pole, (0.0, 0.0), (0, -gap), "left", "top"),
        (layer.high_pole, (0.0, 1.0), (0, gap), "left", "bottom"),
    )
    lying = (
        (layer.low_pole, (0.0, 1.0), (0, gap), "left", "bottom"),
        (layer.high_pole, (1.0, 1.0), (0, gap), "right", "bottom"),
    )
    for word, at, offset, across, along in upright if preset.wide else lying:
        if word:
            bar.ax.annotate(
                word, at, xycoords="axes fraction", xytext=offset, textcoords="offset points",
                ha=across, va=along, fontsize=size, fontstyle="italic", annotation_clip=False,
            )  # fmt: skip


def wrap(text: str, inches: float, preset: Preset) -> str:
    """`text` broken into lines that are at most `inches` long."""
    return fill(text, max(12, int(inches * 72 / (LETTER * preset.font))))


def rgb(color: Coloring, positions: Floats) -> Floats:
    """Colours (…, 3) of `positions` (…,) on the scale."""
    return np.asarray(color.colormap(color.norm(positions)))[..., :3]
