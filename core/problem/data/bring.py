"""Data as they lie, brought to tensors with a row per example: one door for arrays, sets, loaders, graphs and sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader, Dataset, IterableDataset

from ...checks import InputError
from .adapter import Adapter
from .graph import arranged_graphs, is_graph
from .in_memory import input_tensors, numbers_only, taken, target_tensor
from .packed import unpacked, unpacked_targets
from .ragged import padded_inputs, padded_targets
from .reading import Ragged, Read, Sequences, chosen_rows, read_loader, read_set, read_stream
from .split import Which, split
from .tensors import is_numbers, is_sparse, is_table


@dataclass(frozen=True)
class Brought:
    """Data as a problem keeps them.

    inputs   a tensor, a tuple of them (by place) or a dict (by name), one row per example each
    targets  a tensor, one row per example
    notes    what was taken, frozen or left out, in sentences
    adapter  what puts rows together for forward, where it takes no rows
    batches  examples in each batch of the loader that the data came from; None: there was none
    """

    inputs: Any
    targets: Tensor
    notes: tuple[str, ...] = ()
    adapter: Adapter | None = None
    batches: tuple[int, ...] | None = None


def brought(network: nn.Module, data: Any, targets: Any = None, examples: int | Sequence[int] | None = None) -> Brought:
    """`data` and `targets` as tensors with a row per example.

    Parameters
    ----------
    network   what will be called on them: the names and number of its arguments decide what of a batch is an input
    data      inputs (tensor, array, memmap, DataFrame, list of examples, several of these, a dict by names, PackedSequence);
              or inputs and targets together: DataLoader, Dataset, IterableDataset, Hugging Face data set, an iterable of
              batches, a dict with labels, graphs with `y`
    targets   beside inputs alone; or the key (str) or place (int) of the targets in each example of the data
    examples  how many to draw, or which rows to take; None: all

    Raises
    ------
    InputError  what cannot be read as numbers, what is ambiguous, what does not fit in memory

    >>> import torch
    >>> from torch.utils.data import TensorDataset
    >>> found = brought(nn.Linear(2, 3), TensorDataset(torch.ones(4, 2), torch.arange(4)))
    >>> tuple(found.inputs.shape), found.targets.tolist()
    ((4, 2), [0, 1, 2, 3])
    """
    if isinstance(data, Brought):
        return data if examples is None else _part_of(data, examples)
    _refuse_what_holds_several(data)
    if isinstance(data, PackedSequence):
        return _packed(data, targets, examples)
    if is_graph(data) or _first_graph(data) is not None:
        return _graphs(network, data, targets, examples)
    which: Which = targets if isinstance(targets, (str, int)) and not isinstance(targets, bool) else None
    beside = None if which is not None else targets
    read = _read(data, examples, beside)
    if read is None:
        return _arrays(network, data, beside, which, examples)
    if beside is not None and not _is_inputs_alone(read.content):
        raise InputError(
            f"The {type(data).__name__} gives its own targets, and others came beside it: leave those out, as in "
            "Problem(model, data), or give a data set of the inputs alone."
        )
    inputs, labels, notes = (read.content, beside, []) if beside is not None else split(read.content, network, which)
    if isinstance(inputs, Sequences):
        labels = pack_sequence(labels, enforce_sorted=False) if isinstance(labels, Sequences) else labels
        padded = _packed(pack_sequence(inputs, enforce_sorted=False), labels, None)
        return replace(padded, notes=(*read.notes, *notes, *padded.notes), batches=read.batches)
    return _finished(network, inputs, labels, [*read.notes, *notes], read.batches)


def _read(data: Any, examples: int | Sequence[int] | None, beside: Any) -> Read | None:
    """The contents of a data set, loader or stream; None for anything else."""
    if isinstance(data, DataLoader):
        return read_loader(data, examples)
    if isinstance(data, IterableDataset):
        return read_stream(data, examples, batched=False)
    if isinstance(data, Dataset) and not hasattr(data, "__len__"):
        raise InputError(
            f"The {type(data).__name__} has no length: give it `__len__`, or let it be an IterableDataset."
        )
    if isinstance(data, Dataset) or _is_set_like(data):
        return read_set(data, examples)
    if _is_stream(data) or (
        beside is None
        and isinstance(data, list)
        and data
        and not is_numbers(data[0])
        and isinstance(data[0], (tuple, list, Mapping))
    ):
        return read_stream(data, examples)
    return None


def _arrays(network: nn.Module, data: Any, targets: Any, which: Which, examples: int | Sequence[int] | None) -> Brought:
    """Inputs in memory or on disk, and targets beside them or among them."""
    notes: list[str] = []
    if targets is None and isinstance(which, str) and is_table(data):
        data, targets = _column_apart(data, which)
    elif targets is None:
        data, targets, notes = split(_own_dict(data), network, which)
    targets = target_tensor(unpacked_targets(targets))
    inputs, count = input_tensors(data, len(targets)), len(targets)
    rows = chosen_rows(count, examples)
    if rows is not None:
        inputs, targets = taken(inputs, rows, count), taken(targets, rows, count)
        notes = [
            *notes,
            f"{len(rows):,} of {count:,} examples"
            + (", drawn with seed 0" if isinstance(examples, int) else "")
            + ", the same at every point.",
        ]
    return _finished(network, inputs, targets, notes, None)


def _part_of(data: Brought, examples: int | Sequence[int]) -> Brought:
    count = len(data.targets)
    rows = chosen_rows(count, examples)
    if rows is None:
        return data
    said = f"{len(rows):,} of {count:,} examples, the same at every point."
    inputs, targets = taken(data.inputs, rows, count), taken(data.targets, rows, count)
    return replace(data, inputs=inputs, targets=targets, notes=(*data.notes, said), batches=None)


def _column_apart(table: Any, name: str) -> tuple[Any, Any]:
    """A table without one of its columns, and that column."""
    if name not in table.columns:
        raise InputError(f"The table has no column '{name}': it has {', '.join(repr(str(c)) for c in table.columns)}.")
    return table[[column for column in table.columns if column != name]], table[name]


def handed_whole(data: Any, examples: int | Sequence[int] | None = None) -> Read:
    """The contents of a data set, loader or stream as one batch of all its examples; anything else as it is.

    Raises
    ------
    InputError  examples of different shapes
    """
    read = read_through(data, examples)
    if any(isinstance(leaf, Ragged) for leaf in pytree.tree_leaves(read.content)):
        raise InputError(
            "The examples of the data differ in shape, so they cannot be put into one batch: bring them to one shape, by "
            "padding or resizing, in the data set."
        )
    return read


def read_through(data: Any, examples: int | Sequence[int] | None = None) -> Read:
    """As `handed_whole`, whose examples may differ in shape: such parts are `Ragged`."""
    return _read(data, examples, None) or Read(data, None, [])


def _finished(
    network: nn.Module, inputs: Any, targets: Any, notes: list[str], batches: tuple[int, ...] | None
) -> Brought:
    targets = padded_targets(targets)
    inputs, told = padded_inputs(numbers_only(inputs), network)
    return Brought(inputs, target_tensor(targets), (*notes, *told), None, batches)


def _packed(data: PackedSequence, targets: Any, examples: int | Sequence[int] | None) -> Brought:
    if targets is None:
        raise InputError(
            "Packed sequences are inputs alone: pass the targets beside, as in Problem(model, packed, targets)."
        )
    rows, adapter = unpacked(data)
    targets = padded_targets(target_tensor(unpacked_targets(targets)))
    chosen = chosen_rows(len(targets), examples)
    notes = ("Each packed sequence is one example.",)
    if chosen is None:
        return Brought(rows, targets, notes, adapter)
    return Brought({k: t[chosen] for k, t in rows.items()}, targets[chosen], notes, adapter)


def _graphs(network: nn.Module, data: Any, targets: Any, examples: int | Sequence[int] | None) -> Brought:
    if targets is not None:
        raise InputError("Graphs carry their own targets as `y`: leave the targets out, as in Problem(model, graphs).")
    sizes, given = None, graphs_of(data)
    inputs, graph_targets, adapter, notes = arranged_graphs(given, network)
    chosen = chosen_rows(len(graph_targets), examples)
    if chosen is not None:
        inputs, graph_targets = {k: t[chosen] for k, t in inputs.items()}, graph_targets[chosen]
    if isinstance(data, DataLoader) and chosen is None:
        sizes = tuple(int(getattr(batch, "num_graphs", 1)) for batch in given)
    return Brought(inputs, graph_targets, tuple(notes), adapter, sizes)


def graphs_of(data: Any) -> list[Any]:
    """The graphs, or batches of them, in `data`; none where it holds none."""
    if is_graph(data):
        return [data]
    if _first_graph(data) is None:
        return []
    return list(read_graphs(data)) if isinstance(data, DataLoader) else [data[i] for i in range(len(data))]


def read_graphs(loader: DataLoader[Any]) -> Iterator[Any]:
    """The batches of graphs in one order, drawn from the seed."""
    from .reading import seeded

    with seeded(loader.generator, getattr(loader.sampler, "generator", None)):
        yield from list(loader)


def _first_graph(data: Any) -> Any:
    """The first example where that is a graph."""
    source: Any = data.dataset if isinstance(data, DataLoader) else data
    if isinstance(source, (Tensor, Mapping, IterableDataset)) or not hasattr(source, "__getitem__"):
        return None
    try:
        first = source[0] if len(source) else None
    except Exception:  # anything that is not indexed by numbers
        return None
    return first if is_graph(first) else None


def comes_in_examples(data: Any) -> bool:
    """Whether `data` gives examples or batches one after another, so that reading them takes time."""
    return isinstance(data, (DataLoader, Dataset)) or _is_set_like(data) or _is_stream(data)


def _is_set_like(data: Any) -> bool:
    """Whether `data` is indexed by 0, 1, 2 … and is neither an array nor a container of Python's: as Hugging Face's sets are."""
    return not _is_held(data) and hasattr(data, "__getitem__") and hasattr(data, "__len__")


def _is_stream(data: Any) -> bool:
    return not _is_held(data) and isinstance(data, Iterable)


def _is_held(data: Any) -> bool:
    """Whether `data` is an array, a table, a sparse matrix or a container of Python's."""
    held = isinstance(data, (Tensor, Mapping, Sequence)) or hasattr(data, "__array__") or hasattr(data, "to_numpy")
    return held or is_sparse(data)


def _refuse_what_holds_several(data: Any) -> None:
    if isinstance(data, Mapping) and data and all(hasattr(v, "column_names") for v in data.values()):
        raise InputError(
            f"The data hold several sets ({', '.join(map(repr, data))}): give one of them, such as data[{next(iter(data))!r}]."
        )
    if hasattr(data, "train_dataloader") and not isinstance(data, (DataLoader, nn.Module)):
        raise InputError(
            f"A {type(data).__name__} makes loaders: call its setup(), and give data.train_dataloader() in its place."
        )
    if data is None:
        raise InputError("There are no data: give inputs and targets, or a DataLoader or Dataset that has both.")


def _is_inputs_alone(content: Any) -> bool:
    return isinstance(content, (Tensor, Ragged)) or (isinstance(content, tuple) and len(content) == 1)


def _own_dict(data: Any) -> Any:
    return dict(data) if isinstance(data, Mapping) else data
