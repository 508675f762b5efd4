"""What a person asked to have the spectrum of, and the `lossnav spectrum` command that it means."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_cache_path

from .survey_request import SurveyRequest, modified

MATRICES = {
    "hessian": "Hessian",
    "ggn": "Gauss-Newton",
    "remainder": "Remainder (Hessian − Gauss-Newton)",
    "fisher": "Fisher",
}


@dataclass(frozen=True)
class SpectrumRequest:
    """A curvature matrix of a model at one place.

    target      as in SurveyRequest
    of          a key of MATRICES
    checkpoint  a checkpoint of the training path; None: the trained network, or `point`
    plane       the plane that `point` (alpha, beta) lies on
    """

    target: str
    of: str = "hessian"
    checkpoint: int | None = None
    plane: SurveyRequest | None = None
    point: tuple[float, float] | None = None

    @property
    def path(self) -> Path:
        """Where its spectrum is kept on this machine."""
        content = {**asdict(self), "changed": modified(self.target)}
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        return (
            user_cache_path("lossnav") / "spectra" / f"{Path(self.target.partition(':')[0]).stem}-{self.of}-{key}.json"
        )

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        words = ["spectrum", self.target, "--of", self.of]
        if self.checkpoint is not None:
            words += ["--checkpoint", str(self.checkpoint)]
        if self.point is not None and self.plane is not None:
            words += [*self.plane.plane_arguments, f"--at={self.point[0]!r},{self.point[1]!r}"]
        return words

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(["lossnav", *self.arguments])
