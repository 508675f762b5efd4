"""A profile in words: its barrier, and what an alignment did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from lossnav.core.alignment import Aligned
from lossnav.core.profile import LEVEL, Barrier, barrier, judged
from lossnav.core.sealed import read_json, write_json
from lossnav.core.walk import Curve

from ..figures.shared.scales import format_value
from .walk import barrier_text


def barrier_of(land: xr.Dataset) -> Barrier:
    """The barrier of the loss along a profile."""
    return barrier(land["alpha"].values, land["loss"].values[:, 0])


def barrier_sentence(land: xr.Dataset) -> str:
    """The barrier between a profile's ends, and what follows from it.

    >>> axis = np.linspace(0, 1, 9)
    >>> land = xr.Dataset({"loss": (("alpha", "beta"), (axis * (1 - axis))[:, None])}, {"alpha": axis, "beta": [0.0]})
    >>> barrier_sentence(land)
    'Loss 0 → 0, barrier 0.25 at t = 0.5: above 0.1, so not one basin along this line.'
    """
    rise, losses = barrier_of(land), land["loss"].values[:, 0]
    same = judged(rise, LEVEL)
    level = format_value(LEVEL)
    says = {
        True: f"none above {level} along this line",
        False: f"above {level}, so not one basin along this line",
        None: f"its error leaves open whether above {level}",
    }
    ends = f"Loss {format_value(float(losses[0]))} → {format_value(float(losses[-1]))}"
    known = says[same] if np.isfinite(rise.height) or rise.height == np.inf else "nothing follows"
    return f"{ends}, {barrier_text(rise)}: {known}."


def curve_sentence(t: np.ndarray, loss: np.ndarray, said: str) -> str:
    """What a curve of low loss shows: a low one that its ends are joined, a high one nothing.

    >>> axis = np.linspace(0, 1, 9)
    >>> curve_sentence(axis, 0 * axis, "Adam, 400 steps")
    'Along a curve of low loss (Adam, 400 steps): barrier 0. The two are joined by it: none above 0.1.'
    """
    rise = barrier(t, loss)
    same, level = judged(rise, LEVEL), format_value(LEVEL)
    says = {
        True: f"The two are joined by it: none above {level}",
        False: f"Above {level}, from which nothing follows: another curve may be lower",
        None: f"Its error leaves open whether above {level}",
    }
    return f"Along a curve of low loss ({said}): {barrier_text(rise)}. {says[same]}."


def write_curve(curve: Curve, path: Path) -> None:
    """Keep a curve beside a landscape."""
    write_json(path, {"t": curve.t.tolist(), "loss": curve.loss.tolist(), "said": curve.said})


def read_curve(path: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """t, losses and how it was found, of what was kept."""
    about = read_json(path)
    return np.array(about["t"]), np.array(about["loss"]), str(about["said"])


def alignment_text(how: Aligned) -> str:
    """How an alignment changed the second network, in a sentence."""
    return _text(how.moved, sum(len(order) for order in how.orders.values()), how.similarity)


def write_alignment(how: Aligned, path: Path) -> None:
    """Keep what an alignment did beside a landscape."""
    hidden = sum(len(order) for order in how.orders.values())
    write_json(path, {"moved": how.moved, "hidden": hidden, "similarity": list(how.similarity)})


def kept_alignment_text(path: Path) -> str:
    """The sentence of what was kept."""
    about = read_json(path)
    before, after = about["similarity"]
    return _text(int(about["moved"]), int(about["hidden"]), (float(before), float(after)))


def _text(moved: int, hidden: int, similarity: tuple[float, float]) -> str:
    """A sentence.

    >>> _text(3, 10, (0.1, 0.9))
    'Aligned by weight matching: 3 of 10 hidden units moved, cosine of the weights 0.1 → 0.9.'
    """
    before, after = map(format_value, similarity)
    return (
        f"Aligned by weight matching: {moved} of {hidden} hidden units moved, cosine of the weights {before} → {after}."
    )
