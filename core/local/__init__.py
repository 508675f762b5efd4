"""What is measured around one point: samples, probes, descents."""

from __future__ import annotations

from .estimation import preset

__all__ = ["preset"]
