"""Trained networks to explore, each seeded, with its data, its whole training trajectory and a card."""

from .catalogue import NAMES, card, names

__all__ = ["NAMES", "card", "names"]
