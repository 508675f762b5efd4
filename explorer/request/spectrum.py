"""A request for a spectrum, and the `lossnav spectrum` command that it means."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from lossnav.core.spectrum import MOST_DIAGONALISED
from lossnav.sample_models import card, names
from platformdirs import user_cache_path

from .base import modified, stem
from .survey import SurveyRequest

MATRICES = {
    "hessian": "Hessian",
    "ggn": "Gauss-Newton",
    "remainder": "Remainder (Hessian − Gauss-Newton)",
    "fisher": "Fisher",
}
HISTOGRAM, DENSITY = SHAPES = ("Histogram", "Density, linear axis")


@dataclass(frozen=True)
class CurvatureRequest:
    """A curvature matrix of a model.

    target  as in SurveyRequest
    of      a key of MATRICES
    """

    target: str
    of: str = "hessian"
    command_name: ClassVar[str] = "spectrum"
    folder: ClassVar[str] = "spectra"

    @property
    def path(self) -> Path:
        """Where its result is kept on this machine."""
        content: dict[str, Any] = {**asdict(self), "changed": modified(self.target)}
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        name = f"{stem(self.target)}-{self.of}-{key}.json"
        return user_cache_path("lossnav") / self.folder / name

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        return [self.command_name, self.target, "--of", self.of]

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(["lossnav", *self.arguments])


@dataclass(frozen=True)
class SpectrumRequest(CurvatureRequest):
    """A curvature matrix of a model at one place.

    checkpoint  a checkpoint of the training path; None: the trained network, or `point`
    plane       the plane that `point` (alpha, beta) lies on
    """

    checkpoint: int | None = None
    plane: SurveyRequest | None = None
    point: tuple[float, float] | None = None

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        words = super().arguments
        if self.checkpoint is not None:
            words += ["--checkpoint", str(self.checkpoint)]
        if self.point is not None and self.plane is not None:
            words += [*self.plane.plane_arguments, f"--at={self.point[0]!r},{self.point[1]!r}"]
        return words


@dataclass(frozen=True)
class PointSpectrumRequest(SpectrumRequest):
    """The same by a few Lanczos steps, for a look at one point.

    top, steps, probes  as `lossnav spectrum` has them
    """

    top: int = 3
    steps: int = 24
    probes: int = 2

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        counts = {"top": self.top, "steps": self.steps, "probes": self.probes}
        return [*super().arguments, *(word for name, n in counts.items() for word in (f"--{name}", str(n)))]

    def products(self, parameters: int) -> int:
        """Products with the matrix, about: every one of a small network, else of the quadrature and of the ends' iteration."""
        return parameters if parameters <= MOST_DIAGONALISED else 2 * self.steps * self.probes


@dataclass(frozen=True)
class FirstLookRequest(PointSpectrumRequest):
    """The same by the quadrature whatever the network's size: of a small one, the whole matrix takes longer.

    >>> FirstLookRequest("mine.py").command
    'lossnav spectrum mine.py --of hessian --top 3 --steps 24 --probes 2 --method slq'
    """

    method: str = "slq"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        return [*super().arguments, "--method", self.method]


@dataclass(frozen=True)
class AlongRequest(CurvatureRequest):
    """A curvature matrix of a model along its training.

    count  checkpoints, spread evenly, first and last among them
    """

    count: int = 11
    folder: ClassVar[str] = "spectra_along"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        return [*super().arguments, "--along", str(self.count)]


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


def spectral_law(request: SpectrumRequest | AlongRequest, about: dict[str, Any]) -> tuple[float, float] | None:
    """(p/n, σ²) of the Marchenko–Pastur law, for the sample whose inputs are Gaussian and whose model is linear."""
    facts = card(request.target) if request.target in names() else {"facts": []}
    applies = any("Marchenko" in fact["label"] for fact in facts["facts"]) and request.of != "remainder"
    return (facts["parameters"] / about["examples"], 1.0) if applies else None
