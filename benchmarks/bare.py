"""The package straight from the tree, on a machine where it is not installed."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("core", "explorer", "sample_models")


def lossnav_from_the_tree() -> None:
    """Make `lossnav.core` importable, here and in the processes begun from here."""
    if importlib.util.find_spec("lossnav") is not None:
        return
    place = Path(tempfile.mkdtemp(prefix="lossnav-"))
    (place / "lossnav").mkdir()
    for folder in FOLDERS:
        (place / "lossnav" / folder).symlink_to(ROOT / folder)
    sys.path.insert(0, str(place))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(place), os.environ.get("PYTHONPATH"))))
