"""The Hessian's spectra of the very network that a landscape is of: shipped with a sample, or measured and kept on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import xarray as xr
from lossnav.core import InputError, Spectrum
from lossnav.core.parameters import digest
from lossnav.core.spectrum import SpectraAlong, read_along, read_spectrum
from platformdirs import user_cache_path

from .shipped import Shipped, file_digest, index
from .spectrum import AlongRequest, SpectrumRequest

HESSIAN = "hessian"
FEWEST_ENDS = 10  # largest eigenvalues
T = TypeVar("T")


@dataclass(frozen=True)
class NetworkSpectra:
    """What is known of a network's eigenvalues; None: nothing.

    trained  of the Hessian at the trained network
    along    of the Hessian along its training
    """

    trained: Spectrum | None = None
    along: SpectraAlong | None = None

    def __or__(self, other: NetworkSpectra) -> NetworkSpectra:
        """These, and the other's where there is nothing."""
        return NetworkSpectra(self.trained or other.trained, self.along or other.along)


def spectra_of(land: xr.Dataset) -> NetworkSpectra:
    """What is at hand for the network, the data and the loss of a landscape, which are told by their digest and not by a name."""
    identity = land.lossnav.problem
    if not identity:
        return NetworkSpectra()
    problem = digest(identity)
    trained = [
        spectrum
        for spectrum, _ in _of(SpectrumRequest, problem, read_spectrum, lambda read: read[1])
        if _hessian(spectrum) and _whole_ends(spectrum)
    ]
    along = [
        film for film in _of(AlongRequest, problem, read_along, lambda read: read.about) if _hessian(*film.spectra)
    ]
    return NetworkSpectra(
        max(trained, key=_worth, default=None), max(along, key=lambda a: len(a.spectra), default=None)
    )


def spectra_in(path: Path, land: xr.Dataset) -> NetworkSpectra:
    """The spectrum, or the spectra along the training, in a file of `lossnav spectrum --out`.

    Raises
    ------
    InputError  nothing there, something else, or of another network than the landscape's
    """
    try:
        spectra = NetworkSpectra(along=read_along(path))
        about = spectra.along.about if spectra.along else {}
    except InputError:
        spectrum, about = read_spectrum(path)
        spectra = NetworkSpectra(trained=spectrum)
    identity, theirs = land.lossnav.problem, about.get("problem")
    mine = digest(identity) if identity else None
    if mine and theirs and mine != theirs:
        raise InputError(
            f"'{path.name}' is of another network than the landscape, or of other data: make it anew with "
            f"lossnav spectrum, of what the landscape is of."
        )
    return spectra


def _of(
    kind: type[SpectrumRequest] | type[AlongRequest],
    problem: str,
    read: Callable[[Path], T],
    about: Callable[[T], dict[str, Any]],
) -> Iterator[T]:
    """What was computed on this machine and says that it is of this problem, and what is listed so of what was shipped."""
    for path in (user_cache_path("lossnav") / kind.folder).glob("*.json"):
        with suppress(InputError, OSError):  # damaged, which the Spectrum page says
            spectra = read(path)
            if about(spectra).get("problem") == problem:
                yield spectra
    for words, listed in index().items():
        if listed.problem == problem and words == " ".join(kind(words.split()[1]).arguments) and _whole(listed):
            yield read(listed.path)


def _whole(listed: Shipped) -> bool:
    return listed.path.is_file() and file_digest(listed.path) == listed.content


def _hessian(*spectra: Spectrum) -> bool:
    """Whether there are any, all of the Hessian."""
    return bool(spectra) and all(each.of == HESSIAN for each in spectra)


def _whole_ends(spectrum: Spectrum) -> bool:
    """Whether enough of the largest are known to count outliers among them: a first look has three."""
    return len(spectrum.top) >= min(FEWEST_ENDS, spectrum.parameter_count)


def _worth(spectrum: Spectrum) -> tuple[bool, int, int]:
    """The larger the better: exact ones, then those of more products, then those with more of the largest."""
    return spectrum.method == "exact", spectrum.steps * spectrum.probes, len(spectrum.top)
