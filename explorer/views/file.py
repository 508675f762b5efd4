"""Page "File": a landscape from a file, drawn without its network."""

import os
from pathlib import Path

from lossnav.explorer.panels.chart import expect_charts
from lossnav.explorer.panels.landscape_file import landscape_file
from lossnav.explorer.server import LANDSCAPE_VARIABLE


def page() -> None:
    """The file that the command was given."""
    expect_charts()
    path = Path(os.environ[LANDSCAPE_VARIABLE])
    landscape_file(path, path.name)


page()
