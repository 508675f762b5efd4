"""What tests of the ways of running a network share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lossnav.core.engine import tuning


@pytest.fixture
def fresh_tuning() -> Iterator[None]:
    """Nothing is known of how fast a network runs, before the test and after it."""
    for known in (tuning._seconds, tuning._fastest_ways):
        known.clear()
    yield
    for known in (tuning._seconds, tuning._fastest_ways):
        known.clear()
