"""Weights of a convolution or a linear layer, with a BatchNorm behind it multiplied in (its statistics are fixed numbers).

BN(W x + b) = (s W) x + s (b − μ) + β with s = γ/σ: W′ = s W and b′ = s (b − μ) + β, row by row of the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Images = dict[str, Tensor]


@dataclass(frozen=True)
class Part:
    """A parameter: its name in the layout, None where it is frozen, and its value at the point."""

    name: str | None
    value: Tensor

    def direction(self, directions: Mapping[str, Tensor]) -> Tensor | None:
        """(k, …) of `directions`; None where it is frozen."""
        return None if self.name is None else directions[self.name]


class Weights:
    """W′ (O, …) and b′ (O,) of one layer at a point, how they move with the parameters, and the way back.

    w, b         its own parameters, b None where it has none
    gamma, beta  of the BatchNorm behind it, None where there is none, or none of them
    norm         its statistics μ and σ, each (O,); None where there is no BatchNorm

    slopes       the loss's gradient in W′ and b′, to be set before `pull` where they are `folded`
    """

    slopes: tuple[Tensor, Tensor]

    def __init__(
        self,
        w: Part,
        b: Part | None,
        gamma: Part | None = None,
        beta: Part | None = None,
        norm: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        self._w, self._b, self._gamma, self._beta, self._norm = w, b, gamma, beta, norm
        self.weight, self.bias = w.value, None if b is None else b.value
        if norm is not None:
            mean, deviation = norm
            self._inverse = 1 / deviation
            self._scale = self._inverse if gamma is None else gamma.value * self._inverse
            self._centred = -mean if b is None else b.value - mean
            self.weight = _rows(self._scale, w.value) * w.value
            shift = self._scale * self._centred
            self.bias = shift if beta is None else shift + beta.value

    @property
    def folded(self) -> bool:
        """Whether W′ and b′ are no linear functions of the parameters, so that `slopes` is needed."""
        return self._norm is not None

    def push(self, directions: Mapping[str, Tensor]) -> tuple[Tensor | None, Tensor | None]:
        """W′˙ (k, O, …) and b′˙ (k, O) along k directions of the parameters; None where all of them are frozen."""
        w, b, gamma, beta = (
            None if part is None else part.direction(directions) for part in (self._w, self._b, self._gamma, self._beta)
        )
        if self._norm is None:
            return w if w is not None or b is None else self._still(b), b
        s = None if gamma is None else gamma * self._inverse
        self._moved = w, b, s
        w_found = added(
            None if w is None else _rows(self._scale, w[0]) * w,
            None if s is None else _rows(s, self._w.value) * self._w.value,
        )
        b_found = added(None if b is None else self._scale * b, None if s is None else s * self._centred, beta)
        if w_found is None and b_found is not None:
            w_found = self._still(b_found)
        return w_found, b_found

    def pull(self, w_image: Tensor, b_image: Tensor, bent: bool) -> Images:
        """Derivatives (k, …) of the parameters' gradients along the directions of the last `push`, from those of W′ and b′."""
        if self._norm is None:
            return named((self._w, w_image), (self._b, b_image))
        s_image = (self._w.value * w_image).flatten(2).sum(2) + self._centred * b_image
        w_found, b_found = _rows(self._scale, w_image[0]) * w_image, self._scale * b_image
        if bent:
            (w_slope, b_slope), (w, b, s) = self.slopes, self._moved
            if s is not None:
                w_found, b_found = w_found + _rows(s, w_slope) * w_slope, b_found + s * b_slope
            if w is not None:
                s_image = s_image + (w * w_slope).flatten(2).sum(2)
            if b is not None:
                s_image = s_image + b * b_slope
        self._moved = None, None, None
        return named(
            (self._w, w_found), (self._b, b_found), (self._gamma, self._inverse * s_image), (self._beta, b_image)
        )

    def _still(self, b: Tensor) -> Tensor:
        """W′˙ = 0 where only b′ moves."""
        return torch.zeros_like(self._w.value).expand(len(b), *self._w.value.shape)


def _rows(scale: Tensor, like: Tensor) -> Tensor:
    """(…, O) to be multiplied with (O, …)."""
    return scale.reshape(*scale.shape, *[1] * (like.ndim - 1))


def added(*terms: Tensor | None) -> Tensor | None:
    """Their sum without those that are None; None where all are."""
    found = [term for term in terms if term is not None]
    return None if not found else sum(found[1:], found[0])


def named(*pairs: tuple[Part | None, Tensor]) -> Images:
    """The values of trainable parameters by their names."""
    return {part.name: value for part, value in pairs if part is not None and part.name is not None}
