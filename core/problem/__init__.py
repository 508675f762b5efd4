"""What a person brings, and what was understood of it."""

from __future__ import annotations

from .at_checkpoint import at_checkpoint
from .identity import problem_identity

__all__ = ["at_checkpoint", "problem_identity"]
