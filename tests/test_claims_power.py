"""The study of claim memory's power: its rows are what they are called, and a small count of it comes out as it should."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.studies import claims_power
from benchmarks.studies.claims_power import COLUMNS, EFFECTS, OF_SPECTRUM, SHUFFLED, Row, labelled, population, study


def test_features_share_factors_and_labels_are_balanced() -> None:
    spectrum, weights = population(200, 0)
    assert (spectrum.shape, weights.shape) == ((200, claims_power.SPECTRUM), (200, claims_power.WEIGHTS))
    left = weights - spectrum @ np.linalg.lstsq(spectrum, weights, rcond=None)[0]
    assert 1 - left.var() / weights.var() > 0.6
    for kind in (SHUFFLED, *(f"{each:.2f}" for each in EFFECTS)):
        assert labelled(kind, 40, 3)[2].sum() == 0
    assert set(labelled(OF_SPECTRUM, 40, 3)[2].tolist()) == {-1, 1}


def test_a_row_states_each_share_with_its_exact_interval() -> None:
    row = Row(SHUFFLED, 200, (10, 0, None, 200, 100))
    assert row.text().startswith("| shuffled | 0.050 (0.024–0.090) | 0.000 (0.000–0.018) |  | 1.000 (0.982–1.000) |")


@pytest.mark.slow
def test_planted_labels_are_found_and_shuffled_ones_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    none, strong = study((SHUFFLED, "0.95"), 8, 40, 39)
    hits = [dict(zip(COLUMNS, row.hits, strict=True)) for row in (none, strong)]
    assert hits[0]["V, by pairs"] <= 3  # more: less than one in 2,000 at the stated 0.05
    assert hits[0]["W, by pairs"] <= 3
    assert hits[0]["beside V"] <= 3
    assert hits[1]["W, by pairs"] >= 7
    assert hits[1]["beside V"] >= 6
    assert hits[1]["V, by pairs"] <= 3
    assert capsys.readouterr().out.count("| 0.95 |") == 1
