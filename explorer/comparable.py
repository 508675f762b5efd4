"""The landscapes that can be compared: those that came with the samples, were measured here, or lie in the folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lossnav.core.plane.kinds import KINDS
from lossnav.sample_models import names

from . import workspace
from .landscape_file import opened_once
from .landscapes import best, shipped_path
from .request.survey import SurveyRequest, checkpoints
from .state import Readable


@dataclass(frozen=True)
class Comparable:
    """A landscape by its name in the address: "digits-resnet · random", or a file's path."""

    name: str
    request: SurveyRequest | None = None

    def source(self) -> Readable:
        """The survey or file it is drawn from; the same object as long as nothing is written there.

        Raises
        ------
        InputError  a file that is no landscape
        LookupError, OSError  it is gone
        """
        if self.request is None:
            return opened_once(workspace.path_of(self.name))
        stored = best(self.request)
        if stored is None:
            raise LookupError(self.name)
        return stored


def comparable(given: tuple[str, ...] = ()) -> dict[str, Comparable]:
    """All of them by name: the samples', then those of own problems that were measured here, then files."""
    scan = workspace.latest()
    targets = dict.fromkeys([*names(), *given, *scan.of(workspace.PROBLEM)])
    requests = [
        SurveyRequest(target, kind.name) for target in targets for kind in KINDS if _may_be(target, kind.checkpoints)
    ]
    kept = [Comparable(f"{r.target} · {r.plane}", r) for r in requests if _path(r).exists()]
    return {each.name: each for each in (*kept, *map(Comparable, scan.of(workspace.LANDSCAPE)))}


def _may_be(target: str, needed: int) -> bool:
    return checkpoints(target) >= needed


def _path(request: SurveyRequest) -> Path:
    kept = request.path
    return kept if kept.exists() else shipped_path(request)
