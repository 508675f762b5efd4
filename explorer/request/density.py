"""A request for a density map, and the `lossnav density` command that it means."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_cache_path

from .base import modified, stem
from .survey import SurveyRequest


@dataclass(frozen=True)
class DensityRequest:
    """A map of a problem's examples, with the network at one place.

    target      as in SurveyRequest
    layer       a module whose activations are mapped; None: the inputs
    checkpoint  a checkpoint of the training path; None: the trained network, or `point`
    plane       the plane that `point` (alpha, beta) lies on
    examples    only so many of the data's, drawn from seed 0; None: all
    """

    target: str
    layer: str | None = None
    checkpoint: int | None = None
    plane: SurveyRequest | None = None
    point: tuple[float, float] | None = None
    examples: int | None = None

    @property
    def path(self) -> Path:
        """Where the map is kept on this machine; a changed problem file means another place."""
        asked = {name: value for name, value in asdict(self).items() if name != "examples" or value is not None}
        content = {**asked, "changed": modified(self.target)}
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "density" / f"{stem(self.target)}-{key}.nc"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        words = ["density", self.target, *(["--layer", self.layer] if self.layer else [])]
        if self.checkpoint is not None:
            words += ["--checkpoint", str(self.checkpoint)]
        if self.point is not None and self.plane is not None:
            words += [*self.plane.plane_arguments, f"--at={self.point[0]!r},{self.point[1]!r}"]
        return words if self.examples is None else [*words, "--examples", str(self.examples)]

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(["lossnav", *self.arguments])
