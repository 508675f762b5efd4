"""Spectra of the curvature at a point, and the coupling of several."""

from __future__ import annotations

from .along import CHECKPOINTS, PROBES, STEPS, TOP, SpectraElsewhere, spectra_along
from .coupling_sweep import GAMMAS, MOST_DIAGONALISED_IN_SWEEP, coupling_sweep
from .eigenvalues import MOST_DIAGONALISED
from .estimate import student
from .io import SpectraAlong, StoredCoupling, read_along, read_coupling, read_spectrum, write_coupling, write_spectrum

__all__ = [
    "CHECKPOINTS",
    "GAMMAS",
    "MOST_DIAGONALISED",
    "MOST_DIAGONALISED_IN_SWEEP",
    "PROBES",
    "STEPS",
    "TOP",
    "SpectraAlong",
    "SpectraElsewhere",
    "StoredCoupling",
    "coupling_sweep",
    "read_along",
    "read_coupling",
    "read_spectrum",
    "spectra_along",
    "student",
    "write_coupling",
    "write_spectrum",
]
