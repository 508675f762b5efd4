"""Spectra along a training path on workers, each of them one checkpoint's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..network.workspace import choose_device
from ..problem.identity import problem_digest
from ..problem.problem import Problem
from ..spectrum.along import SpectraElsewhere, spectrum_at_checkpoint
from ..spectrum.density import Spectrum
from .identity import code_identity, refuse_another
from .pool import Pool
from .recipe import Recipe

if TYPE_CHECKING:
    from distributed import Client

_kept: list[tuple[Recipe, Problem]] = []  # the last one's problem: a path's checkpoints come one after another


@dataclass(frozen=True)
class SpectrumPiece:
    """One checkpoint's spectrum.

    recipe   what makes the problem
    asked    what it and the code must turn out to be
    threads  of torch
    index    of the checkpoint
    words    arguments of `spectrum`
    """

    recipe: Recipe
    asked: Mapping[str, str]
    threads: int
    index: int
    words: Mapping[str, Any]


def spectra_on_workers(client: Client, recipe: Recipe, problem: Problem) -> SpectraElsewhere:
    """A function for `spectra_along(…, elsewhere=…)` that computes the spectra on a client's workers.

    Numbers are those of one process with as many threads on the same kind of machine, bit for bit.

    recipe   what makes the problem, there as it did here
    """

    def find(checkpoints: Sequence[int], words: Mapping[str, Any]) -> Iterator[Spectrum]:
        asked, threads = _identity(problem, words["device"]), torch.get_num_threads()
        pieces = (SpectrumPiece(recipe, asked, threads, index, words) for index in checkpoints)
        return Pool(client).in_order(measured_spectrum, pieces)

    return find


def measured_spectrum(piece: SpectrumPiece) -> Spectrum:
    """The spectrum of a piece, in this process; Dask calls it by its name.

    Raises
    ------
    InputError  problem, code or device are not those that were asked for
    """
    torch.set_num_threads(piece.threads)
    problem = _problem(piece.recipe)
    refuse_another(_identity(problem, piece.words["device"]), piece.asked)
    return spectrum_at_checkpoint(problem, piece.index, piece.words)


def _problem(recipe: Recipe) -> Problem:
    if not _kept or _kept[0][0] != recipe:
        _kept[:] = [(recipe, recipe.made(Problem))]
    return _kept[0][1]


def _identity(problem: Problem, device: str) -> dict[str, str]:
    return {"problem": problem_digest(problem), **code_identity(), "device": choose_device(device).type}
