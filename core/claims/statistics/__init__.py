"""The claims' statistics: intervals over networks, permutation p-values, Holm, a learner, a conditional null."""

from __future__ import annotations

from .bootstrap import Interval, bootstrap_interval, resamples
from .calibration import bits_gained, calibrated
from .conditional import conditional_draws
from .kernel_ridge import Candidate, out_of_fold
from .kernels import kernels_of, sums_of
from .multiple import holm
from .permutation import p_value, permuted_labels

__all__ = [
    "Candidate",
    "Interval",
    "bits_gained",
    "bootstrap_interval",
    "calibrated",
    "conditional_draws",
    "holm",
    "kernels_of",
    "out_of_fold",
    "p_value",
    "permuted_labels",
    "resamples",
    "sums_of",
]
