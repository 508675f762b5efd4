"""The layer × layer coupling matrix: how strongly the curvature ties each layer to each other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ..checks import InputError
from ..curvature.dense import dense_matrix
from ..curvature.layers import Layers, layers_of
from ..curvature.operators import Operator, curvature
from ..network.weight_dependence import require_dependence
from ..problem.problem import Problem
from .memory import matrix_fits, require_matrix, require_room
from .probes import random_rows

MOST_WHOLE_MATRIX = 2_000  # parameters up to which the whole matrix is made


def coupling_matrix(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    of: str = "hessian",
    probes: int = 8,
    seed: int = 0,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    exact: bool | None = None,
) -> xr.DataArray:
    """M_ab = ‖A_ab‖_F / sqrt(‖A_aa‖_F ‖A_bb‖_F) over pairs of layers, dimensionless, 1 on the diagonal.

    Layers are the modules that own parameter tensors. A layer without curvature of its own gives NaN.

    Parameters
    ----------
    at, of   the point and the matrix, as in `spectrum`
    probes   for each layer, where estimated: ‖A_ab‖_F² = E‖(A v)_a‖² over Rademacher v on layer b alone
    exact    from the whole matrix; None: up to 2,000 parameters

    Returns
    -------
    DataArray (layer, other), symmetric; coordinate `standard_error` (layer, other), 0 where exact;
    attrs of, exact, probes, seed

    Raises
    ------
    InputError  an unknown matrix; fewer than two probes; "fisher" of a loss without a likelihood; more memory
                needed than is free

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Linear(1, 1, bias=False)).double()
    >>> problem = Problem(model, torch.ones(1, 2).double(), torch.zeros(1, 1).double(), loss="mse")
    >>> coupling_matrix(problem, of="ggn").values.round(6).tolist()  # one example: a matrix of rank one
    [[1.0, 1.0], [1.0, 1.0]]
    """
    if probes < 2:
        raise InputError(f"probes should be 2 or more for a standard error, but is {probes}.")
    require_dependence(problem)
    operator = curvature(problem, at, of, device, dtype)
    layers = layers_of(operator.layout)
    dense = operator.size <= MOST_WHOLE_MATRIX and matrix_fits(operator) if exact is None else exact
    if dense:
        require_matrix(operator, "leave exact out")
    else:
        require_room(operator, 3 * probes, probes)
    if dense:
        squares = _exact_squares(dense_matrix(operator), layers)[None]
    else:
        squares = _probed_squares(operator, layers, probes, seed)
    squares = (squares + squares.transpose(0, 2, 1)) / 2
    values, errors = (_normalised(squares[0]), np.zeros(squares[0].shape)) if dense else _with_errors(squares)
    return xr.DataArray(
        values,
        dims=("layer", "other"),
        coords={
            "layer": list(layers.names),
            "other": list(layers.names),
            "standard_error": (("layer", "other"), errors),
        },
        name="coupling_matrix",
        attrs={"of": of, "exact": int(dense), "probes": 0 if dense else probes, "seed": seed},
    )


def _exact_squares(matrix: Tensor, layers: Layers) -> np.ndarray:
    return layers.sums(layers.sums(matrix.square()).T).cpu().numpy()


def _probed_squares(operator: Operator, layers: Layers, probes: int, seed: int) -> np.ndarray:
    """‖(A v_b)_a‖² of each probe, (probes, a, b)."""
    rows = random_rows(operator, probes, seed)
    squares = np.zeros((probes, layers.count, layers.count))
    index = layers.index.to(rows.device)
    for b in range(layers.count):
        images = operator.products(rows * (index == b))
        squares[:, :, b] = layers.sums(images.double().square()).cpu().numpy()
    return squares


def _normalised(squares: np.ndarray) -> np.ndarray:
    # no curvature of its own: NaN, not infinity. Roots first, as a product of squares may be beyond what a float holds
    own = np.sqrt(np.sqrt(np.where(np.diag(squares) > 0, np.diag(squares), np.nan)))
    values: np.ndarray = np.sqrt(squares) / (own[:, None] * own[None])
    return values


def _with_errors(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count = len(squares)
    whole = squares.sum(0)
    without = np.stack([_normalised(np.delete(squares, k, 0).mean(0)) for k in range(count)])
    errors = np.sqrt((count - 1) / count * np.square(without - without.mean(0)).sum(0))
    return _normalised(whole / count), errors
