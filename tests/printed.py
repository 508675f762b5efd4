"""Pictures for print, told in one line."""

from __future__ import annotations

from lossnav.explorer.figures.paper import PaperSpec

paper = PaperSpec

__all__ = ["paper"]
