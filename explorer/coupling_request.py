"""What a person asked to know of the coupling at one place, and the `lossnav coupling` command that it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .spectrum_request import SpectrumRequest


@dataclass(frozen=True)
class CouplingRequest(SpectrumRequest):
    """The coupling of a curvature matrix at one place.

    part  "sweep": eigenvalues as coupling is switched on; "matrix": layer by layer
    """

    part: str = "sweep"
    command_name: ClassVar[str] = "coupling"
    folder: ClassVar[str] = "couplings"

    @classmethod
    def beside(cls, place: SpectrumRequest, part: str) -> CouplingRequest:
        """The same matrix at the same place.

        >>> CouplingRequest.beside(SpectrumRequest("gaussians-mlp", checkpoint=3), "matrix").command
        'lossnav coupling gaussians-mlp --of hessian --checkpoint 3 --part matrix'
        """
        return cls(place.target, place.of, place.checkpoint, place.plane, place.point, part)

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        return [*super().arguments, "--part", self.part]
