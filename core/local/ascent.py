"""How far the loss can rise near a point: inside a small box (Keskar et al. 2016), on a small sphere (Foret et al. 2020).

At a minimum the gradient is rounding noise, and one step along it says nothing. Both are maxima, found from below: the best of
several starts, each turned to where its own gradient points until it turns no more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..curvature.loss_function import LossFunction
    from .neighbourhood import Neighbourhood

MOST_TURNS = 10
POWER_STEPS = 8
MOST_CORNERS = 4  # of random signs
MOST_FLIPPED = 64  # parameters up to which signs are turned one by one
GAIN = 1e-4  # relative rise of a turn below which there is no other
DECIDES = 2.0  # times what the slope alone promises, above which the curvature decides how far the loss rises


def keskar_rise(here: Neighbourhood) -> float:
    """(max L(θ + y) − L(θ)) / (1 + L(θ)) × 100 over |y_i| ≤ ε (|θ_i| + 1), from below, in per cent (Keskar et al. 2016).

    Starts are the signs of the gradient, those of the leading eigenvector in the box's own units (by power iteration) and of
    the probes. From each, projected gradient ascent with steps that reach the box's walls: from a corner to the corner that
    its gradient points to. With MOST_FLIPPED parameters or fewer the signs of an end are then turned one by one as long as that
    rises. NaN where L ≤ −1, as a density's logarithm allows: there is nothing to be relative to.
    """
    if not (math.isfinite(here.loss) and here.loss > -1):
        return math.nan
    width = here.instruments.estimation.keskar * (here.point.abs() + 1)
    highest, seen = here.loss, set[bytes]()
    for signs in _corners(here, width):
        loss, corner = _climbed(here, width, signs)
        key = (corner > 0).cpu().numpy().tobytes()
        if key not in seen and here.instruments.problem.parameter_count <= MOST_FLIPPED:
            loss = _flipped(here, width, corner, loss)
        seen.add(key)
        highest = max(highest, loss)
    return 100 * (highest - here.loss) / (1 + here.loss)


def steepest_rise(here: Neighbourhood, scale: Tensor | None) -> float:
    """L(θ + ρ T²ḡ/‖Tḡ‖) − L(θ); where curvature and not slope decides it, the highest that turning the step finds, in nats.

    It does where the step rises more than DECIDES times ρ‖Tḡ‖, as around a minimum: there the step is turned to its own
    gradient, over and over (power iteration where the loss is quadratic), from the gradient and from two probes' signs. A
    hundred gradients go into that, so these are taken over the examples sampled for descents; of the ends, that of the highest
    rise over all examples is turned on over all of them.

    scale  T, a unit of each coordinate in parameter units, a flat vector; None: 1
    """
    radius, units = here.instruments.estimation.rho, torch.ones_like(here.point) if scale is None else scale
    slope = here.gradient * units.double()
    length = float(slope.norm())
    if not (math.isfinite(here.loss) and math.isfinite(length)):
        return math.nan
    best = -math.inf
    if length > 0:
        step = (radius * units.double() * slope / length).to(here.point)
        best = here.bench.whole.loss(here.point + step) - here.loss
        if not abs(best) > DECIDES * radius * length:
            return best
    probes = here.bench.curvature.padded(here.instruments.probes[:2])
    starts = [*([slope.to(here.point)] if length > 0 else []), *probes]
    whole, sampled, scaled = here.bench.whole, here.bench.walked, units.to(here.point)
    ends = [_turned(sampled, here.point, radius, scaled, start) for start in starts]
    if sampled is not whole:

        def height(direction: Tensor) -> float:
            loss = whole.loss(here.point + (radius / direction.norm()) * scaled * direction)
            return loss if math.isfinite(loss) else -math.inf

        ends = [_turned(whole, here.point, radius, scaled, max((end for _, end in ends), key=height))]
    highest = max(best, *(found for found, _ in ends))
    return highest if highest > -math.inf else math.nan


def _turned(
    function: LossFunction, point: Tensor, radius: float, units: Tensor, direction: Tensor
) -> tuple[float, Tensor]:
    """The highest rise of a loss met, and where: `direction`, and what is given, are in the coordinates, of any length."""
    best, level, highest = -math.inf, function.loss(point), direction
    for _ in range(5 * MOST_TURNS):
        loss, slope = function.loss_and_gradient(point + (radius / direction.norm()) * units * direction)
        rise, slope = loss - level, units * slope.to(point)
        more = rise > best + (GAIN * abs(best) if math.isfinite(best) else 0.0)
        if rise > best:
            best, highest = rise, direction
        if not more or not bool(slope.any()):
            break
        direction = slope
    return best, highest


def _corners(here: Neighbourhood, width: Tensor) -> Iterator[Tensor]:
    slope = here.gradient.to(here.point).sign()
    probes = here.bench.curvature.padded(here.instruments.probes[:MOST_CORNERS])
    if bool(slope.any()):
        yield slope
    yield _leading(here, width, probes[0])
    yield from probes


def _leading(here: Neighbourhood, width: Tensor, start: Tensor) -> Tensor:
    """Signs of the leading eigenvector of D H D, D the box's widths, by differences of gradients on the way."""
    signs = start
    for _ in range(POWER_STEPS):
        slope = here.bench.whole.loss_and_gradient(here.point + width * signs)[1].to(here.point)
        moved = width * (slope - here.gradient.to(here.point))
        if not bool(moved.any()):
            break
        signs = moved / moved.abs().max()
    return signs.sign()


def _climbed(here: Neighbourhood, width: Tensor, signs: Tensor) -> tuple[float, Tensor]:
    best, corner = -math.inf, signs
    for _ in range(MOST_TURNS):
        loss, slope = here.bench.whole.loss_and_gradient(here.point + width * signs)
        if loss > best:
            best, corner = loss, signs
        turned = torch.where(slope == 0, signs, slope.sign().to(signs))
        if bool((turned == signs).all()):
            break
        signs = turned
    return best, corner


def _flipped(here: Neighbourhood, width: Tensor, signs: Tensor, best: float) -> float:
    """The loss at the corner where no sign turned by itself rises any more."""
    places = here.bench.curvature.padded(torch.ones_like(here.instruments.probes[:1]))[0].nonzero()[:, 0].tolist()
    for _ in range(MOST_TURNS):
        before = best
        for place in places:
            turned = signs.clone()
            turned[place] = -turned[place] if bool(turned[place] != 0) else 1.0
            loss = here.bench.whole.loss(here.point + width * turned)
            if loss > best:
                best, signs = loss, turned
        if best == before:
            break
    return best
