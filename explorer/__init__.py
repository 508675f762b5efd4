"""Everything a person sees: the browser application, figures, the command line."""

import os

# Threads that wait for work spin; a survey that shares the machine with others is slowed a hundredfold by that. A short
# spin costs little alone (benchmarks/NOTES.md). Read when torch is first imported; the user's own setting stands.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from lossnav.core.moved import keep_old_names

from .moved import MOVED

keep_old_names(__name__, MOVED)
