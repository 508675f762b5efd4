"""How long coupling takes, before it is computed: by the pace of a first look at the eigenvalues of the same matrix."""

from __future__ import annotations

from typing import Any

from lossnav.core import Spectrum
from lossnav.core.spectrum import MOST_DIAGONALISED_IN_SWEEP

from ..request.spectrum import CouplingRequest, SpectrumRequest
from .first_look import first_look, paced

# Of a larger network: a Krylov space and the probes of the diagonal, at most four rounds of its ends, and a Lanczos run of
# up to 300 steps for each of four γ.
MOST_SWEEP_PRODUCTS = 32 + 64 + 4 * 64 + 4 * 300
MATRIX_PROBES = 8


def coupling_forecast(request: CouplingRequest) -> None:
    """Offer the look, and say what it tells of this part."""
    place = SpectrumRequest(request.target, request.of, request.checkpoint, request.plane, request.point)
    part = "what coupling does" if request.part == "sweep" else "the matrix of the layers"

    def says(spectrum: Spectrum, took: float | None, stored: dict[str, Any]) -> str:
        products = products_of(request.part, spectrum.parameter_count, stored.get("layers"))
        return paced(spectrum, None if products is None else took, products or 0, f"{part} takes")

    first_look(place, says, f"and its pace says how long {part} takes")


def products_of(part: str, parameters: int, layers: int | None) -> int | None:
    """Products with the matrix, at most; None: nobody knows how many layers there are.

    >>> products_of("sweep", 371, 3), products_of("sweep", 70_000, 68), products_of("matrix", 70_000, 68)
    (371, 1552, 544)
    """
    if parameters <= MOST_DIAGONALISED_IN_SWEEP:
        return parameters
    return MOST_SWEEP_PRODUCTS if part == "sweep" else None if layers is None else MATRIX_PROBES * layers
