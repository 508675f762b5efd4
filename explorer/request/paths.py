"""A request for the paths of other trainings on a plane, and the `lossnav paths` command that it means."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from .base import modified, stem
from .survey import SurveyRequest


@dataclass(frozen=True)
class PathsRequest:
    """The paths of other trainings of the same network.

    plane   the plane that they are seen on, with its target, which is not among them
    others  targets
    """

    plane: SurveyRequest
    others: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where they are kept on this machine; a changed problem file means another place."""
        content = [self.arguments, *(modified(each) for each in (self.plane.target, *self.others))]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "paths" / f"{stem(self.plane.target)}-{key}.json"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out.

        >>> PathsRequest(SurveyRequest("digits-small-batch"), ("digits-large-batch",)).arguments[:3]
        ['paths', 'digits-small-batch', 'digits-large-batch']
        """
        return ["paths", self.plane.target, *self.others, *self.plane.plane_arguments]
