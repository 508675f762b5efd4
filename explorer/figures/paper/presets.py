"""A picture for print (`PaperSpec`): how wide, in which type and at which resolution it is printed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from threading import RLock
from typing import Any, Literal

import matplotlib
from lossnav.core import InputError
from matplotlib import style

from ..shared.picture import ARROWS, Layer, Picture
from ..shared.scales import Scale

Width = Literal["single", "double", "text", "nature", "nature-double", "slide", "poster"]
Camera = tuple[float, float] | Mapping[str, float]

# Seen from the front right and above, as the page opens.
DEFAULT_CAMERA = (-55.0, 36.0)


@dataclass(frozen=True)
class Preset:
    """A page format: width and greatest height in inches, type size in points, pixels per inch."""

    title: str
    width: float
    max_height: float
    font: float
    dpi: int

    @property
    def line(self) -> float:
        """Width of a thin line in points: a sixteenth of the type size, half a point at 8 pt."""
        return self.font / 16

    @property
    def wide(self) -> bool:
        """Whether colour bar and legend stand beside the drawing; else they stand under and over it."""
        return self.width > 5


# column widths: ICML's two columns; the text of NeurIPS and ICLR; Nature's two columns, with type of 7 pt
PRESETS: dict[str, Preset] = {
    "single": Preset("Single column, ICML", width=3.25, max_height=7.5, font=8, dpi=600),
    "double": Preset("Double column, ICML", width=6.75, max_height=5.5, font=8, dpi=400),
    "text": Preset("Text width, NeurIPS and ICLR", width=5.5, max_height=7.5, font=8, dpi=600),
    "nature": Preset("Single column, Nature", width=3.5, max_height=7.5, font=7, dpi=600),
    "nature-double": Preset("Double column, Nature", width=7.2, max_height=5.5, font=7, dpi=400),
    "slide": Preset("Slide", width=10.0, max_height=5.625, font=16, dpi=300),
    "poster": Preset("Poster", width=20.0, max_height=15.0, font=24, dpi=150),
}


@dataclass(frozen=True, init=False)
class PaperSpec:
    """A picture, for print.

    picture   what is drawn, as on the page; in place of it `color=`, `contours=`, `surface=`, `color_scale=`,
              `elevation_scale=`, `path=`, `arrows=` and `point=` tell it in words (see `picture_of`)
    width     one of PRESETS: "single" (3.25 in), "double" (6.75 in), "text" (5.5 in), "nature", "nature-double", "slide",
              "poster"
    camera    (azimuth, elevation) in degrees, or a plotly eye {"x", "y", "z"}
    title     text over the figure; None: none, the caption says it
    colormap  a matplotlib colour map's name; None: the one of the colour's property
    """

    picture: Picture
    width: Width
    camera: Camera
    title: str | None
    colormap: str | None

    def __init__(
        self,
        picture: Picture | None = None,
        width: Width = "single",
        camera: Camera = DEFAULT_CAMERA,
        title: str | None = None,
        colormap: str | None = None,
        **words: Any,
    ) -> None:
        if picture is not None and words:
            raise TypeError(f"A picture says what is drawn already, but {', '.join(words)} came beside it.")
        given = {"picture": picture or picture_of(**words), "width": width, "camera": camera, "title": title}
        for name, value in {**given, "colormap": colormap}.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        if self.width not in PRESETS:
            raise InputError(
                f"A figure's width is one of {', '.join(PRESETS)}, but {self.width!r} came; choose one of them."
            )
        if self.colormap is not None and self.colormap not in matplotlib.colormaps:
            nearest = get_close_matches(self.colormap, list(matplotlib.colormaps), n=1, cutoff=0) or ["viridis"]
            raise InputError(
                f"A matplotlib colour map's name was expected, but {self.colormap!r} came; try {nearest[0]!r}."
            )

    @property
    def preset(self) -> Preset:
        """The page format that `width` names."""
        return PRESETS[self.width]


def picture_of(
    color: str = "loss",
    contours: tuple[str, ...] = ("loss",),
    surface: str = "loss",
    color_scale: Scale | None = None,
    elevation_scale: Scale | None = None,
    path: bool = True,
    arrows: bool | tuple[str, ...] = False,
    point: tuple[float, float] | None = None,
) -> Picture:
    """A picture told by the names of its readouts.

    color            shown as colour, on `color_scale` (linear)
    surface          shown as height, on `elevation_scale` (logarithmic)
    contours         shown as contour lines
    path             draw the training path where the landscape has one
    arrows           the properties whose arrows are drawn; True: all that the landscape has
    point            (alpha, beta) to mark

    >>> [layer.variable for layer in picture_of(color="viscosity", contours=("loss", "accuracy")).lines]
    ['accuracy']
    """
    layers = {
        **{name: Layer(name, Scale()) for name in contours},
        color: Layer(color, color_scale or Scale()),
        surface: Layer(surface, elevation_scale or Scale("log")),
    }
    return Picture(
        elevation=layers[surface],
        color=Layer(color, color_scale or Scale()),
        lines=tuple(layers[name] for name in contours if name != surface),
        contours=surface in contours,
        path=path,
        arrows=arrows if isinstance(arrows, tuple) else tuple(ARROWS) if arrows else (),
        point=point,
    )


# matplotlib keeps its parameters in one global: threads of the page take turns.
_LOCK = RLock()


@contextmanager
def print_style(preset: Preset | None = None) -> Iterator[None]:
    """Matplotlib's defaults plus ours inside the block, whatever the user's own settings; nothing changes outside."""
    with _LOCK, style.context(["default", _parameters(preset or PRESETS["single"])]):
        yield


def _parameters(preset: Preset) -> dict[str, object]:
    return _TYPE | {
        "font.size": preset.font,
        "axes.labelsize": preset.font,
        "axes.titlesize": preset.font,
        "figure.titlesize": preset.font,
        "xtick.labelsize": 0.9 * preset.font,
        "ytick.labelsize": 0.9 * preset.font,
        "legend.fontsize": 0.9 * preset.font,
        "axes.linewidth": preset.line,
        "xtick.major.width": preset.line,
        "ytick.major.width": preset.line,
        "xtick.major.size": 5 * preset.line,
        "ytick.major.size": 5 * preset.line,
        "hatch.linewidth": 0.6 * preset.line,
        "grid.linewidth": 0.6 * preset.line,
    }


# Type 42 keeps text as text that publishers accept; the salt makes an SVG's ids the same in every process.
_TYPE: dict[str, object] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "lossnav",
    "axes.unicode_minus": True,
    "legend.frameon": False,
    "text.parse_math": False,  # a "$" in a name is a letter; ticks have their own labels
}
