"""What runs in the worker process: problems and planes at hand, one step of one plane at a call."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from ..survey_request import SurveyRequest, modified
from .bench import Bench
from .course import Course
from .look import Look

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
MOST_PROBLEMS, MOST_PLANES = 3, 24
_benches: OrderedDict[tuple[str, str], Bench] = OrderedDict()
_courses: OrderedDict[tuple[SurveyRequest, str], Course] = OrderedDict()


def begin() -> None:
    """Once, at the start: end with the server, however that ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(0)


def advance(request: SurveyRequest, known: bool) -> Look | None:
    """Measure a little more of a plane: a new picture, or None while the next is not complete.

    known  whether the caller has the last picture already; a plane that comes back is shown at once as it was

    Raises
    ------
    InputError  the problem cannot be loaded or does not allow the plane
    """
    changed = modified(request.target)
    course = _recent(
        _courses, (request, changed), MOST_PLANES, lambda: Course(_bench(request.target, changed), request)
    )
    if course.last is not None and not known:
        return course.last
    return course.advance()


def _bench(target: str, changed: str) -> Bench:
    return _recent(_benches, (target, changed), MOST_PROBLEMS, lambda: Bench(target))


def _recent(kept: OrderedDict[Key, Value], key: Key, most: int, make: Callable[[], Value]) -> Value:
    """What is kept under `key`, made where it is not; the one that was used longest ago goes."""
    if key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
    return kept[key]
