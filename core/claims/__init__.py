"""The vocabulary's claims as experiments: hypothesis, null, controls and rule fixed before, verdict after."""

from __future__ import annotations

from .package_results import shipped
from .panel import Panel, Series
from .protocol import NOT_SUPPORTED, SUPPORTED, UNDECIDED, Claim, Control, Plan, Verdict
from .registration import code_hash, deciding_files, registration, why_not_confirmatory
from .registry import CLAIMS, claim_of
from .run import Result, export, plan_of, read_result, run, write_result

__all__ = [
    "CLAIMS",
    "NOT_SUPPORTED",
    "SUPPORTED",
    "UNDECIDED",
    "Claim",
    "Control",
    "Panel",
    "Plan",
    "Result",
    "Series",
    "Verdict",
    "claim_of",
    "code_hash",
    "deciding_files",
    "export",
    "plan_of",
    "read_result",
    "registration",
    "run",
    "shipped",
    "why_not_confirmatory",
    "write_result",
]
