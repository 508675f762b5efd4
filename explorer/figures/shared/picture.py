"""The picture of a landscape, on the page and in print: which readout is height, which is colour, which are lines;
titles, scales, limits, path and marks. Data before pixels."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import xarray as xr
from lossnav.core.plane.kinds import Axis, axes_of, kind_stored
from lossnav.core.properties import OWNERS, READOUTS

from .plain_text import for_plotly
from .scales import Kind, Scale, format_value
from .walks import DrawnWalk

MADE_FROM = ("kind", "which", "seed", "normalize", "ignore", "orthogonal", "turn", "centre")  # first, in this order
NOT_MEASURED = "not measured"
SMALLEST_PATH = 0.04  # of the drawn span
UNITLESS = ("", "1", "dimensionless")
ZERO_MATTERS = ("zero", "diverging")  # attributes that say so of a variable
MOST_DECADES = 8  # beyond, two corners would take all of the colours (as of what is the exponential of the loss)
CLIP_SHARE = 0.75
# property → the two readouts that are the components of its arrow, along alpha and beta
ARROWS: dict[str, tuple[str, str]] = {
    owner.name: (pair[0].variable, pair[1].variable)
    for owner in OWNERS
    if len(pair := [readout for readout in owner.readouts if readout.arrows]) == 2
}


@dataclass(frozen=True)
class Layer:
    """One readout and how its numbers are drawn.

    reach  what axis and colours cover at least, in the scale's own positions; None: what the values need
    """

    variable: str
    scale: Scale
    reach: tuple[float, float] | None = None

    def limits(self, values: np.ndarray) -> tuple[float, float]:
        """Lowest and highest position that is drawn of `values`."""
        low, high = self.scale.limits(values)
        return (low, high) if self.reach is None else (min(low, self.reach[0]), max(high, self.reach[1]))


@dataclass(frozen=True)
class Picture:
    """Everything that decides a figure, besides the landscape.

    elevation  the height of the surface, and the grey contour lines of the map
    color      the colour of surface and map
    lines      drawn as contour lines in their property's colour
    contours   draw the contour lines of the height on the map
    path       draw the training path
    arrows     the properties whose arrows are drawn
    point      (alpha, beta) of the picked point
    dark       on a dark page
    walks      of optimisers from places of the plane
    line       the two ends of a profile
    minima     (alpha, beta) of the minima of the height that are marked
    """

    elevation: Layer
    color: Layer
    lines: tuple[Layer, ...] = ()
    contours: bool = True
    path: bool = True
    arrows: tuple[str, ...] = ()
    point: tuple[float, float] | None = None
    dark: bool = False
    walks: tuple[DrawnWalk, ...] = ()
    line: tuple[tuple[float, float], tuple[float, float]] | None = None
    minima: tuple[tuple[float, float], ...] = ()


def fitting_scale(land: xr.Dataset, variable: str, kind: str | None = None) -> Scale:
    """The scale of a readout: `kind`, or the readout's own, as far as its values allow it.

    A logarithm of values that are not positive shows nothing, so such readouts are drawn linearly. Unless a kind is
    chosen, a readout over more than eight decades is clipped at its upper quartile, which the colour bar says.
    """
    classes = class_scale(land, variable)
    if classes is not None:
        return classes
    values = land[variable].values
    finite = values[np.isfinite(values)]
    wanted: Kind = kind or land[variable].attrs.get("scale", "linear")  # type: ignore[assignment]
    low, high = told_apart(variable) if kind is None else (None, None)
    if low is not None or high is not None:
        return Scale(wanted, low, high)
    exact = land[variable].attrs.get("stage") == "forward"  # what is estimated may fall below 0 by chance
    if wanted == "log" and (finite.size == 0 or finite.max() <= 0 or (finite <= 0).mean() > 0.05):
        return Scale("linear")
    if wanted == "log" and exact and bool((finite < 0).any()):
        return Scale("linear")
    if wanted == "log" and kind is None and _decades(finite) > MOST_DECADES:
        return Scale("log", high=float(np.quantile(finite, CLIP_SHARE)))
    if wanted == "symlog":
        return Scale("symlog", linear_width=_linear_width(finite))
    return Scale(wanted)


def told_apart(variable: str) -> tuple[float | None, float | None]:
    """The lowest and highest value that are told apart: beyond, one number is as good as another. None: all are."""
    return READOUTS[variable].shown if variable in READOUTS else (None, None)


def arrows_in(land: xr.Dataset) -> tuple[str, ...]:
    """The properties whose arrows a landscape has."""
    return tuple(name for name, pair in ARROWS.items() if set(pair) <= set(land.data_vars))


def arrow_name(name: str) -> str:
    """The name of a property's arrow: "elastic force"."""
    return READOUTS[ARROWS[name][0]].arrows


def class_scale(land: xr.Dataset, variable: str) -> Scale | None:
    """The scale of a readout that is a class and no quantity; None for the others."""
    labels = land[variable].attrs.get("labels")
    return None if labels is None else Scale("class", labels=tuple(json.loads(labels)))


def value_text(land: xr.Dataset, variable: str, cell: tuple[int, int]) -> str:
    """A readout at a grid cell in words, with its 95 % interval where it has one: "0.31 ± 0.02", or "0.31 (to 0.35)" where
    that reaches to one side alone; "≈ 0.3" where interpolated."""
    value = float(land[variable].values[cell])
    text = (class_scale(land, variable) or Scale()).text(value)
    gaps = gaps_mask(land, variable)
    if np.isnan(value) and gaps and not bool(land[gaps].values[cell]):
        return NOT_MEASURED
    mask = measured_mask(land, variable)
    if mask and not bool(land[mask].values[cell]):
        return f"≈ {text}"
    if f"{variable}_se" not in land:
        return text
    attrs = land[f"{variable}_se"].attrs
    reach = float(attrs.get("interval", 1.0)) * float(land[f"{variable}_se"].values[cell])
    if not (np.isfinite(value) and reach > 0):
        return text
    if attrs.get("side", "both") == "both":
        return f"{text} ± {format_value(reach, 2)}"
    end = format_value(value + reach if attrs["side"] == "above" else value - reach)
    return text if end == text else f"{text} (to {end})"


def measured_mask(land: xr.Dataset, variable: str) -> str:
    """The variable that says where a readout was measured and not interpolated; "" where there is none to say."""
    mask = f"measured_{land[variable].attrs.get('stage', '')}"
    if mask not in land:  # forward passes; what is known in closed form has no error of interpolation
        mask = "measured" if f"{variable}_error" in land else ""
    return mask if mask in land else ""


def gaps_mask(land: xr.Dataset, variable: str) -> str:
    """The variable that says where a readout was measured at all, also where nothing was interpolated; "" where there is none."""
    own = f"measured_{land[variable].attrs.get('stage', '')}"
    return next((name for name in (own, "measured") if name in land), "")


def gap_text(land: xr.Dataset, variable: str, place: tuple[float, float]) -> str:
    """Why a readout has no number at a place between grid points: one of those around it is not measured, or not finite."""
    mask = gaps_mask(land, variable)
    axes = [land[name].values for name in ("alpha", "beta")]
    if not mask or not np.isfinite(place).all():
        return format_value(np.nan)
    after = [int(np.clip(np.searchsorted(axis, at), 1, len(axis) - 1)) for axis, at in zip(axes, place, strict=True)]
    around = land[mask].values[after[0] - 1 : after[0] + 1, after[1] - 1 : after[1] + 1]
    return format_value(np.nan) if around.all() else NOT_MEASURED


def hover_values(land: xr.Dataset, variable: str) -> np.ndarray:
    """Hover values at each grid point: numbers, or the names of classes."""
    values, classes = land[variable].values, class_scale(land, variable)
    if classes is None:
        return values
    return np.array([for_plotly(classes.text(float(v))) for v in values.ravel()], dtype=object).reshape(values.shape)


def hover_field(land: xr.Dataset, variable: str, place: int) -> str:
    """plotly's template for entry `place` of such values."""
    return f"%{{customdata[{place}]{'' if class_scale(land, variable) else ':.3~g'}}}"


def diverges(land: xr.Dataset, variable: str) -> bool:
    """Whether zero divides the values into two meanings that both occur: only then is a diverging map right."""
    values = land[variable].values
    matters = any(bool(land[variable].attrs.get(name)) for name in ZERO_MATTERS)
    return matters and bool((values < 0).any()) and bool((values > 0).any())


def color_limits(land: xr.Dataset, layer: Layer) -> tuple[float, float]:
    """Ends of the colour scale, in the scale's own positions; symmetric about zero where the map diverges."""
    low, high = layer.limits(land[layer.variable].values)
    if diverges(land, layer.variable):
        reach = max(abs(low), abs(high))
        return -reach, reach
    return low, high


def title_of(land: xr.Dataset, variable: str) -> str:
    """A readout's name with its unit: "Loss (nats)"."""
    attributes = land[variable].attrs
    name, unit = name_of(land, variable), attributes.get("units", "")
    return name if unit in UNITLESS else f"{name} ({unit})"


def name_of(land: xr.Dataset, variable: str) -> str:
    """A readout's name for people."""
    return str(land[variable].attrs.get("long_name", variable.replace("_", " ")))


def drawn_values(land: xr.Dataset, variable: str) -> np.ndarray:
    """The values to draw: a readout that is infinite where the loss is finite counts as its largest (or smallest) finite value.

    A loss that is not finite stays as it is, and is a gap.
    """
    values = land[variable].values.astype(float)
    finite = values[np.isfinite(values)]
    drawable = np.isfinite(land["loss"].values) if "loss" in land else ~np.isnan(values)
    low, high = told_apart(variable)
    for infinite, end, nearest in ((np.isneginf(values), low, finite.min), (np.isposinf(values), high, finite.max)):
        if end is not None or finite.size:
            values[infinite & drawable] = nearest() if end is None else end
    return values


def poles_of(land: xr.Dataset, variable: str) -> tuple[str, str]:
    """The property's words at low and at high values; empty where the readout has none."""
    attributes = land[variable].attrs
    return attributes.get("low_pole", ""), attributes.get("high_pole", "")


def floor_of(land: xr.Dataset, layer: Layer) -> float | None:
    """The position, in the layer's scale, of what no model can beat on average; None where it is not known or not in range."""
    floor = land[layer.variable].attrs.get("floor")
    if floor is None:
        return None
    position = float(layer.scale.apply(np.array([floor]))[0])
    low, high = layer.scale.limits(land[layer.variable].values)
    near = low - 0.25 * (high - low) <= position <= high
    return position if near and not np.isnan(position) else None


def made_from(land: xr.Dataset) -> dict[str, object]:
    """The recipe of the plane: its kind and how it was made, without what was found of it."""
    plane = land.lossnav.plane
    kind = kind_stored(plane.get("kind", ""))
    found = {"cosine", "explained", "gram", "vectors", *(kind.found if kind else ())}
    names = [*MADE_FROM, *sorted(plane.keys() - set(MADE_FROM))]
    return {name: plane[name] for name in names if name in plane and name not in found}


def axis_titles(land: xr.Dataset) -> tuple[str, str]:
    """Titles of the two axes: α and β, with the plane kind's words for its directions."""
    first, second = axes_of(land.lossnav.plane)
    return _axis_title("α", first), _axis_title("β", second)


def _axis_title(letter: str, axis: Axis) -> str:
    share = "" if axis.share is None else f" ({100 * axis.share:.3g} %)"
    return f"{letter} · {axis.title}{share}" if axis.title else letter


def minimum(land: xr.Dataset, variable: str) -> tuple[int, int] | None:
    """Grid indices of the smallest finite value, or None where there is none."""
    values = land[variable].values
    if not np.isfinite(values).any():
        return None
    index = np.unravel_index(np.nanargmin(np.where(np.isfinite(values), values, np.nan)), values.shape)
    return int(index[0]), int(index[1])


def path_inside(land: xr.Dataset) -> xr.Dataset | None:
    """The training path where it runs inside the drawn span; points outside become NaN, which breaks the line.

    None without a path, and where its projection is a dot: a random plane sees next to nothing of the training.
    """
    if "path_alpha" not in land:
        return None
    a, b = land["path_alpha"].values, land["path_beta"].values
    inside = (a >= land["alpha"].values.min()) & (a <= land["alpha"].values.max())
    inside &= (b >= land["beta"].values.min()) & (b <= land["beta"].values.max())
    spans = (max(np.ptp(land[axis].values), 1e-300) for axis in ("alpha", "beta"))  # a slice has one direction
    extent = max(np.ptp(along) / span for along, span in zip((a, b), spans, strict=True))
    if not inside.any() or extent < SMALLEST_PATH:
        return None
    path = land[["path_alpha", "path_beta", "path_off_plane", "path_step"]].copy()
    for name in ("path_alpha", "path_beta"):
        path[name] = path[name].where(inside)
    return path


def _decades(finite: np.ndarray) -> float:
    positive = finite[finite > 0]
    return float(np.log10(positive.max()) - np.log10(positive.min())) if positive.size else 0.0


def _linear_width(finite: np.ndarray) -> float:
    sizes = np.abs(finite[finite != 0])
    return float(np.quantile(sizes, 0.1)) if sizes.size else 1.0
