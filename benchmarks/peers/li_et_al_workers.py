"""As li_et_al, with the original's default of two loader workers, which are started anew at every point."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.peers import li_et_al
from benchmarks.peers.walk import Walk


def grid(case: Case, steps: int) -> Walk:
    return li_et_al.grid(case, steps, workers=2)
