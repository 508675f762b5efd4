"""Claim `memory`'s question of other networks: where each history's mark is found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..labelled.told import balanced, correct, features_of, tested
from ..protocol import Progress, Table
from ..turns import in_turns
from .networks import CONTRASTS as ALL
from .networks import PassPopulation

CONTRASTS = ALL


def findings(
    population: PassPopulation, numbers: Mapping[str, Table], draws: int, folder: Path, progress: Progress
) -> dict[str, Any]:
    """The outcome of each contrast by the claim's rule, with tests by pairs; `same` should be “no mark found”."""
    contrasts = {name: balanced(name, table["label"] > 0, 0) for name, table in numbers.items()}
    asked = [
        (contrast, features_of(numbers[name], contrast.rows), draws, 1000 * k)
        for k, (name, contrast) in enumerate(contrasts.items())
    ]
    tests = in_turns("Testing", lambda each: tested(*each), asked, progress)
    correct(tests)
    return {"tests": tests}


def said(numbers: Mapping[str, Any]) -> str:
    """Outcomes, contrast by contrast."""
    parts = [
        f"{t['contrast']} {t['outcome']} (V {t['accuracy']['V'][0]:.2f}, V + W {t['gains']['W']['accuracy'][0]:.2f}, V + F {t['gains']['F']['accuracy'][0]:.2f})"
        for t in numbers["tests"]
    ]
    return "; ".join(parts) + "."
