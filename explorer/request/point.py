"""What a person asked to have measured in full at one point, and the `lossnav survey` command that it means."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from lossnav.core import InputError
from lossnav.core.survey.store import read_points
from platformdirs import user_cache_path

from .base import modified
from .survey import SurveyRequest

# What one point alone can tell: memory is relative to the other points of a terrain. Keskar's sharpness is only measured so.
ASKED = ("terrain", "density", "coupling", "elasticity", "perplexity", "probability", "viscosity", "viscosity_keskar")


@dataclass(frozen=True)
class PointRequest:
    """Every readout that one point alone can tell, over all examples.

    plane  the landscape that the point was picked on
    point  (alpha, beta)
    """

    plane: SurveyRequest
    point: tuple[float, float]

    @property
    def path(self) -> Path:
        """Where the result is kept on this machine."""
        content = [self.plane.plane_arguments, self.point, self.plane.target, modified(self.plane.target)]
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "points" / f"{Path(self.plane.target.partition(':')[0]).stem}-{key}.zarr"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        (a, b), names = self.point, [word for name in ASKED for word in ("--overlay", name)]
        words = [
            "survey",
            self.plane.target,
            *self.plane.plane_arguments,
            "--grid",
            "1x1",
            f"--span={a!r},{a!r},{b!r},{b!r}",
        ]
        return [*words, *names, "--effort", "full", "--every", "1", "--no-fidelity"]

    @property
    def ready(self) -> bool:
        """Whether everything is measured."""
        try:
            points = read_points(self.path)
        except (InputError, OSError, KeyError):  # not there, or being created
            return False
        return points.made == points.planned and points.info.provenance is not None
