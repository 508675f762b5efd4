"""Slow, dense, obviously right versions of what the library computes: loops over examples, whole matrices."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
import xarray as xr
from lossnav.core import Gaussian, Plane, Problem
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

Vector = dict[str, Tensor]


def flat(vector: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([v.detach().double().flatten() for v in vector.values()])


def unflat(row: Tensor, like: Mapping[str, Tensor]) -> Vector:
    pieces = row.split([v.numel() for v in like.values()])
    return {k: piece.reshape(v.shape) for (k, v), piece in zip(like.items(), pieces, strict=True)}


def outputs(problem: Problem, point: Mapping[str, Tensor], rows: slice = slice(None)) -> Tensor:
    """The model's outputs at a point, in evaluation mode, by the slow attention kernels."""
    model = copy.deepcopy(problem.model).eval()
    args = tuple(t[rows] for t in problem.args)
    kwargs = {k: t[rows] for k, t in problem.kwargs.items()}
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        return functional_call(model, dict(point), args, kwargs)  # type: ignore[no-any-return]


def example_losses(problem: Problem, point: Mapping[str, Tensor]) -> Tensor:
    """One loss for each prediction, each example sent through the model by itself."""
    losses = []
    for n in range(problem.example_count):
        out, y = outputs(problem, point, slice(n, n + 1)), problem.targets[n : n + 1]
        kind = problem.likelihood
        if kind.name == "cross_entropy" and y.is_floating_point():
            losses += [-(p * F.log_softmax(z, -1)).sum() for z, p in zip(out.flatten(0, -2), y, strict=True)]
        elif kind.name == "cross_entropy":
            rows = zip(out.flatten(0, -2), y.flatten(), strict=True)
            losses += [-F.log_softmax(z, -1)[int(k)] for z, k in rows if int(k) != -100]
        elif isinstance(kind, Gaussian):
            normal = torch.distributions.Normal(out.flatten(), kind.sigma)
            losses.append(-normal.log_prob(y.flatten()).sum())
        elif kind.name == "mse":
            losses.append(F.mse_loss(out.flatten(), y.flatten()))
        else:
            losses.append(kind.losses(out, y)[0])
    return torch.stack(losses)


def loss(problem: Problem, point: Mapping[str, Tensor]) -> Tensor:
    return example_losses(problem, point).mean()


def gradient(problem: Problem, point: Mapping[str, Tensor]) -> Tensor:
    row = flat(point).requires_grad_(True)
    (found,) = torch.autograd.grad(loss(problem, unflat(row, point)), row)
    return found


def hessian(problem: Problem, point: Mapping[str, Tensor]) -> Tensor:
    """The whole matrix, (P, P)."""
    row = flat(point)
    found: Tensor = torch.autograd.functional.hessian(lambda r: loss(problem, unflat(r, point)), row)
    return found


def prediction_gradients(problem: Problem, point: Mapping[str, Tensor]) -> Tensor:
    """∇ℓ_n for the data's own labels, (N, P)."""
    row = flat(point).requires_grad_(True)
    losses = example_losses(problem, unflat(row, point))
    return torch.stack([torch.autograd.grad(each, row, retain_graph=True)[0] for each in losses])


def empirical_fisher(problem: Problem, point: Mapping[str, Tensor]) -> Tensor:
    return prediction_gradients(problem, point).square().mean(0)


def true_fisher(problem: Problem, point: Mapping[str, Tensor]) -> Tensor:
    """The exact expectation over the model's own labels: every class of every prediction, weighted by p."""
    row = flat(point).requires_grad_(True)
    logs = F.log_softmax(outputs(problem, unflat(row, point)), -1).flatten(0, -2)
    predicted = (
        torch.ones(len(logs), dtype=torch.bool)
        if problem.targets.is_floating_point()
        else problem.targets.flatten() != -100
    )
    total = torch.zeros_like(row)
    for each in logs[predicted]:
        for log in each:
            (slope,) = torch.autograd.grad(log, row, retain_graph=True)
            total = total + log.detach().exp() * slope.square()
    return total / int(predicted.sum())


def kl_to_law(problem: Problem, point: Mapping[str, Tensor]) -> float:
    assert problem.law is not None
    logs = F.log_softmax(outputs(problem, point), -1).flatten(0, -2)
    total = 0.0
    for p, log_q in zip(problem.law.flatten(0, -2), logs, strict=True):
        for k in range(len(p)):
            if p[k] > 0:
                total += float(p[k]) * (math.log(float(p[k])) - float(log_q[k]))
    return total / len(logs)


def confidence_and_entropy(problem: Problem, point: Mapping[str, Tensor], temperature: float) -> tuple[float, float]:
    rows = outputs(problem, point).flatten(0, -2)
    if not problem.targets.is_floating_point():
        rows = rows[problem.targets.flatten() != -100]
    tops, entropies = [], []
    for z in rows:
        p = np.exp((z - z.max()).numpy() / temperature)
        p = p / p.sum()
        tops.append(p.max())
        entropies.append(-sum(x * math.log(x) for x in p if x > 0) / math.log(len(p)))
    return float(np.mean(tops)), float(np.mean(entropies))


def normalized(draw: Vector, point: Mapping[str, Tensor], how: str, ignore: str | None) -> Vector:
    """Li et al. 2018 §4, slice by slice."""
    result = {}
    for name, theta in point.items():
        d = draw[name].clone().double()
        if theta.ndim <= 1 and ignore == "biasbn":
            d = torch.zeros_like(d)
        elif how == "weight":
            d = d * theta.abs()
        elif how == "layer" or (how == "filter" and theta.ndim <= 1):
            d = d * theta.norm() / (d.norm() + 1e-10)
        elif how == "filter":
            for f in range(len(d)):
                d[f] = d[f] * theta[f].norm() / (d[f].norm() + 1e-10)
        result[name] = d
    return result


def least_squares(point: Vector, origin: Vector, pair: tuple[Vector, Vector]) -> tuple[float, float, float]:
    matrix = torch.stack([flat(d) for d in pair], 1).numpy()
    gap = (flat(point) - flat(origin)).numpy()
    found, *_ = np.linalg.lstsq(matrix, gap, rcond=None)
    return float(found[0]), float(found[1]), float(np.linalg.norm(gap - matrix @ found))


def penalty(point: Mapping[str, Tensor], centre: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> float:
    """Σ_i w_i (θ_i − θ*_i)², parameter by parameter."""
    return sum(
        float(w) * (float(a) - float(b)) ** 2
        for k in point
        for a, b, w in zip(point[k].flatten(), centre[k].flatten(), weights[k].flatten(), strict=True)
    )


def walked(point: Mapping[str, Tensor], path: list[Vector], width: float, steps: int = 4000) -> tuple[float, float]:
    """The share of a path's length within `width` of a point, and its least distance, in small steps along every piece."""
    rows, here = [flat(p) for p in path], flat(point)
    within = length = 0.0
    least = math.inf
    for a, b in pairwise(rows):
        each = float((b - a).norm()) / steps
        places = (torch.arange(steps).double()[:, None] + 0.5) / steps * (b - a) + a
        distances = (places - here).norm(dim=1)
        within += each * int((distances <= width).sum())
        length += each * steps
        least = min(least, float(distances.min()), float((a - here).norm()), float((b - here).norm()))
    return within / length, least


def recalibrated(model: nn.Module, data: Tensor) -> nn.Module:
    """A copy whose BatchNorm statistics are those of the data, set layer after layer by hand."""
    model = copy.deepcopy(model).eval()
    x = data
    for layer in model:  # type: ignore[attr-defined]
        if isinstance(layer, nn.BatchNorm2d):
            channels = x.transpose(0, 1).flatten(1)
            layer.running_mean, layer.running_var = channels.mean(1), channels.var(1, unbiased=True)
            shaped = (1, -1, 1, 1)
            biased = channels.var(1, unbiased=False).reshape(shaped)
            x = (x - layer.running_mean.reshape(shaped)) / (biased + layer.eps).sqrt()
            x = x * layer.weight.reshape(shaped) + layer.bias.reshape(shaped)
        else:
            x = layer(x)
    return model


def places(land: xr.Dataset, plane: Plane) -> list[tuple[tuple[int, int], Vector]]:
    """Every point of a grid: its place in the arrays, and the parameters there."""
    alpha, beta = land.alpha.values, land.beta.values
    return [((i, j), plane.at(a, b)) for i, a in enumerate(alpha) for j, b in enumerate(beta)]


def parameter_owners(problem: Problem) -> list[str]:
    """For every parameter the name of the module that it belongs to."""
    return [name.rpartition(".")[0] for name, value in problem.parameters.items() for _ in range(value.numel())]


def filter_lengths(problem: Problem) -> Tensor:
    """‖filter‖ of every parameter of a network of linear layers: rows, and whole biases."""
    found = []
    for value in problem.parameters.values():
        rows = value.double().reshape(1, -1) if value.ndim == 1 else value.double()
        found.append(rows.norm(dim=1, keepdim=True).expand_as(rows).flatten())
    return torch.cat(found)


def shares(A: Tensor, owners: list[str]) -> tuple[float, float]:
    """The shares of ‖A‖_F² off the diagonal and between owners, entry by entry."""
    numbers = A.double().square().tolist()
    whole = off = between = 0.0
    for i, row in enumerate(numbers):
        for j, square in enumerate(row):
            whole += square
            off += square * (i != j)
            between += square * (owners[i] != owners[j])
    return off / whole, between / whole


def fisher_matrix(problem: Problem, point: Mapping[str, Tensor]) -> Tensor:
    """(1/N) Σ_n Σ_k p_k g_k g_kᵀ over every class of every prediction, (P, P): the Fisher and Gauss-Newton matrix."""
    row = flat(point).requires_grad_(True)
    logs = F.log_softmax(outputs(problem, unflat(row, point)), -1).flatten(0, -2)
    if not problem.targets.is_floating_point():
        logs = logs[problem.targets.flatten() != -100]
    total = torch.zeros(len(row), len(row), dtype=torch.float64)
    for each in logs:
        for log in each:
            (slope,) = torch.autograd.grad(log, row, retain_graph=True)
            total += log.detach().exp() * torch.outer(slope, slope)
    return total / len(logs)


def example_fishers(problem: Problem, point: Mapping[str, Tensor]) -> list[Tensor]:
    """F_n (P, P) of every prediction by itself: Σ_k p_k g_k g_kᵀ over its classes, or J_dᵀ J_d / σ² over its outputs."""
    row = flat(point).requires_grad_(True)
    out, found = outputs(problem, unflat(row, point)).flatten(0, -2), []
    for n, each in enumerate(out):
        total = torch.zeros(len(row), len(row), dtype=torch.float64)
        if isinstance(problem.likelihood, Gaussian):
            terms = [(z, torch.tensor(1 / problem.likelihood.sigma**2)) for z in each]
        elif problem.targets.is_floating_point() or int(problem.targets.flatten()[n]) != -100:
            logs = F.log_softmax(each, -1)
            terms = [(log, log.detach().exp()) for log in logs]
        else:
            continue
        for number, weight in terms:
            (slope,) = torch.autograd.grad(number, row, retain_graph=True)
            total += weight * torch.outer(slope, slope)
        found.append(total)
    return found


def effective_rank(fishers: list[Tensor]) -> float:
    """Σ_{i≠j} tr F_i tr F_j / Σ_{i≠j} tr F_i F_j, pair by pair."""
    pairs = [(a, b) for i, a in enumerate(fishers) for j, b in enumerate(fishers) if i != j]
    return sum(float(a.trace() * b.trace()) for a, b in pairs) / sum(float((a * b).sum()) for a, b in pairs)


def sparser_half(rows: Tensor, k: int = 10) -> list[int]:
    """The examples, half of them rounded down, whose k-th neighbour is farthest; of equals the first."""
    distances = (rows[:, None] - rows[None]).square().sum(2).sqrt()
    reach = [sorted(float(d) for m, d in enumerate(each) if m != n)[:k][-1] for n, each in enumerate(distances)]
    return sorted(range(len(rows)), key=lambda n: -reach[n])[: len(rows) // 2]


def descended(problem: Problem, start: Tensor, home: Tensor, weights: Tensor, step: float, steps: int) -> Tensor:
    """Plain gradient descent on L(θ) + ½ Σ_i w_i (θ_i − home_i)²."""
    point = start
    for _ in range(steps):
        point = point - step * (gradient(problem, unflat(point, problem.parameters)) + weights * (point - home))
    return point


def box_maximum(problem: Problem, point: Mapping[str, Tensor], reach: float) -> float:
    """The largest loss over all corners |y_i| = reach (|θ_i| + 1): 2^P of them."""
    row = flat(point)
    width = reach * (row.abs() + 1)
    corners = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=len(row)))).double()
    return float(torch.vmap(lambda c: loss(problem, unflat(row + width * c, point)))(corners).max())
