"""Spectra, eigenpairs, coupling matrices and density maps."""

from __future__ import annotations

import json
from typing import Any

import torch
from lossnav.core import coupling_matrix, density_map, eigenpairs, load_problem, spectrum

from .cases import HEAVY, LIGHT, MATRICES, MIDDLE, Items


def spectra() -> Items:
    """Spectra, eigenpairs and coupling matrices."""
    for name in (*LIGHT, *MIDDLE):
        problem = load_problem(name)
        for of in MATRICES:
            yield f"{name} {of}", spectrum(problem, of=of, top=2, steps=12, probes=2, method="slq", device="cpu")
            yield f"{name} {of} coupling", coupling_matrix(problem, of=of, probes=2, exact=False, device="cpu")
        yield f"{name} pairs", eigenpairs(problem, top=3, bottom=2, block=2, device="cpu")
    for name in LIGHT:
        problem = load_problem(name)
        for of in MATRICES:
            yield f"{name} {of} exact", spectrum(problem, problem.trajectory.at(3), of, device="cpu")
            yield f"{name} {of} coupling, exact", coupling_matrix(problem, of=of, device="cpu")
        how: dict[str, Any] = {"distribution": "gaussian", "dtype": torch.float64, "device": "cpu"}
        yield f"{name} float64", spectrum(problem, method="slq", steps=20, probes=3, **how)
    for name in HEAVY:
        yield f"{name} pairs", eigenpairs(load_problem(name), top=1, tolerance=0.05, device="cpu")


def density() -> Items:
    """Density maps of inputs and of activations."""
    for name in (*LIGHT, *MIDDLE, *HEAVY):
        problem = load_problem(name)
        found = density_map(problem, permutations=50, device="cpu")
        yield name, found
        for layer in json.loads(found.attrs["layers"])[:1]:
            point = problem.trajectory.at(5)
            yield f"{name} {layer}", density_map(problem, point, layer=layer, permutations=20, seed=1, device="cpu")
