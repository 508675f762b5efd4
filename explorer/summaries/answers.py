"""What a network says of its examples, in sentences."""

from __future__ import annotations

import numpy as np
from lossnav.core.answers import CLASSES, CONTINUATION, CURVE, LOSSES, VALUES, Answers

from ..figures.shared.scales import format_value


def sentences(found: Answers) -> list[str]:
    """A sentence for each example and place, or for each place of a fit."""
    if found.kind == CLASSES:
        return [f"{_example(found, m)}: {_said(found, m)}" for m in range(len(found.rows))]
    if found.kind == CONTINUATION:
        return _continued(found)
    if found.kind in (CURVE, VALUES):
        return fit_sentences(found)
    assert found.kind == LOSSES
    return [found.why, *(f"{_example(found, m)}: {_losses(found, m)}" for m in range(len(found.rows)))]


def class_said(found: Answers, place: int, example: int) -> tuple[int, float, float]:
    """(the likeliest class, its probability, the right class's) at a place of an example."""
    p = found.numbers["probability"][place, example]
    classes, best = found.numbers["class"], int(np.argmax(p))
    right = p[classes == found.numbers["label"][example]]
    return int(classes[best]), float(p[best]), float(right.sum())


def fit_sentences(found: Answers) -> list[str]:
    """How far each place's predictions are from the true values, as root mean square and R²."""
    if found.kind == CURVE:
        x, y = found.numbers["data_x"], found.numbers["data_y"]
        predicted = np.array([np.interp(x, found.numbers["x"], fit) for fit in found.numbers["y"]])
    else:
        y, predicted = found.numbers["target"], found.numbers["predicted"]
    return [
        f"{place}: off by {format_value(float(np.sqrt(np.mean((p - y) ** 2))))} (root mean square of {len(y):,} values shown)"
        for place, p in zip(found.places, predicted, strict=True)
    ]


def agreement(found: Answers, place: int) -> float:
    """Share of a continuation's tokens that are the text's own."""
    return float((found.numbers["said"][place] == found.numbers["true"]).mean())


def _example(found: Answers, example: int) -> str:
    return f"example {int(found.rows[example])}"


def _said(found: Answers, example: int) -> str:
    def at(place: int) -> str:
        best, p, right = class_said(found, place, example)
        return f"{found.places[place]} says {best} ({format_value(p)}; the right one {format_value(right)})"

    return f"class {int(found.numbers['label'][example])}; {', '.join(map(at, range(len(found.places))))}"


def _continued(found: Answers) -> list[str]:
    lines = []
    for m, row in enumerate(found.numbers["rows"]):
        lines.append(f"example {int(row)}: {_tokens(found.numbers['prompt'][m])} | {_tokens(found.numbers['true'][m])}")
        lines += [
            f"  {name} goes on {_tokens(said[m])}"
            for name, said in zip(found.places, found.numbers["said"], strict=True)
        ]
    return lines


def _tokens(tokens: np.ndarray) -> str:
    return " ".join(str(int(token)) for token in tokens)


def _losses(found: Answers, example: int) -> str:
    return ", ".join(
        f"{place} loss {format_value(float(loss))}"
        for place, loss in zip(found.places, found.loss[:, example], strict=True)
    )
