"""A landscape's drawable parts: a complete grid, a variable with its words, values between grid points."""

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import xarray as xr
from lossnav.core import InputError
from lossnav.core.properties import owner_of
from lossnav.core.survey import NOT_YET, finest_complete
from numpy.typing import NDArray

from ..shared.picture import Layer, class_scale, drawn_values, name_of, poles_of, title_of
from ..shared.picture import minimum as lowest_cell
from ..shared.plain_text import printable
from ..shared.scales import Scale

Floats = NDArray[np.float64]
Lines = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class Field:
    """One variable of a landscape: values (alpha, beta) as they are drawn, and the words beside them.

    label  name and unit, as on an axis: "loss (nats)"; on how many points it was measured, where that is not all
    """

    name: str
    values: Floats
    long_name: str
    label: str
    low_pole: str
    high_pole: str
    classes: Scale | None = None


def complete_grid(landscape: xr.Dataset) -> xr.Dataset:
    """The part of `landscape` to draw: coordinates rising, and only rows and columns measured at every point.

    A survey under way has measured every fourth point, say, and a few between: these few wait. An adaptive one has values
    everywhere. InputError if fewer than two points along a direction are left of a grid that has more.
    """
    landscape = landscape.sortby(["alpha", "beta"]).transpose("alpha", "beta", ...)
    if "measured" not in landscape or "loss_error" in landscape:
        return landscape
    measured = landscape["measured"].transpose("alpha", "beta").to_numpy().astype(bool)
    rows, columns = _complete_lines(measured)
    for dim, lines in (("alpha", rows), ("beta", columns)):
        if len(lines) < min(2, landscape.sizes[dim]):
            raise InputError(
                f"A grid with at least two measured points along {dim} was expected, but {len(lines)} came; "
                "let the survey run on, then draw it again."
            )
    return landscape.isel(alpha=rows, beta=columns)


def _complete_lines(measured: NDArray[np.bool_]) -> Lines:
    """Rows and columns whose every crossing is measured: as many as can be, over the whole extent if that can be."""
    whole = [
        lines for lines in (_without_gaps(measured), finest_complete(measured)) if lines and _spans(lines, measured)
    ]
    return max(whole, key=lambda lines: lines[0].size * lines[1].size, default=_without_gaps(measured))


def _without_gaps(measured: NDArray[np.bool_]) -> Lines:
    """Rows and columns left when the emptiest line goes until nothing is missing, the grid's ends last."""
    rows, columns = np.arange(measured.shape[0]), np.arange(measured.shape[1])
    while rows.size and columns.size and not (block := measured[np.ix_(rows, columns)]).all():
        by_row, by_column = _emptiness(block.mean(axis=1)), _emptiness(block.mean(axis=0))
        if by_row.min() <= by_column.min():
            rows = np.delete(rows, by_row.argmin())
        else:
            columns = np.delete(columns, by_column.argmin())
    return rows, columns


def _emptiness(share: Floats) -> Floats:
    """Order in which lines with this share of measured points go: ends after the rest, full lines never."""
    order = share.copy()
    order[[0, -1]] += 1
    return np.where(share == 1, np.inf, order)


def _spans(lines: Lines, measured: NDArray[np.bool_]) -> bool:
    return all(
        kept.size > 0 and kept[0] == 0 and kept[-1] == count - 1
        for kept, count in zip(lines, measured.shape, strict=True)
    )


def check_drawable(landscape: xr.Dataset, name: str) -> None:
    """InputError naming the nearest variable, or why it is unavailable, where there is none of that name."""
    names = surfaces(landscape)
    if name not in names:
        raise InputError(_unknown(landscape, name, names))


def field(landscape: xr.Dataset, layer: Layer) -> Field:
    """The variable that `layer` draws; InputError where there is none."""
    name = layer.variable
    check_drawable(landscape, name)
    low_pole, high_pole = poles_of(landscape, name)
    points = landscape[name].attrs.get("measured_on")
    return Field(
        name=name,
        values=_finite_or_nan(drawn_values(landscape, name)),
        long_name=printable(name_of(landscape, name)),
        label=printable(title_of(landscape, name)) + (f", from {points} points" if points else ""),
        low_pole=low_pole,
        high_pole=high_pole,
        classes=class_scale(landscape, name),
    )


def surfaces(landscape: xr.Dataset) -> list[str]:
    """Names of the numbers over the plane: every variable on (alpha, beta) that is no mark of what is measured."""
    return [str(n) for n, v in landscape.data_vars.items() if set(v.dims) == {"alpha", "beta"} and v.dtype.kind == "f"]


def _unknown(landscape: xr.Dataset, name: str, names: list[str]) -> str:
    reasons = landscape.lossnav.unavailable
    if reasons.get(name) == NOT_YET:
        return (
            f"A variable of this landscape was expected, but {name!r} is not measured here yet: run its lossnav survey again, into "
            f"the same --out, with --overlay {owner_of(name).name} besides."
        )
    if name in reasons:
        return f"A variable of this landscape was expected, but {name!r} is unavailable here: {reasons[name]}"
    nearest = get_close_matches(name, names, n=1, cutoff=0)[0]
    return (
        f"A variable of this landscape was expected ({', '.join(names)}), but {name!r} came; did you mean {nearest!r}?"
    )


def _finite_or_nan(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def densify(
    alpha: Floats, beta: Floats, values: Floats, count: int, nearest: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Bilinear values on `count` × `count` even points over the same range; a cell with a gap at a corner is a gap.

    nearest: the nearest point's values instead, for classes
    """
    dense_alpha, dense_beta = (np.linspace(axis[0], axis[-1], count) for axis in (alpha, beta))
    if nearest:
        near = [np.abs(dense[:, None] - axis).argmin(1) for dense, axis in ((dense_alpha, alpha), (dense_beta, beta))]
        return dense_alpha, dense_beta, values[np.ix_(*near)]
    along_alpha = _interpolate(alpha, values, dense_alpha)
    return dense_alpha, dense_beta, _interpolate(beta, along_alpha.T, dense_beta).T


def _interpolate(nodes: Floats, values: Floats, at: Floats) -> Floats:
    """Linear in the first axis: values (nodes, …) → (at, …)."""
    cell = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    weight = ((at - nodes[cell]) / (nodes[cell + 1] - nodes[cell]))[:, None]
    return np.asarray(values[cell] * (1 - weight) + values[cell + 1] * weight)


def sample(alpha: Floats, beta: Floats, values: Floats, at: tuple[Floats, Floats]) -> Floats:
    """Bilinear values at the points `at` = (alpha (n,), beta (n,)); NaN outside the grid and in cells with a gap."""
    inside = (at[0] >= alpha[0]) & (at[0] <= alpha[-1]) & (at[1] >= beta[0]) & (at[1] <= beta[-1])
    i, u = _cell(alpha, at[0])
    j, v = _cell(beta, at[1])
    low = values[i, j] * (1 - v) + values[i, j + 1] * v
    high = values[i + 1, j] * (1 - v) + values[i + 1, j + 1] * v
    return np.where(inside, low * (1 - u) + high * u, np.nan)


def _cell(nodes: Floats, at: Floats) -> tuple[NDArray[np.intp], Floats]:
    cell = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    return cell, (at - nodes[cell]) / (nodes[cell + 1] - nodes[cell])


def minimum(landscape: xr.Dataset, variable: str) -> tuple[float, float] | None:
    """(alpha, beta) of the lowest finite value, the page's own choice; None where no value is finite."""
    cell = lowest_cell(landscape, variable)
    return None if cell is None else (float(landscape["alpha"][cell[0]]), float(landscape["beta"][cell[1]]))
