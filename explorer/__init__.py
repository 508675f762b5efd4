"""Everything a person sees: the browser application, figures, the command line."""

import os
import sys

# torch's MKL ends the process where there is no working folder, before anything of ours could say so; and no name leads anywhere.
try:
    os.getcwd()
except OSError:
    print(
        "lossnav: The folder that this was started in is gone: go to one that exists (cd), and start it there.",
        file=sys.stderr,
    )
    raise SystemExit(2) from None

# Threads that wait for work spin; a survey that shares the machine with others is slowed a hundredfold by that. A short
# spin costs little alone (benchmarks/NOTES.md). Read when torch is first imported; the user's own setting stands.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from lossnav.core.moved import keep_old_names

from .moved import MOVED

keep_old_names(__name__, MOVED)
