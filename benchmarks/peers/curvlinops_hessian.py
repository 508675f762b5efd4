"""curvlinops: `HessianLinearOperator`, with SciPy's `eigsh` and with its own spectral density, as its examples do.

Its Lanczos run does not reorthogonalise. It is spared the two checks that it makes by default on construction.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from curvlinops import HessianLinearOperator, LanczosApproximateSpectrumCached
from scipy.sparse.linalg import eigsh
from torch import nn

from benchmarks.case import Case


def _operator(case: Case) -> HessianLinearOperator:
    parameters = [p for p in case.model.parameters() if p.requires_grad]
    data = [(case.inputs, case.targets)]
    return HessianLinearOperator(case.model, nn.CrossEntropyLoss(), parameters, data, check_deterministic=False)


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
