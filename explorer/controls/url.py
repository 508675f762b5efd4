"""What the page's address holds."""

from __future__ import annotations

import os
from typing import Any

from lossnav.sample_models import names

from ..server import TARGET_VARIABLE

URL: dict[str, Any] = {"bind": "query-params"}


def targets() -> tuple[str, ...]:
    """The models to choose from: what the command was given, then the samples."""
    given = os.environ.get(TARGET_VARIABLE)
    return tuple(dict.fromkeys([*([given] if given else []), *names()]))
