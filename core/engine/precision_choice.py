"""Whether a lower precision is faster here than exact float32: timed before anything is measured, decided, and said.

A lower precision is a means to speed. Where a machine has no instructions for it, it can take many times as long, and gives
its error as well: exact products are what runs there, unless the lower precision was insisted on.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..checks import InputError, first_line
from . import tuning
from .execution import Way
from .kernels import without
from .tuning import choose

if TYPE_CHECKING:
    from .evaluator import Evaluator

ROUNDS = 20  # at most
SECONDS = 0.3  # of timing both
LOADING_SECONDS = 5.0  # longer than kernels take to be loaded, and networks to be recorded, the first time
SHOWS = 1.1  # times as fast, from which a gain is more than chance
HOPELESS = 4.0  # times the exact one; what is so slow plainly is not tried in other ways
UNTIMED = "it could not be timed, for want of memory"

# what was found in this process, so that a survey runs as its forecast said
_speeds: dict[Any, float] = {}
_raced: set[Any] = set()  # of these, each in its fastest way


@dataclass(frozen=True)
class PrecisionChoice:
    """The precision that was asked for, the one that ran, and why.

    asked     "bf16" | "tf32"
    speed     how many times as fast as exact float32 it is, each in its fastest way; None: that is not known
    insisted  whether it was to run whatever its speed
    why       what is known of the cause, as a part of a sentence; empty: nothing
    """

    asked: str
    speed: float | None
    insisted: bool = False
    why: str = ""

    @property
    def pays(self) -> bool:
        """Whether it is faster by so much that its error may be worth it; also where nothing says that it is not."""
        return self.why == UNTIMED if self.speed is None else self.speed > SHOWS

    @property
    def ran(self) -> str | None:
        """The precision that runs; None: exact float32."""
        return self.asked if self.insisted or self.pays else None

    def as_json(self) -> dict[str, Any]:
        """The precision asked for, the one that ran and why, ready for JSON."""
        return {
            "asked": self.asked,
            "ran": self.ran or "float32",
            "speed": self.speed,
            "insisted": self.insisted,
            "why": str(self),
        }

    def __str__(self) -> str:
        """One sentence for people.

        >>> print(PrecisionChoice("bf16", 1.83))
        bf16 runs: it is 1.8 times as fast as exact float32 here.
        >>> print(PrecisionChoice("bf16", 1 / 15))
        Exact float32 runs in place of bf16, which takes 15 times as long here; insist on it to have it all the same.
        >>> print(PrecisionChoice("tf32", 0.99, insisted=True))
        tf32 runs as insisted on, though it is less than a tenth faster than exact float32 here.
        """
        cause = f" ({self.why})" if self.why else ""
        if self.ran is None:
            remedy = "" if self.speed is None else "; insist on it to have it all the same"
            return f"Exact float32 runs in place of {self.asked}, which {self._slowness('')} here{cause}{remedy}."
        if self.pays:
            known = UNTIMED if self.speed is None else f"it is {self.speed:.2g} times as fast as exact float32 here"
            return f"{self.asked} runs: {known}."
        return f"{self.asked} runs as insisted on, though it {self._slowness(of='exact float32')} here{cause}."

    def _slowness(self, of: str) -> str:
        if self.speed is None:
            return "cannot run"
        if self.speed > 1 / SHOWS:
            return f"is less than a tenth faster{of and f' than {of}'}"
        return f"takes {1 / self.speed:.2g} times as long{of and f' as {of}'}"


def choose_precision(evaluator: Evaluator, points: np.ndarray, planned: int, insisted: bool) -> PrecisionChoice:
    """Set the evaluator to the precision it has now or to exact float32, whichever is faster, each in its fastest way.

    points  (m, 2), of which a few are timed; `planned` are to come in all

    Raises
    ------
    InputError  what is insisted on cannot run
    """
    asked, plain = evaluator.precision, Way.of(evaluator.way)
    assert asked is not None
    key = tuning.identity(evaluator)
    exact_way, way = _way(evaluator, None, plain, points, planned), plain
    with contextlib.suppress(torch.OutOfMemoryError):
        _seconds(evaluator, None, plain, plain.batch_size, points[0])  # raises where the network itself is at fault
    try:
        if key not in _speeds:
            _speeds[key] = _speed(evaluator, asked, plain, plain, points)
        if _speeds[key] * HOPELESS > 1:
            way = _way(evaluator, asked, plain, points, planned)
        if (way, exact_way) != (plain, plain) and key not in _raced:
            _speeds[key] = _speed(evaluator, asked, way, exact_way, points)
            _raced.add(key)
        choice = PrecisionChoice(asked, _speeds[key], insisted, _cause(evaluator, _speeds[key]))
    except torch.OutOfMemoryError:
        choice = PrecisionChoice(asked, None, insisted, UNTIMED)
    except Exception as error:  # a library that has no kernel of it for this network
        if insisted:
            raise InputError(
                f"This network cannot run in {asked} here ({first_line(error)}): leave insist out, or precision."
            ) from error
        choice = PrecisionChoice(asked, None, why=first_line(error))
    _settle(evaluator, choice.ran, exact_way if choice.ran is None else way)
    return choice


def _way(evaluator: Evaluator, precision: str | None, plain: Way, points: np.ndarray, planned: int) -> Way:
    """The fastest way in a precision, as far as trying pays."""
    _settle(evaluator, precision, plain)
    choose(evaluator, points, planned)
    return Way.of(evaluator.way)


def _settle(evaluator: Evaluator, precision: str | None, way: Way) -> None:
    evaluator.adopt(way.plain)  # which every precision has
    evaluator.multiply_in(precision)
    evaluator.adopt(way)


def _speed(evaluator: Evaluator, asked: str, way: Way, exact_way: Way, points: np.ndarray) -> float:
    """Seconds of exact float32 over seconds of the precision asked for, each the least of several rounds in turns."""
    evaluator.adopt(way.plain)  # which both have
    examples = max(way.batch_size, exact_way.batch_size)
    ways = {None: exact_way, asked: way}
    first = {precision: _seconds(evaluator, precision, each, examples, points[0]) for precision, each in ways.items()}
    if first[asked] * examples > LOADING_SECONDS and first[asked] > HOPELESS * first[None]:
        return first[None] / first[asked]
    least: dict[str | None, float] = dict.fromkeys(ways, np.inf)
    started = time.perf_counter()
    for turn in range(ROUNDS):
        for precision, each in ways.items():
            again = _seconds(evaluator, precision, each, examples, points[turn % len(points)])
            least[precision] = min(least[precision], again)
        if time.perf_counter() - started > SECONDS:
            break
    return least[None] / least[asked]


def _seconds(evaluator: Evaluator, precision: str | None, way: Way, examples: int, point: np.ndarray) -> float:
    """Seconds per example and point on the first `examples` of the data."""
    evaluator.multiply_in(precision)
    batches = evaluator.workspace.first_batches(way.batch_size, way.layout == "channels_last", examples)
    return tuning.timed(evaluator, way, batches, point)


def _cause(evaluator: Evaluator, speed: float) -> str:
    """Why bfloat16 is slow on a machine that has no kernels for it."""
    if evaluator.workspace.device.type == "cuda" or speed > SHOWS:
        return ""
    return without(evaluator.workspace.device, torch.bfloat16) or ""
