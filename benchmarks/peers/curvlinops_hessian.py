"""curvlinops: `HessianLinearOperator`, with SciPy's `eigsh` and with its own spectral density, as its examples do.

Its Lanczos run does not reorthogonalise. It is spared the two checks that it makes by default on construction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from curvlinops import EFLinearOperator, GGNLinearOperator, HessianLinearOperator, LanczosApproximateSpectrumCached
from scipy.sparse.linalg import eigsh
from torch import Tensor, nn

from benchmarks.case import Case

KINDS = {"hessian": HessianLinearOperator, "ggn": GGNLinearOperator, "empirical_fisher": EFLinearOperator}


def _operator(case: Case, of: str = "hessian") -> Any:
    parameters = [p for p in case.model.parameters() if p.requires_grad]
    data = [(case.inputs, case.targets)]
    return KINDS[of](case.model, nn.CrossEntropyLoss(), parameters, data, check_deterministic=False)


def product(case: Case, of: str) -> Callable[[Tensor], Tensor]:
    """(k, P) → (k, P)."""
    operator = _operator(case, of)
    return lambda rows: (operator @ rows.T).T


def top(case: Case, count: int, tolerance: float) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    np.random.seed(0)  # eigsh draws its start there

    def run() -> tuple[np.ndarray, np.ndarray]:
        values, vectors = eigsh(_operator(case).to_scipy(), k=count, which="LA", tol=tolerance)
        return values[::-1].copy(), vectors.T[::-1].copy()

    return run


def slq(case: Case, steps: int, seed: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    torch.manual_seed(seed)

    def run() -> tuple[np.ndarray, np.ndarray]:
        spectrum = LanczosApproximateSpectrumCached(_operator(case), ncv=steps)
        spectrum.approximate_spectrum(num_repeats=1)
        ((values, vectors),) = spectrum._lanczos_iters
        return values.cpu().numpy(), vectors[0].square().cpu().numpy()

    return run
