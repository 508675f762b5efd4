"""Spectra of the curvature at a point, and the coupling of several."""

from __future__ import annotations

from .along import CHECKPOINTS, PROBES, STEPS, TOP, spectra_along
from .coupling_sweep import GAMMAS, MOST_EXACT, coupling_sweep
from .eigenvalues import MOST_EXACT as MOST_EXACT_SPECTRUM
from .estimate import student
from .io import SpectraAlong, StoredCoupling, read_along, read_coupling, read_spectrum, write_coupling, write_spectrum

__all__ = [
    "CHECKPOINTS",
    "GAMMAS",
    "MOST_EXACT",
    "MOST_EXACT_SPECTRUM",
    "PROBES",
    "STEPS",
    "TOP",
    "SpectraAlong",
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
