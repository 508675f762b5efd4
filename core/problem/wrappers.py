"""Networks in the wrappers that training puts around them: the network inside is what has the landscape."""

from __future__ import annotations

from torch import nn

# wrapper's class name → the attribute that holds the network
WRAPPERS = {
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "OptimizedModule": "_orig_mod",
    "AveragedModel": "module",
}


def unwrapped(model: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    """The network inside, and a sentence where it was wrapped.

    >>> inner = nn.Linear(1, 1)
    >>> unwrapped(nn.DataParallel(inner))[0] is inner
    True
    """
    names = []
    while type(model).__name__ in WRAPPERS and isinstance(
        getattr(model, WRAPPERS[type(model).__name__], None), nn.Module
    ):
        names.append(type(model).__name__)
        model = getattr(model, WRAPPERS[type(model).__name__])
    return model, (f"The network was taken out of {' and '.join(names)}.",) if names else ()
