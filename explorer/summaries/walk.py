"""Walks and the barriers between their ends, in sentences, and as JSON for the page."""

from __future__ import annotations

from typing import Any

import numpy as np
from lossnav.core.profile import Barrier, Pair
from lossnav.core.walk import Walk

from ..figures.shared.scales import format_value

ROUNDING = 1e-12  # in the loss's unit: an error that float64 alone makes is not told


def walk_sentence(found: Walk) -> str:
    """How a walk went."""
    first, last = (format_value(float(found.loss[k])) for k in (0, -1))
    off = float(found.off_plane[-1])
    away = f", {format_value(off)} parameter units off the plane" if np.isfinite(off) else ""
    return f"{walk_name(found)}, {found.said}: loss {first} → {last} after {found.done:,} steps{away}. {found.over}".strip()


def walk_name(found: Walk) -> str:
    """A walk's name: optimiser and seed.

    >>> from lossnav.core.walk import Recipe
    >>> empty = np.zeros(1)
    >>> walk_name(Walk(Recipe("sam", 5, seed=3), "", "", "", *[empty] * 6, end={}))
    'SAM, seed 3'
    """
    words = {"sgd": "SGD", "adam": "Adam", "sam": "SAM", "flow": "gradient flow"}
    seed = "" if found.recipe.batch is None else f", seed {found.recipe.seed}"
    return f"{words[found.recipe.optimizer]}{seed}"


def basin_sentence(pair: Pair, level: float) -> str:
    """Two places, the barrier between them, and what follows."""
    says = {True: "one basin", False: "not one basin along the straight line", None: "left open by the error"}
    return (
        f"{pair.first} – {pair.second}: {barrier_text(pair.barrier)}; {says[pair.same]} (level {format_value(level)})."
    )


def barrier_text(found: Barrier) -> str:
    """A barrier with its error and where it is.

    >>> barrier_text(Barrier(0.5, 0.25, 0.01, 17))
    'barrier 0.5 ± 0.01 at t = 0.25'
    """
    if not np.isfinite(found.height):
        return "barrier infinite" if found.height == np.inf else "no barrier, as the loss is not finite at an end"
    if found.height == 0 and found.error <= ROUNDING:
        return "barrier 0"
    error = f" ± {format_value(found.error, 2)}" if found.error > ROUNDING else ""
    return f"barrier {format_value(found.height)}{error} at t = {format_value(found.at)}"


def pairs_as_json(pairs: list[Pair], level: float) -> dict[str, Any]:
    """The pairs, ready for JSON."""
    return {
        "level": level,
        "pairs": [
            {"first": p.first, "second": p.second, "same": p.same, "barrier": vars(p.barrier) | {}} for p in pairs
        ],
    }


def pairs_of_json(content: dict[str, Any]) -> tuple[list[Pair], float]:
    """The inverse."""
    pairs = [Pair(p["first"], p["second"], Barrier(**p["barrier"]), p["same"]) for p in content["pairs"]]
    return pairs, float(content["level"])
