"""The vocabulary: each property's poles, role, meaning, formula, flags and sources, as its authors put them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Entry:
    """One property's entry; the words are data, shown to the user as they are.

    poles    the two words, as the framework orders them
    role     "independent" or "derived"
    formula  LaTeX
    flags    what the framework itself warns of
    """

    name: str
    poles: tuple[str, str]
    role: str
    meaning: str
    formula: str
    flags: tuple[str, ...]
    sources: tuple[str, ...]


@cache
def vocabulary() -> dict[str, Entry]:
    """All seven entries by name, in the framework's order.

    >>> vocabulary()["density"].poles
    ('coarse', 'fine')
    """
    text = (files(__package__) / "vocabulary.toml").read_text(encoding="utf-8")
    return {
        name: Entry(
            name,
            (entry["poles"][0], entry["poles"][1]),
            entry["role"],
            entry["meaning"],
            entry["formula"],
            tuple(entry["flags"]),
            tuple(entry["sources"]),
        )
        for name, entry in tomllib.loads(text).items()
    }
