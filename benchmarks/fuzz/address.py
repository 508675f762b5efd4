"""The page's address, spoilt: any parameter, any value; the page answers, and nothing is started."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import lossnav.explorer
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.live.pool import LiveWorker
from streamlit.testing.v1 import AppTest

from .mutator import WORDS

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
BOUND = {
    "views/terrain.py": (
        "model",
        "plane",
        "seed",
        "turn",
        "zoom",
        "grid",
        "centre",
        "every",
        "effort",
        "points",
        "low_terrain",
        "high_terrain",
        "temperature",
        "terrain_color",
        "height",
        "refine",
        "overlays",
        "normalize",
        "ignore",
    ),
    "views/spectrum.py": ("model", "checkpoint", "matrix", "section", "shape", "place", "band"),
    "views/density.py": ("model", "layer", "color_by", "claim", "checkpoint", "density_place"),
}
USUAL = ("gaussians-mlp", "linear-regression", "trajectory", "eigen", "random", "101 × 101", "5", "0.5", "Full", "log")
ODD = (
    "\x00",
    "🙂",
    "<script>",
    "../../etc/passwd",
    "x.py",
    "os:system",
    "[]",
    "-",
    " ",
    "$\\frac{1}{0}$",
    "1_000",
    "٣",
)
TOGETHER = 12  # parameters of one address; each counts as an input


def address() -> tuple[Callable[[random.Random, Path], Path], Callable[[Path], object]]:
    """How an address is made, kept as JSON in a file, and how the page is opened under it."""

    def make(random_: random.Random, folder: Path) -> Path:
        page = random_.choice(list(BOUND))
        names = [random_.choice(BOUND[page]) for _ in range(TOGETHER)]
        values = {name: random_.choice((*USUAL, *ODD, *WORDS, repr(random_.gauss(0, 1e3)))) for name in names}
        (folder / "address.json").write_text(json.dumps([page, values]))
        return folder / "address.json"

    started: list[object] = []
    Jobs.start = lambda self, request, *more, **others: started.append(request)  # type: ignore[method-assign, assignment, misc]
    LiveWorker._next = lambda self: started.append("live")  # type: ignore[method-assign, assignment, misc]

    def read(path: Path) -> object:
        page, values = json.loads(path.read_text())
        app = AppTest.from_file(APP, default_timeout=60)
        for name, value in values.items():
            app.query_params[name] = value
        app.switch_page(page).run()
        if app.exception or started:
            raise RuntimeError(f"{[error.message for error in app.exception]} {started}")
        return None

    return make, read
