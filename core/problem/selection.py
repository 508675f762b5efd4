"""Which parameters make the landscape: all that are trained, or some of them by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn

from ..checks import InputError

Selection = str | Iterable[str] | Callable[[str], bool]


def by_name(model: nn.Module, wanted: Any) -> Selection | None:
    """The selection by names of modules and parameters of the network.

    Raises
    ------
    InputError  one that is not in the network

    >>> model = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    >>> by_name(model, model[1]), by_name(model, [model[0].bias, "1.*"])
    (['1.weight', '1.bias'], ['0.bias', '1.*'])
    """
    if isinstance(wanted, (nn.Module, Tensor)):
        wanted = [wanted]
    if wanted is None or isinstance(wanted, str) or (callable(wanted) and not isinstance(wanted, Iterable)):
        return wanted
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [name for each in wanted for name in _names_of(each, names)]


def _names_of(each: Any, names: Mapping[int, str]) -> list[str]:
    if isinstance(each, str):
        return [each]
    tensors = list(each.parameters()) if isinstance(each, nn.Module) else [each]
    chosen = [names[id(tensor)] for tensor in tensors if id(tensor) in names]
    if len(chosen) < len(tensors) or not chosen:
        what = f"the module {type(each).__name__}" if isinstance(each, nn.Module) else f"a {type(each).__name__}"
        raise InputError(
            f"parameters= holds {what}, which is not in the network: give names, such as '{next(iter(names.values()))}'."
        )
    return chosen


def selected(parameters: Mapping[str, Tensor], wanted: Selection | None) -> tuple[str, ...] | None:
    """The names of the parameters that are meant, in the model's order; None: all.

    Parameters
    ----------
    wanted  patterns ("encoder.layer.3.*", "*.lora_*"), a module's name ("encoder.layer.3") or a parameter's, several of
            them, or a function of a name

    Raises
    ------
    InputError  a pattern that no trainable parameter fits, with the nearest name

    >>> named = {"a.weight": None, "a.bias": None, "b.weight": None}
    >>> selected(named, ["a", "b.w*"]), selected(named, lambda name: name.endswith("bias"))
    (('a.weight', 'a.bias', 'b.weight'), ('a.bias',))
    """
    if wanted is None:
        return None
    if callable(wanted):
        chosen = tuple(name for name in parameters if wanted(name))
        if not chosen:
            raise InputError(
                f"parameters= chooses none of the {len(parameters)} trainable parameters: {_some(parameters)}"
            )
        return chosen
    patterns = [wanted] if isinstance(wanted, str) else list(wanted)
    meant = {pattern: {name for name in parameters if _fits(name, pattern)} for pattern in patterns}
    for pattern, names in meant.items():
        if not names:
            near = difflib.get_close_matches(pattern, _places(parameters), n=1, cutoff=0.3)
            hint = f"did you mean '{near[0]}'? K{_some(parameters)[1:]}" if near else _some(parameters)
            raise InputError(f"parameters='{pattern}' fits no trainable parameter: {hint}")
    if not meant:
        raise InputError(f"parameters= names none: {_some(parameters)}")
    every = set().union(*meant.values())
    return tuple(name for name in parameters if name in every)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")


def _places(parameters: Mapping[str, Tensor]) -> list[str]:
    parts = [name.split(".") for name in parameters]
    return list(dict.fromkeys(".".join(part[:k]) for part in parts for k in range(1, len(part) + 1)))


def _some(parameters: Mapping[str, Tensor]) -> str:
    names = list(parameters)[:3]
    return f"known are {', '.join(names)}{' and others' if len(parameters) > 3 else ''}."
