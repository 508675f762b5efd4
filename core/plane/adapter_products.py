"""The two factors of a low-rank adapter measured by their product: ΔW = s B A beside the weight W₀ that it is added to.

Scaled one by one, a factor of zeros stays still, and with it the product (Hu et al. 2021 begin with B = 0). What acts is the
product, so its change is measured, against the filters of the merged weight W = W₀ + s B A; A ← cA, B ← B/c leaves that as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import InputError
from ..parameters import vectors
from .filters import LORA, Filter, partner_of

INNER = ("A", "down")  # names of the factor that the input meets first
TINY = 1e-10  # Li et al.'s own guard against a filter of zeros


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of a product U V, (filters, r) and (r, rest), and how a direction in it is scaled.

    other    the other factor as it stands, a matrix
    matrix   this one, a matrix
    lengths  (filters,) of the merged weight's filters
    scale    s, by which the product is multiplied before it is added
    outer    whether this one is U
    turned   whether the parameter holds the matrix transposed, as of an embedding
    """

    other: Tensor
    matrix: Tensor
    lengths: Tensor
    scale: float
    outer: bool
    turned: bool

    def factors(self, d: Tensor) -> Tensor:
        """Factors of `d`, in its shape or one that broadcasts over it.

        Of U each row, so that the change that it makes, s d_U V, has filters as long as W's. Of V each row gets its own length,
        so that the change is of the product's own size. Where V is zero the two change parts: then it is V's direction, as a
        whole, that makes a change as long as W.
        """
        matrix = as_matrix(d, self.turned)
        if self.outer and bool(self.other.any()):
            change = abs(self.scale) * (matrix @ self.other).norm(dim=1)
            return self._shaped(self.lengths / (change + TINY), d, 0)
        if not self.outer and not bool(self.matrix.any()):
            change = abs(self.scale) * (self.other @ matrix).norm()
            return self.lengths.norm() / (change + TINY) if bool(self.other.any()) else torch.zeros_like(change)
        along = 1 if self.outer else 0  # an index of the rank
        return self._shaped(self.matrix.norm(dim=1 - along) / (matrix.norm(dim=1 - along) + TINY), d, along)

    def _shaped(self, values: Tensor, d: Tensor, along: int) -> Tensor:
        along = 1 - along if self.turned else along
        return values.reshape([-1 if dim == along else 1 for dim in range(d.ndim)])


def as_matrix(tensor: Tensor, turned: bool) -> Tensor:
    """A factor as (rows, columns); a convolution's kernel in one row."""
    found = tensor.flatten(1)
    return found.T if turned else found


def with_products(model: nn.Module, filters: Mapping[str, Filter]) -> dict[str, Filter]:
    """The filters, those of adapters' factors with what their product is measured by.

    Raises
    ------
    InputError  the network has no low-rank adapters; the weight beside one is not found
    """
    parameters = {name: vectors.wide(p.detach()) for name, p in model.named_parameters()}
    extended = dict(filters)
    for outer, inner in _pairs(parameters):
        for name, factor in _factors(model, parameters, outer, inner):
            extended[name] = replace(extended.get(name, Filter()), product=factor)
    if not any(cut.product for cut in extended.values()):
        raise InputError(
            "normalize='product' is of low-rank adapters (lora_A and lora_B), of which this network has none: use 'filter'."
        )
    return extended


def _pairs(parameters: Mapping[str, Tensor]) -> Iterator[tuple[str, str]]:
    """(name of U, name of V) of every adapter: B and A of a layer; of an embedding Aᵀ and Bᵀ, as its filters are tokens."""
    for name in parameters:
        match = LORA.fullmatch(name)
        if match and match[2] in INNER and partner_of(name) in parameters:
            embeds = "embedding" in match[1].rpartition(".")[2]
            yield (name, partner_of(name)) if embeds else (partner_of(name), name)


def _factors(
    model: nn.Module, parameters: Mapping[str, Tensor], outer: str, inner: str
) -> Iterator[tuple[str, Factor]]:
    match = LORA.fullmatch(outer)
    assert match is not None
    turned = match[2] in INNER
    u, v = (as_matrix(parameters[name], turned) for name in (outer, inner))
    owner = model.get_submodule(match[1].rpartition(".")[0])
    scale = _scale(owner, match[3], len(v))
    base = _base(owner, match[2], u, v)
    if base is None:
        raise InputError(
            f"The weight that the adapter '{inner}' is added to is not found beside it, so its product cannot be measured against "
            "it: use normalize='layer', which scales both factors together."
        )
    lengths = (base + scale * (u @ v)).norm(dim=1)
    yield outer, Factor(v, u, lengths, scale, True, turned)
    yield inner, Factor(u, v, lengths, scale, False, turned)


def _base(owner: nn.Module, kind: str, u: Tensor, v: Tensor) -> Tensor | None:
    """The weight of the product's shape in the module that has the adapter, or the network's own layer inside that."""
    shape = (len(u), v.shape[1])
    for name, parameter in owner.named_parameters():
        if parameter.ndim < 2 or "lora_" in name:
            continue
        flat = vectors.wide(parameter.detach()).flatten(1)
        turned = bool(getattr(owner, "fan_in_fan_out", False)) and kind not in INNER
        for matrix in (flat.T, flat) if turned else (flat, flat.T):
            if tuple(matrix.shape) == shape:
                return matrix
    return None


def _scale(owner: Any, rest: str, rank: int) -> float:
    """s: what the module calls its scaling (of this adapter), alpha over the rank, or 1."""
    scaling = getattr(owner, "scaling", None)
    if isinstance(scaling, Mapping):
        scaling = next((value for key, value in scaling.items() if str(key) in rest.split(".")), None)
    if isinstance(scaling, (int, float)) and scaling:
        return float(scaling)
    for name in ("lora_alpha", "alpha"):
        value = getattr(owner, name, None)
        if isinstance(value, (int, float)) and value:
            return float(value) / rank
    return 1.0
