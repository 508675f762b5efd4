"""Memory, threads, and files that appear whole."""

from __future__ import annotations

from .atomic import written_whole
from .capabilities import lacking_precision
from .memory import byte_text

__all__ = ["byte_text", "lacking_precision", "written_whole"]
