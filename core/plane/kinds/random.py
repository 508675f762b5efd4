"""Two random directions around θ₀, normalised (Li et al. 2018, arXiv:1712.09913, §4)."""

from __future__ import annotations

from ...checks import InputError
from ...parameters.guarded import kept
from ...parameters.vectors import part, pieces
from ...problem.problem import Problem
from ..plane import Plane, moving_parameters
from ..random_directions import GaussianPair, fits_in_memory
from .protocol import Parameter, PlaneKind

NORMALIZATION_HELP = (
    "**filter**: every filter gets the length of the network's own (Li et al. 2018), so rescaling a whole layer does not "
    "change the picture; **layer**: every tensor; **weight**: every number, which alone is free of rescaling single units; "
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
    origin = kept(parameters)
    pair = GaussianPair(origin, seed, normalize, ignore, orthogonal)
    chosen = pair.held() if (fits_in_memory(parameters) if held is None else held) else pair.streamed()
    if not all(any(bool(part(d, piece).any()) for piece in pieces(origin)) for d in chosen):
        raise InputError(
            f"Under normalize='{normalize}' and ignore='{ignore}' every direction is zero: "
            "use normalize='none', or ignore=None where all parameters are biases or norm scales."
        )
    details = {"seed": seed, "normalize": normalize, "ignore": ignore, "orthogonal": orthogonal}
    return Plane(origin, chosen, "random", details)


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
            {"filter": "filter", "layer": "layer", "weight": "weight", "none": "none"},
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
)
