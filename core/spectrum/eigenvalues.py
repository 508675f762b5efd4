"""The spectrum of a problem's curvature: exact where P is small, by quadrature and Lanczos where it is not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, known
from ..curvature.dense import dense_matrix
from ..curvature.operators import Curvature, Operator, curvature
from ..network.weight_dependence import require_dependence
from ..problem.problem import Problem
from .density import FLAT, Spectrum
from .estimate import Estimate, mean_estimate
from .lanczos import Eigenpairs
from .locking import held_vectors, locked_eigenpairs
from .memory import lanczos_room, matrix_fits, require_matrix, require_room
from .moment_bounds import interval
from .probes import random_rows
from .quadrature import Quadrature, lanczos_quadrature

METHODS = ("auto", "exact", "slq")
MOST_DIAGONALISED = 5_000  # parameters up to which "auto" diagonalises the whole matrix
TOLERANCE = 1e-4  # of the outermost eigenpairs, ‖Av − λv‖ relative to |λ|
MOST_STEPS = 600
SETTLED = 1e-3  # L¹ distance of densities ten Lanczos steps apart at which the quadrature ends
BLOCK = 2  # first vectors of the Lanczos iteration: an eigenvalue that occurs twice is found twice at once


def spectrum(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    of: str = "hessian",
    top: int = 5,
    steps: int = 80,
    probes: int = 10,
    seed: int = 0,
    method: str = "auto",
    bottom: int = 1,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    distribution: str = "rademacher",
) -> Spectrum:
    """Density, outermost eigenvalues and trace of a curvature matrix of the mean loss.

    Parameters
    ----------
    at              the point θ, dict name → tensor; None: θ₀
    of              "hessian" | "ggn" | "remainder" | "fisher" | "empirical_fisher"
    top, bottom     how many outermost eigenvalues are iterated to a residual ‖Av − λv‖ ≤ 1e-4 |λ|; those below a
                    thousandth of the largest to 1e-7 of the largest, and in float32 none to less than 1e-6 of the
                    largest, which is what its products give. The residuals say what was reached, by products in `dtype`: in
                    float32 a ReLU within rounding of its kink may fall on the other side, and H is off by up to 1e-4
    steps, probes   of the stochastic Lanczos quadrature; unused where exact. It ends before `steps` where the density, at its
                    default width, moved by no more than 1e-3 in L¹ over the last ten of them; never where
                    `steps` is at least the number of parameters, which gives every eigenvalue
    method          "exact": the whole matrix; "slq"; "auto": exact up to 5,000 parameters
    dtype           precision of the computation; None: the model's own
    distribution    of the probes: "rademacher" | "gaussian"

    Raises
    ------
    InputError  an unknown name; counts below one; "fisher" of a loss without a likelihood; curvature that is not finite; more
                memory needed than is free, said before anything is computed

    >>> from torch import nn
    >>> X = torch.diag(torch.tensor([1.0, 2.0, 3.0])).double()
    >>> problem = Problem(nn.Linear(3, 1, bias=False).double(), X, torch.zeros(3, 1).double(), loss="mse")
    >>> spectrum(problem, top=2).eigenvalues.round(6).tolist()  # H = 2 XᵀX / 3
    [0.666667, 2.666667, 6.0]
    """
    known(method, METHODS, "method")
    for name, count in {"top": top, "bottom": bottom, "steps": steps, "probes": probes}.items():
        if count < 1:
            raise InputError(f"{name} should be 1 or more, but is {count}.")
    require_dependence(problem)
    operator = curvature(problem, at, of, device, dtype)
    top, bottom = min(top, operator.size), min(bottom, operator.size)
    if method == "exact":
        require_matrix(operator, "use method='slq'")
    if method == "exact" or (method == "auto" and operator.size <= MOST_DIAGONALISED and matrix_fits(operator)):
        return _exact(operator, of, top, bottom, seed)
    return _estimated(operator, of, top, bottom, steps, probes, seed, distribution)


def eigenpairs(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    of: str = "hessian",
    top: int = 5,
    bottom: int = 0,
    tolerance: float = TOLERANCE,
    seed: int = 0,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    block: int = 1,
) -> Eigenpairs:
    """The outermost eigenpairs of a curvature matrix alone, without its density: as many products as they take, no more.

    Parameters
    ----------
    at, of, device, dtype   as in `spectrum`
    top, bottom             how many of the largest and of the smallest
    tolerance               of the residuals ‖Av − λv‖ / |λ|, with the limits that `spectrum` states
    block                   first vectors, drawn from the seed. Where more eigenvalues than these are asked for, what was found is
                            locked and the iteration started again until it finds nothing beyond the last of them, so that one
                            which occurs more often is found as often

    Returns
    -------
    Eigenpairs, the largest first, then the smallest; its vectors (k, P) hold the trainable parameters in their order

    Raises
    ------
    InputError  an unknown matrix; counts below zero, or none asked for; a tolerance that is not positive; curvature that
                is not finite

    >>> from torch import nn
    >>> X = torch.diag(torch.tensor([1.0, 2.0, 3.0])).double()
    >>> problem = Problem(nn.Linear(3, 1, bias=False).double(), X, torch.zeros(3, 1).double(), loss="mse")
    >>> eigenpairs(problem, top=1, bottom=1).values.round(decimals=6).tolist()  # H = 2 XᵀX / 3
    [6.0, 0.666667]
    """
    if top < 0 or bottom < 0 or top + bottom == 0:
        raise InputError(f"top and bottom should be 0 or more and not both 0, but are {top} and {bottom}.")
    if block < 1:
        raise InputError(f"block should be 1 or more, but is {block}.")
    if not tolerance > 0:
        raise InputError(f"tolerance should be a positive number, but is {tolerance}.")
    require_dependence(problem)
    operator = curvature(problem, at, of, device, dtype)
    top, bottom = min(top, operator.size), min(bottom, operator.size)
    most = lanczos_room(operator, top + bottom, block, block + held_vectors(block, top, bottom), MOST_STEPS)
    start = random_rows(operator, min(block, operator.size), seed + 2_000_003, "gaussian")
    return locked_eigenpairs(operator, start, top, bottom, tolerance, most, seed)


def _exact(operator: Operator, of: str, top: int, bottom: int, seed: int) -> Spectrum:
    matrix = dense_matrix(operator)
    values, vectors = torch.linalg.eigh(matrix)
    misses = (matrix @ vectors - vectors * values).norm(dim=0) / values.abs().clamp_min(1e-300)
    eigenvalues, errors = values.cpu().numpy(), misses.cpu().numpy()
    size, resolution = operator.size, _resolution(operator, eigenvalues)
    return Spectrum(
        eigenvalues=eigenvalues,
        weights=np.full(size, 1 / size),
        top=eigenvalues[::-1][:top].copy(),
        residuals=errors[::-1][:top].copy(),
        bottom=eigenvalues[:bottom].copy(),
        bottom_residuals=errors[:bottom].copy(),
        trace=float(matrix.trace()),
        trace_se=0.0,
        method="exact",
        of=of,
        steps=0,
        probes=0,
        seed=seed,
        parameter_count=size,
        index=float((eigenvalues < -resolution).mean()),
        resolution=resolution,
    )


def _estimated(
    operator: Curvature, of: str, top: int, bottom: int, steps: int, probes: int, seed: int, distribution: str
) -> Spectrum:
    most = lanczos_room(operator, top + bottom, BLOCK, probes + BLOCK + held_vectors(BLOCK, top, bottom), MOST_STEPS)
    require_room(operator, probes + min(steps, operator.size), 1)  # of the quadrature, one probe after another
    rows = random_rows(operator, probes, seed, distribution)
    rule = lanczos_quadrature(operator, rows, steps, SETTLED if steps < operator.size else None)  # else it is exact
    start = random_rows(operator, min(BLOCK, operator.size), seed + 2_000_003, "gaussian")  # not the probes' own
    pairs = locked_eigenpairs(operator, start, top, bottom, TOLERANCE, most, seed)
    outermost, errors = pairs.values.numpy(), pairs.residuals.numpy()
    trace, resolution = deflated_trace(rule, rows, pairs), _resolution(operator, outermost)
    used = (rule.weights > 0).flatten()
    nodes, weights = rule.nodes.flatten()[used].numpy(), rule.weights.flatten()[used].numpy() / probes
    order = np.argsort(nodes, kind="stable")
    return Spectrum(
        eigenvalues=nodes[order],
        weights=weights[order] / weights.sum(),
        top=outermost[:top],
        residuals=errors[:top],
        bottom=outermost[top:],
        bottom_residuals=errors[top:],
        trace=trace.value,
        trace_se=trace.standard_error,
        method="slq",
        of=of,
        steps=rule.nodes.shape[1],
        probes=probes,
        seed=seed,
        parameter_count=operator.size,
        index=rule.below(0.0, resolution).value,
        resolution=resolution,
        index_interval=_within(rule.bounds_below(-resolution)),
        flat_interval=_within(rule.bounds_between(-FLAT * abs(outermost[0]), FLAT * abs(outermost[0]))),
    )


def _within(bounds: tuple[Tensor, Tensor]) -> np.ndarray:
    """A share's 95 % interval (2,), from its bounds of each probe; of a single one nothing is known."""
    return np.clip(interval(*bounds), 0.0, 1.0) if len(bounds[0]) > 1 else np.array([0.0, 1.0])


def deflated_trace(rule: Quadrature, probes: Tensor, pairs: Eigenpairs) -> Estimate:
    """tr A from the quadrature's probes (m, P), without the noise of eigenpairs that are known.

    Each probe's vᵀAv less Σ_j λ_j ((u_j·v)² − 1), which has mean 0 for any unit vectors u_j that do not depend on v
    (Girard's deflation as a control variate): unbiased, and with the noise of the remaining eigenvalues alone.
    """
    rows = torch.nn.functional.normalize(probes.double(), dim=1) * rule.size**0.5
    known_part = ((rows @ pairs.vectors.double().T).square() - 1).cpu() @ pairs.values
    return mean_estimate(rule.traces - known_part)


def _resolution(operator: Operator, values: np.ndarray) -> float:
    return float(operator.size**0.5 * torch.finfo(operator.dtype).eps * np.abs(values).max())
