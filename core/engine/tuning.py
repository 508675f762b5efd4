"""Chooses how the network is run by timing the ways on the first points; the numbers must stay those of the plain way.

Only where a survey takes so long that the choice pays. Within a process the same choice comes again for the same network,
data and settings, so that two surveys in it agree to the bit.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..network.batching import activation_bytes, in_equal_passes
from ..network.workspace import Batch, is_image
from .execution import Way

if TYPE_CHECKING:
    from .evaluator import Evaluator

WORTH_SECONDS = 0.1  # of the whole survey in the plain way, under which nothing is tried
BUDGET = 0.03  # share of the survey's time in the plain way that may go into trying
FEWEST_POINTS = 16  # under which trying would cost as much as it saves
ROUNDS = 40  # at most; cheap points allow many within the budget, which keeps chance out of the choice
HOPELESS = 1.4  # times the fastest; a way so slow in one round is not tried again
GAIN = 0.95  # of the time of the simpler way, which a less simple one must stay under
AGREEMENT = 1e-6  # relative, of the loss, in float32
SMALLEST_BATCH = 16
FINE_SECONDS = 1e-5
POINTS_AT_ONCE = (4, 16, 64)
AT_ONCE_BYTES = 2**28  # of the parameters of points that go at once
# of one point on a CPU: only there what calls cost is more than what several points' activations do
TINY_SECONDS = 3.5e-4
TINY_AT_ONCE = (16, 64)
# of the largest activation of all points in a stack, which the caches of a core hold; and points at most
STACK_BYTES, MOST_STACKED = 2**22, 32
TRIES = 8  # of a way, about, until its time is known
# a pass so short is timed over several points, of which what beginning takes is no part
SHORT_SECONDS, SEVERAL = 1e-3, 4

# what was found in this process
_seconds: dict[Any, float] = {}
_fastest_ways: dict[Any, Way] = {}


def choose(evaluator: Evaluator, points: np.ndarray, planned: int) -> bool:
    """Set the evaluator to the fastest way that gives the plain way's numbers at `points` (m, 2), `planned` in all.

    Returns whether the ways were tried, or known from before: where there is too little to do, they may be later.
    """
    if planned < FEWEST_POINTS or evaluator.runs_plainly:
        return False
    key, plain = identity(evaluator), Way.of(evaluator.way)
    if key not in _seconds:
        try:
            _seconds[key] = _seconds_per_point(evaluator, plain, points[0])
        except torch.OutOfMemoryError:
            return True  # it hardly fits; an evaluation makes room for itself
    whole = _seconds[key] * planned
    # what is known costs nothing: an adaptive survey, which plans few of its points, then has the full grid's numbers to the last bit
    known = key in _fastest_ways and _seconds[key] * len(points) >= WORTH_SECONDS
    if whole < WORTH_SECONDS and not known:
        return False
    if key not in _fastest_ways:
        raced = _raced(evaluator, plain, points, BUDGET * whole, _seconds[key]) if evaluator.is_still() else plain
        _fastest_ways[key] = raced if evaluator.is_still() else plain
    best = _fastest_ways[key]
    if best == plain or not _agrees(evaluator, best, plain, points):
        evaluator.adopt(plain)
    return True


def measured_error(evaluator: Evaluator, points: np.ndarray) -> dict[str, Any]:
    """How far the lower precision's numbers are from exact float32's at calibration points, ready for JSON.

    Returns
    -------
    precision, points  which, and how many points it was measured at
    largest            column → largest absolute error
    loss_relative      largest error of the loss relative to its exact value
    """
    precision, where = evaluator.precision, _calibration(points, 9)
    low = evaluator.evaluate(where)
    chosen = Way.of(evaluator.way)  # now, as it may have turned plain
    try:
        evaluator.adopt(chosen.plain)
        evaluator.multiply_in(None)
        exact = evaluator.evaluate(where)
    finally:
        evaluator.multiply_in(precision)
        evaluator.adopt(chosen)
    with np.errstate(invalid="ignore", divide="ignore"):  # where both are infinite, or the exact loss is zero
        gaps = np.abs(low - exact)
        relative = gaps[:, 0] / np.abs(exact[:, 0])
    largest = {name: _largest(gap) for name, gap in zip(evaluator.columns, gaps.T, strict=True)}
    return {"precision": precision, "points": len(where), "largest": largest, "loss_relative": _largest(relative)}


def _largest(gaps: np.ndarray) -> float | None:
    finite = gaps[np.isfinite(gaps)]
    return float(finite.max()) if len(finite) else None


def _raced(evaluator: Evaluator, plain: Way, points: np.ndarray, budget: float, each: float) -> Way:
    """The fastest way: first of networks and layouts, then of batch sizes, then, on a GPU, of how kernels are launched."""
    stacks = _stacks(evaluator, plain)
    if evaluator.workspace.device.type == "cpu" and each < TINY_SECONDS and not evaluator.gathers:
        return _raced_tiny(evaluator, plain, stacks, points, budget, each)
    images = any(is_image(t) for t in evaluator.workspace.problem.inputs)
    layouts = ("contiguous", "channels_last") if images else ("contiguous",)
    kinds = [replace(plain, network=n, layout=i) for n in ("plain", "fused") for i in layouts]
    by_onednn = [replace(stack, network="stacked_onednn") for stack in stacks]
    best = _fastest(evaluator, [*kinds, *stacks, *by_onednn], points, budget / 2)
    if best.stacks:  # as many points at once as fit the cache: other passes were more of the same
        return best
    if not evaluator.batch_size_given:
        best = _fastest(evaluator, [best, *_other_sizes(evaluator, best)], points, budget / 2)
    if evaluator.workspace.device.type == "cuda" and not evaluator.gathers:
        at_once = _at_once(evaluator, plain, budget / each)
        best = _fastest(evaluator, [best, replace(best, graph=True), *at_once], points, budget / 2)
    return best


def _stacks(evaluator: Evaluator, plain: Way) -> list[Way]:
    """The way of several points in stacks of products on a CPU: as many as leave the largest activation in the cache."""
    space = evaluator.workspace
    if space.device.type != "cpu" or evaluator.gathers or evaluator.precision is not None or space.is_streamed:
        return []
    largest, _ = activation_bytes(space.problem)
    fitting = STACK_BYTES // max(1, largest * space.batch_size)
    return [replace(plain, network="stacked", points=min(MOST_STACKED, 2 ** (max(1, fitting).bit_length() - 1)))]


def _raced_tiny(
    evaluator: Evaluator, plain: Way, stacks: list[Way], points: np.ndarray, budget: float, each: float
) -> Way:
    """The fastest way where a point takes less than TINY_SECONDS on a CPU: as it is, or several points in stacks of products.

    Only where these cannot be had or gain nothing: fused, or by vmap; still more at once where what trying them takes is little
    beside all that is to come.
    """
    if (best := _fastest(evaluator, [plain, *stacks], points, budget / 4)) != plain:
        return best
    few, many = (replace(plain, points=k) for k in TINY_AT_ONCE)
    best = _fastest(evaluator, [plain, replace(plain, network="fused"), few], points, budget / 2)
    if best != few or TRIES * many.points * each > budget:
        return best
    quarter = [] if evaluator.batch_size_given else [replace(many, batch_size=max(1, plain.batch_size // 4))]
    return _fastest(evaluator, [best, many, *quarter], points, budget / 2)


def _at_once(evaluator: Evaluator, plain: Way, points: float) -> list[Way]:
    """Ways of several points in one pass, which cost no more than `points` one by one to try, and little memory."""
    space = evaluator.workspace
    most = min(points / 2, AT_ONCE_BYTES / (space.layout.size * space.dtype.itemsize))
    shares = {k: 1 if evaluator.batch_size_given else k for k in POINTS_AT_ONCE if k <= most}
    return [replace(plain, points=k, batch_size=max(1, plain.batch_size // share)) for k, share in shares.items()]


def _other_sizes(evaluator: Evaluator, way: Way) -> Iterable[Way]:
    count = evaluator.workspace.problem.example_count
    sizes = {in_equal_passes(int(way.batch_size * f), count) for f in (2, 0.5, 0.25)}
    return [replace(way, batch_size=s) for s in sorted(sizes - {way.batch_size}) if s >= SMALLEST_BATCH]


def _fastest(evaluator: Evaluator, ways: list[Way], points: np.ndarray, budget: float) -> Way:
    """Times the ways in turns; the first of them, the simplest, stays unless another gains enough."""
    examples = max(way.batch_size for way in ways)
    seconds: dict[Way, float] = {}
    runs: dict[Way, Sequence[Batch]] = {}
    for way in ways:
        try:
            runs[way] = _batches(evaluator, way, examples)
            timed(evaluator, way, runs[way], points[0])  # the first time, which loads and records
            seconds[way] = timed(evaluator, way, runs[way], points[0])
        except Exception:  # no memory, no record, no rule for it, or whatever the network's own code says to it
            runs.pop(way, None)
        if way not in runs:
            torch.cuda.empty_cache()
    if not seconds:
        return ways[0]
    started = time.perf_counter()
    for turn in range(1, ROUNDS):
        bound = HOPELESS * min(seconds.values()) if turn > 3 else np.inf  # the first times may be chance
        for way in [w for w in runs if seconds[w] < bound]:
            again = timed(evaluator, way, runs[way], points[turn % len(points)])
            seconds[way] = min(seconds[way], again)
        if time.perf_counter() - started > budget:
            break
    best = min(seconds, key=lambda way: seconds[way])
    return best if ways[0] not in seconds or seconds[best] < GAIN * seconds[ways[0]] else ways[0]


def _batches(evaluator: Evaluator, way: Way, examples: int) -> Sequence[Batch]:
    space = evaluator.workspace
    if way.batch_size == space.batch_size and way.layout == "contiguous":  # cut so already
        return space.batches[: -(-examples // way.batch_size)]
    return space.first_batches(way.batch_size, way.layout == "channels_last", examples)


def timed(evaluator: Evaluator, way: Way, batches: Sequence[Batch], point: np.ndarray) -> float:
    """Seconds per example and point.

    On a CPU they are those that this thread was at work, not those that other programs took from it.
    """
    on_cpu = evaluator.workspace.device.type == "cpu" and time.get_clock_info("thread_time").resolution < FINE_SECONDS
    clock = time.thread_time if on_cpu else time.perf_counter
    examples = sum(len(batch.shaped_targets) for batch in batches)

    def seconds(times: int) -> float:
        started = clock()
        evaluator.trial(way, batches, np.tile(point, (times * way.points, 1)))
        return (clock() - started) / times

    once = seconds(1)
    return (once if once > SHORT_SECONDS else min(once, seconds(SEVERAL))) / (examples * way.points)


def _seconds_per_point(evaluator: Evaluator, plain: Way, point: np.ndarray) -> float:
    count = evaluator.workspace.problem.example_count
    batches = evaluator.workspace.batches[:1]
    return count * min(timed(evaluator, plain, batches, point) for _ in range(3))


def _agrees(evaluator: Evaluator, way: Way, plain: Way, points: np.ndarray) -> bool:
    """Whether `way` gives the plain way's numbers at the centre and at points far from it; where it does, it stays."""
    where = _calibration(points, 3)
    evaluator.adopt(plain)
    expected = evaluator.evaluate(where)
    columns = evaluator.tried(way, where)
    if isinstance(columns, str) or not np.isfinite(expected[:, 0]).any():  # numbers that are none show nothing
        return False
    # a prediction on the edge may change sides by rounding, the loss moves by no more than rounding itself
    edge, summed = 2 / evaluator.workspace.problem.example_count, len(evaluator.summed)
    return np.allclose(
        columns[:, 0], expected[:, 0], rtol=_tolerance(evaluator), atol=0.0, equal_nan=True
    ) and np.allclose(columns[:, :summed], expected[:, :summed], rtol=1e-4, atol=1e-4 + edge, equal_nan=True)


def _tolerance(evaluator: Evaluator) -> float:
    if evaluator.precision is not None:
        return 1e-2
    return AGREEMENT if evaluator.workspace.dtype == torch.float32 else 1e-12


def _calibration(points: np.ndarray, count: int) -> np.ndarray:
    """The points nearest to and farthest from the origin, and others between, by distance."""
    order = np.argsort(np.hypot(*points.T), kind="stable")
    return points[order[np.linspace(0, len(points) - 1, min(count, len(points))).round().astype(int)]]


def identity(evaluator: Evaluator) -> tuple[Any, ...]:
    """The key under which a choice is kept in this process."""
    space = evaluator.workspace
    problem = space.problem
    return (
        repr(space.network),
        tuple((k, v.shape) for k, v in problem.parameters.items()),
        tuple((t.shape, t.dtype) for t in problem.inputs),
        problem.likelihood.name,
        repr(problem.likelihood),
        problem.weight_decay,
        evaluator.columns,
        evaluator.precision,
        space.dtype,
        space.device,
        evaluator.batch_size_given and space.batch_size,
        torch.get_num_threads(),
    )
