"""The worker process: problems and planes at hand, one step of one plane at a call."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import threading

from lossnav.core import InputError

from ..request.base import modified
from ..request.survey import SurveyRequest
from .sequence import LiveSequence
from .session import LiveSession
from .snapshot import Snapshot

NICE = 5
MOST_PROBLEMS, MOST_PLANES = 3, 24
MOST_NUMBERS = 100_000_000  # in the planes of one problem, of which each holds three vectors of parameters
Courses = dict[SurveyRequest, LiveSequence]
_at_hand: dict[tuple[str, str], tuple[LiveSession, Courses]] = {}  # by target and what changes with its network


def begin() -> None:
    """Once, at the start: end with the server, however that ends; Ctrl-C in its terminal is for the server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):  # behind the server, before what runs in the background
        os.nice(NICE)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(0)


def advance(request: SurveyRequest, known: bool) -> Snapshot | None:
    """Measure a little more of a plane: a new picture, or None while the next is not complete.

    known  whether the caller has the last picture already; a plane that comes back is shown at once as it was

    Raises
    ------
    InputError    the problem cannot be loaded or does not allow the plane
    RuntimeError  anything else, in words: another process may not know the exception
    """
    try:
        return _advance(request, known)
    except InputError:
        raise
    except Exception as error:
        raise RuntimeError(str(error) or type(error).__name__) from None


def _advance(request: SurveyRequest, known: bool) -> Snapshot | None:
    bench, courses = _ready(request.target)
    course = courses.pop(request, None) or LiveSequence(bench, request)
    look = course.last if course.last is not None and not known else course.advance()
    courses[request] = course  # not where it failed: whoever comes back to the plane begins anew
    most = max(1, min(MOST_PLANES, MOST_NUMBERS // (3 * bench.problem.parameter_count)))
    for oldest in list(courses)[:-most]:
        courses.pop(oldest).close()
    return look


def _ready(target: str) -> tuple[LiveSession, Courses]:
    """A problem that is kept ready, with its planes, least recently used first; the problem that was longest unused goes."""
    key = (target, modified(target))
    ready = _at_hand.pop(key, None) or (LiveSession(target), {})
    _at_hand[key] = ready
    for oldest in list(_at_hand)[:-MOST_PROBLEMS]:
        for course in _at_hand.pop(oldest)[1].values():
            course.close()
    return ready
