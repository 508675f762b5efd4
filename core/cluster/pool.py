"""Dask's workers as they are met: pieces of work go to them and come back, however many there are and whoever dies meanwhile."""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from ..checks import InputError

if TYPE_CHECKING:
    from distributed import Client, Future

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 2  # pieces for each worker: one that it works on, and one that waits at its door
LOOK_SECONDS = 2.0  # between looks at who is there
LONELY_SECONDS = 60.0  # without any worker, after which nobody is waited for
KEPT = "What was measured is kept, and the same command goes on from there."


class Pool:
    """The workers that a client's scheduler has.

    Raises
    ------
    InputError  nobody is left to work, a piece ended every worker that it was given to, or the scheduler has gone
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._count, self._looked, self._met = 0, -math.inf, time.monotonic()

    @property
    def count(self) -> int:
        """Workers that were there at the last look, at least one."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look()
        return self.met

    @property
    def met(self) -> int:
        """The same, without looking."""
        return max(1, self._count)

    def submit(self, function: Callable[[Any], Any], piece: object) -> Future:
        """Give a piece to whoever is free; `function` goes by its name."""
        return self._client.submit(function, piece, pure=False)

    def answer(self, future: Future) -> Any:
        """The result of a piece, waited for; an error on its worker is raised here."""
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        while True:
            try:
                return future.result(timeout=LOOK_SECONDS)
            except KilledWorker as error:
                raise InputError(
                    f"A piece of work ended every worker that it was given to, {error.allowed_failures + 1} in all, as a want of memory "
                    f"does: see the workers' logs. {KEPT}"
                ) from error
            except TimeoutError:
                self._look()
            except (CancelledError, CommClosedError) as error:
                raise _gone() from error

    def cancel(self, futures: Iterable[Future]) -> None:
        """Nobody needs them any more."""
        with contextlib.suppress(OSError, TimeoutError, CancelledError):  # there may be no scheduler left to tell
            self._client.cancel(list(futures))

    def in_order(self, function: Callable[[Item], Result], pieces: Iterable[Item]) -> Iterator[Result]:
        """`function` of every piece, in their order, as many on their way as keep everybody busy."""
        rest, waiting = iter(pieces), deque[Any]()
        try:
            while True:
                room = max(0, AHEAD * self.count - len(waiting))
                waiting.extend(self.submit(function, piece) for piece in islice(rest, room))
                if not waiting:
                    return
                yield self.answer(waiting.popleft())
        finally:
            self.cancel(waiting)

    def _look(self) -> None:
        try:
            self._count = len(self._client.nthreads())
        except (OSError, CancelledError, TimeoutError) as error:
            raise _gone() from error
        self._looked = time.monotonic()
        if self._count:
            self._met = self._looked
        elif self._looked - self._met > LONELY_SECONDS:
            raise InputError(f"No worker has been there for {LONELY_SECONDS:.0f} s: start some. {KEPT}")


def _gone() -> InputError:
    return InputError(f"The scheduler has gone: start one again. {KEPT}")
