"""What the first page needs of this process is made ready while its browser starts: modules, and one picture of a sample.

Twenty sessions that open together would each wait for the other's imports, and with half the interpreter's time.
"""

from __future__ import annotations

import importlib
import pkgutil
from contextlib import suppress
from threading import Thread

from lossnav.core import Settings

from . import controls, panels
from .delivered import packed_library
from .landscapes import best
from .request.survey import SurveyRequest
from .state import Drawing, View

SAMPLE = "gaussians-mlp"


def warm_up() -> None:
    """Begin, in a thread that nobody waits for; what fails here fails on the page, and is said there."""
    Thread(target=_warmed, name="warming up", daemon=True).start()


def _warmed() -> None:
    with suppress(Exception):
        packed_library()
        for package in (controls, panels):
            for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
                importlib.import_module(each.name)
        draw_a_sample()


def draw_a_sample() -> bool:
    """Read, derive and draw what came with a sample; whether there was something."""
    from .panels.charts import drawn

    stored = best(SurveyRequest(SAMPLE))
    if stored is None:
        return False
    drawn(stored.landscape(Settings()), View(Drawing("loss")))
    return True
