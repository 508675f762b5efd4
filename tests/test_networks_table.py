"""docs/networks.md: every row names a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = [
    tuple(part.strip() for part in line.strip("|").split("|"))
    for line in (ROOT / "docs" / "networks.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and "::" in line
]


def test_there_are_sixty_kinds_or_more() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS) >= 60


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_its_proof_is_there(row: tuple[str, ...]) -> None:
    file, name, case = re.fullmatch(r"`(.+)::(\w+)(?:\[(.+)\])?`", row[-1]).groups()  # type: ignore[union-attr]
    text = (ROOT / file).read_text("utf-8")
    assert f"def {name}(" in text
    assert case is None or f'"{case}"' in text
