"""Digests of content and of named tensors: the same content, the same digest, on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from ..machine.threads import side_by_side
from .vectors import StreamedVector, part, pieces_of, raw

AHEAD = 16  # pieces that are drawn side by side before they are hashed


def canonical(content: Any) -> str:
    """JSON text that is the same for the same content: sorted keys, no spaces.

    Raises
    ------
    TypeError  anything that JSON does not know; nothing is guessed

    >>> canonical({"b": 1, "a": [1.5, None]})
    '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: Any) -> str:
    """SHA-256 of `canonical(content)`, hexadecimal."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def tensor_digest(tensors: Mapping[str, Tensor | None]) -> str:
    """SHA-256 over names, types, shapes and bytes of tensors, hexadecimal. A quantised layer's own count by the
    numbers that they stand for, and what is no tensor by its text.

    >>> import torch
    >>> tensor_digest({"a": torch.zeros(2)}) == tensor_digest({"a": torch.zeros(2)})
    True
    """
    total = hashlib.sha256()
    for name, tensor in tensors.items():
        for leaf in [tensor] if isinstance(tensor, Tensor) else pytree.tree_leaves(tensor):
            _enter_leaf(total, name, leaf)
    return total.hexdigest()


def _enter_leaf(total: Any, name: str, leaf: Any) -> None:
    if isinstance(leaf, Tensor) and leaf.is_quantized:
        total.update(f"{name} {leaf.qscheme()};".encode())
        leaf = leaf.dequantize()
    if isinstance(leaf, Tensor):
        _enter(total, name, leaf, leaf)
    elif leaf is not None:
        total.update(f"{name} {leaf};".encode())


def _enter(total: Any, label: str, like: Tensor, of: Tensor | Mapping[str, Tensor]) -> None:
    """Add a tensor, piece by piece where it is one of a vector that may be drawn as it is needed."""
    total.update(f"{label} {like.dtype} {tuple(like.shape)};".encode())
    cut = pieces_of(label.partition("/")[2], like.shape)
    if isinstance(of, StreamedVector):
        draw = partial(part, of)
        pieces = (one for start in range(0, len(cut), AHEAD) for one in side_by_side(draw, cut[start : start + AHEAD]))
    else:
        pieces = (piece.of(of) if isinstance(of, Tensor) else part(of, piece) for piece in cut)
    for one in pieces:
        if one.numel():
            total.update(raw(one.cpu()).numpy())
