"""Claim `memory` on one contrast, small enough to be watched: its own rule at work, and never a verdict on the claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from ..checks import InputError, known
from ..sealed import read_json
from . import memory
from .population import CONTRASTS, contrast_of, made
from .populations import joined, populations
from .protocol import QUICK_SEED, Progress

NETWORKS, DRAWS, ARM = 60, 99, "late"
LOOK_CONTRASTS = tuple(each.name for each in CONTRASTS)
LOOK_SAID = (
    f"{NETWORKS} networks, {DRAWS} draws, one contrast in one arm: a look at the rule at work, not at the claim. With so few, an accuracy is "
    "known to about ±0.12, and what is not found may well be there: of planted effects whose best possible accuracy is 0.75 one in twenty is found."
)


@dataclass(frozen=True)
class Look:
    """One contrast.

    test  as the claim's findings have it, its outcome by the claim's own rule
    """

    contrast: str
    networks: int
    draws: int
    test: Mapping[str, Any]

    @property
    def steps(self) -> dict[str, list[tuple[str, str, bool]]]:
        """The rule's three conditions for W and for F: (what is asked, the number, whether it holds)."""
        return rule_steps(self.test)

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        v = self.test["accuracy"]["V"]
        return (
            f"{self.contrast}: {self.test['outcome']}. The spectrum alone is right in {v[0]:.2f} ({v[1]:.2f} to {v[2]:.2f}) of {self.test['networks']} "
            f"networks, corrected p {self.test['p_corrected']['V']:.2g}."
        )

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {name: getattr(self, name) for name in ("contrast", "networks", "draws", "test")}


def look(contrast: str, folder: Path, progress: Progress, networks: int = NETWORKS, draws: int = DRAWS) -> Look:
    """Train a contrast's networks, seeds 1,000,000 + k, and put them through the claim's test and rule.

    Raises
    ------
    InputError  an unknown contrast; fewer than 24 networks, or an odd number
    """
    known(contrast, LOOK_CONTRASTS, "contrast")
    if networks < 24 or networks % 2:
        raise InputError(f"networks should be an even number, 24 or more, but is {networks}.")
    each = contrast_of(contrast)
    data = each.data or "digits"
    asked = [(population, networks // 2) for population in populations(each, data, QUICK_SEED)]
    table = joined(made(asked, folder, progress))
    progress("Testing", 0, 1)
    with threadpool_limits(1, "blas"):
        test = memory._tested(f"{data}/{contrast}", table, ARM, draws, 0)
    memory._correct([test])
    return Look(contrast, networks, draws, test)


def read_look(path: Path) -> Look:
    """The look in a file, as `Look.as_json` has it."""
    return Look(**read_json(path))


def rule_steps(test: Mapping[str, Any]) -> dict[str, list[tuple[str, str, bool]]]:
    """The rule's three conditions for each of W and F beside V: (what is asked, the number, whether it holds)."""
    return {kind: _steps(gain) for kind, gain in test["gains"].items()}


def _steps(gain: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    over, bits, p = gain["over"], gain["bits"], gain["p_corrected"]
    return [
        (
            "gain in accuracy, its 95 % interval above 0",
            f"{over[0]:+.2f} ({over[1]:+.2f} to {over[2]:+.2f})",
            over[1] > 0,
        ),
        ("gain in bits, its 95 % interval above 0", f"{bits[0]:+.2f} ({bits[1]:+.2f} to {bits[2]:+.2f})", bits[1] > 0),
        (f"conditional p, corrected, ≤ {memory.LEVEL}", f"{p:.2g}", p <= memory.LEVEL),
    ]
