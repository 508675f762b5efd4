"""Results of the confirmatory runs that come with the package: a verdict without a run."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from .protocol import Claim
from .run import Result, read_result

FOLDER = Path(__file__).parent / "results"
LARGEST = 300_000  # bytes of each


def shipped(claim: Claim) -> Result | None:
    """The result in results/NAME.json; None: there is none. Its status says whether code and rule are still those registered.

    >>> from .registry import claim_of
    >>> found = shipped(claim_of("memory"))
    >>> found is None or found.shipped
    True
    """
    path = FOLDER / f"{claim.name}.json"
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else None


@cache
def _read(path: Path, changed: int) -> Result:
    """Read once: whether the code is the registered one takes a while to see."""
    return replace(read_result(path), shipped=True)
