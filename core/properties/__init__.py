"""The navigator properties, and what every one of them must give (`protocol`)."""

from __future__ import annotations

from ..network.forward import Forward, Measure
from .elasticity import anchored
from .protocol import STAGES, Knob, NavigatorProperty, Owner, Points, Readout
from .registry import OWNERS, PROPERTIES, READOUTS, owner_of
from .selection import EVERYTHING, FORWARD, Wanted, overlay_names, wanted
from .settings import Settings
from .terrain import TERRAIN
from .vocabulary import DERIVED, INDEPENDENT, ROLES, Entry

__all__ = [
    "DERIVED",
    "EVERYTHING",
    "Entry",
    "FORWARD",
    "Forward",
    "INDEPENDENT",
    "Knob",
    "Measure",
    "NavigatorProperty",
    "OWNERS",
    "Owner",
    "PROPERTIES",
    "Points",
    "READOUTS",
    "ROLES",
    "Readout",
    "STAGES",
    "Settings",
    "TERRAIN",
    "Wanted",
    "anchored",
    "overlay_names",
    "owner_of",
    "wanted",
]
