"""The map of claim memory and what its cells open: panels of the findings, twins, a small run with the rule's steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lossnav.core import InputError
from lossnav.core.claims.cells import OUTCOMES, accuracy_panel, map_cells, map_panel, sharpness_panel
from lossnav.core.claims.live import look, read_look, rule_steps
from lossnav.core.claims.memory import BESIDE, NO_MARK, QUANTILES, is_beside
from lossnav.core.claims.twin_networks import read_twins, twin_pair


def a_test(contrast: str, outcome: str, data: str = "digits", arm: str = "late", low: float = 0.1) -> dict[str, Any]:
    gain = {"accuracy": [0.8, 0.7, 0.9], "over": [0.2, low, 0.3], "bits": [0.3, 0.2, 0.4], "gain": [0.2, 0.1, 0.3]}
    return {
        "contrast": contrast,
        "data": data,
        "arm": arm,
        "outcome": outcome,
        "networks": 60,
        "accuracy": {kind: [0.6, 0.5, 0.7] for kind in ("V", "W", "F", "T", "sorted W")},
        "gains": {kind: {**gain, "p": 0.01, "p_corrected": 0.02} for kind in ("W", "F")},
        "p_corrected": {"V": 0.3, "W": 0.01, "F": 0.01},
        "spread": [0.9, 0.8, 1.0],
        "lambda_max": [list(np.linspace(1, 2, 19)), list(np.linspace(2, 3, 19))],
    }


def test_each_contrast_has_one_mark_in_the_column_of_its_outcome() -> None:
    tests = [a_test("lr", NO_MARK), a_test("adam", BESIDE), a_test("batch", NO_MARK)]
    panel = map_panel(tests, "t")
    assert panel.rows == ("lr", "adam", "batch")
    marks = {panel.rows[int(y)]: OUTCOMES[int(x)] for s in panel.series for x, y in zip(s.x, s.y, strict=True)}
    assert marks == {"lr": NO_MARK, "adam": BESIDE, "batch": NO_MARK}
    assert sum(len(s.x) for s in panel.series) == 3


def test_places_of_the_map_begin_with_the_late_arm_and_another_claim_has_none() -> None:
    tests = [a_test("lr", BESIDE, data, arm) for arm in ("stop", "late") for data in ("mirrored", "digits")]
    assert list(map_cells({"tests": tests})) == [
        ("digits", "late"),
        ("mirrored", "late"),
        ("digits", "stop"),
        ("mirrored", "stop"),
    ]
    assert map_cells({"arms": {}}) == {}


def test_a_cell_opens_accuracies_and_sharpness() -> None:
    test = a_test("lr", BESIDE)
    panel = accuracy_panel(test)
    assert panel.rows == ("V", "W", "F", "V + W", "V + F")
    assert list(panel.series[0].x) == [0.6, 0.6, 0.6, 0.8, 0.8]
    assert list(panel.series[0].high) == [0.7, 0.7, 0.7, 0.9, 0.9]
    first, second = sharpness_panel(test).series
    assert (list(first.x), tuple(first.y)) == (test["lambda_max"][0], QUANTILES)
    assert second.x[0] == 2.0


@pytest.mark.parametrize(("low", "p"), [(0.1, 0.02), (-0.1, 0.02), (0.1, 0.06)])
def test_the_steps_are_the_rules_own(low: float, p: float) -> None:
    test = a_test("lr", BESIDE, low=low)
    for gain in test["gains"].values():
        gain["p_corrected"] = p
    for kind, steps in rule_steps(test).items():
        assert all(holds for _, _, holds in steps) == is_beside(test["gains"][kind], p)


def test_a_look_at_too_few_or_an_unknown_contrast_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="even number, 24 or more, but is 10"):
        look("adam", tmp_path, lambda *_: None, networks=10)
    with pytest.raises(InputError, match="Unknown contrast 'adm': did you mean 'adam'"):
        look("adm", tmp_path, lambda *_: None)


@pytest.mark.slow
def test_a_look_is_decided_by_the_claims_rule_and_read_back(tmp_path: Path) -> None:
    found = look("adam", tmp_path, lambda *_: None, networks=24, draws=59)
    assert found.test["arm"] == "late"
    assert found.test["networks"] == 24
    beside = any(all(holds for _, _, holds in steps) for steps in found.steps.values())
    assert (found.test["outcome"] == BESIDE) == beside
    (tmp_path / "a.json").write_text(json.dumps(found.as_json(), allow_nan=False))
    assert read_look(tmp_path / "a.json") == found


@pytest.mark.slow
def test_twins_have_one_spectrum_by_the_librarys_own_and_mirrored_terrains(tmp_path: Path) -> None:
    found = twin_pair(5, points=5)
    assert found.difference < 1e-12
    assert found.distance > 1
    assert found.function > 0.1
    assert found.losses["all examples"] == pytest.approx([0.05, 0.05], abs=1e-12)
    grids = {name: np.array(pair) for name, pair in found.terrains.items()}
    np.testing.assert_allclose(grids["all examples"][0], grids["all examples"][1], atol=2e-5)
    np.testing.assert_allclose(grids["task A"][0], grids["task B"][1], atol=2e-5)
    assert np.abs(grids["task A"][0] - grids["task A"][1]).max() > 1e-3
    (tmp_path / "a.json").write_text(json.dumps(found.as_json(), allow_nan=False))
    assert read_twins(tmp_path / "a.json") == found
