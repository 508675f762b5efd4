"""`density_map`: the data on a map, with how the network does on each example at one point of parameter space."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ..checks import InputError, matching
from ..curvature.example_gradients import chunk_rows
from ..curvature.loss_function import LossFunction
from ..machine.memory import byte_text, free_bytes
from ..network.workspace import dtype_of
from ..problem.problem import Problem
from .activations import layer_names, layer_rows
from .claims import DENSITY_CLAIMS, evidence, no_evidence
from .info import DensityInfo
from .kernel import bandwidth_of, grid_axes, kernel_density
from .neighbours import NEIGHBOURS, neighbour_density
from .places import MapPoints, given, placed
from .readouts import example_readouts, function_at, notes
from .rows import flat_rows, input_rows

MOST_SHOWN = 2_000_000  # numbers of the inputs that are kept beside the map, to show an example by
WORDS = {
    "loss": ("Loss", "nats"),
    "perplexity": ("Perplexity", ""),
    "confidence": ("Confidence", ""),
    "gradient_norm": ("Gradient norm", "nats per parameter unit"),
    "density": ("Density", "−ln of the distance to neighbour {k}"),
    "label": ("Class", ""),
    "kernel_density": ("Density of examples", "per unit area"),
}


def density_map(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    *,
    coordinates: object = None,
    layer: str | None = None,
    seed: int = 0,
    permutations: int = 2000,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
) -> xr.Dataset:
    """The examples on a map of input space, the density there, and the network's numbers on each example at a point.

    Parameters
    ----------
    at            the point of parameter space, dict name → tensor; None: θ₀
    coordinates   (n, 2), a map of your own; None: the inputs where they have two dimensions, else their PCA
    layer         a module's name ("blocks.3"): its activations at the point in place of the inputs
    seed          of the folds that choose the bandwidth, and of the permutations
    permutations  of each claim's test
    device, dtype  as in `survey`

    Returns
    -------
    xarray.Dataset over example (n), grid_x and grid_y (80 × 80):

    ================  ================  ==========================================================================
    x, y              (example)         the place on the map, in the map's own unit
    kernel_density    (grid_x, grid_y)  Gaussian kernel density estimate, per unit area; integrates to 1
    density           (example)         −ln of the distance to the 10th neighbour, in the full space, not on the map
    loss              (example)         mean loss over the example's predictions, nats for a likelihood
    perplexity        (example)         exp(loss), ≥ 1 for classes and tokens; ∞ where it overflows
    confidence        (example)         mean of max softmax over the predictions, 1/K..1
    gradient_norm     (example)         ‖∇ of that mean loss‖ over all trainable parameters
    label             (example)         the target class
    input             (example, feature)  the first input tensor laid flat, where it is small
    ================  ================  ==========================================================================

    A variable that has no meaning here is absent, and attrs["unavailable"] (JSON) says why. Examples whose loss is not
    finite, or that predict nothing, are NaN and counted in attrs["notes"] (JSON, sentences). attrs["claims"] (JSON)
    holds the two claims of METHODS §4: see `claims.evidence`. attrs also: bandwidth, bandwidth_rule, placed, axes,
    explained (JSON, shares of variance or null), neighbours, layers (JSON, names that `layer` takes).

    Under `batchnorm="recalibrate"` the statistics are those of the data at the point, held fixed in the gradients.

    Raises
    ------
    InputError  an unknown layer (with the nearest name), a point of another network, coordinates of another shape,
                fewer than two examples, inputs too large to be points, more memory needed than is free

    Sources: Parzen 1962; Loftsgaarden & Quesenberry 1965; Spearman 1904; Phipson & Smyth 2010.

    >>> from torch import nn
    >>> inputs = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    >>> uniform = nn.Linear(2, 4)
    >>> _ = [nn.init.zeros_(p) for p in uniform.parameters()]
    >>> found = density_map(Problem(uniform, inputs, torch.arange(40) % 4), device="cpu")
    >>> bool(np.allclose(found["perplexity"], 4)), bool(np.allclose(found["confidence"], 1 / 4))  # K and 1/K
    (True, True)
    >>> squares = (3 / 4) * (1 + inputs.double().square().sum(1))  # ‖p − e_y‖² = 3/4 at p = 1/4, times ‖(x, 1)‖²
    >>> bool(np.allclose(found["gradient_norm"], squares.sqrt(), rtol=1e-5))
    True
    """
    if problem.example_count < 2:
        raise InputError("A density map needs at least two examples, but the problem has one: give more data.")
    if at is not None:
        matching(at, problem.parameters, "The point")
    function = function_at(problem, at, device, dtype_of(dtype))
    _require_room(function)
    rows = input_rows(problem) if layer is None else layer_rows(function.workspace, layer)
    places = placed(rows, layer, seed) if coordinates is None else given(coordinates, len(rows))
    variables, surprises, unavailable = example_readouts(function)
    variables["density"] = neighbour_density(rows)
    dataset = _dataset(problem, places, variables, seed)
    dataset.attrs |= DensityInfo(
        name=problem.name,
        placed=places.kind,
        axes=places.axes,
        explained=places.explained,
        layer=layer or "",
        layers=layer_names(problem),
        neighbours=min(NEIGHBOURS, len(rows) - 1),
        unavailable=unavailable,
        notes=notes(problem, variables["loss"], variables.get("gradient_norm", np.empty(0))),
        claims=_claims(variables, surprises, unavailable, permutations, seed),
    ).as_attrs()
    return dataset


def _require_room(function: LossFunction) -> None:
    """Gradients of a chunk of examples are the largest that is held, twice while they are laid into rows."""
    problem, kind = function.problem, function.workspace.dtype
    chunk = min(problem.example_count, chunk_rows(problem.parameter_count))
    needed = (2 * chunk + 4) * problem.parameter_count * kind.itemsize + chunk * function.activation_bytes
    free = free_bytes(function.workspace.device)
    if free is not None and needed > free:
        raise InputError(
            f"The gradients of {chunk} examples, {problem.parameter_count:,} numbers each, need about {byte_text(needed)} of "
            f"memory, and {byte_text(free)} are free: use a machine with more memory, or a smaller network."
        )


def _dataset(problem: Problem, places: MapPoints, variables: dict[str, np.ndarray], seed: int) -> xr.Dataset:
    width = bandwidth_of(places.points, seed)
    x, y = grid_axes(places.points, width)
    shown = problem.inputs[0]
    dataset = xr.Dataset(
        {name: ("example", values, _words(name, problem)) for name, values in variables.items()}
        | {
            "kernel_density": (
                ("grid_x", "grid_y"),
                kernel_density(places.points, width, x, y),
                _words("kernel_density", problem),
            )
        },
        coords={
            "x": ("example", places.points[:, 0]),
            "y": ("example", places.points[:, 1]),
            "grid_x": x,
            "grid_y": y,
        },
        attrs={"bandwidth": width, "bandwidth_rule": "five-fold cross-validated likelihood", "seed": seed},
    )
    if shown.numel() <= MOST_SHOWN and not shown.is_complex():
        dataset["input"] = (
            ("example", "feature"),
            flat_rows(shown).astype(np.float32),
            {"shape": json.dumps(shown.shape[1:]), "tokens": int(not shown.is_floating_point())},
        )
    return dataset


def _words(name: str, problem: Problem) -> dict[str, Any]:
    long_name, units = WORDS[name]
    units = units.format(k=min(NEIGHBOURS, problem.example_count - 1))
    return {
        "long_name": long_name,
        "units": units if problem.likelihood.is_likelihood else units.removeprefix("nats").strip(),
    }


def _claims(
    variables: dict[str, np.ndarray],
    surprises: np.ndarray,
    unavailable: dict[str, str],
    permutations: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Each claim tested; perplexity by its logarithm, which has the same ranks and does not overflow."""
    values = {**variables, "perplexity": surprises}
    return [
        no_evidence(claim, unavailable[claim.variable])
        if claim.variable in unavailable
        else evidence(claim, variables["density"], values[claim.variable], permutations, seed)
        for claim in DENSITY_CLAIMS
    ]
