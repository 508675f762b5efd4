"""Git re-basin's weight matching (Ainsworth, Hayase & Srinivasa 2022, Algorithm 1): one network's hidden units in another's order.

The order of hidden units is arbitrary: permuting a layer's rows and the next layer's columns alike leaves the function as it is. Of
all orders of network B that is sought whose weights have the largest inner product with A's. For one layer, the others fixed, it is
a linear assignment, solved exactly; the layers are gone through in random order until none of them changes. The whole problem is
NP-hard, and what is found a local optimum; the best of several starts is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
import torch
from torch import Tensor

from ..checks import InputError, matching
from ..plane.configuration import Configuration, tensors_of
from ..plane.statistics import statistics_of
from ..problem.problem import Problem
from .chain import ChainLayer, chain_of

STARTS = 5
MOST_SWEEPS = 100
CHECKED = 8  # examples on which the function is held against what it was

Orders = list[np.ndarray]


@dataclass(frozen=True)
class Aligned:
    """Network B with its hidden units in A's order.

    tensors     name → tensor over the parameters of the landscape, and BatchNorm's statistics where B brought them along
    orders      name of each hidden layer's weight → (units,) which unit of B stands in each place
    similarity  (before, after): cosine between the two networks' weights
    moved       how many hidden units changed their place
    """

    tensors: dict[str, Tensor]
    orders: dict[str, np.ndarray]
    similarity: tuple[float, float]
    moved: int


def aligned(problem: Problem, a: Configuration, b: Configuration, seed: int = 0, starts: int = STARTS) -> Aligned:
    """Network `b` with its hidden units in the order that makes its weights most like those of `a`.

    Parameters
    ----------
    a, b    configurations of the problem's network, as `Plane.line` takes them
    seed    of the order in which layers are gone through
    starts  of which the best is kept; the first is from the order as it is

    Raises
    ------
    InputError  a network that is no chain of layers; configurations of another network

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    >>> problem = Problem(model, torch.ones(2, 2).double(), torch.ones(2, 1).double(), "mse")
    >>> theta, order = problem.parameters, [2, 0, 1]
    >>> other = {"0.weight": theta["0.weight"][order], "0.bias": theta["0.bias"][order], "2.weight": theta["2.weight"][:, order],
    ...          "2.bias": theta["2.bias"]}
    >>> found = aligned(problem, theta, other)
    >>> all(torch.equal(found.tensors[name], theta[name]) for name in theta), round(found.similarity[1], 9)
    (True, 1.0)
    """
    layers = chain_of(problem)
    one, other = tensors_of(a), tensors_of(b)
    for weights in (one, other):
        matching(weights, problem.parameters, "The configuration")
    if starts < 1:
        raise InputError(f"starts should be 1 or more, but is {starts}.")
    first, second = ({n: weights[n].detach().double().cpu() for n in problem.parameters} for weights in (one, other))
    still = [np.arange(layer.units) for layer in layers[:-1]]
    tried = [_matched(layers, first, second, still, seed, start) for start in range(starts)]
    best = max([still, *tried], key=lambda orders: _inner(first, _ordered(layers, second, orders)))
    kept = {name: other[name].detach() for name in problem.parameters} | statistics_of(b)
    tensors = _ordered(layers, kept, best)
    _require_same_function(problem, layers, {name: other[name] for name in problem.parameters}, best)
    after = _ordered(layers, second, best)
    return Aligned(
        tensors,
        {layer.weight: order for layer, order in zip(layers, best, strict=False)},
        (_cosine(first, second), _cosine(first, after)),
        int(sum((order != np.arange(len(order))).sum() for order in best)),
    )


def _matched(
    layers: Sequence[ChainLayer], a: Mapping[str, Tensor], b: Mapping[str, Tensor], still: Orders, seed: int, start: int
) -> Orders:
    """Orders from which no single layer can be improved; from the second start on, from random ones."""
    draw = np.random.default_rng((seed, start))
    orders = [draw.permutation(each) if start else each.copy() for each in still]
    for _ in range(MOST_SWEEPS):
        changed = False
        for index in draw.permutation(len(orders)).tolist():
            order, gain = _assigned(layers, a, _ordered(layers, b, orders, without=index), index)
            if gain > 0:
                changed = changed or not np.array_equal(order, orders[index])
                orders[index] = order
        if not changed:
            break
    return orders


def _assigned(
    layers: Sequence[ChainLayer], a: Mapping[str, Tensor], b: Mapping[str, Tensor], index: int
) -> tuple[np.ndarray, float]:
    """The best order of one layer's units, where the others of `b` are in theirs; 1.0 where there is any to be had."""
    layer, behind = layers[index], layers[index + 1]
    units = layer.units
    likeness = _rows(a[layer.weight], units) @ _rows(b[layer.weight], units).T
    for name in layer.beside:
        likeness += a[name][:, None] * b[name][None]
    likeness += _columns(a[behind.weight], units) @ _columns(b[behind.weight], units).T
    numbers = likeness.numpy()
    if not np.isfinite(numbers).all():
        return np.arange(units), 0.0
    return scipy.optimize.linear_sum_assignment(numbers, maximize=True)[1], 1.0


def _rows(weight: Tensor, units: int) -> Tensor:
    return weight.reshape(units, -1)


def _columns(weight: Tensor, units: int) -> Tensor:
    """A weight's numbers that meet each unit before it, (units, …); behind a flattening a unit has several columns."""
    return weight.reshape(len(weight), units, -1).transpose(0, 1).reshape(units, -1)


def _ordered(
    layers: Sequence[ChainLayer], tensors: Mapping[str, Tensor], orders: Orders, without: int | None = None
) -> dict[str, Tensor]:
    """The same network with its hidden units in these orders, but for those of layer `without`."""
    permuted = dict(tensors)
    for index, (layer, order) in enumerate(zip(layers, orders, strict=False)):
        if index == without:
            continue
        rows = torch.from_numpy(order)
        for name in (layer.weight, *layer.beside, *layer.statistics):
            if name in permuted:
                permuted[name] = permuted[name][rows.to(permuted[name].device)]
        name = layers[index + 1].weight
        weight = permuted[name]
        parts = weight.reshape(len(weight), layer.units, -1)[:, rows.to(weight.device)]
        permuted[name] = parts.reshape(weight.shape)
    return permuted


def _inner(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    return float(sum((a[name] * b[name]).sum() for name in a))


def _cosine(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    lengths = (_inner(a, a) * _inner(b, b)) ** 0.5
    return _inner(a, b) / lengths if lengths > 0 else float("nan")


@torch.no_grad()
def _require_same_function(
    problem: Problem, layers: Sequence[ChainLayer], parameters: Mapping[str, Tensor], orders: Orders
) -> None:
    """Hold the network's outputs on a few examples against those of the network in its new order."""
    model = problem.working_copy()
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    inputs = tuple(t[:CHECKED] for t in problem.args)
    whole = own | {name: tensor.to(own[name]) for name, tensor in parameters.items()}
    outputs = []
    for state in (whole, _ordered(layers, whole, orders)):
        model.load_state_dict(state)
        outputs.append(model(*inputs, **{k: t[:CHECKED] for k, t in problem.kwargs.items()}))
    before, after = outputs
    if isinstance(before, Tensor) and not torch.allclose(
        before,
        after,
        rtol=torch.finfo(before.dtype).eps ** 0.5,
        atol=torch.finfo(before.dtype).eps ** 0.5,
        equal_nan=True,
    ):
        raise InputError(
            "In another order of its hidden units this network computes something else, so it is no chain of layers as it looks "
            "like: compare the two as they are, without alignment."
        )
