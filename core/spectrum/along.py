"""Spectra at checkpoints spread evenly over a training path, kept after each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checks import InputError
from ..parameters.hashing import digest
from ..problem.at_checkpoint import at_checkpoint
from ..problem.identity import problem_digest, problem_identity
from ..problem.problem import Problem
from .density import Spectrum
from .eigenvalues import spectrum
from .io import SpectraAlong, read_along, write_along

SpectraElsewhere = Callable[[Sequence[int], Mapping[str, Any]], Iterator[Spectrum]]
CHECKPOINTS = 11
# A dozen spectra cost what one may cost, so each is coarser than a single one; 12 largest still show K − 1 of 10 classes.
TOP, STEPS, PROBES = 12, 40, 4
MOST_DIAGONALISED_ALONG = 1_000  # parameters up to which diagonalising the whole matrix is the quicker way


def spectra_along(
    problem: Problem,
    of: str = "hessian",
    count: int = CHECKPOINTS,
    top: int = TOP,
    steps: int = STEPS,
    probes: int = PROBES,
    seed: int = 0,
    device: str = "auto",
    out: Path | None = None,
    dtype: torch.dtype | str | None = None,
    elsewhere: SpectraElsewhere | None = None,
) -> Iterator[SpectraAlong]:
    """Yield the spectra so far after each checkpoint, the last one complete; a file begun by the same call goes on.

    Parameters
    ----------
    count                     checkpoints, first and last among them; at most all there are
    top, steps, probes, seed  as in `spectrum`
    device, dtype             as in `survey`
    out                       written after each checkpoint, by renaming
    elsewhere                 who finds the spectra, given checkpoints and what is asked at each; None: this process

    Raises
    ------
    InputError  no training path; fewer than two checkpoints; `out` holds something else
    """
    if problem.trajectory is None:
        raise InputError(f"'{problem.name}' has no training trajectory, so there is nothing to go along.")
    chosen = spread(len(problem.trajectory), count)
    exact = problem.parameter_count <= MOST_DIAGONALISED_ALONG
    asked = {"problem": problem_identity(problem), "of": of, "checkpoints": chosen, "top": top, "seed": seed}
    asked |= {} if dtype is None else {"dtype": str(dtype)}
    asked |= {} if exact else {"steps": steps, "probes": probes}
    about = {
        "name": problem.name,
        "problem": problem_digest(problem),
        "examples": problem.example_count,
        "buffers": any(b.is_floating_point() for b in problem.model.buffers()),
        "how": "exact, every eigenvalue"
        if exact
        else f"stochastic Lanczos quadrature, {steps} steps × {probes} probes",
        "asked": digest(asked),
    }
    so_far = SpectraAlong(tuple(chosen), tuple(problem.trajectory.steps[i] for i in chosen), (), about)
    so_far = _begun(out, so_far)
    if so_far.spectra:
        yield so_far
    method = "exact" if exact else "slq"
    words = {"of": of, "top": top, "steps": steps, "probes": probes, "seed": seed, "method": method}
    words |= {"device": device, "dtype": dtype}
    find = _here(problem) if elsewhere is None else elsewhere
    for each in find(so_far.checkpoints[len(so_far.spectra) :], words):
        so_far = replace(so_far, spectra=(*so_far.spectra, each))
        if out is not None:
            write_along(so_far, out)
        yield so_far


def spectrum_at_checkpoint(problem: Problem, index: int, words: Mapping[str, Any]) -> Spectrum:
    """The spectrum at one checkpoint, with its own statistics; `words` are arguments of `spectrum`."""
    there = at_checkpoint(problem, index, own_statistics=True)
    return spectrum(there, there.parameters, **words)


def _here(problem: Problem) -> SpectraElsewhere:
    return lambda checkpoints, words: (spectrum_at_checkpoint(problem, index, words) for index in checkpoints)


def spread(length: int, count: int) -> list[int]:
    """`count` of `length` checkpoints, evenly spaced, first and last among them.

    >>> spread(31, 11)
    [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
    >>> spread(3, 11)
    [0, 1, 2]

    Raises
    ------
    InputError  fewer than two
    """
    if count < 2:
        raise InputError(f"--along should have 2 or more checkpoints, but {count} came.")
    return sorted({int(i) for i in np.linspace(0, length - 1, min(count, length)).round()})


def _begun(out: Path | None, fresh: SpectraAlong) -> SpectraAlong:
    """The part of the same work that `out` holds already; another work is computed anew and replaces it."""
    if out is None or not out.exists():
        return fresh
    found = read_along(out)  # refuses to write over a file of another kind
    return found if found.about.get("asked") == fresh.about["asked"] else fresh
