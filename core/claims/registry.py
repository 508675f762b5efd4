"""The claims that are put to the test. A further one is its file and its line here."""

from __future__ import annotations

from ..checks import known
from .collapse import Collapse
from .conjugate import Conjugate
from .coupling import Coupling
from .memory import Memory
from .protocol import Claim
from .valleys import Valleys

CLAIMS: tuple[Claim, ...] = (Collapse(), Memory(), Conjugate(), Valleys(), Coupling())


def claim_of(name: str) -> Claim:
    """The claim of that name.

    >>> claim_of("memory").title
    'Memory cannot be told from viscosity in a frozen model'

    Raises
    ------
    InputError  there is none
    """
    known(name, [claim.name for claim in CLAIMS], "claim")
    return next(claim for claim in CLAIMS if claim.name == name)
