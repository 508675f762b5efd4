"""The vocabulary's claims as experiments: hypothesis, null, controls and rule fixed before, verdict after."""

from __future__ import annotations

from .by_pairs import controls_by_pairs, recheck, word_by_pairs
from .cells import OUTCOMES, accuracy_panel, map_cells, map_panel, sharpness_panel
from .damage import damage_is_said
from .live import LOOK_CONTRASTS, LOOK_SAID, Look, look, read_look, rule_steps
from .on_workers import train_on_workers
from .package_results import shipped
from .panel import Panel, Series
from .protocol import NOT_SUPPORTED, SUPPORTED, UNDECIDED, Claim, Control, Plan, Verdict
from .registration import code_hash, deciding_files, registration, why_not_confirmatory
from .registry import CLAIMS, claim_of
from .run import Result, export, plan_of, read_result, run, write_result
from .twin_networks import TWIN_HISTORIES, TwinPair, read_twins, twin_pair

__all__ = [
    "CLAIMS",
    "LOOK_CONTRASTS",
    "LOOK_SAID",
    "NOT_SUPPORTED",
    "OUTCOMES",
    "SUPPORTED",
    "TWIN_HISTORIES",
    "UNDECIDED",
    "Claim",
    "Control",
    "Look",
    "Panel",
    "Plan",
    "Result",
    "Series",
    "TwinPair",
    "Verdict",
    "accuracy_panel",
    "claim_of",
    "code_hash",
    "controls_by_pairs",
    "damage_is_said",
    "deciding_files",
    "export",
    "look",
    "map_cells",
    "map_panel",
    "plan_of",
    "read_look",
    "read_result",
    "read_twins",
    "recheck",
    "registration",
    "rule_steps",
    "run",
    "sharpness_panel",
    "shipped",
    "train_on_workers",
    "twin_pair",
    "why_not_confirmatory",
    "word_by_pairs",
    "write_result",
]
