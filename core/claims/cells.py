"""The map of claim `memory`: where each contrast's mark is found, and what lies behind a cell, as panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .memory import BESIDE, INSIDE, NO_MARK, QUANTILES, SATURATED, UNCLEAR
from .panel import Panel, Series

OUTCOMES = (BESIDE, INSIDE, SATURATED, NO_MARK, UNCLEAR)
Cells = dict[tuple[str, str], list[Mapping[str, Any]]]


def map_cells(findings: Mapping[str, Any]) -> Cells:
    """(data, arm) → tests of its contrasts, the late arm first; nothing where the findings are another claim's.

    >>> found = map_cells({"tests": [{"data": "digits", "arm": arm} for arm in ("stop", "late", "stop")]})
    >>> [(place, len(tests)) for place, tests in found.items()]
    [(('digits', 'late'), 1), (('digits', 'stop'), 2)]
    """
    tests = findings.get("tests", [])
    places = sorted({(t["data"], t["arm"]) for t in tests}, key=lambda p: (p[1] != "late", p[0] == "mirrored", p[0]))
    return {place: [t for t in tests if (t["data"], t["arm"]) == place] for place in places}


def map_panel(tests: Sequence[Mapping[str, Any]], title: str) -> Panel:
    """One mark for each contrast, in the column of its outcome: x is the outcome's place in OUTCOMES."""
    series = tuple(
        Series(
            outcome,
            [float(x)] * sum(t["outcome"] == outcome for t in tests),
            [float(y) for y, t in enumerate(tests) if t["outcome"] == outcome],
        )
        for x, outcome in enumerate(OUTCOMES)
    )
    return Panel(title, "", "", series, tuple(t["contrast"] for t in tests))


def accuracy_panel(test: Mapping[str, Any]) -> Panel:
    """How often the label is told, by each of V, W, F alone and by W and F beside V, with intervals."""
    rows = {kind: test["accuracy"][kind] for kind in ("V", "W", "F")}
    rows |= {f"V + {kind}": gain["accuracy"] for kind, gain in test["gains"].items()}
    values = list(rows.values())
    series = Series("accuracy", *_columns(values))
    return Panel(test["contrast"], "accuracy of telling the history", "", (series,), tuple(rows), upright=(0.5,))


def _columns(values: Sequence[Sequence[float]]) -> tuple[list[float], list[float], list[float], list[float]]:
    """x, y and the ends of the intervals of named rows."""
    return (
        [v[0] for v in values],
        [float(k) for k in range(len(values))],
        [v[1] for v in values],
        [v[2] for v in values],
    )


def sharpness_panel(test: Mapping[str, Any]) -> Panel:
    """The distribution of λ_max in both classes: share of the networks up to each value, from the 5th to the 95th percentile."""
    sides = zip(("first history", "second history"), test["lambda_max"], strict=True)
    series = tuple(Series(name, values, QUANTILES, kind="line") for name, values in sides)
    return Panel("λ_max by history", "λ_max", "share of networks", series)
