"""Landscapes in a notebook: the published page, in a frame of its own."""

from __future__ import annotations

import html
from pathlib import Path

import xarray as xr
from lossnav.core.machine import written_whole
from lossnav.core.survey import filled

from .published import published_page

HEIGHT = 660  # pixels


class LandscapeView:
    """Shows itself where it is the last line of a cell, in Jupyter, Colab, VS Code and marimo.

    page  the same as one HTML file
    """

    def __init__(self, *lands: xr.Dataset) -> None:
        self.page = published_page([filled(land) for land in lands])

    def _repr_html_(self) -> str:
        """The page in a frame: its script sees nothing of the notebook, and its style changes nothing there."""
        return (
            f"<iframe title='Loss landscape' sandbox='allow-scripts' width='100%' height='{HEIGHT}' style='border:0' "
            f'srcdoc="{html.escape(self.page)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"Landscape view, {len(self.page.encode()) / 1e6:.1f} MB; save('page.html') keeps it."

    def save(self, path: str | Path) -> None:
        """Write the page into a file."""
        written_whole(path, lambda place: place.write_text(self.page, encoding="utf-8"))
