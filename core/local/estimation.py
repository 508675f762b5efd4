"""How finely the neighbourhood of a point is measured: probes, Lanczos steps, examples; presets that contain one another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..checks import InputError, known
from ..curvature.operators import KINDS
from ..plane.filter_coordinates import COORDINATES

IN_PARAMETERS = "parameters"  # what a stored landscape means that says nothing of its coordinates


@dataclass(frozen=True)
class Estimation:
    """Settings of what is estimated at each point beside the forward pass. Larger ones contain the work of smaller ones.

    probes         Rademacher probes v of the curvature, 3 or more for a standard error
    steps          Lanczos steps from each probe
    examples       how many examples, drawn once from the seed, curvature, single gradients and descents are taken over;
                   None: all of them. Of sequences as many single predictions, or all where all examples are taken
    pass_flops     more examples than that are taken as long as one forward pass over them needs no more than this many
                   floating-point operations, an eighth of it for single gradients and descents
    of             the curvature matrix of the curvature stage, as in `spectrum`
    coordinates    "filter": curvature and steepest steps in filter-normalised coordinates, which rescaling layers leaves as
                   they are; "parameters": in the parameters themselves
    flatness       ε of flat_share: |λ| ≤ ε λₘₐₓ
    rho            ρ of sam, in units of its coordinates
    keskar         ε of Keskar's box |y_i| ≤ ε (|θ_i| + 1)
    descent_steps  k of recovery and of the basins' descents
    recovery_step  step size of recovery's descent, in squared parameter units per nat; None: 1/λₘₐₓ of the total at θ*
    barrier        the highest barrier inside one basin, in the loss's unit

    >>> preset("preview").probes, preset("standard").probes, preset("full").probes
    (3, 4, 8)
    """

    probes: int = 4
    steps: int = 5
    examples: int | None = 256
    pass_flops: float = 0.0
    of: str = "hessian"
    flatness: float = 0.01
    rho: float = 0.05
    keskar: float = 1e-3
    descent_steps: int = 50
    recovery_step: float | None = None
    barrier: float = 0.1
    coordinates: str = "filter"

    def __post_init__(self) -> None:
        known(self.of, KINDS, "curvature matrix")
        known(self.coordinates, COORDINATES, "choice of coordinates")
        for name, least in {"probes": 3, "steps": 1, "descent_steps": 1}.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} should be {least} or more, but is {getattr(self, name)}.")
        if self.examples is not None and self.examples < 2:
            raise InputError(f"examples should be 2 or more, or None for all of them, but is {self.examples}.")
        if not self.pass_flops >= 0:
            raise InputError(f"pass_flops should be zero or more, but is {self.pass_flops}.")
        for name in ("flatness", "rho", "keskar", "barrier", "recovery_step"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise InputError(f"{name} should be a positive number, but is {getattr(self, name)}.")

    def as_json(self) -> dict[str, Any]:
        """The settings by name; coordinates only where they are not the parameters, as landscapes from before there was a
        choice say nothing of them."""
        settings = asdict(self)
        if self.coordinates == IN_PARAMETERS:
            del settings["coordinates"]
        return settings


PRESETS = {
    "preview": Estimation(probes=3, steps=4, examples=128, pass_flops=2.5e8),
    "standard": Estimation(pass_flops=5e8),
    "full": Estimation(probes=8, steps=16, examples=None),
}


def preset(effort: str | Estimation) -> Estimation:
    """The settings that a name of PRESETS means; settings are returned as they are.

    Raises
    ------
    InputError  an unknown name
    """
    return effort if isinstance(effort, Estimation) else PRESETS[known(str(effort), PRESETS, "effort")]
