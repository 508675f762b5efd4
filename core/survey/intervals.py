"""How an interval of 95 % is read off `<variable>_se`: by Student's t where it is a standard error of few draws.

±2 standard errors of four probes hold the truth in 86 %, not 95 %: the error is estimated from those four as well.
"""

from __future__ import annotations

from typing import Any

from ..properties.protocol import STAGES, Readout
from ..spectrum.estimate import student
from .points import MeasuredPoints

OLDER = "measured by an older definition"


def interval_attributes(readout: Readout, points: MeasuredPoints) -> dict[str, Any]:
    """Attributes of `<variable>_se`.

    interval  how many of it a 95 % interval reaches from the value
    side      "both", or "above" or "below" the value alone
    rests_on  what of, in words
    """
    if readout.bound:
        measured = [c for measure in readout.local for c in measure.columns if c in points.columns]
        if not any(column.endswith("_reach") for column in measured):
            return {"interval": 1.0, "side": "both", "rests_on": OLDER}
        return {
            "interval": 2.0,
            "side": readout.bound,
            "rests_on": "what the probes' moments leave open, and their number",
        }
    degrees, of = _degrees(readout, points)
    return {
        "interval": student(degrees),
        "side": "both",
        "rests_on": f"Student's t at {degrees:,} degrees of freedom, of {of}",
    }


def _degrees(readout: Readout, points: MeasuredPoints) -> tuple[int, str]:
    info = points.info
    if readout.variable.startswith("elasticity"):
        return int(info.facts["elasticity"].get("fisher_draws", 2)) - 1, "draws of the Fisher"
    settings = info.estimation or {}
    if readout.stage == STAGES[0]:
        return int((info.problem or {}).get("draws", 2)) - 1, "draws"
    if "curvature" in {measure.stage for measure in readout.local}:
        return int(settings.get("probes", 2)) - 1, "probes"
    return int(settings.get("predictions", 2)) - 1, "examples"
