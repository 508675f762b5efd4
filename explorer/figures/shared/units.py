"""Units as short as a narrow place needs them."""

from __future__ import annotations

SHORT_UNITS = {
    "squared parameter unit": "unit²",
    "parameter unit": "unit",
    "squared filter length": "length²",
    "filter length": "length",
}


def short_unit(unit: str) -> str:
    """A unit without the words that a narrow place has no room for.

    >>> short_unit("nats per squared parameter unit")
    'nats/unit²'
    >>> short_unit("nats per squared filter length")
    'nats/length²'
    """
    for long, short in SHORT_UNITS.items():
        unit = unit.replace(f" per {long}", f"/{short}")
    return unit
