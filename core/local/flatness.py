"""Relative flatness (Petzka et al. 2021, arXiv:2001.00939): curvature weighed by the weights, which rescaling layers leaves as it is.

κ = Σ_l Σ_{s,s'} ⟨w_s, w_s'⟩ tr H_{s,s'} over the layers l and the rows w_s of their weight matrices, H_{s,s'} the block of the
Hessian between rows s and s'. With signs z and x it is E⟨V, H V⟩ of V = (W z) xᵀ: Hutchinson's way, a product for each draw.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..parameters.layout import Layout
from ..plane.filters import Filter


def sign_pairs(layout: Layout, cuts: Mapping[str, Filter], count: int, seed: int) -> dict[str, Tensor]:
    """Signs (count, 2, width) int8 for every tensor that is a weight matrix: two or more filters of more than one number."""
    generator = torch.Generator().manual_seed(seed)
    signs = {}
    for name, shape in zip(layout.names, layout.shapes, strict=True):
        cut = cuts.get(name)
        if cut is None or cut.still or cut.along is None or len(shape) < 2 or not shape.numel():
            continue
        width = shape.numel() // shape[cut.along]
        signs[name] = torch.randint(0, 2, (count, 2, width), generator=generator, dtype=torch.int8).mul_(2).sub_(1)
    return signs


def weighted_probes(point: Tensor, layout: Layout, cuts: Mapping[str, Filter], signs: Mapping[str, Tensor]) -> Tensor:
    """V = (W z) xᵀ of all weight matrices as flat vectors (count, layout.size), from `sign_pairs`; zero elsewhere.

    >>> layout = Layout.of({"w": torch.zeros(2, 2)})
    >>> weights, signs = {"w": torch.tensor([[1.0, 2.0], [3.0, 4.0]])}, {"w": torch.ones(1, 2, 2)}
    >>> point = layout.flatten(weights, torch.device("cpu"), torch.float32)
    >>> layout.views(weighted_probes(point, layout, {"w": Filter(0)}, signs)[0])["w"].tolist()
    [[3.0, 3.0], [7.0, 7.0]]
    """
    views = layout.views(point)
    count = max((len(each) for each in signs.values()), default=0)
    probes = point.new_zeros(count, layout.size)
    for row in range(count):
        targets = layout.views(probes[row])
        for name, pairs in signs.items():
            along = cuts[name].along or 0
            rows = views[name].detach().movedim(along, 0)
            z, x = pairs[row].to(rows.dtype).to(rows.device)
            targets[name].movedim(along, 0).copy_(((rows.flatten(1) @ z)[:, None] * x).reshape(rows.shape))
    return probes
