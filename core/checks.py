"""Bad input, answered in one sentence: what was expected, what came, what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

LONGEST = 1200  # letters of a sentence; names from files have no bound


class InputError(ValueError):
    """Input that cannot be used; the message is one sentence for the user.

    It may hold names from files: they stay within one line and a bound, and what steers a terminal is left out.

    >>> str(InputError("a\\n  b\\x1b[2J: stop"))
    'a b?[2J: stop'
    """

    def __init__(self, said: object = "") -> None:
        super().__init__(_in_one_line(str(said)))


def _in_one_line(said: str) -> str:
    text = "".join(c if c.isprintable() or c.isspace() else "?" for c in re.sub(r"\s*\n\s*", " ", said))
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} … {text[-half:]}"


# What derivatives raise on a network that torch's transforms do not know, or that branches on its own numbers.
UNFIT = (RuntimeError, ValueError, TypeError)  # NotImplementedError is one of the first


def first_line(error: BaseException) -> str:
    """An exception's message in one line, as a part of a sentence; the name of its class where there is none.

    >>> first_line(ValueError("no rule for aten::foo.\\nat line 3")), first_line(ValueError())
    ('no rule for aten::foo', 'ValueError')
    """
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(". ")


def known(name: str, choices: Iterable[str], what: str) -> str:
    """Return `name` if it is one of `choices`; else raise InputError that names the nearest one.

    >>> known("filter", ("filter", "layer"), "normalisation")
    'filter'
    >>> known("fliter", ("filter", "layer"), "normalisation")
    Traceback (most recent call last):
    ...
    lossnav.core.checks.InputError: Unknown normalisation 'fliter': did you mean 'filter'? Known are filter, layer.
    """
    names = [str(choice) for choice in choices]
    if name in names:
        return name
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? Known" if near else "known"
    raise InputError(f"Unknown {what} '{name}': {hint} are {', '.join(names)}.")


PIECE_NUMBERS = 2**22
CHECKPOINT_REMEDY = "load weights from a checkpoint taken before training diverged"


def finite(tensors: Mapping[str, Tensor], what: str, remedy: str = CHECKPOINT_REMEDY) -> None:
    """Raise InputError if any floating tensor of `tensors` holds NaN or infinity, naming the first and the remedy."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and (bad := sum(map(_not_finite, _pieces(tensor)))):
            raise InputError(
                f"{what} '{name}' should be finite, but {bad} of its {tensor.numel()} values are NaN or infinite: {remedy}."
            )


def _pieces(tensor: Tensor) -> Sequence[Tensor]:
    """A tensor in parts of some rows each, so that what lies on disk never comes into memory as a whole; of a sparse one its values."""
    if tensor.layout != torch.strided:
        return [tensor._values() if tensor.layout == torch.sparse_coo else tensor.values()]
    if tensor.numel() <= PIECE_NUMBERS or tensor.ndim == 0:
        return [tensor]
    return tensor.split(max(1, PIECE_NUMBERS * len(tensor) // tensor.numel()))


def _not_finite(tensor: Tensor) -> int:
    finite = torch.isfinite(tensor.float() if tensor.dtype.itemsize == 1 else tensor)  # torch does not ask float8
    return 0 if bool(finite.all()) else int((~finite).sum())


def matching(given: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str) -> None:
    """Raise InputError unless `given` has every name of `expected`, each with the same shape."""
    missing = [name for name in expected if name not in given]
    if missing:
        raise InputError(
            f"{what} should hold the {len(expected)} trainable parameters of the model, but {_listing(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing: it probably belongs to another network."
        )
    for name, tensor in expected.items():
        if given[name].shape != tensor.shape:
            raise InputError(
                f"{what} has '{name}' of shape {tuple(given[name].shape)} where the model has {tuple(tensor.shape)}: "
                "build the model with the sizes that these weights were trained with."
            )


def _listing(names: list[str], most: int = 3) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
