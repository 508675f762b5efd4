"""Second-order rules of the operations that networks are made of (Pearlmutter 1994: the R-operator, by hand).

A rule knows one operation at one point: forward, and back with the slope ȳ of the loss in its output. Then, for k
directions at once, `push` gives the output's derivative along them and `pull` turns the derivative of ȳ into that of x̄ and of
the gradient. What does not depend on the directions is computed once and kept; what does is held from `push` to `pull`
alone. The directions lie side by side in memory, so that each operation is one large kernel.

x, y            (N, C, …)      of N examples; 4-D ones in channels-last order
ẋ, ẏ, x̄̇, ȳ̇     (N, k, C, …)   their derivatives along k directions; None where they are zero
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.func import vjp
from torch.nn import functional as F

from .affine_weights import Images, Part, Weights, added, named

Pair = tuple[Tensor | None, Tensor | None]
Pulled = tuple[tuple[Tensor | None, ...], Images]

FEW = 8  # directions, up to which a product with equal shapes is faster than one that repeats a factor along them


class NotUnderstood(Exception):
    """An operation without a rule, or tensors that a rule does not take."""


class Rule(Protocol):
    """One operation of the network at a point."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """y from x."""

    def backward(self, slope: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        """x̄ of each input that needs it, from ȳ."""

    def push(self, inputs: tuple[Tensor | None, ...], directions: Mapping[str, Tensor]) -> Tensor | None:
        """ẏ from ẋ and the directions of the parameters, each (k, …)."""

    def pull(self, slope: Tensor, needed: tuple[bool, ...], bent: bool) -> Pulled:
        """From ȳ̇, once after each `push`: x̄̇ of each input that needs it, and the gradient's derivative (k, …) by name.

        Not `bent`: as if y were linear in x and the parameters.
        """


class Convolution:
    """y = W ∗ x + b, with a BatchNorm behind it in its weights."""

    def __init__(self, weights: Weights, stride: list[int], padding: list[int], dilation: list[int]) -> None:
        self._weights, self._how = weights, (stride, padding, dilation)

    def forward(self, *inputs: Tensor) -> Tensor:
        (self._x,) = (_channels_last(x) for x in inputs)
        self._w = _channels_last(self._weights.weight)
        return F.conv2d(self._x, self._w, self._weights.bias, *self._how)

    def backward(self, slope: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        self._slope = _channels_last(slope)
        x_slope, w_slope = self._back(self._slope, self._x, self._w, (needed[0], self._weights.folded))
        if w_slope is not None:
            self._weights.slopes = w_slope, self._slope.sum((0, 2, 3))
        return (x_slope,)

    def push(self, inputs: tuple[Tensor | None, ...], directions: Mapping[str, Tensor]) -> Tensor | None:
        (self._moved,), tangent = inputs, None
        self._w_dot, b_dot = self._weights.push(directions)
        if self._w_dot is not None:
            k, stacked = len(self._w_dot), _channels_last(self._w_dot.flatten(0, 1))
            tangent = F.conv2d(self._x, stacked, None if b_dot is None else b_dot.flatten(), *self._how)
            tangent = _channels_last(tangent).unflatten(1, (k, -1))
        if self._moved is not None:
            spread = self._spread(self._moved)
            tangent = spread if tangent is None else spread.add_(tangent)
        return tangent

    def pull(self, slope: Tensor, needed: tuple[bool, ...], bent: bool) -> Pulled:
        k, flat = slope.shape[1], slope.flatten(1, 2)
        _, w_slope = self._back(flat, self._x, self._w.repeat(k, 1, 1, 1), (False, True))
        assert w_slope is not None
        w_slope, x_slope = w_slope.unflatten(0, (k, -1)), None
        if bent and self._moved is not None:
            moved = self._moved.flatten(1, 2)
            _, more = self._back(self._slope, moved, self._w.repeat(1, k, 1, 1), (False, True))
            assert more is not None
            w_slope = w_slope + more.unflatten(1, (k, -1)).transpose(0, 1)
        if needed[0]:
            x_slope = self._gathered(slope)
            if bent and self._w_dot is not None and self._moved is not None:
                across = _channels_last(self._w_dot.transpose(0, 1).flatten(1, 2))
                more, _ = self._back(self._slope, self._moved.flatten(1, 2), across, (True, False))
                assert more is not None
                x_slope += more.unflatten(1, (k, -1))
        self._moved = self._w_dot = None
        return (x_slope,), self._weights.pull(w_slope, flat.sum((0, 2, 3)).unflatten(0, (k, -1)), bent)

    def _spread(self, moved: Tensor) -> Tensor:
        """W ∗ ẋ for every direction: as groups of one convolution on a CPU, as examples on a GPU."""
        k = moved.shape[1]
        if moved.is_cuda:
            convolved = F.conv2d(_channels_last(moved.flatten(0, 1)), self._w, None, *self._how)
            return convolved.unflatten(0, (-1, k))
        convolved = F.conv2d(moved.flatten(1, 2), self._w.repeat(k, 1, 1, 1), None, *self._how, k)
        return convolved.unflatten(1, (k, -1))

    def _gathered(self, slope: Tensor) -> Tensor:
        """Wᵀ ∗ ȳ̇ for every direction, as `_spread`."""
        k, size = slope.shape[1], self._x.shape
        assert self._moved is not None
        if slope.is_cuda:
            whole = (_channels_last(slope.flatten(0, 1)), _channels_last(self._moved.flatten(0, 1)))
            gathered, _ = self._back(*whole, self._w, (True, False))
            assert gathered is not None
            return gathered.unflatten(0, (size[0], k))
        flat = (slope.flatten(1, 2), self._moved.flatten(1, 2))
        gathered, _ = self._back(*flat, self._w.repeat(k, 1, 1, 1), (True, False), k)
        assert gathered is not None
        return gathered.unflatten(1, (k, -1))

    def _back(self, slope: Tensor, x: Tensor, w: Tensor, wanted: tuple[bool, bool], groups: int = 1) -> Pair:
        rest = (False, [0, 0], groups, [*wanted, False])
        found: tuple[Tensor | None, ...] = torch.ops.aten.convolution_backward(slope, x, w, None, *self._how, *rest)
        return found[0], found[1]


class Linear:
    """y = W x + b over the last dimension, with a BatchNorm behind it in its weights."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def forward(self, *inputs: Tensor) -> Tensor:
        (self._x,) = inputs
        if self._x.ndim != 2:
            raise NotUnderstood
        self._w = self._weights.weight
        return F.linear(self._x, self._w, self._weights.bias)

    def backward(self, slope: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        self._slope = slope
        if self._weights.folded:
            self._weights.slopes = slope.T @ self._x, slope.sum(0)
        return (slope @ self._w if needed[0] else None,)

    def push(self, inputs: tuple[Tensor | None, ...], directions: Mapping[str, Tensor]) -> Tensor | None:
        (self._moved,), tangent = inputs, None
        self._w_dot, b_dot = self._weights.push(directions)
        if self._w_dot is not None:
            k, stacked = len(self._w_dot), self._w_dot.flatten(0, 1)
            tangent = F.linear(self._x, stacked, None if b_dot is None else b_dot.flatten()).unflatten(1, (k, -1))
        if self._moved is None:
            return tangent
        if tangent is None:
            return self._moved @ self._w.T
        return tangent.flatten(0, 1).addmm_(self._moved.flatten(0, 1), self._w.T).view_as(tangent)

    def pull(self, slope: Tensor, needed: tuple[bool, ...], bent: bool) -> Pulled:
        k, flat = slope.shape[1], slope.flatten(1, 2)
        w_slope, x_slope = (flat.T @ self._x).unflatten(0, (k, -1)), None
        if bent and self._moved is not None:
            w_slope += (self._slope.T @ self._moved.flatten(1, 2)).unflatten(1, (k, -1)).transpose(0, 1)
        if needed[0]:
            x_slope = slope.flatten(0, 1) @ self._w
            if bent and self._w_dot is not None and self._moved is not None:
                across = self._w_dot.transpose(0, 1).flatten(1, 2)
                x_slope.view(len(slope), -1).addmm_(self._slope, across)
            x_slope = x_slope.view(*slope.shape[:2], -1)
        self._moved = self._w_dot = None
        return (x_slope,), self._weights.pull(w_slope, flat.sum(0).unflatten(0, (k, -1)), bent)


class Pointwise:
    """y = φ(x), entry by entry, by its first two derivatives."""

    def __init__(self, function: Callable[[Tensor], Tensor], kinked: bool) -> None:
        self._function, self._kinked = function, kinked  # kinked: linear on both sides of a kink, φ'' = 0

    @torch.enable_grad()
    def forward(self, *inputs: Tensor) -> Tensor:
        x = inputs[0].detach().requires_grad_(True)
        y = self._function(x.clone())  # which may write in place
        (first,) = torch.autograd.grad(y.sum(), x, create_graph=not self._kinked)
        self._first, self._second = first.detach().unsqueeze(1), None
        self._wide = self._first  # as often as there were directions
        if first.requires_grad:
            (second,) = torch.autograd.grad(first.sum(), x)
            self._second = second.unsqueeze(1)
        return y.detach()

    def backward(self, slope: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        if self._second is not None:
            self._second = self._second * slope.unsqueeze(1)
        return (slope * self._first[:, 0],)

    def push(self, inputs: tuple[Tensor | None, ...], directions: Mapping[str, Tensor]) -> Tensor | None:
        (moved,) = inputs
        assert moved is not None
        self._moved = None if self._second is None else moved
        if moved.shape[1] >= FEW:
            self._wide = self._first
        elif self._wide.shape != moved.shape:
            self._wide = torch.empty_like(moved).copy_(self._first)
        return moved * self._wide

    def pull(self, slope: Tensor, needed: tuple[bool, ...], bent: bool) -> Pulled:
        pulled = slope * self._wide
        if bent and self._second is not None and self._moved is not None:
            pulled = pulled.addcmul_(self._moved, self._second)
        self._moved = None
        return (pulled,), {}


class LinearMap:
    """y = A x for each example, A without parameters: a reshape, a mean, a pooling with the places of its maxima fixed.

    at  x → the map at x, from (N, …) to (N, …) whatever N
    """

    def __init__(self, at: Callable[[Tensor], Callable[[Tensor], Tensor]]) -> None:
        self._at = at

    def forward(self, *inputs: Tensor) -> Tensor:
        self._map = self._at(inputs[0])
        y, self._back = _with_transpose(self._map, inputs[0])
        if y.shape[:1] != inputs[0].shape[:1]:
            raise NotUnderstood  # it mixes examples
        return _channels_last(y) if y.ndim == 4 else y

    def backward(self, slope: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return (self._back(slope) if needed[0] else None,)

    def push(self, inputs: tuple[Tensor | None, ...], directions: Mapping[str, Tensor]) -> Tensor | None:
        (moved,) = inputs
        assert moved is not None
        found, self._back_all = _with_transpose(self._map, moved.flatten(0, 1))
        return _side_by_side(found, moved.shape[1])

    def pull(self, slope: Tensor, needed: tuple[bool, ...], bent: bool) -> Pulled:
        found = _side_by_side(self._back_all(slope.flatten(0, 1)), slope.shape[1])
        del self._back_all
        return (found,), {}


class BatchNormScale:
    """y = s (x − μ) + β with s = γ/σ: a BatchNorm that stands by itself, its statistics fixed numbers.

    Channels are the second dimension.
    """

    def __init__(self, gamma: Part | None, beta: Part | None, norm: tuple[Tensor, Tensor]) -> None:
        self._gamma, self._beta, (self._mean, deviation) = gamma, beta, norm
        self._inverse = 1 / deviation
        self._scale = self._inverse if gamma is None else gamma.value * self._inverse

    def forward(self, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        self._centred = x - _along(self._mean, x.ndim)
        y = self._centred * _along(self._scale, x.ndim)
        return y if self._beta is None else y + _along(self._beta.value, x.ndim)

    def backward(self, slope: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        self._slope = slope
        return (slope * _along(self._scale, slope.ndim),)

    def push(self, inputs: tuple[Tensor | None, ...], directions: Mapping[str, Tensor]) -> Tensor | None:
        (self._moved,), tangent, rank = inputs, None, self._centred.ndim
        gamma, beta = (None if p is None else p.direction(directions) for p in (self._gamma, self._beta))
        self._s_dot = None if gamma is None else _along(gamma * self._inverse, rank)
        tangent = None if self._moved is None else self._moved * _along(self._scale, rank + 1, 2)
        if self._s_dot is not None:
            tangent = added(tangent, self._s_dot * self._centred.unsqueeze(1))
        if beta is not None:
            tangent = added(tangent, _along(beta, rank).expand(len(self._centred), -1, *self._centred.shape[1:]))
        return tangent

    def pull(self, slope: Tensor, needed: tuple[bool, ...], bent: bool) -> Pulled:
        over = tuple(d for d in range(slope.ndim) if d not in (1, 2))
        s_image = (slope * self._centred.unsqueeze(1)).sum(over)
        x_slope = slope * _along(self._scale, slope.ndim, 2)
        if bent and self._moved is not None:
            s_image = s_image + (self._slope.unsqueeze(1) * self._moved).sum(over)
        if bent and self._s_dot is not None:
            x_slope = x_slope + self._s_dot * self._slope.unsqueeze(1)
        self._moved = self._s_dot = None
        return (x_slope,), named((self._gamma, self._inverse * s_image), (self._beta, slope.sum(over)))


class Sum:
    """y = a + b, both of the same shape."""

    def forward(self, *inputs: Tensor) -> Tensor:
        a, b = inputs
        if a.shape != b.shape:
            raise NotUnderstood
        return a + b

    def backward(self, slope: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        return slope, slope

    def push(self, inputs: tuple[Tensor | None, ...], directions: Mapping[str, Tensor]) -> Tensor | None:
        return added(*inputs)

    def pull(self, slope: Tensor, needed: tuple[bool, ...], bent: bool) -> Pulled:
        return (slope, slope), {}


def _channels_last(x: Tensor) -> Tensor:
    if x.ndim != 4:
        raise NotUnderstood
    return x.contiguous(memory_format=torch.channels_last)


def _with_transpose(linear: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """A x, and w → Aᵀ w."""
    found: Any = vjp(linear, x)
    return found[0], lambda w: found[1](w)[0]


def _side_by_side(stacked: Tensor, k: int) -> Tensor:
    """(N k, C, …) as (N, k, C, …), in the order that convolutions take."""
    stacked = stacked.unflatten(0, (-1, k))
    return stacked if stacked.ndim != 5 else _channels_last(stacked.flatten(1, 2)).unflatten(1, (k, -1))


def _along(values: Tensor, rank: int, place: int = 1) -> Tensor:
    """(C,) or (k, C) with the channels at `place` of `rank` dimensions, those before it 1 or k."""
    return values.reshape(*[1] * (place - values.ndim + 1), *values.shape, *[1] * (rank - place - 1))
