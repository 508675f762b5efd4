"""The training as a film: the surface in print quality, over which the path grows from checkpoint to checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import xarray as xr
from lossnav.core import InputError
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3D  # type: ignore[import-untyped]
from numpy.typing import NDArray

from . import marks, page
from .camera import angles
from .color import coloring
from .grid import complete_grid
from .line import is_line
from .presets import PaperSpec, print_style
from .surface import PIECES, draw_surface, path_points, relief_of, seen_and_hidden

LONGEST, FASTEST, WIDEST, NARROWEST = 60.0, 50.0, 1920, 240
MOST_PIXELS = 400e6  # of all pictures together
HOLD = 1.0  # seconds that the last picture stays
LAYOUT = "slide"  # the preset whose proportions a film has
GROWING = ("path", "start", "end", "minimum", "picked point", "caption")  # what lies over the still part, by its gid

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class FilmSpec:
    """How long, how fast, how large a film is.

    seconds  from the first checkpoint to the last; the last picture stays HOLD longer
    fps      pictures in a second
    size     pixels across; the height follows from what is drawn
    turn     degrees by which the camera turns meanwhile

    Raises
    ------
    InputError  a length, a speed or a size beyond what is made

    >>> FilmSpec(seconds=2, fps=2).reached(7)
    [1, 3, 5, 7]
    """

    seconds: float = 6.0
    fps: float = 10.0
    size: int = 800
    turn: float = 0.0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("seconds", self.seconds, 0.1, LONGEST),
            ("fps", self.fps, 1, FASTEST),
            ("size", self.size, NARROWEST, WIDEST),
            ("turn", self.turn, -360, 360),
        ):
            if not low <= value <= high:
                raise InputError(f"A film's {name} should be from {low:g} to {high:g}, but is {value:g}.")
        pixels = self.count * self.size**2 / 2
        if pixels > MOST_PIXELS:
            raise InputError(
                f"{self.count} pictures {self.size} pixels wide are about {pixels / 1e6:,.0f} million pixels, more than the "
                f"{MOST_PIXELS / 1e6:.0f} million of a film: take fewer seconds, fewer fps or a smaller size."
            )

    @property
    def count(self) -> int:
        """Pictures from the first checkpoint to the last."""
        return max(2, round(self.seconds * self.fps))

    def reached(self, checkpoints: int) -> list[int]:
        """How many checkpoints each picture shows: 1 in the first, all in the last."""
        shares = np.linspace(0, 1, self.count)
        return [1 + int(share * (checkpoints - 1) + 0.5) for share in shares]


def film_frames(
    landscape: xr.Dataset, spec: PaperSpec, film: FilmSpec, captions: Sequence[str]
) -> Iterator[tuple[Pixels, int]]:
    """The pictures (height, width, 3), each with how often it is shown; the last one is held.

    captions  of each checkpoint

    Raises
    ------
    InputError  a slice, or no training path in the picture
    """
    spec = replace_title(spec, max(captions, key=len, default=""))
    with print_style(spec.preset):
        drawing = DrawnFilm(landscape, spec, film)
        reached = film.reached(len(captions))
        turns = film.turn * np.linspace(0, 1, film.count)
        states = [(count, float(turn)) for count, turn in zip(reached, turns, strict=True)]
        shown = [(state, len(list(same))) for state, same in groupby(states)]
        for k, ((count, turn), times) in enumerate(shown):
            held = round(HOLD * film.fps) if k == len(shown) - 1 else 0
            yield drawing.picture(count, captions[count - 1], turn), times + held


def replace_title(spec: PaperSpec, caption: str) -> PaperSpec:
    """The same picture as a film has it, with room for a caption under its title."""
    title = f"{spec.title}\n{caption}" if spec.title else caption
    return PaperSpec(replace(spec.picture, path=True), LAYOUT, spec.camera, title, spec.colormap)  # type: ignore[arg-type]


class DrawnFilm:
    """The surface, drawn once for each camera, and what lies over it, drawn for each picture."""

    def __init__(self, landscape: xr.Dataset, spec: PaperSpec, film: FilmSpec) -> None:
        grid = complete_grid(landscape)
        if is_line(grid):
            raise InputError("A film shows a path over a surface, but this landscape has one direction only.")
        self.spec, self.relief = spec, relief_of(grid, coloring(grid, spec), spec)
        points = path_points(grid, self.relief)
        if points is None:
            raise InputError(
                "A film shows the training path, but there is none in this picture: survey the plane of the training, "
                "--plane trajectory, of a network whose checkpoints are known."
            )
        self.points = points
        self.figure = draw_surface(landscape, spec)
        self.figure.set_dpi(film.size / float(self.figure.get_figwidth()))
        self.canvas: FigureCanvasAgg = self.figure.canvas  # type: ignore[assignment]
        self.title = spec.title.rpartition("\n")[0] if spec.title else ""
        self._name_parts()
        if film.turn:
            page.fit_turning(self.figure, self.axes, [angles(spec.camera)[0] + film.turn * share for share in SHARES])
        self.turned: float | None = None

    @property
    def axes(self) -> Any:
        """The scene."""
        return self.figure.axes[0]

    def _name_parts(self) -> None:
        caption = self.figure._suptitle  # type: ignore[attr-defined]
        caption.set(gid="caption", ha="left", x=page.space(self.spec.preset) / float(self.figure.get_figwidth()))
        for entry in (text for legend in self.figure.legends for text in legend.get_texts()):
            entry.set_text({"end": "step shown"}.get(entry.get_text(), entry.get_text()))
        if not named(self.figure, "end"):
            look = marks.mark_look("end", self.spec.preset, facecolor=marks.PAPER, size=1.4)
            self.axes.plot([np.nan], [np.nan], [np.nan], "*", **look)
        self.parts = [part for gid in GROWING for part in named(self.figure, gid)]
        for part in self.parts:
            part.set_animated(True)

    def picture(self, count: int, caption: str, turn: float) -> Pixels:
        """With the path to checkpoint number `count`, counted from 1, the camera turned by so many degrees."""
        self._look(turn)
        self.show(count, caption)
        self.canvas.restore_region(self.still)
        renderer = self.canvas.get_renderer()
        for part in sorted(self.parts, key=lambda part: part.get_zorder()):
            part.draw(renderer)
        pixels: Pixels = np.asarray(self.canvas.buffer_rgba())[..., :3].copy()
        return pixels

    def show(self, count: int, caption: str) -> None:
        """Cut the path after so many checkpoints, put its end there, and say what is said there."""
        last = PIECES * (count - 1)
        for line, part in zip(self.path, self.lines, strict=True):
            line.set_data_3d(*part[: last + 1].T)
        (end,) = named(self.figure, "end")
        end.set_data_3d(*self.points[[last]].T)
        (said,) = named(self.figure, "caption")
        said.set_text(f"{self.title}\n{caption}" if self.title else caption)

    @property
    def path(self) -> list[Line3D]:
        """The path's two lines: what is seen of it, and what a hill hides."""
        return named(self.figure, "path")

    def _look(self, turn: float) -> None:
        if self.turned == turn:
            return
        azimuth, elevation = angles(self.spec.camera)
        self.axes.view_init(elev=elevation, azim=azimuth + turn)
        self.lines = seen_and_hidden(self.relief, self.points, (azimuth + turn, elevation))
        self.canvas.draw()
        self.still = self.canvas.copy_from_bbox(self.figure.bbox)
        self.turned = turn


SHARES = np.linspace(0, 1, 9)  # of a turn, for which the layout is made


def named(figure: Figure, gid: str) -> list[Any]:
    """Artists of a figure that are drawn under a name."""
    found: list[Artist] = figure.findobj(lambda artist: artist.get_gid() == gid)
    return found
