"""The costly overlays adaptively against every point: how many points, how far off, and whether the error stated holds.

`python -m benchmarks.studies.adaptive_costly`; the truth is the 17 × 17 grid of each landscape that came with a sample, every stage
refined by the readouts that drive it in a survey of all overlays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
from lossnav.core.adaptive.display_scale import DisplayScales
from lossnav.core.adaptive.error_estimate import Places, appraise
from lossnav.core.adaptive.interpolated import scales_of
from lossnav.core.adaptive.refinement import Followed, Refinement
from lossnav.core.adaptive.tolerance import Tolerance
from lossnav.core.properties.registry import HEIGHTS
from lossnav.core.survey.grid import finest_complete, nested_grids
from lossnav.core.survey.landscape import landscape
from lossnav.core.survey.points import MeasuredPoints
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.schedule import WHOLE, followed

ROWS = 17
TOLERANCES = (0.05, 0.1, 0.2)
STAGES = ("gradient", "curvature", "descent")
RESULT = Path(__file__).parents[1] / "results" / "adaptive_costly.md"


def cases() -> Iterator[tuple[str, MeasuredPoints]]:
    """(stage, landscape) of every sample whose costly stages were measured on ROWS rows."""
    for path in sorted(Path(str(files("lossnav.sample_models") / "landscapes")).glob("*.zip")):
        points = read_points(path)
        for stage in STAGES:
            level = (
                finest_complete(points.plan.grid(points.done_at(stage), fill=False)) if stage in points.used else None
            )
            if level is not None and len(level[0]) >= ROWS:
                yield stage, points


@dataclass(frozen=True)
class Truth:
    """One costly stage of a landscape, where it was measured whole.

    stage   its name
    values  driving readout → (A, B)
    noise   readout → (A, B) standard errors, where there are any
    scales  readout → the scales that it is drawn on
    """

    stage: str
    values: dict[str, np.ndarray]
    noise: dict[str, np.ndarray]
    scales: dict[str, tuple[str, ...]]

    def only(self, name: str) -> Truth:
        """The same stage if it were refined for one readout."""
        return replace(self, values={name: self.values[name]})


def truth_of(stage: str, points: MeasuredPoints) -> Truth | None:
    """None where no readout that drives the stage has any number."""
    land = landscape(points)
    level = finest_complete(land[f"measured_{stage}"].values)
    assert level is not None
    land = land.isel(alpha=level[0], beta=level[1])
    driving = [name for name, how in followed(points, stage, Tolerance()).items() if how.drives]
    shown = [name for name in driving if bool(np.isfinite(land[name]).any())]
    scales = {name: scales_of(land[name], "linear", HEIGHTS) for name in shown}
    values = {name: land[name].values for name in shown}
    noise = {name: land[f"{name}_se"].values for name in shown if f"{name}_se" in land}
    return Truth(stage, values, noise, scales) if shown else None


def refined(truth: Truth, tolerance: float) -> tuple[int, float, float]:
    """Points measured, and the largest true error of a readout over what was stated, and over the tolerance.

    An error under the tolerance counts as stated. What lies beside infinities has an infinite error and does not count.
    """
    shape = next(iter(truth.values.values())).shape
    follows = {name: Followed(truth.scales[name]) for name in truth.values}
    levels = nested_grids((shape[0], shape[1]))[WHOLE["costly"]]
    everywhere, eps = np.ones(shape, bool), float(np.finfo(np.float32).eps)
    refinement = Refinement(levels, everywhere, follows, tolerance, 0, rounding=eps)
    while True:
        known = {name: np.where(refinement.asked, v, np.nan) for name, v in truth.values.items()}
        noise = {name: np.where(refinement.asked, truth.noise[name], np.nan) for name in known if name in truth.noise}
        if not len(refinement.next(known, noise)):
            break
    shown = appraise(Places(refinement.asked), known, truth.scales)
    over, beyond = [], []
    for name, values in truth.values.items():
        usable = np.isfinite(values) & np.isfinite(shown[name].values) & np.isfinite(shown[name].shares)
        drawing = DisplayScales.of(values[np.isfinite(values)], truth.scales[name])
        off = float(drawing.share(shown[name].values[usable], values[usable]).max(initial=0))
        over.append(off / max(tolerance, float(shown[name].shares[usable].max(initial=0))))
        beyond.append(off / tolerance)
    return int(refinement.asked.sum()), max(over), max(beyond)


def main() -> None:
    lines = [
        f"# The costly overlays adaptively, {ROWS} × {ROWS}",
        "",
        "A case is a landscape. The largest true error of a readout is held "
        "against the largest that was stated, and against the tolerance: a readout is not refined below five of its standard "
        "errors, or 40 % of its range, and states more than the tolerance then.",
        "",
        "| stage | refined for | tolerance | cases | points of 289, median | error stated holds | worst | within the tolerance | worst |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    every = [truth for truth in (truth_of(stage, points) for stage, points in cases()) if truth]
    for stage in STAGES:
        here = [truth for truth in every if truth.stage == stage]
        for name in (None, *dict.fromkeys(name for truth in here for name in truth.values)):
            some = [t if name is None else t.only(name) for t in here if name is None or name in t.values]
            for tolerance in TOLERANCES:
                lines.append(f"| {stage} | {name or 'all'} | {100 * tolerance:g} % | {row(some, tolerance)} |")
                print(lines[-1], flush=True)
    RESULT.write_text("\n".join(lines) + "\n")


def row(truths: list[Truth], tolerance: float) -> str:
    """How many cases, points, and how often the errors hold."""
    found = [refined(truth, tolerance) for truth in truths]
    counts, *shares = zip(*found, strict=True)
    held = " | ".join(f"{np.mean(np.array(s) <= 1):.0%} | {max(s):.1f}" for s in shares)
    return f"{len(found)} | {np.median(counts):.0f} | {held}"


if __name__ == "__main__":
    main()
