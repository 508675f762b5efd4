"""Gradient and Hessian-vector products of the mean loss, exact, in chunks of bounded memory (Pearlmutter 1994).

All are means over the predictions of the whole data set, never sums over batches.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..checks import UNFIT, InputError
from ..machine.memory import free_bytes
from ..network.batch_dependence import drawing
from ..network.batching import activation_bytes, curvature_batch_size, in_equal_passes, required_batch_size
from ..network.batchnorm import calibrate
from ..network.weight_dependence import require_derivatives, weight_dependence
from ..network.workspace import Batch, Workspace, choose_device
from ..problem.problem import Problem
from .differences import difference_products
from .elementary import WrittenOut, normalises_weights
from .linearisation import Linearisation
from .program import program_of
from .rules import NotUnderstood

# Measured on CPUs (benchmarks/NOTES.md): larger chunks leave the cache, smaller ones lose to the cost of launching kernels
RULED_ACTIVATION_BYTES = 2 * 2**20
DOUBLE_VECTORS = 8  # of products by differences in float64: the network, the point and those beside it, gradients
NO_SLOPE = (
    "The loss has no gradient in the parameters: it, or the network's output, is taken without one (detach, argmax, no_grad, a "
    "count of errors). Give a loss that can be differentiated; what forward passes alone give is there as it is."
)


@contextmanager
def twice_differentiable(model: nn.Module, elementary: bool = False) -> Iterator[None]:
    """Kernels that have derivatives: fused attention has no second one, cuDNN's recurrent nets none in eval mode.

    elementary  whether fused operations whose second derivatives are absent or wrong are written out; where the model is seen
                to hold one, they are anyhow
    """
    with ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if any(isinstance(module, nn.RNNBase) for module in model.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        if elementary or any(map(normalises_weights, model.modules())):
            stack.enter_context(WrittenOut())
        yield


class LossFunction:
    """The mean loss L(θ) of a problem as a function with derivatives, over flat vectors.

    Parameters
    ----------
    problem     the network, data and loss
    at          the point θ; None: θ₀
    device, dtype, batch_size   as in `survey`
    network     a workspace of the same network, whose copy of it is used too; None: a copy of its own
    products    how second derivatives are taken: "exact", by automatic differentiation; "elementary", with fused operations
                written out; "differences" of gradients; None: the first of these that is right (`second_derivatives`)

    Attributes
    ----------
    point       θ as one flat vector (P padded); `layout` turns flat vectors into dicts and back
    activation_bytes   of all modules' outputs together, for one example
    program     the network's operations, where all of them have second-order rules; None where not
    fallback    a sentence: why the rules are used no longer; None where they never failed
    """

    def __init__(
        self,
        problem: Problem,
        at: Mapping[str, Tensor] | None = None,
        device: str | torch.device = "auto",
        dtype: torch.dtype | str | None = None,
        batch_size: int | None = None,
        network: Workspace | None = None,
        products: str | None = None,
    ) -> None:
        where = choose_device(device)
        required = required_batch_size(problem, where)
        size = batch_size if batch_size is not None else curvature_batch_size(problem, where)
        self.workspace = Workspace(problem, where, dtype, size) if network is None else network.beside(problem, size)
        self.layout = self.workspace.layout
        self.problem = problem
        self.point = (
            self.workspace.origin if at is None else self.layout.flatten(at, where, self.workspace.dtype)
        ).clone()
        largest, self.activation_bytes = activation_bytes(problem)
        model, trained = self.workspace.model, set(self.layout.names)
        names = {parameter: name for name, parameter in model.named_parameters() if name in trained}
        ruled = self.workspace.network is model and not problem.changes_itself and self.layout.is_real
        self.program = program_of(model, names, problem.model) if ruled else None
        self.fallback: str | None = None
        self._linearised: tuple[Tensor, tuple[int, ...], Linearisation] | None = None
        self._program_checked, self._products, self._double = False, products, list[LossFunction | None]()
        if self.program is not None and batch_size is None and required is None and where.type == "cpu":
            self.workspace.rebatch(in_equal_passes(min(size, RULED_ACTIVATION_BYTES // largest), problem.example_count))

    def calibrate(self, point: Tensor | None = None) -> LossFunction:
        """Statistics as `calibrate` sets them, at a flat point (None: its own); returns itself."""
        calibrate(self.workspace, self.point if point is None else point)
        return self

    def of_likelihood(self) -> LossFunction:
        """The likelihood stated beside the loss as the function, on the same network; this one where none is. It has a point of its
        own, which starts here."""
        if self.problem.beside is None:
            return self
        function = LossFunction(self.problem.stated, None, self.workspace.device, network=self.workspace)
        function.point = self.point
        return function

    @property
    def products(self) -> str:
        """How second derivatives are taken; tested when first asked for."""
        if self._products is None:
            from .second_derivatives import second_derivatives

            self._products = second_derivatives(self.problem).how
            if self._products != "exact":
                self.program = None
        return self._products

    @property
    def by_differences(self) -> bool:
        """Whether products are differences of gradients."""
        return self.products == "differences"

    def require_derivatives(self) -> None:
        """Raise InputError where derivatives would be those of other weights."""
        require_derivatives(self.problem)

    def in_double(self) -> LossFunction | None:
        """The same in float64, at its own point; None where the network keeps a precision of its own, or where that takes
        more memory than is there."""
        if not self._double:
            self._double.append(self._doubled())
        return self._double[0]

    def loss(self, point: Tensor) -> float:
        """L at a flat point."""
        with torch.set_grad_enabled(self.problem.differentiates):
            total = sum(float(self.losses(point, b).detach().sum()) for b in self.workspace.batches) / self._count
        return total + self.penalty(point)

    def gradient(self) -> Tensor:
        """ḡ = ∇L at the point, a flat vector."""
        return self.loss_and_gradient(self.point)[1]

    @torch.enable_grad()
    def loss_and_gradient(self, at: Tensor) -> tuple[float, Tensor]:
        """L and ∇L at a flat point, from one pass forward and back."""
        self.require_derivatives()
        loss, slope = 0.0, torch.zeros_like(at)
        for batch in self.workspace.batches:
            point = at.clone().requires_grad_(True)
            total = self.losses(point, batch).sum()
            piece = self.slope(total, point)
            loss += float(total.detach())
            slope += piece
        slope /= self._count
        if self.problem.weight_decay:
            slope += self.problem.weight_decay * at
        return loss / self._count + self.penalty(at), slope

    def penalty(self, point: Tensor) -> float:
        """½ λ ‖θ‖² at a flat point, of the problem's weight decay."""
        decay = self.problem.weight_decay
        return 0.5 * decay * float(point.double().square().sum()) if decay else 0.0

    def slope(self, total: Tensor, point: Tensor, create_graph: bool = False) -> Tensor:
        """The gradient of a sum of losses in the point that they were taken at; zero for a constant.

        Raises
        ------
        InputError  the loss depends on the parameters, but has no gradient in them
        """
        if total.requires_grad:
            return torch.autograd.grad(total, point, create_graph=create_graph)[0]
        if weight_dependence(self.problem).moves:
            raise InputError(NO_SLOPE)
        return torch.zeros_like(point)

    def hessian_products(self, directions: Tensor) -> Tensor:
        """H v for each row v of `directions` (k, P padded), all over one linearisation per chunk of data."""
        self.require_derivatives()
        if self.by_differences:
            return difference_products(self, directions, "hessian")
        return self.linearisation.products(directions, "hessian")

    @property
    def linearisation(self) -> Linearisation:
        """The linearisation at the point, the same one until the point or a buffer of the network changes."""
        versions = (self.point._version, *(buffer._version for buffer in self.workspace.model.buffers()))
        if self._linearised is None or self._linearised[0] is not self.point or self._linearised[1] != versions:
            self._linearised = None  # its memory goes before the next one's comes
            self._linearised = (self.point, versions, Linearisation(self))
        return self._linearised[2]

    def forget(self) -> None:
        """Free what products at the point are taken from."""
        self._linearised = None

    @torch.no_grad()
    def check_program(self, outputs: Tensor, batch: Batch) -> None:
        """Hold the program's first finite outputs at the point against the network's own.

        Raises
        ------
        NotUnderstood  they agree in fewer than half of the precision's digits
        """
        if self._program_checked:
            return
        expected = self.predictions(self.point, batch)
        if not bool(torch.isfinite(expected).all()):
            return
        digits = torch.finfo(expected.dtype).eps ** 0.5
        if float((outputs - expected).norm()) > digits * float(expected.norm()):
            raise NotUnderstood
        self._program_checked = True

    def predictions(self, point: Tensor, batch: Batch) -> Any:
        """The network's outputs at a flat point that may require a gradient, one row per prediction (m, …)."""
        with drawing(self.problem, batch, self.workspace.device):
            return self._outputs(point, batch)

    def losses(self, point: Tensor, batch: Batch) -> Tensor:
        """Loss of each prediction (m,) at a flat point that may require a gradient."""
        return self.outputs_and_losses(point, batch)[1]

    def outputs_and_losses(self, point: Tensor, batch: Batch) -> tuple[Any, Tensor]:
        """`predictions` and their losses, from the same pass."""
        with drawing(self.problem, batch, self.workspace.device):
            outputs = self._outputs(point, batch)
            return outputs, self.problem.likelihood.losses(outputs, batch.targets)

    def _outputs(self, point: Tensor, batch: Batch) -> Any:
        with twice_differentiable(self.workspace.model, self._products == "elementary"):
            outputs = self.workspace.outputs_at(self.layout.views(point), batch.args, batch.kwargs)
        return self.workspace.rows(outputs, batch)

    @property
    def _count(self) -> int:
        return self.workspace.prediction_count

    def _doubled(self) -> LossFunction | None:
        free = free_bytes(self.workspace.device)
        if self.workspace.dtype == torch.float64:
            return self
        if free is not None and DOUBLE_VECTORS * 8 * self.layout.size > free / 2:
            return None
        try:
            size = self.workspace.batch_size
            found = LossFunction(self.problem, None, self.workspace.device, torch.float64, size, products="differences")
            return found if math.isfinite(found.loss(found.point)) else None
        except UNFIT:
            return None
