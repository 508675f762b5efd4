"""Every reader against 300 spoilt inputs: answers and sentences alone, no file opened outside, no hang; 10,000 by `python -m benchmarks.fuzz`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # where benchmarks lie
READERS = ("safetensors", "pt", "li_h5", "netcdf", "vtp", "density", "zarr", "zip", "spectra", "problem")


@pytest.mark.parametrize("name", READERS)
def test_a_reader_answers_or_says_a_sentence(name: str) -> None:
    from benchmarks.fuzz.run import fuzzed

    found = fuzzed(name, 300)
    assert found.clean, (found.kinds, found.worst, found.outside)
    assert sum(found.kinds.values()) == 300
    assert found.kinds["answer"]  # what is hardly spoilt is still read: the reader was there


@pytest.mark.slow
def test_the_page_answers_every_address() -> None:
    from benchmarks.fuzz.run import fuzzed

    found = fuzzed("address", 25)  # twelve parameters each
    assert found.clean, (found.kinds, found.worst, found.outside)
