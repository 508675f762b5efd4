"""Interpolants and their errors."""

from __future__ import annotations

__all__ = []
