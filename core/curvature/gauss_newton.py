"""Products Jᵀ M J v: the generalised Gauss-Newton matrix and both Fishers (Schraudolph 2002; Martens 2014).

J is the Jacobian of all predictions (or of all losses) in the parameters. It is never formed: its products are taken by the
rules of the network's operations, or, as Jᵀw is linear in w, as the derivative of Jᵀw in w, applied to v.
"""

from __future__ import annotations

from torch import Tensor

from ..checks import InputError
from .differences import difference_products
from .loss_function import LossFunction


def gauss_newton_products(function: LossFunction, directions: Tensor) -> Tensor:
    """G v for each row v of `directions` (k, P padded): G = (1/N) Σ_n J_nᵀ (∂²ℓ_n/∂z_n²) J_n."""
    return _products(function, directions, "ggn")


def fisher_products(function: LossFunction, directions: Tensor) -> Tensor:
    """F v for each row of `directions` (k, P padded): F = (1/N) Σ_n E_{y∼p(·|x_n)} ∇ℓ_n(y) ∇ℓ_n(y)ᵀ, exactly.

    The expectation over labels is the Fisher of the outputs in closed form, no draw: diag(p) − ppᵀ for softmax,
    I/σ² for a Gaussian. For labels of one class, or soft ones that sum to one, it is the Gauss-Newton matrix.

    Raises
    ------
    InputError  the loss states no likelihood
    """
    return _products(function, directions, "fisher")


def _products(function: LossFunction, directions: Tensor, of: str) -> Tensor:
    function.require_derivatives()
    if function.by_differences:
        return difference_products(function, directions, of)
    return function.linearisation.products(directions, of)


def empirical_fisher_products(function: LossFunction, directions: Tensor) -> Tensor:
    """F_e v for each row of `directions` (k, P padded): F_e = (1/N) Σ_n g_n g_nᵀ, g_n = ∇ℓ_n with the data's own label.

    n runs over predictions, for a language model over tokens, each with a gradient of its own: the rows of J are
    the gradients of the losses, and nothing stands in the middle.
    """
    if not function.problem.likelihood.is_per_example:
        raise InputError(
            "The empirical Fisher is made of the gradients of single losses, but loss(model, batch) returns their mean: "
            "let it return one loss per example."
        )
    return _products(function, directions, "empirical_fisher")
