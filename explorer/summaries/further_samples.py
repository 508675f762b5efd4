"""How far curvature depends on the examples that it was measured on, in words: the same at the centre on others, and on more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import xarray as xr
from lossnav.core.properties import PROPERTIES, READOUTS

from ..figures.shared.scales import format_value


def samples_of(land: xr.Dataset) -> Mapping[str, Any]:
    """What a landscape holds of them; empty where nothing."""
    return (land.lossnav.fidelity or {}).get("samples") or {}


def drawn_numbers(samples: Mapping[str, Any], variable: str) -> tuple[list[float], float] | None:
    """A readout's numbers on each sample, the survey's own first, and on more examples; None where one is missing."""
    numbers = samples.get("readouts", {}).get(variable, [])
    if len(numbers) < 2 or any(value is None or not math.isfinite(value) for value in numbers):
        return None
    return list(numbers[:-1]), float(numbers[-1])


def farthest(samples: Mapping[str, Any], variable: str) -> float | None:
    """The largest distance of a sample's number from that on more examples, as a share of the latter; None where not known.

    >>> farthest({"readouts": {"sharpness": [8.0, 12.0, 10.0]}}, "sharpness")
    0.2
    """
    numbers = drawn_numbers(samples, variable)
    if numbers is None or numbers[1] == 0:
        return None
    each, more = numbers
    return max(abs(value - more) for value in each) / abs(more)


def samples_text(samples: Mapping[str, Any], variable: str) -> str:
    """A readout at the centre on these examples, on others, and on more; empty where that was not measured.

    >>> about = {"examples": 256, "all": 1400, "more": 1400, "readouts": {"sharpness": [8.0, 12.0, 10.0]}}
    >>> samples_text(about, "sharpness")
    'at the centre 8 on these 256 examples, 12 on as many others, 10 on all 1,400'
    """
    numbers = drawn_numbers(samples, variable)
    if numbers is None:
        return ""
    (own, *others), more = numbers
    on = f"all {samples['all']:,}" if samples["more"] == samples["all"] else f"{samples['more']:,}"
    parts = [f"at the centre {format_value(own)} on these {samples['examples']:,} examples"]
    if others:
        parts.append(f"{' and '.join(map(format_value, others))} on as many others")
    return ", ".join([*parts, f"{format_value(more)} on {on}"])


def samples_sentence(land: xr.Dataset) -> str:
    """One sentence on the readout that they move farthest; empty where there are no such numbers."""
    samples = samples_of(land)
    variable = most_moved(samples)
    if variable is None:
        return ""
    text = samples_text(samples, variable)
    return f"Curvature is that of {samples['examples']:,} of {samples['all']:,} examples: {_label(variable)} {text}."


def most_moved(samples: Mapping[str, Any]) -> str | None:
    """The readout that other examples move farthest, of those that come first in their property where there are any; None: not known.

    >>> most_moved({"readouts": {"trace": [8.0, 15.0, 10.0], "sharpness": [8.0, 9.0, 10.0]}})
    'trace'
    """
    shares = {name: share for name in samples.get("readouts", {}) if (share := farthest(samples, name)) is not None}
    first = {each.readouts[0].variable for each in PROPERTIES} & shares.keys() or shares.keys()
    return max(sorted(first), key=shares.__getitem__, default=None)


def _label(variable: str) -> str:
    label = READOUTS[variable].label if variable in READOUTS else variable
    return label[0].lower() + label[1:]


def samples_table(land: xr.Dataset) -> list[dict[str, str]]:
    """A row for each readout: on these examples, on as many others, on more."""
    samples, rows = samples_of(land), []
    for variable in samples.get("readouts", {}):
        numbers = drawn_numbers(samples, variable)
        if numbers is None:
            continue
        (own, *others), more = numbers
        row = {"": READOUTS[variable].label if variable in READOUTS else variable}
        row[f"on these {samples['examples']:,}"] = format_value(own)
        if others:
            row["on as many others"] = "; ".join(map(format_value, others))
        on = f"on all {samples['all']:,}" if samples["more"] == samples["all"] else f"on {samples['more']:,}"
        rows.append({**row, on: format_value(more)})
    return rows
