"""What made the numbers on disk: a hash of code, so that numbers of other code are made anew and never mixed in."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

POPULATION = Path(__file__).parent / "population"


def text_hash(files: dict[str, Path]) -> str:
    """SHA-256 over files under the names given; line ends do not count.

    >>> len(text_hash({"a": Path(__file__)}))
    64
    """
    digest = hashlib.sha256()
    for name, path in files.items():
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        digest.update(f"{name}\n{len(text)}\n{text}".encode())
    return digest.hexdigest()


@cache
def made_by(*files: str) -> str:
    """Twelve letters of the hash of some files and of everything in core/claims/population."""
    every = [*sorted(POPULATION.glob("*.py")), *map(Path, files)]
    return text_hash({path.name: path for path in every})[:12]
