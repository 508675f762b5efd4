"""One chunk of the data at one point: what products with the curvature are taken from, made once for all of them.

By rules where all operations of the network have one, else by automatic differentiation over a retained graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from ..lazy import lazy
from ..network.workspace import Batch
from ..parameters.layout import Layout
from ..problem.likelihoods.protocol import Likelihood, Middle
from ..problem.likelihoods.vocabulary import Headed
from .linearised import Linearised
from .output_curvature import differentiated, laid_out, output_hessian
from .rules import NotUnderstood

if TYPE_CHECKING:
    from .loss_function import LossFunction


class LinearisedChunk(Protocol):
    """A chunk of the data at a point."""

    def products(self, directions: Tensor, of: str) -> Tensor:
        """A v for each row v of `directions` (k, P padded), summed over the chunk's predictions.

        of  "hessian" | "ggn" | "fisher" | "empirical_fisher"
        """


class RuledChunk:
    """By the rules of the network's operations, all rows at once.

    Raises
    ------
    NotUnderstood  the network takes or gives what the rules do not know
    """

    def __init__(self, function: LossFunction, batch: Batch) -> None:
        if (
            function.program is None
            or not function.problem.likelihood.keeps_order
            or batch.predicted is not None
            or batch.kwargs
            or len(batch.args) != 1
        ):
            raise NotUnderstood
        self._layout, self._likelihood, self._targets = function.layout, function.problem.likelihood, batch.targets
        self._network = Linearised(function.program, function.layout.views(function.point), batch.args[0])
        outputs = self._network.outputs
        rows = function.workspace.rows(outputs, batch)
        if rows.numel() != outputs.numel():
            raise NotUnderstood
        function.check_program(rows, batch)
        self._outputs = rows.clone().requires_grad_(True)
        losses = self._likelihood.losses(self._outputs, batch.targets)
        (slope,) = torch.autograd.grad(losses.sum(), self._outputs)
        self._network.fix_slopes(slope.reshape(outputs.shape))

    def products(self, directions: Tensor, of: str) -> Tensor:
        if of == "empirical_fisher":
            middle = _through_losses(self._likelihood.losses(self._outputs, self._targets), self._outputs)
        else:
            middle = _middle(of, self._likelihood, self._outputs.detach(), self._targets)
        shape = self._outputs.shape

        def through_loss(moved: Tensor) -> Tensor:
            found = [middle(row.reshape(shape)).reshape(row.shape) for row in moved.unbind(1)]
            return torch.stack(found, 1)

        named = self._network.products(_views(self._layout, directions), through_loss, bent=of == "hessian")
        total = torch.zeros_like(directions)
        for name, view in _views(self._layout, total).items():
            if name in named:
                view.copy_(named[name])
        return total


class GraphChunk:
    """By automatic differentiation, row by row."""

    def __init__(self, function: LossFunction, batch: Batch) -> None:
        self._function, self._batch = function, batch
        self._point = function.point.clone().requires_grad_(True)

    @lazy
    def _passed(self) -> tuple[Any, Tensor]:
        return self._function.outputs_and_losses(self._point, self._batch)

    @property
    def _outputs(self) -> Any:
        return self._passed[0]

    @lazy
    def _gradient(self) -> Tensor:
        return self._function.slope(self._passed[1].sum(), self._point, create_graph=True)

    def products(self, directions: Tensor, of: str) -> Tensor:
        if of != "hessian":
            return self._through_outputs(directions, of)
        products = torch.zeros_like(directions)
        if self._gradient.requires_grad:  # else the loss is linear in the parameters: H = 0
            for row, direction in zip(products, directions, strict=True):
                row.copy_(torch.autograd.grad(self._gradient, self._point, direction, retain_graph=True)[0])
        return products

    def _through_outputs(self, directions: Tensor, of: str) -> Tensor:
        likelihood, targets = self._function.problem.likelihood, self._batch.targets
        if of == "empirical_fisher":  # the rows of J are the gradients of the losses, and nothing stands in the middle
            return jacobian_products(self._passed[1], self._point, directions, lambda u: u)
        if isinstance(self._outputs, Tensor):
            middle = _middle(of, likelihood, self._outputs, targets)
            return jacobian_products(self._outputs, self._point, directions, middle)
        values, back = laid_out(self._outputs)
        if isinstance(self._outputs, Headed):
            middle = likelihood.joint_middle(self._outputs)  # type: ignore[attr-defined]
        elif of == "fisher":
            middle = likelihood.output_fisher(values)
        else:
            middle = differentiated(lambda z: likelihood.losses(back(z), targets), values.detach())
        return jacobian_products(values, self._point, directions, middle)


def jacobian_products(values: Tensor, point: Tensor, directions: Tensor, middle: Middle) -> Tensor:
    """Jᵀ M J v for each row v of `directions`, J the Jacobian of `values` in `point` and M u = middle(u)."""
    products = torch.zeros_like(directions)
    if not values.requires_grad:
        return products
    weights = torch.zeros_like(values, requires_grad=True)
    (pulled,) = torch.autograd.grad(values, point, weights, create_graph=True)
    for row, direction in enumerate(directions):
        (pushed,) = torch.autograd.grad(pulled, weights, direction, retain_graph=True)
        (products[row],) = torch.autograd.grad(values, point, middle(pushed), retain_graph=True)
    return products


def _through_losses(losses: Tensor, outputs: Tensor) -> Middle:
    """Rᵀ R u, R the Jacobian of single losses in the outputs: what stands in the middle of the empirical Fisher."""
    return lambda u: jacobian_products(losses, outputs, u[None], lambda moved: moved)[0]


def _middle(of: str, likelihood: Likelihood, outputs: Tensor, targets: Tensor) -> Middle:
    return likelihood.output_fisher(outputs) if of == "fisher" else output_hessian(likelihood, outputs, targets)


def _views(layout: Layout, rows: Tensor) -> dict[str, Tensor]:
    """Each parameter's part of flat vectors (k, P padded), name → (k, …)."""
    return {
        name: rows[:, start : start + shape.numel()].unflatten(1, shape)
        for name, shape, start in zip(layout.names, layout.shapes, layout.offsets, strict=True)
    }
