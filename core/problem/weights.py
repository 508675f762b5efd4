"""Weights from disk, without running code: into a dict, or into a network whose names they fit."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from ..checks import InputError, finite
from .weight_files import KNOWN_GROUPS, Group, WeightsFile, chosen_group, group_text, weights_file
from .weight_names import ADAPTERS, Fit, fit

log = logging.getLogger("lossnav")


def read_weights(path: str | Path, key: str | None = None) -> dict[str, Tensor]:
    """State dict in a `.safetensors` file, a file saved by `torch.save`, or a checkpoint folder.

    Files in several parts with their index (`model.safetensors.index.json`) are one. A training checkpoint that holds the
    state dict under "state_dict" or "model", or a single one under any other key, is understood too.

    key  where the state dict is, in a file that holds several

    Raises
    ------
    InputError  no such file; a file of another kind; a pickle that would run code when read; several state dicts
    """
    file = weights_file(path)
    shapes = file.shapes()
    group = chosen_group(shapes, file.path, key)
    names = list(shapes[group])
    return dict(zip(names, file.read(group, names), strict=True))


def load_weights(model: nn.Module, path: str | Path, *, key: str | None = None, prefix: str | None = None) -> nn.Module:
    """Load the weights at `path` into `model`, every name and shape matching, and return the model.

    What wrappers and trainers put before names (`module.`, `_orig_mod.`, `model.`, `net.`, …) is found and taken off, which
    is said in the log. Of a file that holds an adapter alone (peft), the adapter is loaded.

    Parameters
    ----------
    key, prefix  which state dict in the file, and which names in it, where several fit

    Raises
    ------
    InputError  names or shapes that differ, NaN or infinite values, and all of `read_weights`
    """
    file = weights_file(path)
    shapes, expected = file.shapes(), model.state_dict()
    groups = _tied(expected)
    matched = find(file, shapes, groups, key, prefix)
    if matched is None:
        matched = _adapter(shapes, groups)
    if matched is None or matched[1].rest:
        raise _another_network(file.path, _nearest(shapes, file, key), groups, prefix)
    group, names, said = matched[0], matched[1].names, matched[1].said
    weights = dict(zip(names, file.read(group, list(names.values())), strict=True))
    finite(weights, "Weight")
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise InputError(
                f"'{file.path}' has '{names[name]}' of shape {tuple(tensor.shape)} where the model has "
                f"{tuple(expected[name].shape)}: build the model with the sizes it was trained with."
            )
    model.load_state_dict(weights, strict=False)
    for note in (said, _group_note(group, shapes)):
        if note is not None:
            log.warning("%s: %s", file.path.name, note)
    return model


def find(
    file: WeightsFile,
    shapes: Mapping[Group, Collection[str]],
    wanted: Sequence[Sequence[str]],
    key: str | None = None,
    prefix: str | None = None,
) -> tuple[Group, Fit] | None:
    """The group of tensors in a file that fits a network's names, and how; None where none does.

    Raises
    ------
    InputError  several groups fit, and none is where training scripts keep the network
    """
    groups = list(shapes) if key is None else [chosen_group(shapes, file.path, key)]
    fits = {g: f for g in groups if (f := fit(shapes[g], wanted, prefix)) is not None}
    known = [g for k in KNOWN_GROUPS for g in fits if g[:1] == (k,)] or [g for g in fits if not g]
    if len(fits) > 1 and not known:
        raise InputError(
            f"'{file.path}' holds several sets of weights that fit this network ({group_text(list(fits))}): say which is "
            f"meant, as in key={'.'.join(next(iter(fits)))!r}."
        )
    chosen = known[0] if known else next(iter(fits), None)
    return None if chosen is None else (chosen, fits[chosen])


def _group_note(group: Group, shapes: Mapping[Group, Collection[str]]) -> str | None:
    others = [g for g in shapes if g != group and g]
    return (
        f"the weights under {group_text([group])} were taken; there are also {group_text(others)}."
        if others and group
        else None
    )


def _tied(state: Mapping[str, Tensor]) -> list[list[str]]:
    """The network's names, those of one tensor together: files hold it once."""
    tied: dict[object, list[str]] = {}
    for name, tensor in state.items():
        place = (tensor.data_ptr(), tensor.shape) if tensor.numel() and tensor.device.type != "meta" else name
        tied.setdefault(place, []).append(name)
    return list(tied.values())


def _adapter(shapes: Mapping[Group, Collection[str]], groups: Sequence[Sequence[str]]) -> tuple[Group, Fit] | None:
    """How a file of an adapter alone fits the adapter in a network."""
    of_adapter = [group for group in groups if ADAPTERS.search(group[0]) or ".modules_to_save." in group[0]]
    for group, names in shapes.items():
        if of_adapter and any(ADAPTERS.search(name) for name in names):
            fitting = fit(names, of_adapter)
            if fitting is not None:
                said = "an adapter alone: the rest of the network stays as it is."
                return group, Fit(fitting.names, fitting.rest, fitting.beside, said)
    return None


def _nearest(shapes: Mapping[Group, Collection[str]], file: WeightsFile, key: str | None) -> list[str]:
    try:
        return list(shapes[chosen_group(shapes, file.path, key)])
    except InputError:
        return [".".join((*group, name)) for group, names in shapes.items() for name in names]


def _another_network(
    path: Path, stored: Sequence[str], groups: Sequence[Sequence[str]], prefix: str | None
) -> InputError:
    start = prefix or ""
    there = dict.fromkeys(name[len(start) :] for name in stored if name.startswith(start))
    missing = [group[0] for group in groups if not any(name in there for name in group)]
    own = {name for group in groups for name in group}
    unknown = [name for name in there if name not in own]
    return InputError(
        f"'{path}' does not belong to this model: it lacks {len(missing)} of the model's tensors{_first(missing)} and has "
        f"{len(unknown)} that the model does not know{_first(unknown)}; build the network it was trained with."
    )


def _first(names: Sequence[str]) -> str:
    return f" (first '{names[0]}')" if names else ""
