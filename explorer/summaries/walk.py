"""Walks and the barriers between their ends, in sentences, and as JSON for the page."""

from __future__ import annotations

from typing import Any

import numpy as np
from lossnav.core.profile import Barrier, Pair
from lossnav.core.walk import Walk

from ..figures.shared.scales import format_value

ROUNDING = 1e-12  # in the loss's unit: an error that float64 alone makes is not told


def walk_sentence(walk: Walk) -> str:
    """How a walk went."""
    first, last = (format_value(float(walk.loss[k])) for k in (0, -1))
    off = float(walk.off_plane[-1])
    away = f", {format_value(off)} parameter units off the plane" if np.isfinite(off) else ""
    return f"{walk_name(walk)}, {walk.said}: loss {first} → {last} after {walk.done:,} steps{away}. {walk.over}".strip()


def walk_name(walk: Walk) -> str:
    """A walk's name: optimiser and seed.

    >>> from lossnav.core.walk import Recipe
    >>> empty = np.zeros(1)
    >>> walk_name(Walk(Recipe("sam", 5, seed=3), "", "", "", *[empty] * 6, end={}))
    'SAM, seed 3'
    """
    words = {"sgd": "SGD", "adam": "Adam", "sam": "SAM", "flow": "gradient flow"}
    seed = "" if walk.recipe.batch is None else f", seed {walk.recipe.seed}"
    return f"{words[walk.recipe.optimizer]}{seed}"


def basin_sentence(pair: Pair, level: float) -> str:
    """Two places, the barrier between them, and what follows."""
    says = {True: "one basin", False: "not one basin along the straight line", None: "left open by the error"}
    return (
        f"{pair.first} – {pair.second}: {barrier_text(pair.barrier)}; {says[pair.same]} (level {format_value(level)})."
    )


def barrier_text(barrier: Barrier) -> str:
    """A barrier with its error and where it is.

    >>> barrier_text(Barrier(0.5, 0.25, 0.01, 17))
    'barrier 0.5 ± 0.01 at t = 0.25'
    """
    if not np.isfinite(barrier.height):
        return "barrier infinite" if barrier.height == np.inf else "no barrier, as the loss is not finite at an end"
    if barrier.height == 0 and barrier.error <= ROUNDING:
        return "barrier 0"
    error = f" ± {format_value(barrier.error, 2)}" if barrier.error > ROUNDING else ""
    return f"barrier {format_value(barrier.height)}{error} at t = {format_value(barrier.at)}"


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
