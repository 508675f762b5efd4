"""A property's entry in the vocabulary: its poles, role, meaning, formula, flags and sources, as its authors put them.

The entries of the seven are those of the Loss Landscape Vocabulary Framework, v12 (April 2026), a working document of its
authors, told in our own words: terms, formulas, flags and sources are theirs. Navigator properties say how a model moves
through the terrain, resists it, keeps a history and spreads its probability. They are claimed to be conjugate to the
terrain's own properties: measuring one side precisely costs precision on the other. A later review of the framework found
that the seven come down to three independent variables (density, coupling, elasticity) and four readouts derived from them.
"""

from __future__ import annotations

from dataclasses import dataclass

INDEPENDENT, DERIVED = ROLES = ("independent", "derived")


@dataclass(frozen=True)
class Entry:
    """One property's entry; the words are data, shown to the user as they are.

    poles    the two words, as the framework orders them
    role     one of ROLES
    meaning  in a few short sentences
    formula  LaTeX
    sources  who said so first, "Shannon 1948"
    flags    what the framework itself warns of
    """

    poles: tuple[str, str]
    role: str
    meaning: str
    formula: str
    sources: tuple[str, ...]
    flags: tuple[str, ...] = ()
