"""Answers as one record, and as a JSON file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from ..sealed import read_json, write_json

CLASSES, CONTINUATION, CURVE, VALUES, LOSSES = "classes", "continuation", "curve", "values", "losses"


@dataclass(frozen=True)
class Answers:
    """What a network says of the same examples at k places.

    Attributes
    ----------
    kind     what can be shown of it: one of CLASSES, CONTINUATION, CURVE, VALUES, LOSSES
    name     of the problem
    places   the k places' names
    rows     (m,) which examples
    loss     (k, m) mean loss of each example's predictions, in the loss's unit; NaN where it predicts nothing
    inputs   (m, d) the examples' first input laid flat; None where it is large or not real
    shape    of one example's first input, before
    reach    (lowest, highest) over the first input of all examples: black and white
    tokens   whether the first input holds whole numbers, as tokens are
    why      a sentence: why no more than losses can be shown; "" where more can
    numbers  name → array, by kind:

    =============  =====================  =============================================================
    classes        probability (k, m, c)  of the classes in `class`, which hold every example's right one
                   class (c,)             their numbers: all where there are few, else the likeliest
                   label (m,)             the right class
                   entropy (k, m)         of the distribution over all classes, nats
    continuation   prompt (m, p)          tokens that were given
                   true (m, t)            how the example goes on
                   said (k, m, t)         the likeliest next token, again and again
                   probability (k, m, t)  that the network gave it
    curve          x (g,), y (k, g)       outputs over a grid of the one input, in the outputs' unit
                   data_x, data_y (q,)    examples
    values         target (q,), predicted (k, q)   in the targets' unit
    losses         right (k, m)           share of an example's predictions that are right, for classes
    =============  =====================  =============================================================
    """

    kind: str
    name: str
    places: tuple[str, ...]
    rows: np.ndarray
    loss: np.ndarray
    inputs: np.ndarray | None = None
    shape: tuple[int, ...] = ()
    reach: tuple[float, float] = (0.0, 1.0)
    tokens: bool = False
    why: str = ""
    numbers: dict[str, np.ndarray] = field(default_factory=dict)


def write_answers(answers: Answers, path: Path) -> None:
    """Write them to a file, as JSON."""
    write_json(path, _plain(asdict(answers)))


def read_answers(path: Path) -> Answers:
    """Read the answers in a file that `write_answers` wrote.

    Raises
    ------
    InputError  another file, or damage
    """
    try:
        content = read_json(path)
        known = {entry.name: content[entry.name] for entry in fields(Answers)}
        arrays = {name: np.array(known[name], dtype) for name, dtype in (("rows", int), ("loss", float))}
        inputs = None if known["inputs"] is None else np.array(known["inputs"], float)
        numbers = {name: np.array(values) for name, values in known["numbers"].items()}
        tuples = {name: tuple(known[name]) for name in ("places", "shape", "reach")}
        return Answers(**{**known, **arrays, **tuples, "inputs": inputs, "numbers": numbers})
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"'{path.name}' holds no answers: compute them anew.") from error


def _plain(value: Any) -> Any:
    """The value with its arrays as lists, as JSON can hold it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
