"""Data sets, loaders and streams read once from the first example to the last, under a seed, and kept."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, unpack_sequence
from torch.utils.data import DataLoader, IterableDataset, SequentialSampler

from ...checks import InputError
from ...machine.memory import byte_text, free_bytes
from ..opened import OpenedObject, opened
from .tensors import is_numbers, tensor_of

SEED = 0
MOST_UNSIZED = 100_000  # examples that a stream without a length may give before it is asked how many are meant
LOOK_EVERY = 256  # examples between two looks at the memory


@dataclass
class Ragged:
    """Examples whose shapes differ, one tensor each."""

    examples: list[Tensor]

    def __len__(self) -> int:
        return len(self.examples)


class Sequences(list[Tensor]):
    """The sequences of packed ones, a tensor each, in the order that they were packed in."""


@dataclass
class Read:
    """The examples that were read: the structure of one batch with all of them in its leaves; how many each batch had; notes."""

    content: Any
    batches: tuple[int, ...] | None = None
    notes: list[str] = field(default_factory=list)


def chosen_rows(count: int, examples: int | Sequence[int] | None) -> list[int] | None:
    """The rows of a subset in their order, drawn from the seed where only their number is given; None: all.

    >>> len(chosen_rows(10, 3)), chosen_rows(3, 5), chosen_rows(4, [2, 0])
    (3, None, [2, 0])

    Raises
    ------
    InputError  none asked for, or rows that are not there
    """
    if examples is None:
        return None
    if isinstance(examples, int):
        if examples < 1:
            raise InputError(f"examples should be 1 or more, but is {examples}: leave it out to take all.")
        drawn = torch.randperm(count, generator=torch.Generator().manual_seed(SEED))
        return None if examples >= count else sorted(drawn[:examples].tolist())
    rows = [int(row) for row in examples]
    if not rows or min(rows) < 0 or max(rows) >= count:
        raise InputError(f"examples should be rows from 0 to {count - 1}, or how many to draw: give other rows.")
    return rows


def read_set(dataset: Any, examples: int | Sequence[int] | None = None) -> Read:
    """All examples of a map-style data set (anything with a length that is indexed by 0, 1, 2 …)."""
    rows, notes = chosen_rows(len(dataset), examples), _randomness(dataset)
    places: Sequence[int] = range(len(dataset)) if rows is None else rows
    notes += [] if rows is None else [_subset_note(len(places), len(dataset), examples)]
    with seeded():
        return Read(_gathered((_example(dataset, i) for i in places), len(places), batched=False)[0], None, notes)


def read_loader(loader: DataLoader[Any], examples: int | Sequence[int] | None = None) -> Read:
    """All batches of a DataLoader, in one order that is drawn once."""
    if isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None:
        return read_stream(loader, examples, batched=loader.batch_size is not None or loader.batch_sampler is not None)
    notes = _randomness(loader.dataset) + _loader_notes(loader)
    with seeded(loader.generator, getattr(loader.sampler, "generator", None)):
        if examples is None:
            total = _length(loader.sampler)
            content, sizes = _gathered(loader, total, batched=True)
        else:
            order = [list(batch) for batch in loader.batch_sampler]
            batches, total = _thinned(order, examples)
            notes.append(_subset_note(sum(map(len, batches)), total, examples))
            collate = loader.collate_fn
            parts = (collate([_example(loader.dataset, i) for i in batch]) for batch in batches)
            content, sizes = _gathered(parts, sum(map(len, batches)), batched=True)
    return Read(content, sizes, notes)


def read_stream(
    stream: Iterable[Any], examples: int | Sequence[int] | None = None, batched: bool | None = None
) -> Read:
    """Read an iterable in its order, to its end or until `examples`; batches or single examples (None: found out)."""
    if examples is not None and not isinstance(examples, int):
        raise InputError(
            "A stream has no rows to choose from: give examples as a number, and its first so many are taken."
        )
    notes = [] if examples is None else [f"A stream is read in its order: its first {examples:,} examples were taken."]
    with seeded(getattr(stream, "generator", None)):
        steps = iter(stream)
        first = next(steps, None)
        if first is None:
            raise InputError("The data are empty: the stream gives no example (a generator can be read only once).")
        whole = _looks_batched(first) if batched is None else batched
        if batched is None:
            notes.append(f"What the iterable gives was taken for {'batches' if whole else 'single examples'}.")
        content, sizes = _gathered(_chain(first, steps), None, whole, examples)
    return Read(content, sizes if whole else None, notes)


@contextmanager
def seeded(*generators: torch.Generator | None) -> Iterator[None]:
    """The same random numbers every time from torch, numpy and Python; all states are put back at the end.

    >>> def draw():
    ...     with seeded():
    ...         return random.random(), float(torch.rand(()))
    >>> draw() == draw()
    True
    """
    distinct = list({id(g): g for g in generators if isinstance(g, torch.Generator)}.values())
    states = [g.get_state() for g in distinct]
    python, numbers = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.default_generator.manual_seed(SEED)
            random.seed(SEED)
            np.random.seed(SEED)
            for generator in distinct:
                generator.manual_seed(SEED)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numbers)
            for generator, state in zip(distinct, states, strict=True):
                generator.set_state(state)


def _example(dataset: Any, index: int) -> Any:
    try:
        return dataset[index]
    except InputError:
        raise
    except Exception as error:  # the user's own code
        text = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"Example {index} of the data cannot be read ({type(error).__name__}: {text}): mend it, or leave it out "
            "with torch.utils.data.Subset."
        ) from error


def _gathered(
    parts: Iterable[Any], total: int | None, batched: bool, most: int | None = None
) -> tuple[Any, tuple[int, ...]]:
    """All parts as one: their structure with every leaf joined, and the examples of each part."""
    columns: dict[tuple[Any, ...], list[Any]] = {}
    skeleton: Any = None
    sizes: list[int] = []
    count = held = looked = 0
    for part in parts:
        leaves = dict(_leaves(part))
        if skeleton is None:
            skeleton, columns = part, {path: [] for path in leaves}
        if leaves.keys() != columns.keys():
            raise InputError(
                "The examples of the data differ in their parts, so they cannot be put into one batch: let every one have "
                "the same entries (a collate_fn can do so)."
            )
        size = _batch_size(leaves) if batched else 1
        if most is not None and batched and count + size > most:
            size = most - count
            leaves = {path: leaf[:size] for path, leaf in leaves.items()}
        for path, leaf in leaves.items():
            columns[path].append(leaf)
            held += leaf.nbytes if isinstance(leaf, Tensor) else 0
        count += size
        sizes.append(size)
        if count - looked >= LOOK_EVERY or len(sizes) == 1:
            looked = count
            _look_at_memory(held, count, total if most is None else most)
        if most is not None and count >= most:
            break
        if total is None and most is None and count > MOST_UNSIZED:
            raise InputError(
                f"The stream gave {count:,} examples without an end and has no length: say how many are meant, as in "
                f"Problem(model, data, examples={MOST_UNSIZED // 10})."
            )
    if not count:
        raise InputError("The data set is empty: give at least one example in inputs and targets.")
    return _rebuilt(skeleton, (), {path: _joined(pieces, batched) for path, pieces in columns.items()}), tuple(sizes)


def _look_at_memory(held: int, count: int, total: int | None) -> None:
    free = free_bytes()
    needed = 2 * held * max(1, -(-total // count)) if total is not None else 2 * held  # once in pieces, once joined
    if free is None or needed - held <= free:
        return
    of = f"{total:,} examples" if total is not None else f"the first {count:,} examples"
    raise InputError(
        f"Reading {of} needs about {byte_text(needed)} of memory, and {byte_text(free)} are free: take a part of them, as "
        f"in Problem(model, data, examples={max(1, min(total or count, int(count * free / (4 * max(held, 1)))))}), "
        "or keep the inputs in a numpy.memmap, which is read as it is needed."
    )


def _leaves(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(part, PackedSequence):
        yield path, Sequences(unpack_sequence(part))
    elif isinstance(part, Mapping):
        for key in part:
            yield from _leaves(part[key], (*path, key))
    elif isinstance(part, (list, tuple)) and not is_numbers(part) and not _is_text(part):
        for index, entry in enumerate(part):
            yield from _leaves(entry, (*path, index))
    else:
        _refuse_object(part)
        yield path, tensor_of(part, "the data") if _has_numbers(part) else part


def _refuse_object(part: Any) -> None:
    if not isinstance(part, PackedSequence) and isinstance(opened(part), OpenedObject):
        raise InputError(
            f"The data give objects ({type(part).__name__}), whose tensors are put together by name or place: let the data set, or "
            "the loader's collate_fn, give tuples or dicts, such as vars(example)."
        )


def _rebuilt(like: Any, path: tuple[Any, ...], leaves: Mapping[tuple[Any, ...], Any]) -> Any:
    if path in leaves:
        return leaves[path]
    if isinstance(like, Mapping):
        return {key: _rebuilt(like[key], (*path, key), leaves) for key in like}
    return tuple(_rebuilt(entry, (*path, index), leaves) for index, entry in enumerate(like))


def _joined(pieces: list[Any], batched: bool) -> Any:
    """One tensor with a row per example; Ragged where shapes differ; what is no tensor stays a list."""
    if isinstance(pieces[0], Sequences):
        return Sequences(row for piece in pieces for row in piece)
    if not all(isinstance(piece, Tensor) for piece in pieces):
        return [entry for piece in pieces for entry in (piece if batched and isinstance(piece, list) else [piece])]
    if len({piece.shape[1:] if batched else piece.shape for piece in pieces}) == 1:
        return torch.cat(pieces) if batched else torch.stack(pieces)
    return Ragged([row for piece in pieces for row in piece] if batched else pieces)


def _batch_size(leaves: Mapping[Any, Any]) -> int:
    sizes = {
        len(leaf) for leaf in leaves.values() if (leaf.ndim if isinstance(leaf, Tensor) else hasattr(leaf, "__len__"))
    }
    if len(sizes) != 1:
        raise InputError(
            f"The parts of a batch should have one row per example, but have {' and '.join(map(str, sorted(sizes))) or 'no'} "
            "rows: let the collate_fn put the examples along the first dimension."
        )
    return int(sizes.pop())


def _looks_batched(part: Any) -> bool:
    """Batches hold tensors and arrays with a row per example; numbers, lists of them and single texts are of an example."""
    if any(
        isinstance(raw, (str, bytes, int, float, list)) and not (isinstance(raw, list) and _is_text(raw))
        for raw in _raw(part)
    ):
        return False
    leaves = [leaf for _, leaf in _leaves(part) if isinstance(leaf, Tensor)]
    return bool(leaves) and all(leaf.ndim for leaf in leaves) and len({len(leaf) for leaf in leaves}) == 1


def _raw(part: Any) -> Iterator[Any]:
    if isinstance(part, Mapping):
        for entry in part.values():
            yield from _raw(entry)
    elif isinstance(part, (list, tuple)) and not is_numbers(part) and not _is_text(part):
        for entry in part:
            yield from _raw(entry)
    else:
        yield part


def _has_numbers(part: Any) -> bool:
    return is_numbers(part) or (hasattr(part, "__array__") and not isinstance(part, (str, bytes)))


def _is_text(part: Sequence[Any]) -> bool:
    return bool(part) and all(isinstance(entry, (str, bytes)) for entry in part)


def _thinned(order: list[list[int]], examples: int | Sequence[int]) -> tuple[list[list[int]], int]:
    """The batches with only the chosen of their places, in the order of places."""
    total = sum(map(len, order))
    rows = chosen_rows(total, examples)
    wanted, batches, start = set(range(total) if rows is None else rows), [], 0
    for batch in order:
        batches.append([index for place, index in enumerate(batch, start) if place in wanted])
        start += len(batch)
    return [batch for batch in batches if batch], total


def _subset_note(taken: int, total: int, examples: int | Sequence[int] | None) -> str:
    how = f", drawn with seed {SEED}" if isinstance(examples, int) and taken < total else ""
    return f"{taken:,} of {total:,} examples{how}, the same at every point."


def _loader_notes(loader: DataLoader[Any]) -> list[str]:
    notes, sampler = [], loader.sampler
    if getattr(sampler, "replacement", False):
        notes.append("The loader draws with replacement: the examples were drawn once, with seed 0, and kept.")
    elif not isinstance(sampler, SequentialSampler) and type(sampler).__name__ != "SequentialSampler":
        notes.append("The loader shuffles: its order was drawn once, with seed 0, and kept.")
    total = _length(sampler) or 0
    left = total % loader.batch_size if loader.drop_last and loader.batch_size else 0
    if left:
        notes.append(f"drop_last leaves {left} example{'s' if left > 1 else ''} out of the loss.")
    return notes


def _randomness(dataset: Any) -> list[str]:
    """Whether an example comes out otherwise when it is read again, as random crops do."""
    if len(dataset) == 0:
        raise InputError("The data set is empty: give at least one example in inputs and targets.")
    with seeded():
        first = _example(dataset, 0)
        other = _example(dataset, 0)  # of the same generators, further on
    with seeded():
        again = _example(dataset, 0)
    if not _same(first, again):
        return [
            "The data set draws from a generator of its own (random crops, noise): its examples were read once and kept; "
            "another run may read others."
        ]
    if not _same(first, other):
        return ["The data set draws at random (crops, noise): drawn once, with seed 0, and kept."]
    return []


def _same(one: Any, other: Any) -> bool:
    try:
        a, b = dict(_leaves(one)), dict(_leaves(other))
    except InputError:
        return True
    return a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.shape == b.shape and bool(torch.allclose(a.double(), b.double(), 0, 0, equal_nan=True))
    return True


def _length(thing: Any) -> int | None:
    return len(thing) if hasattr(thing, "__len__") else None


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest
