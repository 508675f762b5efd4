"""Claim memory read again by pairs: exact p, corrected as the claim corrects, and the words and controls that rest on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lossnav.core.claims import claim_of
from lossnav.core.claims.by_pairs import controls_by_pairs, recheck, word_by_pairs
from lossnav.core.claims.memory import BESIDE, INSIDE, NO_MARK, SATURATED, UNCLEAR, Memory
from lossnav.core.claims.population import LEVELS, SHAPE
from lossnav.core.claims.statistics import holm


def a_table(shift: float, seed: int, count: int = 40) -> dict[str, np.ndarray]:
    """Numbers as they are stored, drawn: weights of the second class are larger by a factor."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([-1, 1], count // 2)
    table = {"label": labels}
    for arm, level in LEVELS.items():
        table[f"{arm}_theta"] = generator.normal(size=(count, SHAPE.parameters)) * (1 + shift * (labels > 0))[:, None]
        table[f"{arm}_spectrum"] = np.sort(generator.exponential(size=(count, SHAPE.parameters)), 1)
        table[f"{arm}_loss"] = np.full(count, level)
    table["late_loss"][0] = np.nan  # one that did not reach the level
    return table


def test_what_is_in_the_weights_is_told_and_what_is_not_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"digits/same": a_table(0.0, 1), "digits/adam": a_table(0.8, 2), "mirrored/mirrored": a_table(0.0, 3)}
    monkeypatch.setattr(Memory, "collect", lambda *_: numbers)
    plan = dataclasses.replace(claim_of("memory").quick, networks=40, draws=199)
    tests = recheck(plan, tmp_path, lambda *_: None, arms=("late",))
    found = {test["contrast"]: test for test in tests}
    assert {test["networks"] for test in tests} == {38}  # as many of either side
    assert found["adam"]["p_corrected"]["W"] <= 0.05 < found["same"]["p_corrected"]["W"]
    family = [found[name]["p"][kind] for name in ("same", "adam") for kind in ("V", "W", "F")]
    assert [found[n]["p_corrected"][k] for n in ("same", "adam") for k in ("V", "W", "F")] == holm(family).tolist()
    assert set(found["mirrored"]["p"]) == {"V", "W", "F", "sorted W"}
    least, passes = controls_by_pairs(tests)["same"]
    assert (least, passes) == (min(found["same"]["p_corrected"].values()), least > 0.05)


@pytest.mark.parametrize(
    ("p", "registered", "wanted"),
    [
        ((0.01, 0.9, 0.9), NO_MARK, INSIDE),
        ((0.9, 0.9, 0.9), INSIDE, NO_MARK),
        ((0.9, 0.01, 0.9), NO_MARK, UNCLEAR),
        ((0.9, 0.9, 0.9), BESIDE, BESIDE),
        ((0.9, 0.9, 0.9), SATURATED, SATURATED),
    ],
)
def test_only_words_that_rest_on_an_accuracys_p_change(p: tuple[float, ...], registered: str, wanted: str) -> None:
    test: dict[str, Any] = {"p_corrected": dict(zip(("V", "W", "F"), p, strict=True))}
    assert word_by_pairs(test, registered) == wanted
