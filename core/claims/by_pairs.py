"""Claim `memory` read again with exact p-values: folds and permutations by pairs, beside the verdict and never in it.

The registered p of an accuracy is somewhat too small (docs/claims.md). This asks of the same networks whether V, W and F tell the
label, with the p that is exact, and what the words of the map and the two controls that rest on such a p would then be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from .labelled.paired import PairedTest
from .labelled.told import balanced
from .memory import BESIDE, INSIDE, LEVEL, NO_MARK, SATURATED, UNCLEAR, Memory
from .population import LEVELS, POSITIVE, SHAPE, contrast_of, data_of
from .population.features import function_features, largest_features, spectrum_features, weight_features
from .populations import usable
from .protocol import Plan, Progress, Table
from .statistics import holm, kernels_of
from .told_apart import spectrum_kernels
from .turns import in_turns

ALONE = ("V", "W", "F")


def recheck(plan: Plan, folder: Path, progress: Progress, arms: Sequence[str] = tuple(LEVELS)) -> list[dict[str, Any]]:
    """For each contrast and arm: p of V, W, F (and of sorted W of the mirrored pair) by pairs, and corrected as the claim corrects them."""
    numbers = Memory().collect(plan, folder, progress)
    asked = [
        (name, table, arm, plan.draws, 1000 * k) for k, (name, table) in enumerate(numbers.items()) for arm in arms
    ]
    with threadpool_limits(1, "blas"):
        tests = in_turns("By pairs", lambda each: _tested(*each), asked, progress)
    for place in dict.fromkeys((test["data"], test["arm"]) for test in tests):
        family = [test for test in tests if (test["data"], test["arm"]) == place]
        singles = [(test, kind) for test in family for kind in ALONE]
        for (test, kind), p in zip(singles, holm([test["p"][kind] for test, kind in singles]), strict=True):
            test.setdefault("p_corrected", {})[kind] = float(p)
    return tests


def _tested(name: str, table: Table, arm: str, draws: int, seed: int) -> dict[str, Any]:
    data, _, contrast = name.partition("/")
    there = usable(table)
    pairs = balanced(contrast, table["label"][there] > 0, seed)
    theta, spectrum = (table[f"{arm}_{column}"][there][pairs.rows] for column in ("theta", "spectrum"))
    v = spectrum_kernels(spectrum_features(spectrum), largest_features(spectrum))
    test = PairedTest(pairs.sides, v, draws, seed)
    rows = {"W": weight_features(SHAPE, theta), "F": function_features(SHAPE, data_of(data), theta)}
    if contrast_of(contrast).kind == POSITIVE:
        rows["sorted W"] = weight_features(SHAPE, theta, by_class=False)
    p = {"V": test.p, **{kind: test.alone(kernels_of(each))[1] for kind, each in rows.items()}}
    return {"data": data, "contrast": contrast, "arm": arm, "networks": len(pairs.rows), "p": p}


def word_by_pairs(test: Mapping[str, Any], registered: str) -> str:
    """The map's word for a contrast by exact p; what the other conditions decide stays.

    >>> word_by_pairs({"p_corrected": {"V": 0.2, "W": 0.3, "F": 0.4}}, "in viscosity only")
    'no mark found'
    """
    if registered in (BESIDE, SATURATED):
        return registered
    told = {kind: p <= LEVEL for kind, p in test["p_corrected"].items()}
    return INSIDE if told["V"] else UNCLEAR if any(told.values()) else NO_MARK


def controls_by_pairs(tests: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, bool]]:
    """Results of the two controls that rest on such a p: (least corrected p, whether nothing is told)."""
    same = [p for test in tests if test["contrast"] == "same" for p in test["p_corrected"].values()]
    mirrored = [test["p"][kind] for test in tests if test["contrast"] == "mirrored" for kind in ("V", "sorted W")]
    least = {"same": same, "mirrored": list(holm(mirrored)) if mirrored else []}
    return {name: (float(min(p)), bool(min(p) > LEVEL)) for name, p in least.items() if p}
