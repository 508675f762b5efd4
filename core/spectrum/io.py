"""Spectra and couplings on disk: JSON with a digest of itself, written under a temporary name and renamed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from ..checks import InputError
from ..foreign import plain_file
from ..sealed import read_json, write_json
from .density import Spectrum
from .soundness import refuse_unsound_coupling, refuse_unsound_path, refuse_unsound_spectrum

VERSION = 1
SPECTRUM, ALONG, COUPLING = "lossnav_spectrum", "lossnav_spectra_along", "lossnav_coupling"  # keys of the version
Read = TypeVar("Read")


@dataclass(frozen=True)
class SpectraAlong:
    """Spectra at checkpoints of a training path, as far as they are computed.

    Attributes
    ----------
    checkpoints  (n,) the checkpoints asked for, ascending
    steps        (n,) the optimiser step of each
    spectra      of the first of them: those that are done
    about        of what they are, ready for JSON
    """

    checkpoints: tuple[int, ...]
    steps: tuple[int, ...]
    spectra: tuple[Spectrum, ...] = ()
    about: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every checkpoint asked for is there."""
        return len(self.spectra) == len(self.checkpoints)

    @property
    def done_steps(self) -> tuple[int, ...]:
        """The optimiser steps of those that are done."""
        return self.steps[: len(self.spectra)]


@dataclass(frozen=True)
class StoredCoupling:
    """The coupling at one place: results of `coupling_sweep` and `coupling_matrix`; None where not asked for."""

    sweep: xr.DataArray | None
    matrix: xr.DataArray | None
    about: dict[str, Any] = dataclasses.field(default_factory=dict)


def write_spectrum(spectrum: Spectrum, path: str | Path, about: dict[str, Any] | None = None) -> None:
    """Write `spectrum` to `path`; `about` says of what it is, ready for JSON."""
    _write(path, {SPECTRUM: VERSION, "spectrum": _content(spectrum), "about": about or {}})


def read_spectrum(path: str | Path) -> tuple[Spectrum, dict[str, Any]]:
    """The spectrum at `path`, and what it is of.

    Raises
    ------
    InputError  nothing there, damage, or something that is no spectrum
    """
    return _read(path, "spectrum", "spectrum", SPECTRUM, lambda c: (_spectrum(c["spectrum"]), c["about"]))


def write_along(along: SpectraAlong, path: str | Path) -> None:
    """Write spectra along a training path, done or half done; a reader sees the old file or the new one, never a part."""
    content = {name: getattr(along, name) for name in ("checkpoints", "steps", "about")}
    _write(path, {ALONG: VERSION, **content, "spectra": [_content(each) for each in along.spectra]})


def read_along(path: str | Path) -> SpectraAlong:
    """The spectra along a training path at `path`.

    Raises
    ------
    InputError  nothing there, damage, or something else
    """
    return _read(path, "spectra along a training path", "spectrum --along", ALONG, _along)


def write_coupling(coupling: StoredCoupling, path: str | Path) -> None:
    """Write a sweep and a matrix to `path`; what is not finite becomes null."""
    arrays = {name: _array_content(getattr(coupling, name)) for name in ("sweep", "matrix")}
    _write(path, {COUPLING: VERSION, **arrays, "about": coupling.about})


def read_coupling(path: str | Path) -> StoredCoupling:
    """The coupling at `path`.

    Raises
    ------
    InputError  nothing there, damage, or something else
    """
    return _read(path, "coupling", "coupling", COUPLING, _coupling)


def _write(path: str | Path, content: dict[str, Any]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_json(path, content)


def _read(path: str | Path, what: str, command: str, key: str, made: Callable[[dict[str, Any]], Read]) -> Read:
    path = Path(path)
    if not plain_file(path).exists():
        raise InputError(f"No {what} at '{path}': check the path, or make one with `lossnav {command}`.")
    try:
        content = read_json(path)
        if content.get(key, VERSION) != VERSION:
            raise InputError(
                f"'{path}' holds {what} of version {content[key]}, and this lossnav reads version {VERSION}: make it again with "
                f"`lossnav {command}`, or read it with a later lossnav."
            )
        if not isinstance(content["about"], dict):
            raise ValueError("nothing is said of its subject")
        return made(content)
    except InputError:
        raise
    except Exception as error:  # whatever is not as it was written
        raise InputError(f"'{path}' is no lossnav {what}: give a file made by `lossnav {command}`.") from error


def _content(spectrum: Spectrum) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in dataclasses.asdict(spectrum).items()}


def _spectrum(content: dict[str, Any]) -> Spectrum:
    fields: dict[str, Any] = {k: np.array(v, float) if isinstance(v, list) else v for k, v in content.items()}
    spectrum = Spectrum(**fields)
    refuse_unsound_spectrum(spectrum)
    return spectrum


def _along(content: dict[str, Any]) -> SpectraAlong:
    spectra = tuple(_spectrum(each) for each in content["spectra"])
    checkpoints, steps = tuple(content["checkpoints"]), tuple(content["steps"])
    refuse_unsound_path(checkpoints, steps, spectra)
    return SpectraAlong(checkpoints, steps, spectra, content["about"])


def _coupling(content: dict[str, Any]) -> StoredCoupling:
    sweep, matrix = _array(content["sweep"]), _array(content["matrix"])
    refuse_unsound_coupling(sweep, matrix)
    return StoredCoupling(sweep, matrix, content["about"])


def _array_content(array: xr.DataArray | None) -> Any:
    return None if array is None else _numbers_mapped(array.to_dict(), _null_for_gaps)


def _array(content: dict[str, Any] | None) -> xr.DataArray | None:
    return None if content is None else xr.DataArray.from_dict(_numbers_mapped(content, _gap_for_null))


def _numbers_mapped(content: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    return {**content, **{part: _mapped(content[part], change) for part in ("data", "coords")}}


def _mapped(content: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(content, dict):
        return {k: _mapped(v, change) for k, v in content.items()}
    if isinstance(content, (list, tuple)):
        return [_mapped(v, change) for v in content]
    return change(content)


def _null_for_gaps(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value  # JSON knows no NaN


def _gap_for_null(value: Any) -> Any:
    return math.nan if value is None else value
