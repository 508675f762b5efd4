"""Background work: child processes that run the `lossnav` commands a user would type.

The page only reads what they write. They belong to this cache of this person, not to a page or a server: whoever opens the
explorer next finds what still runs, and can end it.
"""

from ..request.base import Request
from .job import ENDED, FAILED, QUEUED, RUNNING, STOPPED, Job
from .queue import Jobs
from .record import Again, DamagedRecord, damaged

__all__ = [
    "ENDED",
    "FAILED",
    "QUEUED",
    "RUNNING",
    "STOPPED",
    "Again",
    "DamagedRecord",
    "Job",
    "Jobs",
    "Request",
    "damaged",
]
