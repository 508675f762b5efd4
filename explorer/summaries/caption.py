"""The paragraph under a figure of a landscape: what is drawn, on which plane, with what it was measured, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import xarray as xr
from lossnav.core.checks import InputError, first_line
from lossnav.core.plane.kinds import kind_stored
from lossnav.core.properties import READOUTS, Readout
from lossnav.core.survey import MATRIX_NAMES, OLDER

from ..figures.paper.contours import contoured
from ..figures.paper.grid import complete_grid
from ..figures.paper.line import is_line
from ..figures.shared.picture import Layer, Picture, arrow_name, measured_mask
from ..figures.shared.plain_text import printable
from ..figures.shared.scales import format_value
from .adaptive import adaptive_text
from .facts import cosine_text, curvature_text
from .further_samples import samples_of, samples_text
from .trust import inside_text

NORMALISED = {
    "filter": "each filter scaled to the length of the network's own",
    "layer": "each tensor scaled to the length of the network's own",
    "weight": "each number scaled to the size of the network's own",
    "none": "not normalised",
}
STAYS = {"biasbn": "biases and parameters of normalisation layers held fixed"}


def caption(land: xr.Dataset, picture: Picture, kind: str = "map") -> str:
    """One paragraph, as for a paper, on the "map" or the "surface" of a landscape as far as it is drawn.

    >>> import json
    >>> plane = {"kind": "random", "seed": 3, "normalize": "filter", "ignore": "biasbn"}
    >>> about = {"plane": json.dumps(plane), "name": "net"}
    >>> loss = xr.DataArray([[1.0, 2.0]], dims=("alpha", "beta"), attrs={"long_name": "Loss", "units": "nats"})
    >>> axes = {"alpha": [0.0], "beta": [0.0, 1.0]}
    >>> text = caption(xr.Dataset({"loss": loss}, axes, about), picture_of_loss())
    >>> text.partition(". ")[0]
    'Loss landscape of net'
    >>> "seed 3; each filter scaled to the length of the network's own" in text
    True

    Raises
    ------
    InputError  a file says of itself what makes no sense
    """
    try:
        return _paragraph(complete_grid(land), picture, kind)
    except InputError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"What this landscape's file says of itself makes no sense ({first_line(error)}), so it has no caption: draw it as "
            ".pdf, or measure it again."
        ) from error


def _paragraph(land: xr.Dataset, picture: Picture, kind: str) -> str:
    places = _places(land, picture, kind)
    said = (
        _subject(land),
        _plane(land),
        _grid(land),
        *(f"{' and '.join(where)}: {_readout(land, variable)}" for variable, where in places.items()),
        _arrows(land, picture, kind),
        _walks(land, picture),
        _curvature(land, places),
        _trust(land),
        _made(land),
    )
    text = " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in said if sentence)
    return printable(" ".join(text.split()))  # names from files hold what they like


def picture_of_loss() -> Picture:
    """The plainest picture: the loss as height and colour."""
    from ..figures.shared.scales import Scale

    layer = Layer("loss", Scale())
    return Picture(layer, layer)


def drawn(land: xr.Dataset, picture: Picture, kind: str) -> list[str]:
    """The readouts that a figure shows, each once."""
    return list(_places(land, picture, kind))


def _places(land: xr.Dataset, picture: Picture, kind: str) -> dict[str, list[str]]:
    """How each readout of a figure is drawn: a map has no height, a slice is curves."""
    height, color = picture.elevation.variable, picture.color.variable
    if is_line(land):
        shown = [(height, "curve"), *([(color, "dashed curve")] if color != height else [])]
    else:
        shown = [(height, "height")] if kind == "surface" else []
        shown += [(color, "colour"), *((layer.variable, "contour lines") for layer in contoured(picture))]
    places: dict[str, list[str]] = {}
    for variable, where in shown:
        places.setdefault(variable, []).append(where)
    return places


def _walks(land: xr.Dataset, picture: Picture) -> str:
    """Of walks and other trainings, what is true of each where it is; a slice shows none."""
    if is_line(land) or not picture.walks:
        return ""
    said = [
        f"{w.name} (its own loss {w.losses}, its end {format_value(w.off[-1])} off the plane)" for w in picture.walks
    ]
    return f"Coloured lines, as projected onto the plane: {'; '.join(said)}"


def _subject(land: xr.Dataset) -> str:
    problem, centre = land.lossnav.problem, land.lossnav.centre or {}
    known = [f"{problem[key]:,} {key}" for key in ("parameters", "examples") if key in problem]
    if "loss" in problem:
        known.append(f"loss: {str(problem['loss']).replace('_', ' ')}")
    if centre.get("loss") is not None:
        known.append(f"{format_value(centre['loss'])} at the centre")
    return f"Loss landscape of {land.lossnav.name or 'a network'}" + (f" ({', '.join(known)})" if known else "")


def _plane(land: xr.Dataset) -> str:
    plane = land.lossnav.plane
    kind = kind_stored(plane.get("kind", ""))
    if kind is None:
        return ""
    details = [f"seed {plane['seed']}"] if "seed" in plane else []
    details += [words[plane[key]] for key, words in _CHOICES if plane.get(key) in words]
    details += ["made orthogonal"] if plane.get("orthogonal") else []
    if plane.get("cosine") is not None:
        details.append(f"cosine between them {cosine_text(plane['cosine'])}")
    if plane.get("explained"):
        details.append(f"{format_value(100 * sum(plane['explained']))} % of the path's variance")
    source = f", after {kind.source}" if kind.source else ""
    return f"{kind.text.rstrip('.')}{source}" + (f" ({'; '.join(details)})" if details else "")


_CHOICES = (("normalize", NORMALISED), ("ignore", STAYS))


def _grid(land: xr.Dataset) -> str:
    sides = [(axis, land[axis].values) for axis in ("alpha", "beta") if axis in land.coords and land[axis].size > 1]
    where = " and ".join(
        f"{'α' if axis == 'alpha' else 'β'} from {format_value(at.min())} to {format_value(at.max())}"
        for axis, at in sides
    )
    size = " × ".join(str(at.size) for _, at in sides)
    whole = (
        "every point measured" if "measured" in land and bool(land["measured"].all()) else ""
    )  # other files do not say
    how = adaptive_text(land) or whole
    return f"{size} points, {where}" + (f"; {how}" if how else "") if sides else ""


def _arrows(land: xr.Dataset, picture: Picture, kind: str) -> str:
    """The arrows, which a map alone has."""
    names = ", ".join(map(arrow_name, picture.arrows))
    return f"arrows: {names}" if names and kind == "map" and not is_line(land) else ""


def _readout(land: xr.Dataset, variable: str) -> str:
    attrs = land[variable].attrs if variable in land else {}
    unit = attrs.get("units", "")
    title = attrs.get("long_name", variable) + (f" in {unit}" if unit not in ("", "1") else "")
    known = READOUTS.get(variable)
    explained = f"{title}. {_explanation(land, known)}" if known and OLDER not in title else title
    notes = "; ".join(note for note in (_measured(land, variable), _spread(land, variable)) if note)
    return f"{explained}. {notes[0].upper()}{notes[1:]}" if notes else explained


def _explanation(land: xr.Dataset, readout: Readout) -> str:
    matrix = (land.lossnav.estimation or {}).get("of", "hessian")
    return readout.explain.rstrip(".").replace("the Hessian", MATRIX_NAMES.get(matrix, "the Hessian"))


def _measured(land: xr.Dataset, variable: str) -> str:
    """On how many points it was measured, where between them it is interpolated."""
    mask = measured_mask(land, variable) if variable in land else ""
    if not mask or bool(land[mask].all()):
        return ""
    between = bool(np.isfinite(land[variable].where(~land[mask].astype(bool)).astype(float)).any())
    where = f"measured at {int(land[mask].sum()):,} of {land[mask].size:,} points"
    return f"{where}, interpolated between them" if between else where


def _spread(land: xr.Dataset, variable: str) -> str:
    """How far intervals of 95 % reach that a landscape states of a readout, at the median."""
    if f"{variable}_se" not in land:
        return ""
    error = land[f"{variable}_se"]
    reach = float(error.attrs.get("interval", 1.0)) * float(error.median())
    if not (math.isfinite(reach) and reach > 0):
        return ""
    side = error.attrs.get("side", "both")
    sign = "±" if side == "both" else "up to " if side == "above" else "down to −"
    return f"95 % interval: {sign}{format_value(reach, 2)}{'' if side == 'both' else ' from the value'}, at the median"


def _curvature(land: xr.Dataset, variables: Iterable[str]) -> str:
    bent = [name for name in variables if name in READOUTS and READOUTS[name].stage == "curvature"]
    if not bent:
        return ""
    other = [(READOUTS[name].label, samples_text(samples_of(land), name)) for name in bent]
    return "; ".join([curvature_text(land), *(f"{label} {text}" for label, text in other if text)])


def _trust(land: xr.Dataset) -> str:
    held = inside_text(land.lossnav.fidelity or {})
    return f"The plane holds {held}" if held else ""


def _made(land: xr.Dataset) -> str:
    runs = land.lossnav.provenance or ()
    if not runs:
        return ""
    if "imported_from" in runs[-1]:
        return f"Imported from a {runs[-1]['imported_from']}"
    versions, spec = runs[-1].get("versions", {}), land.lossnav.spec or {}
    programs = [f"{name} {versions[name]}" for name in ("lossnav", "torch") if name in versions]
    arithmetic = [str(spec[key]) for key in ("dtype",) if key in spec] + (
        [f"seed {spec['seed']}"] if "seed" in spec else []
    )
    how = f" ({', '.join(arithmetic)})" if arithmetic else ""
    return f"Measured with {' and '.join(programs)}{how}" if programs else ""
