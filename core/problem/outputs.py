"""Which part of what a network returns the loss is taken of: never guessed, and said where it is a part."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ..checks import InputError

Output = str | int | tuple[str | int, ...] | Callable[[Any], Any]
Reader = Callable[[Any], Any]

TENSOR_WANTED = (
    "wrap it in a module whose forward returns the logits, or name the entry: Problem(…, output='logits') or output=0"
)


def reader_of(returned: Any, sees: str, output: Output | None) -> tuple[Reader | None, tuple[str, ...]]:
    """How the loss's part is taken out of what the network returned, None where it is all of it; and a sentence on it.

    Parameters
    ----------
    returned  by the network, on a few examples
    sees      as a likelihood states it, or "pair": two tensors
    output    the entry that the user names, several of them, or a function

    Raises
    ------
    InputError  no such entry, or several that it may be
    """
    if output is not None:
        read = _named(output)
        _checked(read(returned), sees, returned)
        return read, (f"The loss is taken of the network's output {output!r}.",)
    if sees == "everything" or (sees == "tensor" and isinstance(returned, Tensor)):
        return None, ()
    if sees == "pair":
        _checked(returned, sees, returned)
        return None, ()
    tensors = entries(returned)
    if "logits" in tensors:
        name: str | int = "logits"
    elif len(tensors) == 1:
        (name,) = tensors
    else:
        raise InputError(_ambiguous(returned, tensors))
    others = [f"'{other}'" for other in tensors if other != name]
    beside = f", beside {', '.join(others)}" if others else ""
    return _named(name), (f"The loss is taken of the network's output {name!r}{beside}.",)


def entries(returned: Any) -> dict[str | int, Tensor]:
    """The tensors among what a network returned, by their names or places."""
    members: Any = {}
    if isinstance(returned, Mapping):
        members = returned
    elif isinstance(returned, (tuple, list)):
        names = getattr(returned, "_fields", range(len(returned)))
        members = dict(zip(names, returned, strict=True))
    elif dataclasses.is_dataclass(returned):
        members = {field.name: getattr(returned, field.name) for field in dataclasses.fields(returned)}
    elif hasattr(returned, "__dict__"):
        members = vars(returned)
    return {name: value for name, value in members.items() if isinstance(value, Tensor)}


def described(returned: Any) -> str:
    """A network's outputs in words."""
    if isinstance(returned, Tensor):
        return f"a tensor of shape {tuple(returned.shape)}"
    found = ", ".join(f"{name!r} {tuple(value.shape)}" for name, value in entries(returned).items())
    return f"a {type(returned).__name__}" + (f" of {found}" if found else "")


def _named(output: Output) -> Reader:
    if callable(output):
        return output
    if isinstance(output, (tuple, list)):
        readers = [_named(each) for each in output]
        return lambda returned: tuple(read(returned) for read in readers)

    def read(returned: Any) -> Any:
        try:
            if isinstance(output, str) and not isinstance(returned, Mapping):
                return getattr(returned, output)
            return returned[output]
        except (KeyError, IndexError, TypeError, AttributeError):
            raise InputError(f"The network has no output {output!r}: it returns {described(returned)}.") from None

    return read


def _checked(taken: Any, sees: str, returned: Any) -> None:
    if sees == "tensor" and not isinstance(taken, Tensor):
        raise InputError(
            f"The loss is taken of one tensor, but output= gives {described(taken)}: name one entry of what the network "
            f"returns, {described(returned)}."
        )
    if sees == "pair" and not (
        isinstance(taken, (tuple, list)) and len(taken) == 2 and all(isinstance(each, Tensor) for each in taken)
    ):
        raise InputError(
            f"This loss is taken of two tensors, mean and spread, but the network returns {described(returned)}: name them in "
            "their order, Problem(…, output=('mean', 'log_variance')) or a function of what it returns."
        )


def _ambiguous(returned: Any, tensors: Mapping[str | int, Tensor]) -> str:
    if not tensors:
        return f"The model should return a tensor of predictions, but returned a {type(returned).__name__}: {TENSOR_WANTED}."
    names = ", ".join(f"{name!r} {tuple(value.shape)}" for name, value in tensors.items())
    first = next(iter(tensors))
    return (
        f"The network returns several tensors, {names}, and the loss is taken of one: name it, Problem(…, output={first!r}), "
        "or give a loss (outputs, targets) → losses of shape (n,), which sees them all."
    )
