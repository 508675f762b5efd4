"""The state of the page as one frozen value. Widgets make it, the address bar carries it, figures are drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import xarray as xr
from lossnav.core import Settings
from lossnav.core.survey import MeasuredPoints

from .figures.shared.picture import ARROWS, Layer, Picture, arrows_in, fitting_scale, path_inside
from .figures.shared.style import TERRAIN_NAME
from .figures.shared.walks import DrawnWalk

Place = tuple[float, float]  # (alpha, beta)
AS_ARROWS = {pair[0] for pair in ARROWS.values()}  # readouts that are drawn as arrows, by their first component


@dataclass(frozen=True)
class Drawing:
    """How one readout is drawn: which, on which scale ("auto": its own), clipped where."""

    variable: str
    scale: str = "auto"
    low: float | None = None
    high: float | None = None

    def layer(self, land: xr.Dataset) -> Layer:
        """The layer that this means for a landscape."""
        fitting = fitting_scale(land, self.variable, None if self.scale == "auto" else self.scale)
        if fitting.kind == "class":
            return Layer(self.variable, fitting)
        low, high = self.low, self.high
        if low is not None and high is not None and low >= high:
            low = high = None  # an empty range clips nothing
        if fitting.kind == "log" and high is not None and high <= 0:
            high = None
        ends: dict[str, Any] = {
            "low": fitting.low if low is None else low,
            "high": fitting.high if high is None else high,
        }
        if ends["low"] is not None and ends["high"] is not None and ends["low"] >= ends["high"]:
            ends |= {"low": low, "high": high}
        return Layer(self.variable, replace(fitting, **ends))


class Readable(Protocol):
    """A source that a landscape can be drawn from: measured points, or a file."""

    def measured(self, settings: Settings) -> xr.Dataset:
        """The measured numbers on the whole grid, without any that are interpolated."""
        ...

    def landscape(self, settings: Settings) -> xr.Dataset:
        """The landscape to draw."""
        ...


class Source(Readable, Protocol):
    """Measured points: kept on disk, or of a plane that is being turned."""

    @property
    def points(self) -> MeasuredPoints: ...


@dataclass(frozen=True)
class View:
    """The page's state besides the request.

    overlays   the properties that are switched on, each with how it is drawn, in the framework's order
    elevation  what is drawn as height
    color      "terrain", or the property that colours the surface
    point      (alpha, beta) of the picked point; None: the centre
    arrows     the properties that show their arrows
    ground     what colours the terrain where no overlay does; None: its height
    walks      that lie over the terrain
    line       the two ends of a profile
    minima     of the height that are marked
    """

    elevation: Drawing
    overlays: Mapping[str, Drawing] = field(default_factory=dict)
    color: str = TERRAIN_NAME
    point: tuple[float, float] | None = None
    dark: bool = False
    arrows: tuple[str, ...] = tuple(ARROWS)
    ground: Drawing | None = None
    walks: tuple[DrawnWalk, ...] = ()
    line: tuple[Place, Place] | None = None
    minima: tuple[Place, ...] = ()

    def picture(self, land: xr.Dataset) -> Picture:
        """The picture of `land`: one overlay as colour, the others as lines, forces as arrows."""
        shown = {name: d for name, d in self.overlays.items() if d.variable in land and d.variable not in AS_ARROWS}
        color = shown.get(self.color, self.ground or self.elevation)
        return Picture(
            elevation=self.elevation.layer(land),
            color=color.layer(land),
            lines=tuple(d.layer(land) for name, d in shown.items() if name != self.color),
            path=path_inside(land) is not None,
            arrows=tuple(name for name in arrows_in(land) if name in self.arrows and name in self.overlays),
            point=self.point,
            dark=self.dark,
            walks=self.walks,
            line=self.line,
            minima=self.minima,
        )
