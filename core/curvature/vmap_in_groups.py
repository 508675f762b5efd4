"""torch's vmap for networks whose control flow hangs on values: examples that decide alike go together.

A language model of transformers looks whether a mask has padding before it builds one (`if mask.all()`), and vmap cannot follow an
`if` whose answer differs between examples. Where all answers of a batch are the same there is nothing to follow: the batch is cut by
the answers, each group runs as its examples alone would, and the results are put back into their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch._C import _functorch
from torch.func import vmap
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from .vmap_trouble import hangs_on_values

IN_GROUPS = "examples in groups that decide alike"  # the finding that a network's control flow hangs on values
ASKED = (Tensor.__bool__, Tensor.__int__, Tensor.item)


class _Undecided(Exception):
    """The examples of a batch give different answers.

    answers  (m,) one of each example
    """

    def __init__(self, answers: Tensor) -> None:
        super().__init__()
        self.answers = answers


class _SameAnswers(TorchFunctionMode):
    """Inside, a value that is asked for of each example is given where all of `count` examples have the same."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answers = _answers(args[0], self.count) if func in ASKED else None
        if answers is None:
            return func(*args, **(kwargs or {}))
        if not bool((answers == answers[0]).all()):
            raise _Undecided(answers)
        return func(answers[0])


def vmap_in_groups(trials: dict[Any, Any], function: Callable[..., Any], *batched: Any) -> Any:
    """`vmap(function)(*batched)`, also where `function` asks for values; `trials` keeps whether it does.

    >>> def halved(x):
    ...     return x / 2 if x > 0 else x
    >>> vmap_in_groups({}, halved, torch.tensor([2.0, -2.0, 4.0]))
    tensor([ 1., -2.,  2.])
    """
    if not trials.get(IN_GROUPS):
        try:
            return vmap(function, randomness="error")(*batched)
        except RuntimeError as error:
            if not hangs_on_values(error):
                raise
    count = len(pytree.tree_leaves(batched)[0])
    groups = list(_groups(function, batched, torch.arange(count)))
    trials[IN_GROUPS] = True
    if len(groups) == 1:
        return groups[0][1]
    order = torch.cat([rows for rows, _ in groups]).argsort()
    return pytree.tree_map(
        lambda *parts: torch.cat(parts)[order.to(parts[0].device)], *(results for _, results in groups)
    )


def _groups(function: Callable[..., Any], batched: Any, rows: Tensor) -> Iterator[tuple[Tensor, Any]]:
    """The rows of each group, and what `function` gives for them."""
    part = pytree.tree_map(lambda t: t[rows.to(t.device)], batched)
    try:
        with _SameAnswers(len(rows)):
            results = vmap(function, randomness="error")(*part)
    except _Undecided as parted:
        answers = parted.answers.cpu()
        for answer in answers.unique():
            yield from _groups(function, batched, rows[answers == answer])
        return
    yield rows, results


def _answers(tensor: Tensor, count: int) -> Tensor | None:
    """A number of each example, (count,); None for one that is not of each example, or that equals nothing (NaN)."""
    levels = 0
    while _functorch.is_batchedtensor(tensor) or _functorch.is_gradtrackingtensor(tensor):
        levels += _functorch.is_batchedtensor(tensor)
        tensor = _functorch.get_unwrapped(tensor)
    if levels != 1 or tensor.shape != (count,) or bool((tensor != tensor).any()):
        return None
    return tensor
