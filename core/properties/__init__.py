"""The navigator properties, and what every one of them must give (`protocol`)."""

from __future__ import annotations

from ..network.forward import Forward, Measure
from .protocol import Knob, NavigatorProperty, Points, Readout
from .registry import OWNERS, PROPERTIES, READOUTS
from .settings import Settings
from .vocabulary import Entry

__all__ = [
    "OWNERS",
    "PROPERTIES",
    "READOUTS",
    "Entry",
    "Forward",
    "Knob",
    "Measure",
    "NavigatorProperty",
    "Points",
    "Readout",
    "Settings",
]
