"""The server's side of the live plane: one warm worker process, and who waits for which plane.

A worker measures for a few hundredths of a second at a call, so that a newer wish takes over at once.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context

from lossnav.core import InputError

from ..request.survey import SurveyRequest
from .snapshot import Snapshot
from .worker import advance, begin

MOST_SESSIONS = 16


@dataclass
class Turning:
    """A plane that someone looks at.

    look      the sharpest picture so far; None before the first
    failure   the sentence that it ended with, where it failed
    paused    whether nobody looks at it now
    arrived   set with the first picture, and at a failure
    """

    request: SurveyRequest
    look: Snapshot | None = None
    failure: str | None = None
    paused: bool = False
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether nothing more comes."""
        return self.failure is not None or (self.look is not None and self.look.finished)


class LiveWorker:
    """A process that is started when it is first needed, and kept."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.RLock()
        self._wishes: dict[str, Turning] = {}
        self._busy = False
        self._closed = False

    def look_at(self, session: str, request: SurveyRequest) -> Turning:
        """Turn to the plane that a session wants to see; the one before is dropped."""
        with self._lock:
            wish = self._wishes.get(session)
            if wish is None or wish.request != request:
                self._wishes.pop(session, None)
                wish = self._wishes[session] = Turning(request)
                for old in list(self._wishes)[:-MOST_SESSIONS]:
                    del self._wishes[old]
            wish.paused = False
            self._next()
            return wish

    def last(self, session: str) -> Turning | None:
        """The plane that a session looked at last."""
        return self._wishes.get(session)

    def pause(self, session: str) -> None:
        """Measure no further for a session until it looks again."""
        wish = self._wishes.get(session)
        if wish is not None:
            wish.paused = True

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed, pool = True, self._pool
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def _next(self) -> None:
        """Have the newest wish that is not over measured a little further; first pictures go before sharper ones."""
        open_wishes = [wish for wish in self._wishes.values() if not wish.over and not wish.paused]
        if self._busy or self._closed or not open_wishes:
            return
        wish = next((w for w in reversed(open_wishes) if w.look is None), open_wishes[-1])
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=begin)
        try:
            future = self._pool.submit(advance, wish.request, wish.look is not None)
        except RuntimeError:  # the server is ending, or the process ended: whoever looks next gets another
            self._pool = None
            return
        self._busy = True
        future.add_done_callback(partial(self._came, wish))

    def _came(self, wish: Turning, future: Future[Snapshot | None]) -> None:
        with self._lock:
            self._busy = False
            if future.cancelled():
                return  # the server is ending
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                self._pool = None  # the next wish starts another
            if error is not None:
                wish.failure = _sentence(error)
            else:
                wish.look = future.result() or wish.look
            if wish.failure is not None or wish.look is not None:
                wish.arrived.set()
            self._next()


def _sentence(error: BaseException) -> str:
    if isinstance(error, BrokenProcessPool):
        return "The process that measures ended: turn the plane again to start another."
    lines = str(error).strip().splitlines()
    words = lines[0] if lines else type(error).__name__
    return words if isinstance(error, InputError) else f"This plane could not be measured ({words})."
