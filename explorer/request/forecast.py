"""The request for a survey's forecast, and its `lossnav survey --forecast` command."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from .base import modified, stem
from .survey import SurveyRequest


@dataclass(frozen=True)
class ForecastRequest:
    """A survey's forecast: its cost, and what becomes of its precision, in sentences.

    survey  which is not begun by it
    """

    survey: SurveyRequest

    @property
    def target(self) -> str:
        """As in SurveyRequest."""
        return self.survey.target

    @property
    def path(self) -> Path:
        """Where the sentences are kept on this machine."""
        content = [self.survey.arguments, modified(self.target)]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "forecasts" / f"{stem(self.target)}-{key}.json"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        return [*self.survey.arguments, "--forecast"]
