"""The problem: a network with its data and loss, as a person brings them and as they were understood."""

from __future__ import annotations

from .at_checkpoint import at_checkpoint
from .identity import problem_digest, problem_identity
from .second_data import with_less_second

__all__ = ["at_checkpoint", "problem_digest", "problem_identity", "with_less_second"]
