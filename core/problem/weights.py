"""Weights from disk, without running code: safetensors, or torch files read with `weights_only=True`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..checks import InputError, finite


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """State dict in a `.safetensors` file or a file saved by `torch.save(model.state_dict(), …)`.

    A training checkpoint that holds the state dict under "state_dict" or "model" is understood too.

    Raises
    ------
    InputError  no such file; a file of another kind; a pickle that would run code when read
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"No weights file at '{path}': check the path.")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise InputError(
            f"'{path}' should hold a state dict (names and tensors), but holds no tensor at its top level."
        )
    return tensors


def load_weights(model: nn.Module, path: str | Path) -> nn.Module:
    """Load the weights at `path` into `model`, every name and shape matching, and return the model.

    Raises
    ------
    InputError  names or shapes that differ, NaN or infinite values, and all of `read_weights`
    """
    weights = read_weights(path)
    finite(weights, "Weight")
    expected = model.state_dict()
    unknown = [name for name in weights if name not in expected]
    given = {expected[name].data_ptr() for name in weights if name in expected}
    missing = [k for k, v in expected.items() if k not in weights and v.data_ptr() not in given]  # tied ones come once
    if unknown or missing:
        raise InputError(
            f"'{path}' does not belong to this model: it lacks {len(missing)} of the model's tensors{_first(missing)} and "
            f"has {len(unknown)} that the model does not know{_first(unknown)}; build the network it was trained with."
        )
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise InputError(
                f"'{path}' has '{name}' of shape {tuple(tensor.shape)} where the model has "
                f"{tuple(expected[name].shape)}: build the model with the sizes it was trained with."
            )
    model.load_state_dict(weights, strict=False)
    return model


def _first(names: list[str]) -> str:
    return f" (first '{names[0]}')" if names else ""


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise InputError(f"'{path}' is not a readable safetensors file ({error}): save the weights again.") from error


def _read_torch(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way inside the reader
        raise InputError(
            f"'{path}' is not a plain file of weights, and reading a pickle could run code hidden in it, so it was not "
            "opened: save the state dict alone, with safetensors.torch.save_file(model.state_dict(), …)."
        ) from error
    if not isinstance(content, Mapping):
        raise InputError(
            f"'{path}' should hold a state dict, but holds a {type(content).__name__}: save model.state_dict()."
        )
    return dict(content)
