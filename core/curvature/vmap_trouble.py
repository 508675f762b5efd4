"""Why torch's vmap cannot follow a network, in a part of a sentence rather than a paragraph for torch's own developers."""

from __future__ import annotations

from ..checks import first_line

# what torch's message begins with → what it means
HANGS = "what it computes hangs on the value of a tensor, by .item() or an if"
KNOWN = {
    "vmap: It looks like you're either (1) calling .item()": HANGS,
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow": HANGS,
}


def hangs_on_values(error: BaseException) -> bool:
    """Whether vmap gave up as a value was asked for.

    >>> hangs_on_values(RuntimeError("no rule for aten::foo"))
    False
    """
    return first_line(error).startswith(tuple(KNOWN))


def vmap_trouble(error: BaseException) -> str:
    """The reason, short.

    >>> vmap_trouble(RuntimeError("vmap: It looks like you're either (1) calling .item() on a Tensor or (2) attempting …"))
    'what it computes hangs on the value of a tensor, by .item() or an if'
    >>> vmap_trouble(RuntimeError("no rule for aten::foo. Please file an issue"))
    'no rule for aten::foo'
    """
    said = first_line(error)
    known = (meaning for beginning, meaning in KNOWN.items() if said.startswith(beginning))
    return next(known, said.partition(". ")[0])
