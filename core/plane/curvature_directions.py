"""Directions that the loss itself gives at θ₀: leading Hessian eigenvectors, and the gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError, known
from ..curvature.loss_function import LossFunction
from ..curvature.operators import Curvature
from ..parameters.vectors import Vector
from ..problem.problem import Problem
from ..spectrum.lanczos import Eigenpairs, extreme_eigenpairs
from . import directions

EIGEN_PAIRS = (("top", "second"), ("top", "bottom"))
Found = tuple[Vector, Vector, dict[str, Any]]


def eigenvectors(problem: Problem, which: tuple[str, str], seed: int) -> Found:
    """Both directions of `Plane.eigen`, and what is said of them: eigenvalues, and residuals ‖Hv − λv‖/|λ|."""
    pair = (str(which[0]), str(which[1]))
    known("+".join(pair), ["+".join(p) for p in EIGEN_PAIRS], "pair of eigenvectors")
    if problem.parameter_count == 1:
        raise InputError(f"'{problem.name}' has one parameter, and a plane needs two: use Plane.line.")
    function = LossFunction(problem).calibrate()
    found = _eigenpairs(function, *((2, 0) if pair[1] == "second" else (1, 1)), seed)
    first, second = (function.layout.views(_signed(v)) for v in found.vectors)
    values, residuals = found.values.tolist(), found.residuals.tolist()
    return first, second, {"which": list(pair), "seed": seed, "eigenvalues": values, "residuals": residuals}


def gradient_and_eigenvector(problem: Problem, seed: int) -> Found:
    """Both directions of `Plane.gradient`, and what is said of them: the eigenvalue and its residual."""
    function = LossFunction(problem).calibrate()
    pairs = _eigenpairs(function, 1, 0, seed)
    first = directions.unit(function.layout.views(function.gradient().double()), "gradient at the centre")
    top = function.layout.views(_signed(pairs.vectors[0]).double())
    second = directions.unit(directions.orthogonalized(top, first), "part of the top eigenvector beside the gradient")
    return first, second, {"seed": seed, "eigenvalue": float(pairs.values[0]), "residual": float(pairs.residuals[0])}


def _eigenpairs(function: LossFunction, top: int, bottom: int, seed: int) -> Eigenpairs:
    layout, point, matrix = function.layout, function.point, Curvature(function)
    draws = directions.gaussian_pair(layout.views(point), seed)
    start = torch.stack([layout.flatten(d, point.device, point.dtype) for d in draws])
    found = extreme_eigenpairs(matrix, matrix.compact(start), top, bottom)
    return replace(found, vectors=matrix.padded(found.vectors))


def _signed(vector: Tensor) -> Tensor:
    """An eigenvector's sign is free: make its largest entry positive, so that the picture is always the same."""
    return vector * vector[vector.abs().argmax()].sign()
