"""Directions in parameter space, and their normalisation (Li et al. 2018, arXiv:1712.09913, §4 and §7)."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, known
from ..parameters import vectors
from ..parameters.vectors import Vector
from ..problem.trajectory import Trajectory
from .filters import ROWS, Filter, filter_of, layer_of

NORMALIZATIONS = ("filter", "layer", "weight", "product", "none")
IGNORE_CHOICES = ("biasbn", "none")
ON_ONE_LINE = "The checkpoints lie on one line, which spans no plane: use Plane.line, or a random plane."
ALL_THE_SAME = (
    "All checkpoints of the trajectory are the same, so they span no plane: keep a copy of each while training, "
    "{k: v.detach().clone() for k, v in model.state_dict().items()}."
)
_TINY = 1e-10  # Li et al.'s own guard against a filter of zeros


def gaussian_pair(parameters: Mapping[str, Tensor], seed: int) -> tuple[Vector, Vector]:
    """Two independent N(0, 1) draws over the parameters, in float64 on the CPU.

    Drawn there whatever the model's precision and device, so that one seed means one plane everywhere.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw() -> Vector:
        return {k: vectors.gaussian(v.shape, generator, v) for k, v in parameters.items()}

    return draw(), draw()


def normalized(
    direction: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    how: str,
    ignore: str | None,
    filters: Mapping[str, Filter] | None = None,
) -> Vector:
    """`direction` scaled to the parameters.

    ==========  ==========================================================================
    how         what is scaled
    ==========  ==========================================================================
    filter      each filter f, as `filters` says:  d_f ← d_f ‖θ_f‖ / (‖d_f‖ + 1e-10)
    layer       each tensor, in the same way; the two factors of a low-rank adapter as one
    weight      each number:  d ← d ⊙ |θ|
    product     the factors of a low-rank adapter by the change of their product (`adapter_products`), other
                tensors as under filter
    none        nothing
    ==========  ==========================================================================

    Under ignore="biasbn" biases and what belongs to normalisations get d = 0; else such a tensor is one filter.
    The result is float64 (complex128) on the parameters' device.

    filters  of `filters_of` by name; where there is none: rows, and tensors with one dimension or none count as biases

    Raises
    ------
    InputError  an unknown `how` or `ignore`
    """
    known(how, NORMALIZATIONS, "normalisation")
    known(ignore or "none", IGNORE_CHOICES, "choice for ignore")
    wide = {name: vectors.wide(theta) for name, theta in parameters.items()}
    drawn = {name: vectors.wide(direction[name].to(theta.device)) for name, theta in parameters.items()}
    result = {}
    for name, theta in wide.items():
        cut, d = (filters or {}).get(name) or filter_of(theta), drawn[name]
        layer = layer_of(name, parameters)
        if cut.still and ignore == "biasbn":
            result[name] = torch.zeros_like(d)
        elif how == "layer" and len(layer) > 1:
            lengths = (torch.stack([v[k].norm() for k in layer]).norm() for v in (wide, drawn))
            result[name] = d * ratio(*lengths)
        else:
            scale = factors(d, theta, how, cut)
            result[name] = d if scale is None else d * scale
    return result


def factors(d: Tensor, theta: Tensor, how: str, cut: Filter) -> Tensor | None:
    """Factors that normalise `d` to `theta`, both float64; None for no scaling. Plain rows are scaled apart."""
    if how == "none":
        return None
    if how == "product":
        return factors(d, theta, "filter", cut) if cut.product is None else cut.product.factors(d)
    if how == "weight":
        return theta.abs()
    if how == "layer" or cut.along is None:
        return ratio(theta.norm(), d.norm())
    if cut == ROWS:
        return ratio(theta.flatten(1).norm(dim=1), d.flatten(1).norm(dim=1)).reshape(-1, *[1] * (d.ndim - 1))
    return ratio(cut.lengths(theta), cut.lengths(d))


def ratio(wanted: Tensor, length: Tensor) -> Tensor:
    """The factor that brings `length` to `wanted`, Li et al.'s own guard against a filter of zeros included."""
    return wanted / (length + _TINY)


def orthogonalized(second: Vector, first: Vector) -> Vector:
    """`second` without its component along `first` (one Gram–Schmidt step)."""
    length = vectors.dot(first, first)
    return second if length == 0 else vectors.combine((1.0, second), (-vectors.dot(second, first) / length, first))


def length(direction: Vector, what: str) -> float:
    """‖direction‖.

    Raises
    ------
    InputError  the direction is zero
    """
    norm = vectors.norm(direction)
    if norm == 0:
        raise InputError(f"The {what} is zero, so it gives no direction: choose another plane.")
    return norm


def unit(direction: Vector, what: str) -> Vector:
    """`direction` scaled to length 1; InputError where it is zero."""
    own = length(direction, what)
    return {k: v / own for k, v in direction.items()}


@functools.lru_cache(maxsize=2)  # planes around other checkpoints have the same ones
def principal_components(trajectory: Trajectory) -> tuple[Vector, Vector, tuple[float, float]]:
    """Leading two principal components of {θ_t − θ_T}, unit length, and the share of variance of each.

    The signs are chosen so that training starts at positive coordinates, which makes pictures comparable.

    Raises
    ------
    InputError  fewer than three checkpoints, or checkpoints on one line
    """
    from sklearn.decomposition import PCA  # here, because it takes as long to import as torch

    if len(trajectory) < 3:
        raise InputError(f"A trajectory plane needs three or more checkpoints, but there are {len(trajectory)}.")
    if trajectory.is_streamed:
        return _streamed_components(trajectory)
    if trajectory.length == 0:
        raise InputError(ALL_THE_SAME)
    last = trajectory.at(len(trajectory) - 1)
    rows = np.stack([_flat(vectors.subtract(point, last)) for point in trajectory])
    pca = PCA(n_components=2, svd_solver="full").fit(rows)
    if pca.singular_values_[1] <= 1e-12 * pca.singular_values_[0]:
        raise InputError(ON_ONE_LINE)
    signs = np.where(pca.components_ @ rows[0] < 0, -1.0, 1.0)
    first, second = (_unflat(sign * row, last) for sign, row in zip(signs, pca.components_, strict=True))
    shares = pca.explained_variance_ratio_
    return first, second, (float(shares[0]), float(shares[1]))


def _streamed_components(trajectory: Trajectory) -> tuple[Vector, Vector, tuple[float, float]]:
    components, singular, shares = trajectory.streamed_components()
    if singular[0] == 0:
        raise InputError(ALL_THE_SAME)
    if len(components) < 2:
        raise InputError(ON_ONE_LINE)
    first, second = (unit(each, "principal component") for each in components)
    return first, second, (float(shares[0]), float(shares[1]))


def _flat(vector: Mapping[str, Tensor]) -> np.ndarray:
    return torch.cat([vectors.numbers(v).cpu() for v in vector.values()]).numpy()


def _unflat(row: np.ndarray, like: Mapping[str, Tensor]) -> Vector:
    sizes = [v.numel() * (2 if v.is_complex() else 1) for v in like.values()]
    pieces = zip(like.items(), torch.from_numpy(row).split(sizes), strict=True)
    return {
        k: torch.view_as_complex(part.reshape(*v.shape, 2)) if v.is_complex() else part.reshape(v.shape)
        for (k, v), part in pieces
    }
