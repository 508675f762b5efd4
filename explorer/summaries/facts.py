"""Facts of a landscape as short texts: what network, how good, how the two directions lie, with what it was measured."""

from __future__ import annotations

from typing import Any

import xarray as xr

from ..figures.shared.scales import format_value
from .adaptive import terrain_text


def facts(land: xr.Dataset) -> list[str]:
    """The facts as short texts."""
    problem, plane, centre = land.lossnav.problem, land.lossnav.plane, land.lossnav.centre or {}
    texts = [f"{problem['parameters']:,} parameters"] if "parameters" in problem else []  # a file may not say
    if "loss" in centre:
        whose = f"checkpoint {plane['centre']}" if "centre" in plane else plane.get("origin", "trained network")
        loss = f"{whose}: loss {_number(centre['loss'])} {land['loss'].attrs.get('units', '')}".strip()
        beside = {"data_loss": "without weight decay", "test_loss": "test"}
        said = [f"{name} {_number(centre[variable])}" for variable, name in beside.items() if variable in centre]
        texts.append(loss + (f" ({', '.join(said)})" if said else ""))
    if "accuracy" in centre:
        accuracy = f"accuracy {_number(centre['accuracy'], 100)} %"
        tested = f" (test {_number(centre['test_accuracy'], 100)} %)" if "test_accuracy" in centre else ""
        texts.append(accuracy + tested)
    if plane.get("cosine") is not None:
        texts.append(f"cos(d₁, d₂) {cosine_text(plane['cosine'])}")
    adaptive = terrain_text(land)
    texts += _path_scalars(land)
    return texts + _path_share(plane) + ([adaptive] if adaptive else [])


def estimation_text(land: xr.Dataset) -> str:
    """With what the readouts around each point were measured; empty where none were.

    >>> about = {"probes": 4, "steps": 5, "examples": 256, "all_examples": 1400, "of": "hessian"}
    >>> import json
    >>> about |= {"descent_examples": 256, "predictions": 256, "all_predictions": 1400}
    >>> estimation_text(xr.Dataset(attrs={"estimation": json.dumps(about)})).partition(".")[0]
    'Curvature: 4 probes × 5 Lanczos steps on 256 of 1,400 examples, the same at every point'
    """
    about = land.lossnav.estimation
    if not about:
        return ""
    return (
        f"{curvature_text(land)}. Descents on {about['descent_examples']:,} examples, single gradients of "
        f"{about['predictions']:,} of {about['all_predictions']:,} predictions. ± and (to …): intervals of 95 %, "
        "by Student's t over the probes, and of λ and its shares by what their moments leave open."
    )


def curvature_text(land: xr.Dataset) -> str:
    """With which probes, steps and examples curvature was measured; empty where none was."""
    about = land.lossnav.estimation
    if not about:
        return ""
    used, every = about["examples"], about["all_examples"]
    examples = f"all {every:,} examples" if used == every else f"{used:,} of {every:,} examples"
    matrix = "" if about["of"] == "hessian" else f" of the {about['of'].replace('_', ' ')} matrix"
    matrix += " in filter-normalised coordinates" if about.get("coordinates") == "filter" else ""
    steps = f"{about['probes']} probes × {about['steps']} Lanczos steps"
    return f"Curvature{matrix}: {steps} on {examples}, the same at every point"


def _number(value: float | None, times: float = 1) -> str:
    return format_value(float("nan") if value is None else times * value)


def cosine_text(cosine: float) -> str:
    """A cosine to three decimals; what is smaller is zero to the eye.

    >>> cosine_text(-2.9e-9)
    '0'
    """
    return format_value(round(cosine, 3))


def _path_scalars(land: xr.Dataset) -> list[str]:
    """How long the training path is, and how many times its displacement."""
    about = next((v.attrs for v in land.data_vars.values() if "path_length" in v.attrs), None)
    if about is None:
        return []
    return [f"path {format_value(about['path_length'])} long, {format_value(about['path_tortuosity'])} × straight"]


def _path_share(plane: dict[str, Any]) -> list[str]:
    shares = plane.get("explained")
    return [f"{format_value(100 * sum(shares))} % of the path in the plane"] if shares else []
