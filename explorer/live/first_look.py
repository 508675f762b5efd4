"""The first picture of a survey that has only begun: a few points at once, kept in a file, until the survey's own first ones are there."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from lossnav.core import Problem
from lossnav.core.machine import written_whole
from lossnav.core.properties import EVERYTHING, STAGES, wanted
from lossnav.core.survey import LandscapeInfo, MeasuredPoints, grid_plan
from platformdirs import user_cache_path

from ..request.survey import SurveyRequest
from .sequence import SIZES, LiveSequence
from .session import LiveSession
from .snapshot import Snapshot

ENOUGH = SIZES[1]  # rows; a finer picture is the survey's own


def is_for_the_page(landscape: Path) -> bool:
    """Whether a landscape is measured where the explorer keeps its own, so that somebody may be waiting for a picture."""
    return landscape.parent == user_cache_path("lossnav") / "landscapes"


def first_look_path(landscape: Path) -> Path:
    """Where the first look at a survey is kept: hidden beside its landscape, of which it is no part."""
    return landscape.with_name(f".{landscape.name}.first.npz")


def take_first_look(
    problem: Problem, request: SurveyRequest, path: Path, say: Callable[[str], object] = lambda _: None
) -> None:
    """Keep a first picture of a plane at `path`, and then a finer one; where the network does not allow it, none.

    It is what the live plane shows first: forward passes at 5 × 5 or 9 × 9 points, of a share of the examples where all take long.

    say  told what will take how long, as soon as that is known
    """
    sequence = None
    try:
        never = wanted(problem, (EVERYTHING,)).reasons
        session = LiveSession(problem)
        say(pace_text(session, request.grid**2))
        sequence = LiveSequence(session, request)
        while sequence.last is None or sequence.last.rows < ENOUGH:
            look = sequence.advance()
            if look is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                whole = replace(look.points.info, unavailable={**never, **look.points.info.unavailable})
                held = replace(look, points=replace(look.points, info=whole))
                written_whole(path, lambda place, held=held: _write(place, held))  # type: ignore[misc]
    except Exception:  # a person's own network may raise anything
        return  # the survey itself will say why
    finally:
        if sequence is not None:
            sequence.close()


def pace_text(session: LiveSession, points: int) -> str:
    """How long the network's passes take, in a sentence.

    points  of the survey's whole grid
    """
    first = ENOUGH**2 * session.part.pace
    return (
        f"A pass over its {session.full.examples:,} examples takes {precise(session.full.pace)}: a first picture of {ENOUGH} × {ENOUGH} "
        f"points about {precise(first)}, the terrain of all {points:,} points at that pace {precise(points * session.full.pace)} at most"
    )


def precise(seconds: float) -> str:
    """A length of time, also a short one.

    >>> precise(0.00042), precise(0.3), precise(2.6), precise(400)
    ('0.4 ms', '0.3 s', '3 s', '7 min')
    """
    if seconds < 0.1:
        return f"{1000 * seconds:.1g} ms" if seconds < 0.01 else f"{1000 * seconds:.0f} ms"
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 1 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def _write(place: Path, look: Snapshot) -> None:
    points = look.points
    about = {
        "columns": points.columns,
        "overlays": points.overlays,
        "info": points.info.as_json(),
        "examples": (look.examples, look.all_examples),
    }
    rows = np.flatnonzero(points.done_at(STAGES[0]))
    with place.open("wb") as file:
        np.savez(
            file,
            alpha=points.plan.alpha,
            beta=points.plan.beta,
            rows=rows,
            values=points.values[rows],
            about=np.array(json.dumps(about)),
        )


def read_first_look(path: Path) -> Snapshot | None:
    """The picture at `path`; None where there is none, or none that can be read."""
    with suppress(
        OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile
    ):  # gone at this moment, or damaged: a picture soon follows
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
        about = json.loads(str(held["about"]))
        alpha, beta = held["alpha"], held["beta"]
        plan = grid_plan((len(alpha), len(beta)), ((alpha[0], alpha[-1]), (beta[0], beta[-1])))
        info = LandscapeInfo.from_json(about["info"])
        columns = {STAGES[0]: tuple(about["columns"])}
        points = MeasuredPoints.empty(plan, columns, "float64", tuple(about["overlays"]), info)
        points.values[held["rows"]] = held["values"]
        points.done[held["rows"], STAGES.index(STAGES[0])] = True
        examples, every = about["examples"]
        return Snapshot(points, examples, every, finished=False)
    return None
