"""Surveys the landscapes that come with the samples: `python -m lossnav.sample_models.survey [NAME …]`.

Each sample opens in the explorer on one of these, so that the first picture is there at once.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lossnav.core import Plane, Problem, load_problem, survey
from lossnav.core.local.estimation import preset
from lossnav.core.survey.cost import affordable_stride
from lossnav.core.survey.packing import pack

from .catalogue import NAMES

FOLDER = Path(__file__).parent / "landscapes"
PLANES: dict[str, Callable[[Problem], Plane]] = {"random": Plane.random, "trajectory": Plane.trajectory}
GRID = (51, 51)


def survey_sample(name: str) -> None:
    """Survey a sample on its random plane (seed 0) and on its training path's plane, with every overlay.

    As the explorer asks for it, so that a survey can go on from here."""
    problem = load_problem(name)
    stride = affordable_stride(problem, GRID, preset("standard"))
    FOLDER.mkdir(exist_ok=True)
    for kind, make in PLANES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.zarr"
            survey(problem, make(problem), GRID, overlays=("all",), store=path, fidelity=True, every=stride)
            target = FOLDER / f"{name}.{kind}.zarr.zip"
            pack(path, target)
        print(f"{target.name}: {target.stat().st_size / 1024:.0f} KiB", flush=True)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or NAMES:
        survey_sample(chosen)
