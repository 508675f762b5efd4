"""Keskar et al.'s sharpness: how far the loss can rise inside a small box around a point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from .neighbourhood import Neighbourhood

MOST_TURNS = 10


def keskar_rise(here: Neighbourhood) -> float:
    """(max L(θ + y) − L(θ)) / (1 + L(θ)) × 100 over |y_i| ≤ ε (|θ_i| + 1), from below, in per cent (Keskar et al. 2016).

    Projected gradient ascent with steps that reach the box's walls: from a corner to the corner that its gradient points
    to. Where the loss is convex inside the box every step rises, and the end is a corner whose own gradient points to it:
    the highest one where H is diagonal, not always else. At a point without a gradient the first corner is that of the
    first probe's signs. NaN where L ≤ −1, as a density's logarithm allows: there is nothing to be relative to.
    """
    if here.loss <= -1:
        return math.nan
    function, shared = here.bench.whole, here.instruments
    width = shared.estimation.keskar * (here.point.abs() + 1)
    signs = here.gradient.to(here.point).sign()
    if not bool(signs.any()):
        signs = here.bench.matrix.padded(shared.probes[:1])[0]
    highest = here.loss
    for _ in range(MOST_TURNS):
        loss, slope = function.loss_and_gradient(here.point + width * signs)
        highest = max(highest, loss)
        turned = torch.where(slope == 0, signs, slope.sign())
        if bool((turned == signs).all()):
            break
        signs = turned
    return 100 * (highest - here.loss) / (1 + here.loss)
