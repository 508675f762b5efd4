"""Packed sequences: kept padded with their lengths, one row per sequence, and packed again for every pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..likelihoods.protocol import IGNORED
from .adapter import Adapter, Call

ROWS, LENGTHS = "sequences", "lengths"


def unpacked(packed: PackedSequence) -> tuple[dict[str, Tensor], Adapter]:
    """The sequences as rows (n, longest, …) with their lengths (n,), in the order they were packed in; and how to go back."""
    rows, lengths = pad_packed_sequence(packed, batch_first=True)
    return {ROWS: rows, LENGTHS: lengths}, Adapter(_pack, _unpack, "packed sequences")


def unpacked_targets(targets: Any) -> Any:
    """Targets that come packed, one per place, with −100 where there is none."""
    if not isinstance(targets, PackedSequence):
        return targets
    rows, _ = pad_packed_sequence(targets, batch_first=True, padding_value=0)
    lengths = pad_packed_sequence(targets, batch_first=True)[1]
    beyond = torch.arange(rows.shape[1])[None] >= lengths[:, None]
    return rows.masked_fill(beyond.to(rows.device), IGNORED)


def _pack(_args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    packed = pack_padded_sequence(kwargs[ROWS], kwargs[LENGTHS].cpu(), batch_first=True, enforce_sorted=False)
    return (packed,), {}


def _unpack(outputs: Any, kwargs: dict[str, Any]) -> Any:
    """Packed outputs, and tensors with a row for every place in the packed order, as rows per sequence."""
    if isinstance(outputs, PackedSequence):
        return pad_packed_sequence(outputs, batch_first=True, total_length=kwargs[ROWS].shape[1])[0]
    if isinstance(outputs, tuple):
        return tuple(_unpack(entry, kwargs) for entry in outputs)
    lengths = kwargs[LENGTHS]
    places = int(lengths.sum())
    if isinstance(outputs, Tensor) and outputs.ndim and len(outputs) == places != len(lengths):
        (packed,), _ = _pack((), kwargs)
        return _unpack(packed._replace(data=outputs), kwargs)
    return outputs
