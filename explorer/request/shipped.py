"""Results that came with the samples: each under the `lossnav` command that it is of, as pages ask for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from lossnav.core import InputError
from lossnav.core.sealed import read_json

from .base import Request, modified

FOLDER = Path(str(files("lossnav.sample_models"))) / "pages"
INDEX = "index.json"


@dataclass(frozen=True)
class Shipped:
    """A result in FOLDER.

    file      its name there
    content   SHA-256 of the file
    card      SHA-256 of the sample's card when it was made: weights that were trained anew have another
    problem   SHA-256 of the problem's identity: network, weights, data
    made_by   the words of `lossnav` that made it, where those are not the ones it is listed under: fewer probes, say
    seconds   that it took
    versions  package → version
    """

    file: str
    content: str
    card: str
    problem: str
    seconds: float
    versions: Mapping[str, str]
    made_by: Sequence[str] = ()

    @property
    def path(self) -> Path:
        """Where it lies."""
        return FOLDER / self.file


def index(folder: Path | None = None) -> dict[str, Shipped]:
    """Everything that came with the samples, by the command's words.

    Raises
    ------
    InputError  the list of it is damaged
    """
    place = (folder or FOLDER) / INDEX
    return _read(place, place.stat().st_mtime_ns) if place.exists() else {}


@lru_cache(maxsize=4)
def _read(place: Path, written: int) -> dict[str, Shipped]:
    try:
        return {words: Shipped(**about) for words, about in read_json(place).items()}
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"'{place}', the list of what came with the samples, is damaged: install lossnav anew."
        ) from error


def shipped(request: Request) -> Shipped | None:
    """The file that came with a sample for exactly this request; None where nothing did, or the sample or the file is another now."""
    try:
        listed = _fitting(request)
    except InputError:
        return None
    return listed if listed is not None and file_digest(listed.path) == listed.content else None


def damaged(request: Request) -> bool:
    """Whether something came with a sample of this request that is not what was shipped."""
    try:
        listed = _fitting(request)
    except InputError:
        return True
    return listed is not None and file_digest(listed.path) != listed.content


def _fitting(request: Request) -> Shipped | None:
    """The listed file of a request, where the sample is the same still and the file is there."""
    listed = index().get(" ".join(request.arguments))
    if listed is None or card_digest(request.arguments[1]) != listed.card or not listed.path.is_file():
        return None
    return listed


def result_of(request: Request) -> Path | None:
    """The result of a request that is at hand: computed on this machine, else shipped."""
    if request.path.exists():
        return request.path
    found = shipped(request)
    return None if found is None else found.path


def card_digest(name: str) -> str:
    """Of a sample's card, which states what its weights reach."""
    return hashlib.sha256(modified(name).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
