"""The seven navigator properties. A new one is its file and its line in PROPERTIES; all else follows from the protocol."""

from __future__ import annotations

from ..network.forward import Forward, Measure
from .coupling import Coupling
from .density import Density
from .elasticity import Elasticity
from .memory import Memory
from .perplexity import Perplexity
from .probability import Probability
from .protocol import NavigatorProperty, Points, Readout, Settings
from .viscosity import Viscosity
from .vocabulary import Entry, vocabulary

_density = Density()

PROPERTIES: tuple[NavigatorProperty, ...] = (
    _density,
    Coupling(),
    Elasticity(),
    Perplexity(_density),
    Probability(),
    Viscosity(),
    Memory(),
)

__all__ = [
    "PROPERTIES",
    "Entry",
    "Forward",
    "Measure",
    "NavigatorProperty",
    "Points",
    "Readout",
    "Settings",
    "vocabulary",
]
