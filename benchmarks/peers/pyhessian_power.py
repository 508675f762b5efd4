"""PyHessian: power iteration with deflation, and stochastic Lanczos quadrature, on the whole data as one batch.

Its `density` ends with torch.eig, which torch has removed; a stand-in with the same meaning is given to it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from pyhessian import hessian
from torch import Tensor, nn

from benchmarks.case import Case


def _eig(matrix: Tensor, eigenvectors: bool) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eigh(matrix)
    return torch.stack([values, torch.zeros_like(values)], 1), vectors


torch.eig = _eig  # type: ignore[assignment]


def _hessian(case: Case) -> hessian:
    cuda = case.inputs.device.type == "cuda"
    return hessian(case.model, nn.CrossEntropyLoss(), data=(case.inputs, case.targets), cuda=cuda)


def top(case: Case, count: int, tolerance: float) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    def run() -> tuple[np.ndarray, np.ndarray]:
        values, vectors = _hessian(case).eigenvalues(maxIter=1000, tol=tolerance, top_n=count)
        return np.array(values), np.stack([torch.cat([p.flatten() for p in v]).cpu().numpy() for v in vectors])

    return run


def slq(case: Case, steps: int, seed: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    torch.manual_seed(seed)

    def run() -> tuple[np.ndarray, np.ndarray]:
        values, weights = _hessian(case).density(iter=steps, n_v=1)
        return np.array(values[0]), np.array(weights[0])

    return run
