"""Memory, threads, and files that appear whole."""

from __future__ import annotations

from .atomic import written_whole

__all__ = ["written_whole"]
