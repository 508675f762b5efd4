"""What an adaptive survey measured and how wrong the rest may be, in words."""

from __future__ import annotations

import json
from typing import Any

import xarray as xr

from .figures.scales import format_value

STAGE_WORDS = {"gradient": "gradients", "curvature": "curvature", "descent": "descents"}


def adaptive_text(land: xr.Dataset) -> str:
    """How many points of each stage were measured, and the largest estimated error; empty where all were.

    The error is a share of the drawn range.

    >>> said = {"tolerance": 0.01, "forward": {"measured": 97, "of": 4225, "error": 0.006}}
    >>> adaptive_text(xr.Dataset(attrs={"adaptive": json.dumps(said)}))
    '97 of 4,225 points measured, largest error 0.6 %'
    >>> said["curvature"] = {"measured": 81, "of": 4225, "error": 0.0091}
    >>> adaptive_text(xr.Dataset(attrs={"adaptive": json.dumps(said)})).partition("; ")[2]
    'curvature: 81 of 4,225, largest error 0.91 %'
    >>> said["curvature"] = {"measured": 0, "of": 4225, "error": None, "glance": {"points": 9, "examples": 128}}
    >>> adaptive_text(xr.Dataset(attrs={"adaptive": json.dumps(said)})).partition("; ")[2]
    'curvature: a first look at 9 points, with 128 examples'
    """
    said = json.loads(land.attrs.get("adaptive", "{}"))
    parts = [_forward(said["forward"])] if _partial(said.get("forward")) else []
    parts += [f"{words}: {_costly(said[stage])}" for stage, words in STAGE_WORDS.items() if _partial(said.get(stage))]
    return "; ".join(parts)


def terrain_text(land: xr.Dataset) -> str:
    """The same of the terrain's forward passes alone."""
    forward = json.loads(land.attrs.get("adaptive", "{}")).get("forward")
    return _forward(forward) if _partial(forward) else ""


def _partial(stage: dict[str, Any] | None) -> bool:
    return stage is not None and stage["measured"] < stage["of"]


def _forward(stage: dict[str, float]) -> str:
    return f"{stage['measured']:,} of {stage['of']:,} points measured, {_error(stage['error'])}"


def _costly(stage: dict[str, Any]) -> str:
    if "glance" in stage:
        return f"a first look at {stage['glance']['points']} points, with {stage['glance']['examples']:,} examples"
    return f"{stage['measured']:,} of {stage['of']:,}, {_error(stage['error'])}"


def _error(share: float | None) -> str:
    if share is None or share != share:
        return "error not known yet"
    return f"largest error {format_value(100 * share, 2)} %"
