"""A spectrum on disk: JSON, written under a temporary name and renamed."""

from __future__ import annotations

import dataclasses
import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from .density import Spectrum


def write_spectrum(spectrum: Spectrum, path: str | Path, about: dict[str, Any] | None = None) -> None:
    """Write `spectrum` to `path`; `about` says of what it is, ready for JSON."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in dataclasses.asdict(spectrum).items()}
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    temporary.write_text(json.dumps({"lossnav_spectrum": 1, "spectrum": content, "about": about or {}}))
    temporary.replace(path)


def read_spectrum(path: str | Path) -> tuple[Spectrum, dict[str, Any]]:
    """The spectrum at `path`, and what it is of.

    Raises
    ------
    InputError  nothing there, or something that is no spectrum
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"No spectrum at '{path}': check the path, or make one with `lossnav spectrum`.")
    try:
        content = json.loads(path.read_text())
        fields: dict[str, Any] = {
            k: np.array(v, float) if isinstance(v, list) else v for k, v in content["spectrum"].items()
        }
        return Spectrum(**fields), content["about"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{path}' is no lossnav spectrum: give a file made by `lossnav spectrum`.") from error
