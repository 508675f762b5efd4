"""A request for what the network says at a picked point, and the `lossnav answers` command that it means."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from .base import modified, stem
from .survey import SurveyRequest


@dataclass(frozen=True)
class AnswersRequest:
    """The same few examples at a point of a plane and at the trained network.

    plane  the landscape that the point was picked on
    point  (alpha, beta)
    """

    plane: SurveyRequest
    point: tuple[float, float]

    @property
    def path(self) -> Path:
        """Where the result is kept on this machine."""
        content = [self.arguments, modified(self.plane.target)]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "answers" / f"{stem(self.plane.target)}-{key}.json"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        alpha, beta = self.point
        return ["answers", self.plane.target, *self.plane.plane_arguments, f"--at={alpha!r},{beta!r}"]
