"""How far to trust a plane, in short sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from lossnav.core.plane import said_of
from lossnav.core.spectrum import student

from ..figures.shared.scales import format_value
from .facts import cosine_text
from .further_samples import samples_sentence

LOST = {
    "gradient_share": "How much of the gradient it holds",
    "trace_share": "How much of the Hessian's trace it holds",
    "path": "The path's losses off the plane",
    "band": "Other draws",
    "samples": "The curvature on other examples",
}


def sentences(land: xr.Dataset, fidelity: dict[str, Any]) -> list[str]:
    """Sentences on how far to trust the plane."""
    if not fidelity:
        return ["Not measured yet: it comes when all points are done."]
    said = []
    if fidelity.get("cosine") is not None:
        said.append(f"Cosine between the two directions: {cosine_text(fidelity['cosine'])}.")
    if "explained" in fidelity:
        own, walk = ([f"{100 * share:.3g}" for share in fidelity[key]] for key in ("explained", "random_walk"))
        said.append(
            f"PC 1 and 2 explain {own[0]} % and {own[1]} % of the path; a pure random walk gives {walk[0]} % and {walk[1]} %."
        )
    inside = inside_text(fidelity)
    if inside:
        said.append(f"It holds {inside}.")
    told = samples_sentence(land)
    if told:
        said.append(told)
    if "path" in fidelity:
        said.append(_path_sentence(fidelity["path"]))
    said += [f"{LOST[name]} could not be measured ({why})." for name, why in fidelity.get("unavailable", {}).items()]
    statistics = said_of(land.lossnav.plane, land.lossnav.problem)
    return said + ([statistics] if statistics else [])


def inside_text(fidelity: Mapping[str, Any]) -> str:
    """How much of the gradient and of the curvature a plane holds: "8.1 % of the squared gradient and …"; empty: not known."""
    parts = []
    if fidelity.get("gradient_share") is not None:
        parts.append(f"{_percent(fidelity['gradient_share'])} of the squared gradient")
    if fidelity.get("trace_share") is not None:
        error = (
            "" if fidelity.get("trace_share_se") is None else f" ± {_percent(student(15) * fidelity['trace_share_se'])}"
        )
        parts.append(f"{_percent(fidelity['trace_share'])}{error} of the Hessian's trace")
    return " and ".join(parts)


def _percent(share: float) -> str:
    return f"{format_value(100 * share, 2)} %"


def _path_sentence(path: dict[str, list[float]]) -> str:
    off, distance = (np.array(path[key], float) for key in ("off_plane", "distance"))
    return (
        f"The training path began {format_value(distance[0], 2)} parameter units from the trained network and runs up to "
        f"{format_value(off.max(), 2)} off the plane."
    )
