"""Python's search for cyclic garbage, as seldom as a server of many sessions can bear it.

Streamlit (1.67, `ScriptRunner._on_script_finished`) has the whole heap searched after every run of a page. What torch, sympy and
plotly leave there when they are imported are 400,000 objects: 0.27 s for one click, in which no other session runs. Here what
was imported is set aside after the first run (`gc.freeze`), and a search that Streamlit asks for is left out while searching
takes more than a small share of the time. Python's own searches, which follow what is allocated, go on as ever.
"""

from __future__ import annotations

import ctypes
import gc
import os
import time
from collections.abc import Callable
from threading import Lock

from streamlit.runtime.scriptrunner import script_runner

SHARE = 0.02  # of the time that searches may take


class SeldomCollector:
    """Stands for the module `gc` in Streamlit's script runner, and searches the heap seldom.

    The first search sets aside whatever outlives it. Of a session that is open by then, cycles alone are kept for good.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        freeze: Callable[[], None] = gc.freeze,
        trim: Callable[[], None] = lambda: None,
    ) -> None:
        self.clock, self.freeze, self.trim = clock, freeze, trim
        self.due: float | None = None  # None: before the first
        self.lock = Lock()

    def collect(self, generation: int = 2) -> int:
        """Search, where it is due; how many objects were found that nothing reaches."""
        with self.lock:
            began = self.clock()
            if self.due is not None and began < self.due:
                return 0
            collected = gc.collect(generation)
            self.trim()
            if self.due is None:
                self.freeze()
            ended = self.clock()
            self.due = ended + (ended - began) * (1 / SHARE - 1)
            return collected


def give_back() -> None:
    """Return to the system what is free in the C library's heaps, where it can: each thread of a page's run leaves some."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None  # glibc's
    if trim is not None:
        trim(0)


def search_seldom() -> None:
    """Have Streamlit's script runner search so seldom, for this process; a second call changes nothing."""
    if not isinstance(script_runner.gc, SeldomCollector):
        script_runner.gc = SeldomCollector(trim=give_back)  # type: ignore[assignment]
