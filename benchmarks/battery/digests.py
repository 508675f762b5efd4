"""Anything that is computed → SHA-256 digests of its parts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor


def parts(content: Any) -> dict[str, str]:
    """Part → digest; what is no dataset has one part without a name."""
    if isinstance(content, xr.DataArray):
        content = content.to_dataset(name="values")
    if not isinstance(content, xr.Dataset):
        return {"": digest(content)}
    variables = {str(name): values for name, values in content.variables.items()}
    return {
        "numbers": digest({name: [values.dims, values.values] for name, values in variables.items()}),
        "facts": digest(content.attrs),
        "words": digest({name: values.attrs for name, values in variables.items()}),
    }


def digest(content: Any) -> str:
    """SHA-256 of anything made of arrays, bytes, dataclasses and what JSON knows."""
    return hashlib.sha256(json.dumps(readable(content), sort_keys=True).encode()).hexdigest()


def readable(content: Any) -> Any:
    """Content for JSON: arrays by their bytes, JSON texts opened, provenance left out."""
    if isinstance(content, str) and content[:1] in ("{", "["):
        return readable(json.loads(content))
    if isinstance(content, Tensor):
        return readable(content.numpy(force=True))
    if isinstance(content, np.ndarray) and content.dtype.kind in "biuf":
        one_nan = (
            np.where(np.isnan(content), np.nan, content).astype(content.dtype) if content.dtype.kind == "f" else content
        )
        return [str(content.dtype), content.shape, hashlib.sha256(one_nan.tobytes()).hexdigest()]
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    if dataclasses.is_dataclass(content) and not isinstance(content, type):
        return readable(vars(content))
    if isinstance(content, Mapping):
        return {str(key): readable(value) for key, value in content.items() if key != "provenance"}
    if isinstance(content, (list, tuple, np.ndarray)):
        return [readable(value) for value in content]
    return content.item() if isinstance(content, np.generic) else content
