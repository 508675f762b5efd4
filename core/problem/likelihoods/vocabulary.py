"""Cross-entropy over a large vocabulary without its logits: they are made a chunk of the vocabulary at a time, and made again.

ℓ = ln Σ_v exp z_v − z_y with z = h Wᵀ + b. Loss, gradient, products with the Hessian and with the Gauss-Newton matrix need sums over
v alone, so that no more than one chunk of z is ever there (Milakov & Gimelshein 2018 for the running maximum; the derivatives by
hand, Pearlmutter 1994 for the second).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ...checks import InputError
from .cross_entropy import check_indices
from .protocol import IGNORED, Loss, Middle

CHUNK_NUMBERS = 2**22  # logits at a time: 16 MB in float32
FEWEST = 16  # entries of the vocabulary in a chunk


@dataclass(frozen=True)
class Headed:
    """A language model's features before its last layer, and that layer.

    hidden  (n, t, d), or (m, d) of predictions
    weight  (V, d)
    bias    (V,)
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor

    def __getitem__(self, rows: Tensor) -> Headed:
        return replace(self, hidden=self.hidden[rows])

    @property
    def logits(self) -> Tensor:
        """All of them."""
        return self.hidden @ self.weight.t() + self.bias


pytree.register_pytree_node(
    Headed,
    lambda headed: ([headed.hidden, headed.weight, headed.bias], None),
    lambda leaves, _: Headed(*leaves),
    serialized_type_name="lossnav.Headed",
)


@dataclass(frozen=True)
class VocabularyInChunks(Loss):
    """−ln p of the right token, of what `Headed` holds; −100 for "not predicted".

    entries  of the vocabulary in a chunk; None: as many as make CHUNK_NUMBERS logits

    >>> headed = Headed(torch.eye(2), torch.zeros(5, 2), torch.zeros(5))
    >>> VocabularyInChunks(2).losses(headed, torch.tensor([0, 4])).exp().round().tolist()  # uniform over 5
    [5.0, 5.0]
    """

    entries: int | None = None
    notes: tuple[str, ...] = ()
    name = "cross_entropy"
    sees = "everything"
    is_likelihood = True
    keeps_order = False

    def accepted(self, targets: Tensor) -> Tensor:
        return targets.long()

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> VocabularyInChunks:
        check_indices(every_target, len(outputs.weight))
        said = (
            f"Logits over the {len(outputs.weight):,} tokens are made in chunks, so that they never take memory as a whole; "
            "accuracy and what else needs all of them at once is left out."
        )
        return replace(self, notes=(said,))

    def prediction_count(self, targets: Tensor) -> int:
        return int((targets != IGNORED).sum())

    def target_rows(self, targets: Tensor) -> Tensor:
        return targets.reshape(-1)

    def predicted(self, rows: Tensor) -> Tensor | None:
        return rows != IGNORED

    def flatten(self, outputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        hidden: Tensor = outputs.hidden
        return replace(outputs, hidden=hidden.reshape(-1, hidden.shape[-1])), targets.reshape(-1)

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        counted = targets != IGNORED
        losses = _Losses.apply(
            outputs.hidden,
            outputs.weight,
            outputs.bias,
            targets.clamp_min(0),
            self._size(outputs.hidden, outputs.weight),
        )
        return torch.where(counted, losses, 0.0)

    def entropies(self, outputs: Any) -> Tensor:
        parts = outputs.hidden.split(max(1, CHUNK_NUMBERS // len(outputs.weight)))
        logs = (replace(outputs, hidden=part).logits.log_softmax(-1) for part in parts)
        return torch.cat([-(each.exp() * each).sum(-1) for each in logs])

    def sample(self, outputs: Any, targets: Tensor, generator: torch.Generator) -> Tensor:
        rows, _ = self.flatten(outputs, targets)
        drawn = []
        for part in rows.hidden.split(max(1, CHUNK_NUMBERS // len(rows.weight))):
            reached = replace(rows, hidden=part).logits.double().softmax(-1).cumsum(-1)
            below = torch.rand(len(part), generator=generator, dtype=torch.float64).to(reached.device)
            drawn.append((reached[:, :-1] <= below[:, None]).sum(-1))
        found = torch.cat(drawn).reshape(targets.shape)
        return torch.where(targets == IGNORED, targets, found)

    def joint_middle(self, outputs: Headed) -> Middle:
        """u → Jᵀ (diag p − ppᵀ) J u over all numbers of `outputs` laid out flat, J the Jacobian of the logits in them: what the
        Gauss-Newton matrix and the Fisher, the same here, have between the network's derivatives."""
        hidden, weight, bias = (t.detach() for t in (outputs.hidden, outputs.weight, outputs.bias))
        size = self._size(hidden, weight)
        normaliser = _log_sum(hidden, weight, bias, size)

        def middle(u: Tensor) -> Tensor:
            parts = u.split([hidden.numel(), weight.numel(), bias.numel()])
            moved = Headed(parts[0].view_as(hidden), parts[1].view_as(weight), parts[2])
            zeros = Headed(*(torch.zeros_like(t) for t in (hidden, weight, bias)))
            return torch.cat([t.flatten() for t in _bent(hidden, weight, bias, normaliser, moved, size, zeros)])

        return middle

    def output_fisher(self, outputs: Tensor) -> Middle:
        raise InputError("The Fisher of a vocabulary in chunks is that of its last layer: use joint_middle.")

    def _size(self, hidden: Tensor, weight: Tensor) -> int:
        return min(len(weight), self.entries or max(FEWEST, CHUNK_NUMBERS // max(1, len(hidden))))


def _chunks(hidden: Tensor, weight: Tensor, bias: Tensor, size: int) -> Iterator[tuple[slice, Tensor]]:
    """Logits (m, size) of a part of the vocabulary at a time."""
    for start in range(0, len(weight), size):
        part = slice(start, min(start + size, len(weight)))
        yield part, torch.addmm(bias[part], hidden, weight[part].t())


def _log_sum(hidden: Tensor, weight: Tensor, bias: Tensor, size: int) -> Tensor:
    """ln Σ_v exp z_v, (m,)."""
    largest = hidden.new_full((len(hidden),), -torch.inf)
    total = torch.zeros_like(largest)
    for _, z in _chunks(hidden, weight, bias, size):
        higher = torch.maximum(largest, z.amax(1))
        total = total * (largest - higher).exp() + z.sub_(higher[:, None]).exp_().sum(1)
        largest = higher
    return largest + total.log()


def _one_hot_less(p: Tensor, targets: Tensor, part: slice, weight: Tensor) -> Tensor:
    """p less 1 at the right token, where it lies in this part; each row by its `weight`. Written into p."""
    inside = ((targets >= part.start) & (targets < part.stop)).nonzero().squeeze(1)
    p[inside, targets[inside] - part.start] -= 1
    return p.mul_(weight[:, None])


def _bent(
    hidden: Tensor, weight: Tensor, bias: Tensor, normaliser: Tensor, moved: Headed, size: int, into: Headed,
    scale: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Adds (p ⊙ (ż − E_p ż))-weighted sums to `into`: of hidden, weight and bias; ż the logits' derivative along `moved`."""
    mean = torch.zeros_like(normaliser)
    for part, z in _chunks(hidden, weight, bias, size):
        mean += (z.sub_(normaliser[:, None]).exp_() * _along(hidden, weight, moved, part)).sum(1)
    for part, z in _chunks(hidden, weight, bias, size):
        bent = z.sub_(normaliser[:, None]).exp_().mul_(_along(hidden, weight, moved, part).sub_(mean[:, None]))
        if scale is not None:
            bent.mul_(scale[:, None])
        into.hidden.addmm_(bent, weight[part])
        into.weight[part].addmm_(bent.t(), hidden)
        into.bias[part].add_(bent.sum(0))
    return into.hidden, into.weight, into.bias


def _along(hidden: Tensor, weight: Tensor, moved: Headed, part: slice) -> Tensor:
    """ż of a part of the vocabulary."""
    along = torch.addmm(moved.bias[part], hidden, moved.weight[part].t())
    return along.addmm_(moved.hidden, weight[part].t())


class _Losses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, size: int) -> Tensor:
        normaliser = _log_sum(hidden, weight, bias, size)
        ctx.save_for_backward(hidden, weight, bias, targets, normaliser)
        ctx.size = size
        return normaliser - (hidden * weight[targets]).sum(1) - bias[targets]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        return (*_Slopes.apply(*ctx.saved_tensors, slopes[0], ctx.size), None, None)


class _Slopes(torch.autograd.Function):
    """The gradient of Σ g ℓ in hidden, weight and bias, with a derivative of its own."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        normaliser: Tensor,
        g: Tensor,
        size: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(hidden, weight, bias, targets, normaliser, g)
        ctx.size = size
        into = Headed(*(torch.zeros_like(t) for t in (hidden, weight, bias)))
        for part, z in _chunks(hidden, weight, bias, size):
            slope = _one_hot_less(z.sub_(normaliser[:, None]).exp_(), targets, part, g)
            into.hidden.addmm_(slope, weight[part])
            into.weight[part].addmm_(slope.t(), hidden)
            into.bias[part].add_(slope.sum(0))
        return into.hidden, into.weight, into.bias

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *directions: Tensor) -> Any:
        hidden, weight, bias, targets, normaliser, g = ctx.saved_tensors
        moved, size = Headed(*directions), ctx.size
        into = Headed(*(torch.zeros_like(t) for t in (hidden, weight, bias)))
        _bent(hidden, weight, bias, normaliser, moved, size, into, g)
        along = torch.zeros_like(g)  # E_p ż − ż_y
        for part, z in _chunks(hidden, weight, bias, size):
            ones = torch.ones_like(g)
            slope = _one_hot_less(z.sub_(normaliser[:, None]).exp_(), targets, part, ones)
            along += (slope * _along(hidden, weight, moved, part)).sum(1)
            slope.mul_(g[:, None])
            into.hidden.addmm_(slope, moved.weight[part])
            into.weight[part].addmm_(slope.t(), moved.hidden)
        return into.hidden, into.weight, into.bias, None, None, along, None
