"""Several landscapes beside one another: what they have in common, one scale for all, and the difference of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from lossnav.core import InputError

from ..figures.shared.picture import Layer, fitting_scale, measured_mask, name_of
from ..figures.shared.scales import format_value

AXES = ("alpha", "beta")
WIDE = 30  # times its median, from which the largest difference would take all of a linear scale
Span = tuple[tuple[float, float], tuple[float, float]]


def in_common(lands: Sequence[xr.Dataset]) -> list[str]:
    """The readouts that every one of the landscapes has in the same unit, in the first one's order."""
    return [name for name in _in_all(lands) if not clash(lands, name)]


def in_other_units(lands: Sequence[xr.Dataset]) -> list[str]:
    """The readouts that every one of the landscapes has, but not in the same unit: their numbers do not compare."""
    return [name for name in _in_all(lands) if clash(lands, name)]


def clash(lands: Sequence[xr.Dataset], variable: str) -> str:
    """That the landscapes' numbers of a readout do not compare, and what to do, in a sentence; "" where they do.

    A landscape that states no unit, as another program's, is taken to be in that of the others.
    """
    units = list(dict.fromkeys(unit for land in lands if (unit := str(land[variable].attrs.get("units", "")))))
    if len(units) < 2:
        return ""
    return (
        f"{name_of(lands[0], variable)} does not compare: it is in {' here and in '.join(units)} there. Draw each by itself, or "
        "measure both in the same coordinates (--coordinates)."
    )


def _in_all(lands: Sequence[xr.Dataset]) -> list[str]:
    first, *others = lands
    drawn = [str(n) for n, v in first.data_vars.items() if v.dims == AXES and _is_readout(v)]
    return [name for name in drawn if all(name in land for land in others)]


def _is_readout(values: xr.DataArray) -> bool:
    return (
        np.issubdtype(values.dtype, np.floating)
        and "error_of" not in values.attrs
        and (
            "long_name" in values.attrs or values.name == "loss"  # another program's file may name nothing
        )
    )


def joint(lands: Sequence[xr.Dataset], variable: str) -> xr.Dataset:
    """All landscapes' values of a readout, as one landscape: what scale, ends and colours are chosen from.

    Raises
    ------
    InputError  their units differ
    """
    if said := clash(lands, variable):
        raise InputError(said)
    values = np.concatenate([land[variable].values.ravel() for land in lands])[:, None]
    attrs = {k: v for k, v in lands[0][variable].attrs.items() if k != "floor"}
    return xr.Dataset({variable: (AXES, values, attrs)})


def joint_layer(lands: Sequence[xr.Dataset], variable: str, kind: str | None = None) -> Layer:
    """The readout on the one scale that fits all landscapes: its ends, ticks and contour levels are the same for each."""
    together = joint(lands, variable)
    scale = fitting_scale(together, variable, kind)
    if scale.kind == "class":
        return Layer(variable, scale)
    values = together[variable].values
    drawn = values[np.isfinite(scale.apply(values))]
    if drawn.size and drawn.min() < drawn.max():
        low, high = (
            float(end) if told is None else told
            for end, told in zip((drawn.min(), drawn.max()), (scale.low, scale.high), strict=True)
        )
        scale = replace(scale, low=low, high=high)
    return Layer(variable, scale, reach=scale.limits(values))


def joint_span(lands: Sequence[xr.Dataset]) -> Span:
    """The smallest span in which all landscapes lie whole.

    >>> axis = xr.Dataset(coords={"alpha": [-1.0, 1.0], "beta": [0.0, 2.0]})
    >>> joint_span([axis, axis.assign_coords(alpha=[0.0, 3.0])])
    ((-1.0, 3.0), (0.0, 2.0))
    """
    low, high = ([float(f(f(land[d].values) for land in lands)) for d in AXES] for f in (min, max))
    return ((low[0], high[0]), (low[1], high[1]))


def difference(first: xr.Dataset, second: xr.Dataset, variable: str) -> xr.Dataset:
    """The second landscape's readout less the first's, at equal (α, β), as a landscape of its own.

    Raises
    ------
    InputError  a class, of which there is no difference; other units; other grids
    """
    if said := clash([first, second], variable):
        raise InputError(said)
    name = name_of(first, variable)
    if "labels" in first[variable].attrs:
        raise InputError(f"{name} is a class, and classes have no difference: choose a number.")
    if any(first.sizes[d] != second.sizes[d] or not np.allclose(first[d], second[d], rtol=0, atol=1e-9) for d in AXES):
        raise InputError(f"A difference needs equal grids, but these are {_grid(first)} and {_grid(second)}.")
    values = second[variable].values.astype(float) - first[variable].values.astype(float)
    attrs = {"long_name": f"Difference of {name}", "units": first[variable].attrs.get("units", ""), "diverging": 1}
    result = xr.Dataset(
        {variable: (AXES, values, attrs)}, {d: first[d].values for d in AXES}, {"plane": first.attrs.get("plane", "{}")}
    )
    masks = [land[mask].values for land in (first, second) if (mask := measured_mask(land, variable))]
    return result.assign(measured=(AXES, np.logical_and.reduce(masks))) if masks else result


def _grid(land: xr.Dataset) -> str:
    ends = [f"{format_value(float(land[d].values.min()))} … {format_value(float(land[d].values.max()))}" for d in AXES]
    return f"{land.sizes['alpha']} × {land.sizes['beta']} over {ends[0]} and {ends[1]}"


def planes_text(first: xr.Dataset, second: xr.Dataset) -> str:
    """Whether two landscapes lie on one plane, in a sentence."""
    hashes = [land.lossnav.plane.get("vectors") for land in (first, second)]
    if None in hashes:
        return "Whether both lie on one plane, the files do not say: compared is what has equal coordinates."
    if hashes[0] == hashes[1]:
        return "Both lie on one plane, so that at each place the same parameters are compared."
    return "They lie on two planes: at a place their coordinates are equal, not their parameters."


def difference_text(dataset: xr.Dataset, variable: str) -> str:
    """How large a difference is, in a sentence."""
    values = dataset[variable].values[np.isfinite(dataset[variable].values)]
    if not values.size:
        return "At no place are both finite."
    unit = str(dataset[variable].attrs["units"])
    ends = [f"{format_value(v)} {unit}".strip() for v in (values.min(), values.max(), np.sqrt(np.mean(values**2)))]
    return f"From {ends[0]} to {ends[1]}, root mean square {ends[2]}."


def difference_layer(dataset: xr.Dataset, variable: str) -> Layer:
    """A difference with few large values is drawn symmetric-logarithmically, another linearly."""
    sizes = np.abs(dataset[variable].values[np.isfinite(dataset[variable].values)])
    wide = sizes.size and sizes.max() > WIDE * np.median(sizes)
    return Layer(variable, fitting_scale(dataset, variable, "symlog" if wide else "linear"))
