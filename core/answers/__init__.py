"""What a network says of a few examples at places of parameter space: probabilities, continuations, fits."""

from __future__ import annotations

from .answers import EXAMPLES, TRAINED, answers
from .record import CLASSES, CONTINUATION, CURVE, LOSSES, VALUES, Answers, read_answers, write_answers

__all__ = [
    "CLASSES",
    "CONTINUATION",
    "CURVE",
    "EXAMPLES",
    "LOSSES",
    "TRAINED",
    "VALUES",
    "Answers",
    "answers",
    "read_answers",
    "write_answers",
]
