"""What can be read of any network: its spectrum V, its weights W whatever the order of their rows and columns, its function F, its loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy.stats import kurtosis
from torch import Tensor

from ...checks import InputError
from ...density.readouts import function_at
from ...problem.problem import Problem
from ...problem.trial import passes
from ...spectrum.eigenvalues import spectrum
from ..population.features import LARGEST, LOWEST, QUANTILES, RESOLUTION, largest_features, spectrum_features

WHOLE = 1_000  # parameters up to which the whole matrix is diagonalised
STEPS, PROBES = 40, 4  # of the quadrature beyond
PLACES = 64  # of the blurred density
BLUR = 2.0  # its standard deviation, in places
EXAMPLES = 200  # of the function
SINGULAR = 8
Rows = Mapping[str, np.ndarray]


def spectrum_of(problem: Problem, seed: int = 0) -> dict[str, np.ndarray]:
    """The network's Hessian: all eigenvalues (P,) of a small one; else `top` (30,), and `nodes`, `weights` of its density.

    The same probes for every network.
    """
    if problem.parameter_count <= WHOLE:
        return {"spectrum": spectrum(problem, method="exact", device="cpu").eigenvalues}
    estimate = spectrum(problem, top=LARGEST, steps=STEPS, probes=PROBES, seed=seed, method="slq", device="cpu")
    room = STEPS * PROBES - len(estimate.eigenvalues)  # a run that ends early has fewer
    return {
        "top": estimate.top[::-1],
        "bottom": estimate.bottom[:1],
        "trace": np.array(estimate.trace),
        "nodes": np.pad(estimate.eigenvalues, (0, room), constant_values=np.nan),
        "weights": np.pad(estimate.weights, (0, room)),
    }


def spectrum_rows(spectra: Rows) -> tuple[np.ndarray, np.ndarray]:
    """V of all networks, as claim `memory` has it, and the largest eigenvalues alone; in units of the median λ_max.

    Beyond a thousand parameters V is a density of arcsinh λ at 64 places, blurred over two of them, with ln tr, ln λ_max and
    ln −λ_min: what a finer look at the bulk would tell is not in it.
    """
    if "spectrum" in spectra:
        values = spectra["spectrum"] / _unit(spectra["spectrum"][:, -1])
        return spectrum_features(values), largest_features(values)
    unit = _unit(spectra["top"][:, -1])
    top, tiny = spectra["top"] / unit, 1e-12
    scalars = [spectra["trace"] / unit, top[:, -1], -spectra["bottom"][:, 0] / unit]
    logs = [np.log(np.maximum(each, tiny)) for each in scalars]
    blurred = _densities(np.arcsinh(spectra["nodes"] / unit / RESOLUTION), spectra["weights"])
    return np.concatenate([blurred, np.stack(logs, 1)], 1), largest_features(top)


def _unit(largest: np.ndarray) -> float:
    """The median λ_max: so that a thousandth of it is told from nothing, whatever the loss's unit."""
    return float(max(np.median(np.abs(largest)), 1e-300))


def _densities(nodes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n, 64) of Ritz values (n, k), NaN where there is none, on one grid for all."""
    low, high = np.nanmin(nodes), np.nanmax(nodes)
    step = max(high - low, 1e-9) / (PLACES - 1)
    grid = low + step * np.arange(PLACES)
    away = (grid[None, :, None] - np.nan_to_num(nodes)[:, None]) / (BLUR * step)
    return np.asarray((np.exp(-0.5 * away**2) * weights[:, None]).sum(2))


def weight_row(parameters: Mapping[str, Tensor]) -> np.ndarray:
    """W: of each tensor the quantiles of |entries| and their kurtosis, its norm, quantiles of the norms of its rows and of its
    columns, and its largest singular values.

    The same for every order of rows and columns, so for every order of hidden units, channels or heads, and for every sign of
    units; what depends on the order is not read, as it means nothing between two trainings.

    >>> weights = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    >>> turned = weights[[2, 0, 3, 1]][:, [1, 2, 0]]
    >>> bool(np.allclose(weight_row({"w": weights}), weight_row({"w": turned}), atol=1e-6))
    True
    """
    return np.concatenate([_tensor(value) for value in parameters.values()])


def _tensor(value: Tensor) -> np.ndarray:
    real = torch.view_as_real(value) if value.is_complex() else value
    weights = real.detach().cpu().double().numpy()
    flat = np.abs(weights).ravel()
    shape = float(kurtosis(flat)) if flat.std() > 1e-12 * max(flat.max(), 1e-300) else 0.0
    parts = [np.quantile(flat, QUANTILES), np.array([shape, np.log(max(float(np.linalg.norm(flat)), 1e-12))])]
    if weights.ndim >= 2 and min(weights.shape[:2]) > 1:
        spread = weights.reshape(*weights.shape[:2], -1)
        rows, columns = (np.linalg.norm(spread, axis=axes) for axes in ((1, 2), (0, 2)))
        parts += [np.quantile(rows, QUANTILES), np.quantile(columns, QUANTILES)]
        parts += [np.linalg.svd(weights.reshape(len(weights), -1), compute_uv=False)[:SINGULAR]]
    return np.concatenate(parts)


def function_row(problem: Problem) -> np.ndarray:
    """F: log-probabilities, none below −12, or outputs where there are none, of up to 200 of the problem's examples, drawn from seed 0.

    Raises
    ------
    InputError  the network returns several things, and none of them was chosen
    """
    part = problem.of_examples(min(EXAMPLES, problem.example_count))
    function, kind = function_at(part, None, "cpu", None), part.likelihood
    rows = []
    for batch in function.workspace.batches:
        with passes(part.differentiates):
            outputs = function.predictions(function.point, batch)
        if not isinstance(outputs, Tensor):
            raise InputError(
                f"The function is read from one tensor of outputs, but '{part.name}' returns a {type(outputs).__name__}: give the problem "
                "the entry that counts, Problem(…, output=…)."
            )
        if kind.is_categorical:
            outputs = kind.class_logits(outputs).double().log_softmax(1).clamp(min=LOWEST)
        rows.append(outputs.detach().double().cpu().numpy().ravel())
    return np.concatenate(rows)


def loss_of(problem: Problem) -> float:
    """The mean loss over the problem's examples."""
    function = function_at(problem, None, "cpu", None)
    return float(function.loss(function.point))
