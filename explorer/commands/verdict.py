"""The verdict on a landscape, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import console

if TYPE_CHECKING:
    import xarray as xr

COLORS = {"green": "green", "amber": "yellow", "red": "red"}


def tell_verdict(land: xr.Dataset) -> None:
    """The sentence, then what speaks against the picture, each with what to do."""
    from ..summaries.verdict import GREEN, verdict

    judgement = verdict(land)
    console.print("●", style=COLORS[judgement.light], end=" ")
    console.print(judgement.says, markup=False, highlight=False)
    for reason in judgement.reasons:
        if reason.light != GREEN:
            console.print(f"  {reason.says} {reason.advice}", markup=False, highlight=False)
