"""Arrays, tables and lists as tensors of the same numbers; what holds no numbers is refused with what to do."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...checks import InputError
from ...machine.memory import byte_text, free_bytes

# torch has these types, and next to no operation on them
WIDER = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64}


def tensor_of(thing: Any, what: str) -> Tensor:
    """One tensor of the numbers in `thing`, in the same memory where there can be one (a memmap stays on disk).

    Parameters
    ----------
    thing  tensor, array, memmap, DataFrame, Series, number, or nested lists of numbers, arrays or tensors of one shape
    what   what it is, for the message

    Raises
    ------
    InputError  words, objects, dates, missing values, several tensors that do not stack

    >>> tensor_of([[1, 2], [3, 4]], "inputs").tolist()
    [[1, 2], [3, 4]]
    """
    if isinstance(thing, Tensor):
        return _dense(thing).detach()
    if is_sparse(thing):
        return _from_array(_filled(thing, what), what)
    if is_table(thing):
        return _from_array(_columns(thing, what), what)
    if hasattr(thing, "to_numpy"):
        return _from_array(np.asarray(thing.to_numpy()), what)
    if isinstance(thing, (Mapping, str, bytes)):
        raise InputError(f"{_start(what)} should be one tensor, but {_is(what)} {_described(thing)}")
    if isinstance(thing, Sequence):
        return _from_list(thing, what)
    try:
        return _from_array(np.asarray(thing), what)
    except InputError:
        raise
    except Exception as error:  # whatever a foreign object's own conversion raises
        raise InputError(
            f"{_start(what)} should hold numbers, but {_is(what)} a {type(thing).__name__}: give a tensor or an array."
        ) from error


def converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor of inputs in the network's precision: itself where it has that already.

    Raises
    ------
    InputError  a copy would not fit in memory
    """
    if tensor.dtype == dtype:
        return tensor
    needed, free = tensor.numel() * dtype.itemsize, free_bytes()
    if free is not None and needed > free:
        there, here = (str(kind).removeprefix("torch.") for kind in (tensor.dtype, dtype))
        raise InputError(
            f"The inputs are {there}, and the network's are {here}: a copy needs {byte_text(needed)}, and {byte_text(free)} are "
            f"free. Save them as {here}, which is read from the disk as it is needed, or take a part of them with examples=."
        )
    return tensor.to(dtype)


def is_numbers(thing: Any) -> bool:
    """Whether `thing` is a number, a tensor or an array of them, or nested lists of numbers."""
    if isinstance(thing, (list, tuple)):
        return bool(thing) and all(isinstance(x, (int, float, complex, list, tuple)) and is_numbers(x) for x in thing)
    if isinstance(thing, (Tensor, int, float, complex)) or is_table(thing) or is_sparse(thing):
        return True
    return isinstance(thing, (np.ndarray, np.generic)) and thing.dtype.kind in "biufc"


def _from_list(thing: Sequence[Any], what: str) -> Tensor:
    entries = list(thing)
    if entries and all(isinstance(x, (Tensor, np.ndarray)) for x in entries):
        tensors = [tensor_of(x, what) for x in entries]
        if len({t.shape for t in tensors}) > 1:
            raise InputError(
                f"{_start(what)} should be one tensor, but {_is(what)} {len(tensors)} of different shapes "
                f"({tuple(tensors[0].shape)} and others): pad them to one shape."
            )
        return torch.stack(tensors)
    if any(isinstance(x, (str, bytes)) for x in entries):
        raise InputError(_no_numbers(what, "text"))
    try:
        return torch.as_tensor(entries)
    except (ValueError, TypeError, RuntimeError):
        pass
    try:
        return _from_array(np.asarray(entries), what)
    except ValueError as error:
        raise InputError(
            f"{_start(what)} should be one table of numbers, but {_is(what)} a list whose entries differ in length or "
            "kind: pad them to one shape and give a tensor."
        ) from error


def _from_array(array: np.ndarray, what: str) -> Tensor:
    kind = array.dtype.kind
    if kind == "O":
        array = _numbers_in(array, what)
    elif kind not in "biufc":
        raise InputError(_no_numbers(what, {"U": "text", "S": "text", "M": "dates", "m": "durations"}.get(kind, kind)))
    if array.dtype.name in WIDER:
        array = array.astype(WIDER[array.dtype.name])
    if array.dtype.name == "float128" or array.dtype.name == "longdouble":
        array = array.astype(np.float64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if any(stride < 0 for stride in array.strides):
        array = np.ascontiguousarray(array)
    with warnings.catch_warnings():  # torch warns of arrays that cannot be written to, and nobody writes here
        warnings.simplefilter("ignore")
        return torch.as_tensor(array)


def _numbers_in(array: np.ndarray, what: str) -> np.ndarray:
    """The numbers in an array of Python objects."""
    if any(isinstance(x, (str, bytes)) for x in array.flat):
        raise InputError(_no_numbers(what, "text"))
    if any(x is None or x != x or type(x).__name__ == "NAType" for x in array.flat if not hasattr(x, "shape")):
        raise InputError(f"{_start(what)} should hold numbers only, but some are missing: drop or fill those rows.")
    try:
        return np.array(array.tolist())
    except ValueError as error:
        raise InputError(_no_numbers(what, "objects of different shapes")) from error


def _columns(table: Any, what: str) -> np.ndarray:
    """The numbers of a DataFrame, rows × columns."""
    bad = [str(name) for name in table.columns if not _is_numeric(table[name])]
    if bad:
        raise InputError(
            f"{_start(what)} should be numbers, but the column{'s' if len(bad) > 1 else ''} "
            f"{', '.join(map(repr, bad[:3]))} of the table {'are' if len(bad) > 1 else 'is'} not: "
            "leave them out or encode them as numbers (pandas.get_dummies)."
        )
    return np.asarray(table.to_numpy())


def _is_numeric(column: Any) -> bool:
    kind = getattr(column.dtype, "kind", None)
    if kind is None:  # tables of other libraries
        kind = np.asarray(column.to_numpy()).dtype.kind
    return kind in "biufc"


def is_table(thing: Any) -> bool:
    """Whether `thing` is a DataFrame, of whatever library."""
    return hasattr(thing, "columns") and hasattr(thing, "to_numpy")


def is_sparse(thing: Any) -> bool:
    """Whether `thing` is a sparse matrix of scipy's, known by what it has."""
    return hasattr(thing, "toarray") and hasattr(thing, "nnz") and hasattr(thing, "dtype")


def _filled(thing: Any, what: str) -> np.ndarray:
    """All entries of a sparse matrix, refused where they do not fit in memory."""
    needed, free = int(np.prod(thing.shape, dtype=object)) * thing.dtype.itemsize, free_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"{_start(what)} {'are' if what.endswith('s') else 'is'} sparse, and all entries take {byte_text(needed)}, of which "
            f"{byte_text(free)} are free: give a part of the rows."
        )
    return np.asarray(thing.toarray())


def _dense(tensor: Tensor) -> Tensor:
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def _no_numbers(what: str, kind: str) -> str:
    remedy = (
        "number the classes from 0, as numpy.unique(…, return_inverse=True) does"
        if what == "targets"
        else "turn them into numbers first, with the tokenizer or the transform that the network was trained with"
    )
    return f"{_start(what)} should hold numbers, but hold{'' if what.endswith('s') else 's'} {kind}: {remedy}."


def _described(thing: Any) -> str:
    if isinstance(thing, Mapping):
        names = [str(name) for name in thing]
        return f"a dict with {', '.join(map(repr, names[:4]))}: give the entry that is meant, or use Problem.from_loss(model, data, loss), whose loss(model, batch) is handed all of it."
    return "text: turn it into numbers first."


def _start(what: str) -> str:
    return what[:1].upper() + what[1:]


def _is(what: str) -> str:
    return "are" if what.endswith("s") else "is"
