"""What a tokenizer returns, or a data set of it: every part a tensor with a row per text, whatever it came as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError
from .data import Ragged, Read, comes_in_examples, padded, read_through
from .likelihoods.protocol import IGNORED

IDS, MASK, LABELS = "input_ids", "attention_mask", "labels"
KNOWN = (
    IDS,
    MASK,
    LABELS,
)  # whose meaning is known; any other part is handed to forward where it takes one of that name


def encoded(data: Any, padding: int | None) -> Read:
    """The parts of `data` by name where it has `input_ids`; anything else as it is.

    Parameters
    ----------
    data     a BatchEncoding or a dict, of tensors or of lists of different lengths; a list, data set or loader of such
    padding  the token that fills rows up; None: 0

    Raises
    ------
    InputError  parts that are not numbers, or without as many rows as there are texts

    >>> found = encoded({"input_ids": [[5, 6, 7], [8]], "labels": [[5, 6, 7], [8]], "text": ["a", "b"]}, 9).content
    >>> found["input_ids"].tolist(), found["attention_mask"].tolist(), found["labels"].tolist()
    ([[5, 6, 7], [8, 9, 9]], [[1, 1, 1], [1, 0, 0]], [[5, 6, 7], [8, -100, -100]])
    """
    if not _by_name(data):
        return Read(data)
    read = read_through(data) if comes_in_examples(data) or isinstance(data, Sequence) else Read(dict(data))
    parts = {name: part for name, part in read.content.items() if _is_numbers(part)}
    rows = [_row(row) for row in parts[IDS].examples] if isinstance(parts[IDS], Ragged) else _rows(parts[IDS])
    lengths = {len(row) for row in rows}
    fill = {IDS: padding or 0, LABELS: IGNORED}
    content = {name: _filled(name, part, fill.get(name, 0), len(rows)) for name, part in parts.items()}
    content.setdefault(MASK, padded([torch.ones_like(row) for row in rows]))
    said = ["Shorter texts are padded, and padding is neither attended to nor predicted."] if len(lengths) > 1 else []
    return Read(content, read.batches, [*read.notes, *said])


def _by_name(data: Any) -> bool:
    if isinstance(data, Mapping):
        return IDS in data
    if isinstance(data, (Tensor, str)) or not (comes_in_examples(data) or isinstance(data, Sequence)):
        return hasattr(data, IDS)
    source = getattr(data, "dataset", data)
    try:
        return isinstance(source[0], Mapping) and IDS in source[0]
    except Exception:  # anything that is not indexed by numbers
        return False


def _is_numbers(part: Any) -> bool:
    if isinstance(part, (Tensor, Ragged)):
        return True
    return hasattr(part, "__len__") and len(part) > 0 and not isinstance(part, str) and not isinstance(part[0], str)


def _filled(name: str, part: Any, fill: float, count: int) -> Tensor:
    rows = (
        padded([_row(row) for row in part.examples], fill) if isinstance(part, Ragged) else _stacked(name, part, fill)
    )
    if rows.ndim == 0 or len(rows) != count:
        raise InputError(f"'{name}' should have a row for each of {count} texts, but has shape {tuple(rows.shape)}.")
    return rows


def _stacked(name: str, part: Any, fill: float) -> Tensor:
    try:
        rows = _rows(part)
        return torch.stack(rows) if len({row.shape for row in rows}) == 1 else padded(rows, fill)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"'{name}' should hold numbers, a row for each text: turn it into such, or leave it out."
        ) from error


def _rows(part: Any) -> list[Tensor]:
    return list(part) if isinstance(part, Tensor) else [_row(row) for row in part]


def _row(row: Any) -> Tensor:
    return torch.as_tensor(row)
