"""Two random directions around θ₀, normalised (Li et al. 2018, arXiv:1712.09913, §4)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ...checks import InputError
from ...parameters.guarded import origin_to_keep
from ...parameters.vectors import part, pieces
from ...problem.problem import Problem
from ..adapter_products import with_products
from ..filters import filters_of, partner_of
from ..plane import Plane, moving_parameters
from ..random_directions import GaussianPair, fits_in_memory
from .protocol import Parameter, PlaneKind

NORMALIZATION_HELP = (
    "**filter**: every filter gets the length of the network's own (Li et al. 2018), so rescaling a whole layer does not "
    "change the picture; **layer**: every tensor; **weight**: every number, which alone is free of rescaling single units; "
    "**product**: low-rank adapters (LoRA) by the change of their product; "
    "**none**: the raw draw."
)


def random_plane(
    problem: Problem,
    seed: int = 0,
    normalize: str = "filter",
    ignore: str | None = "biasbn",
    orthogonal: bool = False,
    held: bool | None = None,
) -> Plane:
    """See `Plane.random`."""
    parameters = moving_parameters(problem)
    origin, filters = origin_to_keep(parameters), filters_of(problem.model)
    if normalize == "product":
        filters = with_products(problem.model, filters)
    pair = GaussianPair(origin, seed, normalize, ignore, orthogonal, filters)
    chosen = pair.held() if (fits_in_memory(parameters) if held is None else held) else pair.streamed()
    if not all(any(bool(part(d, piece).any()) for piece in pieces(origin)) for d in chosen):
        raise InputError(
            f"Under normalize='{normalize}' and ignore='{ignore}' every direction is zero: "
            "use normalize='none', or ignore=None where all parameters are biases or norm scales."
        )
    _refuse_fresh_adapter(origin, chosen, normalize)
    details = {"seed": seed, "normalize": normalize, "ignore": ignore, "orthogonal": orthogonal}
    return Plane(origin, chosen, "random", details, filters=filters)


def _refuse_fresh_adapter(
    origin: Mapping[str, Tensor], chosen: tuple[Mapping[str, Tensor], Mapping[str, Tensor]], normalize: str
) -> None:
    """A product of two factors stays zero where one is zero and stays so: a plane that moves nothing else is flat."""
    factors = {name: partner_of(name) for name in origin if partner_of(name) in origin}
    fresh = [name for name in factors if not bool(origin[name].any())]
    moving = (piece.name for piece in pieces(origin) if any(bool(part(d, piece).any()) for d in chosen))
    if fresh and all(factors.get(name) in fresh for name in moving):
        raise InputError(
            f"'{fresh[0]}' is zero, as in an adapter before training, so normalize='{normalize}' leaves it still, the product "
            "of the two factors stays zero, and the map would be flat: use normalize='product' (--normalize product), which measures "
            "the change of their product against the merged weight, normalize='layer', which scales both together, or train the "
            "adapter first."
        )


def _make(problem: Problem, seed: int, normalize: str, ignore: str, orthogonal: bool) -> Plane:
    return Plane.random(problem, seed, normalize, None if ignore == "none" else ignore, orthogonal)


RANDOM = PlaneKind(
    "random",
    "Random directions",
    "Two random directions around the trained network, scaled to its filters.",
    _make,
    (
        Parameter("seed", 0, "Seed of the random directions.", "Seed", limits=(0, 2**31 - 1)),
        Parameter(
            "normalize",
            "filter",
            NORMALIZATION_HELP,
            "Normalise",
            {"filter": "filter", "layer": "layer", "weight": "weight", "product": "product (LoRA)", "none": "none"},
        ),
        Parameter(
            "ignore",
            "biasbn",
            "**biasbn**: biases and norm parameters stay; **none**: they move too.",
            "Biases, norms",
            {"biasbn": "stay", "none": "move too"},
        ),
        Parameter("orthogonal", False, "Make the directions orthogonal before normalising.", "Orthogonal"),
    ),
    turns_live=True,
    source="Li et al. 2018",
)
