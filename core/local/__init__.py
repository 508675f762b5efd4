"""Measurements around one point: samples, probes, descents."""

from __future__ import annotations

from .estimation import IN_PARAMETERS, preset

__all__ = ["IN_PARAMETERS", "preset"]
