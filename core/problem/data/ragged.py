"""Examples of different lengths: padded to the longest, with a mask where the network takes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...checks import InputError
from ..likelihoods.protocol import IGNORED
from .reading import Ragged
from .signature import LENGTHS, MASKS, TRUE_WHERE_KEPT, TRUE_WHERE_PADDED, Signature, padding_token


def padded(examples: Sequence[Tensor], value: float = 0) -> Tensor:
    """(n, longest, …) from tensors (length, …), `value` in the places that are left over.

    >>> padded([torch.tensor([1, 2]), torch.tensor([3])]).tolist()
    [[1, 2], [3, 0]]
    """
    return torch.nn.utils.rnn.pad_sequence(list(examples), batch_first=True, padding_value=value)


def padded_inputs(inputs: Any, network: nn.Module) -> tuple[Any, list[str]]:
    """The inputs with every Ragged part padded and a mask beside where there is none yet; and a note.

    Raises
    ------
    InputError  the network takes no mask, or examples that differ in more than their length
    """
    parts = _named(inputs)
    ragged = {name: part for name, part in parts.items() if isinstance(part, Ragged)}
    if not ragged:
        return inputs, []
    lengths = _lengths(next(iter(ragged.values())))
    signature = Signature.of(network)
    known = {name: _argument(name, signature) for name in parts}
    padded_parts = {name: _padded_part(known[name], part, network) for name, part in parts.items()}
    note = f"Examples of {min(lengths)} to {max(lengths)} places were padded to {max(lengths)}"
    if any(name in MASKS for name in known.values()):
        return _like(inputs, padded_parts), [f"{note}, the mask with them."]
    told = next((name for name, part in parts.items() if _tells_lengths(part, next(iter(ragged.values())))), None)
    if told is not None:
        return _like(inputs, padded_parts), [f"{note}, and forward is told their lengths by `{known[told]}`."]
    mask = _mask(signature, lengths)
    if mask is None:
        raise InputError(
            f"The examples have different lengths ({min(lengths)} to {max(lengths)}), and {signature.text} takes no mask "
            "(attention_mask, src_key_padding_mask or lengths) to tell padding by: pad them yourself as in training, give "
            "examples of one length, let forward take such a mask, or hand over each example's length, an integer, beside it."
        )
    named = {n if isinstance(n, str) else signature.names[n]: part for n, part in padded_parts.items()}
    return named | mask, [f"{note}, and forward is told by `{next(iter(mask))}`."]


def padded_targets(targets: Any) -> Any:
    """Targets of different lengths with −100, which is not predicted, behind their ends.

    Raises
    ------
    InputError  real-valued targets of different lengths
    """
    if not isinstance(targets, Ragged):
        return targets
    if targets.examples[0].is_floating_point():
        raise InputError(
            "The targets are real values of different lengths, and padding would count as values: pad inputs and targets "
            "yourself and give a loss of your own that leaves the padding out."
        )
    _lengths(targets)
    return padded(targets.examples, IGNORED)


def _padded_part(name: str, part: Any, network: nn.Module) -> Any:
    if not isinstance(part, Ragged):
        return part
    _lengths(part)
    return padded(part.examples, padding_token(network) if name == "input_ids" else name in TRUE_WHERE_PADDED)


def _argument(name: str | int, signature: Signature) -> str:
    """The argument of forward that a part is for, given by name or by place."""
    if isinstance(name, str):
        return name
    return signature.names[name] if name < len(signature.names) else str(name)


def _mask(signature: Signature, lengths: list[int]) -> dict[str, Tensor] | None:
    counts = torch.tensor(lengths)
    present = torch.arange(int(counts.max()))[None] < counts[:, None]
    makers = (
        (TRUE_WHERE_KEPT, present.long()),
        (TRUE_WHERE_PADDED, ~present),
        (LENGTHS, counts),
    )
    found = [(name, mask) for names, mask in makers for name in names if signature.takes(name)]
    return dict(found[:1]) or None


def _tells_lengths(part: Any, padded_parts: Ragged) -> bool:
    """Whether a part of another name holds how long each example is, of batches that were padded before they came: of those of one
    width the longest fills it, and behind its length every example has one and the same value."""
    if not isinstance(part, Tensor) or part.ndim != 1 or part.is_floating_point() or part.dtype == torch.bool:
        return False
    widths, counts = torch.tensor([len(t) for t in padded_parts.examples]), part.cpu()
    fills = all(int(counts[widths == width].max()) == int(width) for width in widths.unique())
    if not fills or int(counts.min()) < 1 or bool((counts > widths).any()) or bool((counts == widths).all()):
        return False
    behind = [t[n:].flatten() for t, n in zip(padded_parts.examples, counts.tolist(), strict=True)]
    return len(torch.cat(behind).unique()) == 1


def _lengths(part: Ragged) -> list[int]:
    if len({(t.ndim, t.shape[1:], t.dtype) for t in part.examples}) != 1 or part.examples[0].ndim == 0:
        shapes = sorted({tuple(t.shape) for t in part.examples})
        raise InputError(
            f"The examples differ in more than their length ({', '.join(map(str, shapes[:3]))}): bring them to one shape "
            "first, by resizing or cropping."
        )
    return [len(t) for t in part.examples]


def _named(inputs: Any) -> dict[Any, Any]:
    if isinstance(inputs, Mapping):
        return dict(inputs)
    return dict(enumerate(inputs)) if isinstance(inputs, tuple) else {0: inputs}


def _like(inputs: Any, parts: dict[Any, Any]) -> Any:
    if isinstance(inputs, Mapping):
        return parts
    return tuple(parts.values()) if isinstance(inputs, tuple) else parts[0]
