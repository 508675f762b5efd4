"""What all sessions of a server share: results that follow from their source alone, the most recently used of them.

Twenty sessions that look at one landscape have it derived, and each of its pictures made, once. All that a server keeps in
memory beyond its sessions is bounded here, in bytes.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")

READ = 150e6  # bytes of landscapes as they were read: 80 MB of 513 × 513 with 38 readouts, 1 MB of 51 × 51; so much of files as well
LANDSCAPES = 150e6  # bytes of derived landscapes; one of 513 × 513 with every readout has 100 MB, of 51 × 51 1 MB
PICTURES = 60e6  # bytes of figures as text; of 513 × 513 3 MB, of 51 × 51 0.3 MB
MOST = 200  # results of a kind, whatever their size: a look-up compares with each


class Recent(Generic[T]):
    """Results by (source, options), of which those longest unused go when all have more than `bound` bytes; one stays.

    A source is itself and nothing that equals it; its results go with it. Options are compared. Who asks for what another
    thread is making waits for it, and makes it where that failed.

    >>> made, source = Recent[str](3, len), Recent[str](0, len)
    >>> [made.get(source, k, lambda k=k: "ab" * (k == 1) + "c") for k in (1, 2, 1)]
    ['abc', 'c', 'abc']
    >>> made.get(source, 2, lambda: "made again")  # it went for the other
    'made again'
    """

    def __init__(self, bound: float, size: Callable[[T], float]) -> None:
        self.bound, self.size = bound, size
        self.entries: list[_Entry] = []  # the most recently used last
        self.lock = Lock()

    def get(self, source: object, options: object, make: Callable[[], T]) -> T:
        """The result; `make` makes it where it is not there."""
        entry = self._entry(source, options)
        with entry.lock:
            if not entry.made:
                try:
                    entry.result, entry.made = make(), True
                except BaseException:
                    self._without(entry)
                    raise
                entry.bytes = self.size(entry.result)
                self._keep_to_bound(entry)
            found: T = entry.result
            return found

    def grown(self, source: object, options: object) -> None:
        """Look at the size of a result again, as it has changed since it was made."""
        entry = self._entry(source, options)
        if entry.made:
            entry.bytes = self.size(entry.result)
            self._keep_to_bound(entry)

    def _entry(self, source: object, options: object) -> _Entry:
        with self.lock:
            alive = [each for each in self.entries if each.source() is not None]
            same = (each for each in alive if each.source() is source and each.options == options)
            entry = next(same, None) or _Entry(source, options)
            self.entries = [*[each for each in alive if each is not entry][1 - MOST :], entry]
            return entry

    def _without(self, entry: _Entry) -> None:
        with self.lock:
            self.entries = [each for each in self.entries if each is not entry]

    def _keep_to_bound(self, newest: _Entry) -> None:
        with self.lock:
            excess = sum(each.bytes for each in self.entries) - self.bound
            for each in list(self.entries):
                if excess > 0 and each is not newest and each.made:
                    self.entries.remove(each)
                    excess -= each.bytes


class _Entry:
    def __init__(self, source: object, options: object) -> None:
        self.source, self.options = weakref.ref(source), options
        self.lock, self.made, self.bytes = Lock(), False, 0.0
        self.result: Any = None
