"""Memory, threads, and files that appear whole."""

from __future__ import annotations

from .allocator import give_back_freed_memory
from .atomic import written_whole
from .capabilities import lacking_precision
from .memory import byte_text

__all__ = ["byte_text", "give_back_freed_memory", "lacking_precision", "written_whole"]
