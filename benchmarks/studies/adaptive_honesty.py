"""Whether the error that an adaptive survey states holds, and how far above the true one it is, on terrains made from seeds.

`python -m benchmarks.studies.adaptive_honesty [--tuning] [--networks N] [--formulas N] [--write]`. Even seeds
(`--tuning`) are for choosing the constants of `leave_one_out`; without that the odd ones are taken. docs/accuracy.md says what was chosen on what.
`--write` puts the table into docs/accuracy.md. Costly: as what is measured around points is refined, on every fourth row and column,
from 3 and 5 rows, without points held out.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from lossnav.core.adaptive.error_estimate import Places, appraise
from lossnav.core.adaptive.refinement import Followed, Refinement
from lossnav.core.survey.grid import nested_grids
from lossnav.core.survey.schedule import HELD_OUT, WHOLE

from .terrains import formula_terrain, network_terrain

FORWARD, COSTLY = (0.1, 0.05, 0.01, 0.001), (0.25, 0.1, 0.05)
PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"
START, END = "<!-- adaptive honesty -->", "<!-- /adaptive honesty -->"


@dataclass(frozen=True)
class HonestyCase:
    """One readout of one terrain, refined to one tolerance.

    true, stated  the largest error of all, a share of the drawn range
    covered       the share of the points that were not measured at which the error is no more than what is stated there
    """

    kind: str
    task: str
    tolerance: float
    points: int
    of: int
    true: float
    stated: float
    covered: float


def refined(
    truth: np.ndarray, tolerance: float, scales: tuple[str, ...], costly: bool
) -> tuple[int, float, float, float]:
    """Points measured, the largest true error, the largest stated one, and the share of the other points that are covered."""
    levels = nested_grids(truth.shape)[WHOLE["costly" if costly else "forward"]]
    held_out = 0 if costly else HELD_OUT
    refinement = Refinement(levels, np.ones(truth.shape, bool), {"v": Followed(scales)}, tolerance, held_out)
    while len(refinement.next({"v": np.where(refinement.asked, truth, np.nan)}, {})):
        pass
    asked = refinement.asked
    found = appraise(Places(asked), {"v": np.where(asked, truth, np.nan)}, {"v": scales})["v"]
    assert found.drawing is not None
    off, between = found.drawing.share(found.values, truth), ~asked
    covered = float((off <= found.shares)[between].mean()) if between.any() else 1.0
    return int(asked.sum()), float(off.max()), float(found.shares.max()), covered


def cases_of(kind: str, seed: int) -> list[HonestyCase]:
    """Every readout, scale and tolerance of one terrain."""
    terrain = network_terrain(seed) if kind == "network" else formula_terrain(seed)
    found = []
    for name, truth in terrain.items():
        if not np.isfinite(truth).all():
            continue
        tasks = [
            ("forward", truth, ("linear",), FORWARD, False),
            ("costly", truth[::4, ::4], ("linear",), COSTLY, True),
        ]
        if name == "loss":
            tasks.append(("forward, log", truth, ("linear", "log"), FORWARD[1:3], False))
        for task, values, scales, tolerances, costly in tasks:
            for tolerance in tolerances:
                found.append(
                    HonestyCase(kind, task, tolerance, *_in_order(values, refined(values, tolerance, scales, costly)))
                )
    return found


def _in_order(values: np.ndarray, found: tuple[int, float, float, float]) -> tuple[int, int, float, float, float]:
    points, true, stated, covered = found
    return points, values.size, true, stated, covered


def table(cases: list[HonestyCase]) -> str:
    """By task and tolerance: in how many cases the largest stated error held, and at 95 % of the points; its ratio; points."""
    lines = [
        "| readouts | tolerance | cases | largest error holds | holds at 95 % of the points | stated over true, median | points, median of | measured whole |",
        "|" + " --- |" * 8,
    ]
    for task, tolerance in dict.fromkeys((case.task, case.tolerance) for case in cases):
        here = [case for case in cases if (case.task, case.tolerance) == (task, tolerance)]
        partial = [case for case in here if case.points < case.of]
        ratios = [case.stated / case.true for case in partial if case.true > 0]
        lines.append(
            f"| {task} | {100 * tolerance:g} % | {len(here)} | {_share([c.true <= c.stated for c in here])} | "
            f"{_share([c.covered >= 0.95 for c in here])} | {np.median(ratios) if ratios else np.nan:.1f} | "
            f"{np.median([c.points for c in here]):.0f} of {here[0].of:,} | {len(here) - len(partial)} |"
        )
    return "\n".join(lines)


def _share(held: list[bool]) -> str:
    return f"{100 * np.mean(held):.1f} %"


def studied(parity: int, networks: int, formulas: int) -> Iterator[list[HonestyCase]]:
    """The cases of so many terrains of each kind, of even (0) or odd (1) seeds."""
    kinds = ["network"] * networks + ["formula"] * formulas
    seeds = [parity + 2 * k for k in chain(range(networks), range(formulas))]
    with ProcessPoolExecutor(2) as pool:
        yield from pool.map(cases_of, kinds, seeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuning", action="store_true", help="the even seeds, for choosing constants")
    parser.add_argument("--networks", type=int, default=80)
    parser.add_argument("--formulas", type=int, default=80)
    parser.add_argument("--write", action="store_true", help="put the table into docs/accuracy.md")
    chosen = parser.parse_args()
    found = list(chain.from_iterable(studied(0 if chosen.tuning else 1, chosen.networks, chosen.formulas)))
    print(table(found))
    for kind in ("network", "formula"):
        print(f"\n{kind}s alone\n" + table([case for case in found if case.kind == kind]))
    if chosen.write:
        page = PAGE.read_text()
        pattern = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.S)
        PAGE.write_text(pattern.sub(lambda _: f"{START}\n{table(found)}\n{END}", page))


if __name__ == "__main__":
    main()
