"""The costly overlays adaptively against every point: how many points, how far off, and whether the error stated holds.

`python -m benchmarks.adaptive_costly`; the truth is the 17 × 17 grid of each landscape that came with a sample, every stage
refined by the readouts that drive it in a survey of all overlays.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import xarray as xr
from lossnav.core.adaptive.appraisal import Places, appraise
from lossnav.core.adaptive.drawing import Drawing
from lossnav.core.adaptive.filling import scales_of
from lossnav.core.adaptive.refinement import Followed, Refinement, points_held_out
from lossnav.core.adaptive.steps import HELD_OUT, WHOLE, followed
from lossnav.core.adaptive.tolerance import Tolerance
from lossnav.core.landscape import MeasuredPoints
from lossnav.core.plan import finest_complete, nested_grids
from lossnav.core.store import read_points

ROWS = 17
TOLERANCES = (0.05, 0.1, 0.2)
STAGES = ("gradient", "curvature", "descent")
RESULT = Path(__file__).parent / "results" / "adaptive_costly.md"


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


def truths(points: MeasuredPoints, stage: str) -> dict[str, xr.DataArray]:
    """The readouts that drive a stage, on the grid where it was measured; with their standard errors."""
    land = points.landscape()
    level = finest_complete(land[f"measured_{stage}"].values)
    assert level is not None
    land = land.isel(alpha=level[0], beta=level[1])
    driving = [name for name, how in followed(points, stage, Tolerance()).items() if how.drives]
    shown = [name for name in driving if bool(np.isfinite(land[name]).any())]
    return {name: land[name] for name in (*shown, *(f"{n}_se" for n in shown if f"{n}_se" in land))}


def refined(found: dict[str, xr.DataArray], tolerance: float) -> tuple[int, float, float]:
    """Points measured, and the largest true error of a readout over what it was allowed, and over the tolerance.

    A readout is allowed the tolerance, or eight of its standard errors. Numbers beside infinities do not count.
    """
    readouts = {name: v for name, v in found.items() if not name.endswith("_se")}
    scales = {name: scales_of(v, "linear") for name, v in readouts.items()}
    shape, held_out = next(iter(readouts.values())).shape, points_held_out(tolerance, HELD_OUT["costly"])
    follows = {name: Followed(scales[name]) for name in readouts}
    refinement = Refinement(
        nested_grids((shape[0], shape[1]))[WHOLE["costly"]], np.ones(shape, bool), follows, tolerance, held_out, False
    )
    while True:
        known = {name: v.where(refinement.asked).values for name, v in found.items()}
        noise = {name: known[f"{name}_se"] for name in readouts if f"{name}_se" in known}
        if not len(refinement.next(known, noise)):
            break
    shown = appraise(Places(refinement.asked), {n: known[n] for n in readouts}, scales, refinement.experiences())
    over, beyond = [], []
    for name, truth in readouts.items():
        both = np.isfinite(truth.values) & np.isfinite(shown[name].values)
        drawing = Drawing.of(truth.values[np.isfinite(truth.values)], scales[name])
        off = drawing.share(shown[name].values[both], truth.values[both]).max(initial=0)
        over.append(float(off) / refinement.allowed[name])
        beyond.append(float(off) / tolerance)
    return int(refinement.asked.sum()), max(over), max(beyond)


def main() -> None:
    lines = [
        f"# The costly overlays adaptively, {ROWS} × {ROWS}",
        "",
        "| stage | tolerance | cases | points of 289, median | within what was allowed | worst | within the tolerance | worst |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    every = [(stage, truths(points, stage)) for stage, points in cases()]
    for stage in STAGES:
        for tolerance in TOLERANCES:
            found = [refined(truth, tolerance) for which, truth in every if which == stage and truth]
            counts, *shares = zip(*found, strict=True)
            held = " | ".join(f"{np.mean(np.array(s) <= 1):.0%} | {max(s):.1f}" for s in shares)
            lines.append(f"| {stage} | {100 * tolerance:g} % | {len(found)} | {np.median(counts):.0f} | {held} |")
            print(lines[-1], flush=True)
    RESULT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
