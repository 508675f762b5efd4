"""The navigator properties, and what every one of them must give (`protocol`)."""

from __future__ import annotations

from ..network.forward import Forward, Measure
from .elasticity import anchored
from .protocol import STAGES, Knob, NavigatorProperty, Owner, Points, Readout
from .registry import OWNERS, PROPERTIES, READOUTS, owner_of
from .selection import EVERYTHING, FORWARD, Wanted, overlay_names, wanted
from .settings import KNOBS, Settings
from .terrain import TERRAIN
from .vocabulary import DERIVED, INDEPENDENT, ROLES, Entry

__all__ = [
    "DERIVED",
    "EVERYTHING",
    "FORWARD",
    "INDEPENDENT",
    "KNOBS",
    "OWNERS",
    "PROPERTIES",
    "READOUTS",
    "ROLES",
    "STAGES",
    "TERRAIN",
    "Entry",
    "Forward",
    "Knob",
    "Measure",
    "NavigatorProperty",
    "Owner",
    "Points",
    "Readout",
    "Settings",
    "Wanted",
    "anchored",
    "overlay_names",
    "owner_of",
    "wanted",
]
