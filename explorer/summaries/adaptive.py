"""An adaptive survey in words: how much was measured, and how wrong the rest may be."""

from __future__ import annotations

from typing import Any

import xarray as xr

from ..figures.shared.scales import format_value

STAGE_WORDS = {"gradient": "gradients", "curvature": "curvature", "descent": "descents"}


def adaptive_text(land: xr.Dataset) -> str:
    """How many points of each stage were measured, and the largest estimated error; empty where all were.

    The error is a share of the drawn range.

    >>> import json
    >>> said = {"tolerance": 0.01, "forward": {"measured": 97, "of": 4225, "error": 0.006}}
    >>> adaptive_text(xr.Dataset(attrs={"adaptive": json.dumps(said)}))
    '97 of 4,225 points measured, largest error 0.6 %'
    >>> said["curvature"] = {"measured": 81, "of": 4225, "error": 0.0091}
    >>> adaptive_text(xr.Dataset(attrs={"adaptive": json.dumps(said)})).partition("; ")[2]
    'curvature: 81 of 4,225, largest error 0.91 %'
    >>> said["curvature"] |= {"most": 81, "error": 0.3}
    >>> adaptive_text(xr.Dataset(attrs={"adaptive": json.dumps(said)})).partition("; ")[2]
    'curvature: 81 of 4,225, as many as this effort affords, largest error 30 %'
    >>> said["curvature"] = {"measured": 0, "of": 4225, "error": None, "glance": {"points": 9, "examples": 128}}
    >>> adaptive_text(xr.Dataset(attrs={"adaptive": json.dumps(said)})).partition("; ")[2]
    'curvature: a first look at 9 points, with 128 examples'
    >>> said = {"forward": {"measured": 4225, "of": 4225, "error": 0.0, "whole": True}}
    >>> adaptive_text(xr.Dataset(attrs={"adaptive": json.dumps(said)}))
    'all 4,225 points measured, as choosing among them would take longer than it saves'
    """
    said = land.lossnav.adaptive
    parts = [_forward(said["forward"])] if _told(said.get("forward")) else []
    parts += [f"{words}: {_costly(said[stage])}" for stage, words in STAGE_WORDS.items() if _partial(said.get(stage))]
    return "; ".join(parts)


def terrain_text(land: xr.Dataset) -> str:
    """The same of the terrain's forward passes alone."""
    forward = land.lossnav.adaptive.get("forward")
    return _forward(forward) if _told(forward) else ""


def readout_text(land: xr.Dataset, variable: str) -> str:
    """The same of one readout, with its own largest error; empty where every point was measured, or a first look is all there is.

    >>> import json
    >>> said = {"curvature": {"measured": 57, "of": 2601, "error": 0.38, "errors": {"viscosity": 0.091}}}
    >>> land = xr.Dataset({"viscosity": ("x", [1.0], {"stage": "curvature"})}, attrs={"adaptive": json.dumps(said)})
    >>> readout_text(land, "viscosity")
    '57 of 2,601 points, largest error 9.1 %'
    """
    stage = land.lossnav.adaptive.get(land[variable].attrs.get("stage"))
    if not _partial(stage) or variable not in stage.get("errors", {}):
        return ""
    return f"{stage['measured']:,} of {stage['of']:,} points{_bounded(stage)}, {_error(stage['errors'][variable])}"


def _told(stage: dict[str, Any] | None) -> bool:
    return stage is not None and (_partial(stage) or bool(stage.get("whole")))


def _partial(stage: dict[str, Any] | None) -> bool:
    return stage is not None and stage["measured"] < stage["of"]


def _forward(stage: dict[str, Any]) -> str:
    if stage.get("whole") and stage["measured"] == stage["of"]:
        return f"all {stage['of']:,} points measured, as choosing among them would take longer than it saves"
    return f"{stage['measured']:,} of {stage['of']:,} points measured, {_error(stage['error'])}{_hidden(stage)}"


def _hidden(stage: dict[str, Any]) -> str:
    return f"; what is narrower than {100 * stage['width']:.0f} % of the plane could hide" if "width" in stage else ""


def _costly(stage: dict[str, Any]) -> str:
    if "glance" in stage:
        return f"a first look at {stage['glance']['points']} points, with {stage['glance']['examples']:,} examples"
    return f"{stage['measured']:,} of {stage['of']:,}{_bounded(stage)}, {_error(stage['error'])}"


def _bounded(stage: dict[str, Any]) -> str:
    return ", as many as this effort affords" if stage.get("most") else ""


def _error(share: float | None) -> str:
    if share is None or share != share:
        return "error not known yet"
    return "largest error over 100 %" if share > 1 else f"largest error {format_value(100 * share, 2)} %"
