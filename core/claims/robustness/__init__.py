"""Passes beside the verdicts: the claims' questions of other architectures and other losses, small, and never decided by."""

from __future__ import annotations

from .passes import NAMES, Pass, read_pass, robustness, shipped_passes

__all__ = ["NAMES", "Pass", "read_pass", "robustness", "shipped_passes"]
