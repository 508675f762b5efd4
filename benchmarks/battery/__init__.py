"""A battery of digests that tells whether a change of the code changed a number: before and after, they are equal.

    python -m benchmarks.battery record FILE.json [SECTION …]
    python -m benchmarks.battery compare FILE.json [SECTION …]

Only the public names of `lossnav.core`, the `lossnav` command, the landscapes on disk and the page's widgets are used, so
that the files behind them may move. `compare` names the entries that differ, and then ends with 1. An entry is "section,
what · part": of a dataset the parts are `numbers` (its variables, to the bit), `facts` (its attributes) and `words` (the
attributes of its variables, which people read). Left out is `provenance` alone: times, versions, command line.

One thread, and no survey so long that the fastest way of running the network is chosen by timing, which may end either
way. The bits are those of one machine and one version of torch: record anew on another. It takes minutes on one core.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_folder = tempfile.TemporaryDirectory(prefix="battery-")
ROOM = Path(_folder.name)
# before torch, matplotlib and Streamlit are imported, and for the processes that are started
os.environ |= {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": _folder.name, "COLUMNS": "200"}
