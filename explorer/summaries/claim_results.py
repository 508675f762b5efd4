"""Which result of a claim is shown: one's own confirmatory run, what came with the package, one's own other runs."""

from __future__ import annotations

from lossnav.core.claims import Result, claim_of, read_result, shipped

from ..request.claim import ClaimRequest


def best_result(name: str) -> Result | None:
    """The result of a claim that says most; None: it was never run, and none came with the package.

    Raises
    ------
    InputError  a file of one's own that is damaged
    """
    computed = [read_result(request.path) for request in requests(name) if request.path.exists()]
    there = shipped(claim_of(name))
    confirmed = [each for each in computed if each.why_not is None]
    return next(iter([*confirmed, *([there] if there else []), *computed]), None)


def requests(name: str) -> list[ClaimRequest]:
    """The runs that a page shows where they were made: the registered one, and the smaller one for a look."""
    return [ClaimRequest(name), ClaimRequest(name, quick=True)]
