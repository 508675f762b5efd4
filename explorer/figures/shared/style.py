"""Colours shared by the browser's figures and the papers': maps per property, contour lines, the accent.

Every map is sequential in lightness (it survives a grey printer) and readable for colour-blind people; low values are
dark. The names are known to plotly and to matplotlib alike, with the same colours. Each property brings its own; of the
seven, four are perceptually uniform and three of a single hue, so that no two on one page look alike.
"""

from typing import Any

import numpy as np
from lossnav.core.properties import OWNERS, owner_of
from numpy.typing import ArrayLike, NDArray

TERRAIN_NAME = "terrain"
COLORMAPS = {owner.name: owner.colormap for owner in OWNERS}
DIVERGING = "RdBu_r"
# Classes: the Okabe–Ito colours, the one that stands out least last, for "others".
CLASS_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")

# The Okabe–Ito hues, orange and sky blue darkened until a thin line has a contrast of 3:1 on white and on near-black.
BLUE, VERMILION, SKY_BLUE = "#0072B2", "#D55E00", "#3B92C4"
CONTOUR_COLORS = {owner.name: owner.line_color for owner in OWNERS}

ACCENT_LIGHT = "#0F766E"
ACCENT_DARK = "#2DD4BF"
ACCENT = ACCENT_LIGHT
# Where there is no finite number: lighter than nothing on a dark page, darker than nothing on a light one.
GAP_COLOR = "#B8B8B8"


def property_of(variable: str) -> str:
    """The navigator property that `variable` reads out ("elasticity_l2" → "elasticity"); "terrain" for the rest."""
    return owner_of(variable).name


def colormap_for(variable: str, *, diverging: bool = False) -> str:
    """Name of the colour map for `variable`, known to plotly and matplotlib.

    `diverging`: zero means something and both signs occur; the caller then centres the colours on zero.
    """
    return DIVERGING if diverging else COLORMAPS[property_of(variable)]


def class_colors(count: int) -> tuple[str, ...]:
    """Colours of `count` classes, "#RRGGBB".

    >>> class_colors(2)
    ('#0072B2', '#E69F00')
    """
    return tuple(CLASS_COLORS[k % len(CLASS_COLORS)] for k in range(count))


def contour_color(variable: str) -> str:
    """Colour of `variable`'s contour lines, "#RRGGBB"."""
    return CONTOUR_COLORS[property_of(variable)]


def lightness(colors: ArrayLike) -> NDArray[np.float64]:
    """CIELAB lightness L* (0..100), shape (n,), of sRGB `colors`, shape (n, 3) or (n, 4) with channels in 0..1."""
    luminance = relative_luminance(colors)
    linear, cubic = luminance * (29 / 3) ** 3, 116.0 * np.cbrt(luminance) - 16.0
    return np.where(luminance > (6 / 29) ** 3, cubic, linear)


def relative_luminance(colors: ArrayLike) -> NDArray[np.float64]:
    """Luminance Y (0..1), shape (n,), of sRGB `colors`, shape (n, 3) or (n, 4) with channels in 0..1."""
    srgb = np.asarray(colors, dtype=np.float64)[..., :3]
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def is_grey_safe(colors: ArrayLike, *, diverging: bool = False, tolerance: float = 0.3) -> bool:
    """Whether the order of `colors`, shape (n, 3), can be read off their lightness alone.

    Sequential: lightness only rises or only falls. `diverging`: it does so on either side of the middle.
    `tolerance`, in L*: 8-bit colours wobble by a fraction of a unit, which no eye sees.
    """
    light = lightness(colors)
    if not diverging:
        return _monotone(light, tolerance)
    middle = len(light) // 2
    return _monotone(light[: middle + 1], tolerance) and _monotone(light[middle:], tolerance)


def _monotone(series: NDArray[Any], tolerance: float) -> bool:
    steps = np.diff(series)
    return bool((steps >= -tolerance).all() or (steps <= tolerance).all())
