"""Independent pieces of work, as many at once as there are threads, each on one: no number depends on how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

from ..machine.threads import side_by_side

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_turns(
    what: str, function: Callable[[Item], Result], items: Iterable[Item], progress: Callable[[str, int, int], None]
) -> list[Result]:
    """`function` of every item, in their order, saying how far it is between turns.

    >>> said = []
    >>> in_turns("Squares", lambda x: x * x, [1, 2], lambda *told: said.append(told))
    [1, 4]
    >>> said[-1]
    ('Squares', 2, 2)
    """
    every, found = list(items), list[Result]()
    while len(found) < len(every):
        progress(what, len(found), len(every))
        found += side_by_side(function, every[len(found) : len(found) + torch.get_num_threads()])
    if every:
        progress(what, len(every), len(every))
    return found
