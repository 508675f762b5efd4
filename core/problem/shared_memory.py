"""Parameters that are views of the same numbers: one thing in training, which would be moved here as two."""

from __future__ import annotations

import itertools
from collections import defaultdict

import torch
from torch import Tensor, nn

from ..checks import InputError


def check_memory(model: nn.Module) -> None:
    """Raise InputError where a parameter that is trained shares numbers with another tensor of the network.

    One tensor under several names is tied, and moves once; parameters cut from one buffer side by side share nothing.

    >>> shared = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 2, bias=False))
    >>> shared[1].weight = nn.Parameter(shared[0].weight.t())
    >>> try:
    ...     check_memory(shared)
    ... except InputError as error:
    ...     print(str(error)[:53])
    '0.weight' and '1.weight' are views of the same numbe
    """
    together = defaultdict[int, list[tuple[str, Tensor]]](list)
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.numel() and tensor.layout == torch.strided and type(tensor) in (Tensor, nn.Parameter):
            together[tensor.untyped_storage().data_ptr()].append((name, tensor.detach()))
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    for tensors in together.values():
        for (one, a), (other, b) in itertools.combinations(tensors, 2):
            if trained & {one, other} and _overlap(a, b):
                raise InputError(
                    f"'{one}' and '{other}' are views of the same numbers, which training moves as one and a landscape would move "
                    "apart: keep one parameter and make the other of it in forward, as in F.linear(x, self.first.weight.t()), or, "
                    "where the shapes are the same, let both be one, model.second.weight = model.first.weight."
                )


def _overlap(a: Tensor, b: Tensor) -> bool:
    """Whether two views of one storage have an element in common."""
    (start, end), (first, last) = _reach(a), _reach(b)
    if end <= first or last <= start:
        return False
    if a.dtype != b.dtype or (a.is_contiguous() and b.is_contiguous()):
        return True
    held = torch.zeros(a.untyped_storage().nbytes() // a.element_size(), dtype=torch.bool)
    held.as_strided(a.shape, a.stride(), a.storage_offset()).fill_(True)
    return bool(held.as_strided(b.shape, b.stride(), b.storage_offset()).any())


def _reach(tensor: Tensor) -> tuple[int, int]:
    """The first byte of a view in its storage, and the one after its last."""
    far = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    start = tensor.storage_offset()
    return int(start * tensor.element_size()), int((start + far + 1) * tensor.element_size())
