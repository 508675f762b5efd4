"""Gradient and Hessian-vector products of the mean loss, exact, in chunks of bounded memory (Pearlmutter 1994).

All are means over the predictions of the whole data set, never sums over batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from ..network.batching import activation_bytes, curvature_batch_size, in_equal_passes
from ..network.batchnorm import calibrate
from ..network.workspace import Batch, Workspace, choose_device
from ..problem.problem import Problem
from .linearisation import Linearisation
from .program import program_of
from .rules import NotUnderstood


class _PlainWeightNorm(TorchFunctionMode):
    """Weight normalisation from elementary operations: torch's fused one takes ‖v‖ as constant in second derivatives."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not torch._weight_norm:
            return func(*args, **(kwargs or {}))
        v, g, dim = (*args, 0)[:3]
        return v * (g / torch.norm_except_dim(v, 2, dim))


# Measured on CPUs (benchmarks/NOTES.md): larger chunks leave the cache, smaller ones lose to the cost of launching kernels
RULED_ACTIVATION_BYTES = 2 * 2**20


@contextmanager
def twice_differentiable(model: nn.Module) -> Iterator[None]:
    """Kernels that have derivatives: fused attention has no second one, cuDNN's recurrent nets none in eval mode."""
    kinds = {type(module) for module in model.modules()}
    with ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if any(issubclass(kind, nn.RNNBase) for kind in kinds):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        if any(kind.__name__ == "_WeightNorm" for kind in kinds):
            stack.enter_context(_PlainWeightNorm())
        yield


class LossFunction:
    """The mean loss L(θ) of a problem as a function with derivatives, over flat vectors.

    Parameters
    ----------
    problem     the network, data and loss
    at          the point θ; None: θ₀
    device, dtype, batch_size   as in `survey`
    network     a workspace of the same network, whose copy of it is used too; None: a copy of its own

    Attributes
    ----------
    point       θ as one flat vector (P padded); `layout` turns flat vectors into dicts and back
    activation_bytes   of all modules' outputs together, for one example
    program     the network's operations, where all of them have second-order rules; None where not
    """

    def __init__(
        self,
        problem: Problem,
        at: Mapping[str, Tensor] | None = None,
        device: str | torch.device = "auto",
        dtype: torch.dtype | None = None,
        batch_size: int | None = None,
        network: Workspace | None = None,
    ) -> None:
        where = choose_device(device)
        size = batch_size if batch_size is not None else curvature_batch_size(problem)
        self.workspace = Workspace(problem, where, dtype, size) if network is None else network.beside(problem, size)
        self.layout = self.workspace.layout
        self.problem = problem
        self.point = (
            self.workspace.origin if at is None else self.layout.flatten(at, where, self.workspace.dtype)
        ).clone()
        largest, self.activation_bytes = activation_bytes(problem)
        model, trained = self.workspace.model, set(self.layout.names)
        names = {parameter: name for name, parameter in model.named_parameters() if name in trained}
        ruled = not problem.is_adapted and self.layout.is_real
        self.program = program_of(model, names, problem.model) if ruled else None
        self._linearised: tuple[Tensor, tuple[int, ...], Linearisation] | None = None
        self._program_checked = False
        if self.program is not None and batch_size is None and where.type == "cpu":
            self.workspace.rebatch(in_equal_passes(min(size, RULED_ACTIVATION_BYTES // largest), problem.example_count))

    def calibrate(self, point: Tensor | None = None) -> LossFunction:
        """Statistics as `calibrate` sets them, at a flat point (None: its own); returns itself."""
        calibrate(self.workspace, self.point if point is None else point)
        return self

    def loss(self, point: Tensor) -> float:
        """L at a flat point."""
        with torch.set_grad_enabled(self.problem.differentiates):
            total = sum(float(self._total(point, batch).detach()) for batch in self.workspace.batches) / self._count
        return total + self.penalty(point)

    def gradient(self) -> Tensor:
        """ḡ = ∇L at the point, a flat vector."""
        return self.loss_and_gradient(self.point)[1]

    @torch.enable_grad()
    def loss_and_gradient(self, at: Tensor) -> tuple[float, Tensor]:
        """L and ∇L at a flat point, from one pass forward and back."""
        loss, slope = 0.0, torch.zeros_like(at)
        for batch in self.workspace.batches:
            point = at.clone().requires_grad_(True)
            total = self._total(point, batch)
            (piece,) = torch.autograd.grad(total, point)
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

    def hessian_products(self, directions: Tensor) -> Tensor:
        """H v for each row v of `directions` (k, P padded), all over one linearisation per chunk of data."""
        return self.linearisation.products(directions, "hessian")

    @property
    def linearisation(self) -> Linearisation:
        """What products at the point are taken from, the same one until the point or a buffer of the network changes."""
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
        own = self.predictions(self.point, batch)
        if not bool(torch.isfinite(own).all()):
            return
        digits = torch.finfo(own.dtype).eps ** 0.5
        if float((outputs - own).norm()) > digits * float(own.norm()):
            raise NotUnderstood
        self._program_checked = True

    def predictions(self, point: Tensor, batch: Batch) -> Any:
        """The network's outputs at a flat point that may require a gradient, one row per prediction (m, …)."""
        with twice_differentiable(self.workspace.model):
            outputs = self.workspace.outputs_at(self.layout.views(point), batch.args, batch.kwargs)
        return self.workspace.rows(outputs, batch)

    @property
    def _count(self) -> int:
        return self.problem.prediction_count

    def _total(self, point: Tensor, batch: Batch) -> Tensor:
        return self.problem.likelihood.losses(self.predictions(point, batch), batch.targets).sum()
