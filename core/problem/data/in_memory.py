"""Inputs and targets in memory as tensors, each in the place that it has: alone, one of several, or by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...checks import InputError
from .reading import Ragged
from .tensors import is_numbers, tensor_of


def target_tensor(targets: Any) -> Any:
    """One tensor of targets, or the examples' own where their lengths differ."""
    if isinstance(targets, Ragged):
        return targets
    if isinstance(targets, tuple) and any(isinstance(t, Tensor) and t.ndim for t in targets):
        raise InputError(
            f"targets should be one tensor with a row per example, but are a tuple of {len(targets)}: give the one that the "
            "loss is of, stack them along a last dimension, or use Problem.from_loss(model, (inputs, *targets), loss), whose "
            "loss(model, batch) is handed all of them."
        )
    if isinstance(targets, list) and targets and all(_has_length(t) for t in targets):
        examples = [tensor_of(t, "targets") for t in targets]
        if len({t.shape for t in examples}) > 1:
            return Ragged(examples)
    return tensor_of(targets, "targets")


def input_tensors(data: Any, count: int) -> Any:
    """Tensors in the places that they have: one, several, or by name."""
    if isinstance(data, Mapping):
        return {str(k): _one_input(v) for k, v in data.items()}
    if isinstance(data, (list, tuple)) and not is_numbers(data):
        if _are_examples(data, count):
            return _one_input(list(data))
        return tuple(_one_input(v) for v in data)
    return _one_input(data)


def _one_input(part: Any) -> Any:
    if isinstance(part, Tensor) and part.is_nested:
        return Ragged([t.detach() for t in part.unbind()])
    if isinstance(part, (list, tuple)) and part and all(_has_length(x) for x in part):
        examples = [tensor_of(x, "inputs") for x in part]
        return torch.stack(examples) if len({t.shape for t in examples}) == 1 else Ragged(examples)
    return part if isinstance(part, Ragged) else tensor_of(part, "inputs")


def _are_examples(parts: Sequence[Any], count: int) -> bool:
    """Whether a list is of examples, not of several inputs that have a row for each."""
    lengths = [(x.shape[0] if hasattr(x, "shape") else len(x)) if _has_length(x) else None for x in parts]
    return len(parts) == count and not all(length == count for length in lengths)


def _has_length(thing: Any) -> bool:
    return bool(thing.ndim) if hasattr(thing, "ndim") else isinstance(thing, (list, tuple))


def numbers_only(inputs: Any) -> Any:
    """Every input as a tensor."""

    def checked(part: Any) -> Any:
        return part if isinstance(part, (Tensor, Ragged)) else tensor_of(part, "inputs")

    if isinstance(inputs, Mapping):
        return {k: checked(v) for k, v in inputs.items()}
    return tuple(checked(v) for v in inputs) if isinstance(inputs, tuple) else checked(inputs)


def taken(part: Any, rows: list[int], count: int) -> Any:
    """These rows of `count`, of every input."""
    if isinstance(part, Mapping):
        return {k: taken(v, rows, count) for k, v in part.items()}
    if isinstance(part, tuple):
        return tuple(taken(v, rows, count) for v in part)
    if len(part) != count:
        raise InputError(
            f"Inputs and targets should have one row per example, but have {len(part)} and {count} rows: "
            "pass the same number of each."
        )
    return Ragged([part.examples[i] for i in rows]) if isinstance(part, Ragged) else part[rows]
