"""A batch split into the network's input and its target: by the fields' names and places, and never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ...checks import InputError
from .signature import MASKS, Signature, shifts_labels
from .tensors import is_numbers

TARGET_KEYS = ("labels", "label", "targets", "target", "y")
Which = str | int | None


def split(batch: Any, network: nn.Module, which: Which = None) -> tuple[Any, Any, list[str]]:
    """Inputs (a value, a tuple of positional ones, or a dict of named ones), targets, and notes on what was taken.

    Parameters
    ----------
    batch  what a data set or loader gives: (inputs, targets), several inputs being a tuple or dict of their own, (input, …,
           input, targets) where forward needs exactly these inputs, or a dict with one of TARGET_KEYS
    which  the key, or the place, of the targets; None: as above

    Raises
    ------
    InputError  no targets, or several things that may be them; the argument that settles it is named

    >>> split({"image": torch.ones(2, 3), "label": torch.tensor([0, 1])}, nn.Linear(3, 2))[1].tolist()
    [0, 1]
    """
    signature = Signature.of(network)
    if isinstance(batch, Mapping):
        return _of_mapping(batch, network, signature, which)
    if isinstance(batch, (tuple, list)) and not is_numbers(batch):
        return _of_places(batch, signature, which)
    raise InputError(
        "The data give inputs alone, and a loss needs targets: let each example be a pair (input, target), or pass them "
        "beside, as in Problem(model, inputs, targets)."
    )


def named_inputs(given: Mapping[str, Any], signature: Signature) -> tuple[Any, list[str]]:
    """Those entries that forward knows by name, or the only one, by place; and a note on the others."""
    known = {k: v for k, v in given.items() if signature.takes(k)}
    if not known and signature.open_names:
        known = {k: v for k, v in given.items() if is_numbers(v)}
    if not known:
        numeric = [k for k, v in given.items() if is_numbers(v)]
        if len(numeric) != 1:
            raise InputError(
                f"The data have {_list(given)}, and none is an argument of {signature.text}: rename them as forward "
                "does, or give pairs (inputs, targets)."
            )
        return given[numeric[0]], _left_out([k for k in given if k != numeric[0]])
    return known, _left_out([k for k in given if k not in known])


def _of_mapping(
    batch: Mapping[str, Any], network: nn.Module, signature: Signature, which: Which
) -> tuple[Any, Any, list[str]]:
    keys = [which] if isinstance(which, str) else [k for k in TARGET_KEYS if k in batch]
    if isinstance(which, int) or len(keys) != 1 or keys[0] not in batch:
        trouble = (
            "none of them is known for" if not keys or isinstance(which, int) else "it is not clear which of them are"
        )
        if isinstance(which, str):
            trouble = f"'{which}' is not among"
        raise InputError(
            f"The data have {_list(batch)}, and {trouble} the targets: name theirs, as in "
            'Problem(model, data, targets="labels").'
        )
    key = keys[0]
    inputs, notes = named_inputs({str(k): v for k, v in batch.items() if k != key}, signature)
    targets = batch[key]
    if key == "labels" and isinstance(targets, Tensor) and targets.ndim > 1 and shifts_labels(network):
        return (
            inputs,
            _shifted(targets),
            [*notes, "The labels were shifted by one place: each token predicts the next."],
        )
    return inputs, targets, notes


def _of_places(batch: tuple[Any, ...] | list[Any], signature: Signature, which: Which) -> tuple[Any, Any, list[str]]:
    count, needed = len(batch), len(signature.required)
    if isinstance(which, int) and -count <= which < count:
        place = which % count
        rest = [entry for index, entry in enumerate(batch) if index != place]
        most = len(rest) if signature.open_places else min(len(rest), len(signature.names))
        left = len(rest) - most
        note = (
            [f"{left} of the entries beside the targets {'is' if left == 1 else 'are'} not given to forward."]
            if left
            else []
        )
        return _inputs(rest[:most], signature), batch[place], note
    unmasked = sum(name not in MASKS for name in signature.required)  # masks can be made from the lengths
    apart = count == 2 and isinstance(batch[0], (Mapping, tuple, list)) and not is_numbers(batch[0])
    fits = apart or count == needed + 1 or (count == 2 and unmasked <= 1) or _with_masks(count - 1, signature)
    if count == 1 and which is None:
        raise InputError(
            "Each example has 1 part, and there are no targets: let the data set give pairs (input, target), or give tensors, as in "
            "Problem(model, x, x) for a network that gives its input back."
        )
    if which is not None or not fits:
        raise InputError(
            f"Each example has {count} part{'s' if count != 1 else ''}, and it is not clear which is the target of "
            f"{signature.text}: say its place, as in Problem(model, data, targets=1), or give pairs (inputs, targets)."
        )
    return _inputs(list(batch[:-1]), signature), batch[-1], []


def _with_masks(count: int, signature: Signature) -> bool:
    """Whether forward's first `count` arguments are all that it requires, and masks."""
    given = signature.names[:count]
    optional = set(given) - set(signature.required)
    return len(given) == count and set(signature.required) <= set(given) and optional <= set(MASKS)


def _inputs(entries: list[Any], signature: Signature) -> Any:
    if len(entries) != 1:
        return tuple(entries)
    (only,) = entries
    return named_inputs(only, signature)[0] if isinstance(only, Mapping) else only


def _shifted(labels: Tensor) -> Tensor:
    ignored = torch.full_like(labels[:, :1], -100)
    return torch.cat([labels[:, 1:], ignored], 1)


def _left_out(names: list[str]) -> list[str]:
    return [f"Not given to forward, which does not know them: {', '.join(map(repr, names))}."] if names else []


def _list(batch: Mapping[str, Any]) -> str:
    return ", ".join(repr(str(k)) for k in list(batch)[:6])
