"""A request for one point in full, and the `lossnav survey` command that it means."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from lossnav.core import InputError
from lossnav.core.properties import OWNERS
from lossnav.core.survey import RUNNING, read_points, unmeasured, with_overlays
from platformdirs import user_cache_path

from .base import modified, stem
from .survey import SurveyRequest

# What one point alone can tell, and what is measured only where it is asked for by its own name.
ASKED = (
    *(owner.name for owner in OWNERS if not owner.relative),
    *(readout.variable for owner in OWNERS if not owner.relative for readout in owner.readouts if readout.asked),
)


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
        how = [*self.plane.plane_arguments, *self.plane.measuring_arguments]
        content = [how, self.point, self.plane.target, modified(self.plane.target)]
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "points" / f"{stem(self.plane.target)}-{key}.zarr"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        (a, b), names = self.point, [word for name in ASKED for word in ("--overlay", name)]
        words = [
            "survey",
            self.plane.target,
            *self.plane.plane_arguments,
            *self.plane.measuring_arguments,
            "--grid",
            "1x1",
            f"--span={a!r},{a!r},{b!r},{b!r}",
        ]
        return [*words, *names, "--effort", "full", "--every", "1", "--no-fidelity"]

    @property
    def ready(self) -> bool:
        """Whether everything is measured."""
        try:
            points = with_overlays(read_points(self.path), ASKED)
        except (InputError, OSError, KeyError):  # not there, or being created
            return False
        runs = points.info.provenance or ()
        ended = bool(runs) and RUNNING not in runs[-1]
        return ended and points.made == points.planned and not unmeasured(points)
