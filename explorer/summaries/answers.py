"""What a network says of its examples, in sentences."""

from __future__ import annotations

import numpy as np
from lossnav.core.answers import CLASSES, CONTINUATION, CURVE, LOSSES, VALUES, Answers

from ..figures.shared.scales import format_value


def sentences(answers: Answers) -> list[str]:
    """A sentence for each example and place, or for each place of a fit."""
    if answers.kind == CLASSES:
        return [f"{_example(answers, m)}: {_said(answers, m)}" for m in range(len(answers.rows))]
    if answers.kind == CONTINUATION:
        return _continued(answers)
    if answers.kind in (CURVE, VALUES):
        return fit_sentences(answers)
    assert answers.kind == LOSSES
    return [answers.why, *(f"{_example(answers, m)}: {_losses(answers, m)}" for m in range(len(answers.rows)))]


def class_said(answers: Answers, place: int, example: int) -> tuple[int, float, float]:
    """(the likeliest class, its probability, the right class's) at a place of an example."""
    p = answers.numbers["probability"][place, example]
    classes, best = answers.numbers["class"], int(np.argmax(p))
    right = p[classes == answers.numbers["label"][example]]
    return int(classes[best]), float(p[best]), float(right.sum())


def fit_sentences(answers: Answers) -> list[str]:
    """How far each place's predictions are from the true values, as root mean square and R²."""
    if answers.kind == CURVE:
        x, y = answers.numbers["data_x"], answers.numbers["data_y"]
        predicted = np.array([np.interp(x, answers.numbers["x"], fit) for fit in answers.numbers["y"]])
    else:
        y, predicted = answers.numbers["target"], answers.numbers["predicted"]
    return [
        f"{place}: off by {format_value(float(np.sqrt(np.mean((p - y) ** 2))))} (root mean square of {len(y):,} values shown)"
        for place, p in zip(answers.places, predicted, strict=True)
    ]


def agreement(answers: Answers, place: int) -> float:
    """Share of a continuation's tokens that are the text's own."""
    return float((answers.numbers["said"][place] == answers.numbers["true"]).mean())


def _example(answers: Answers, example: int) -> str:
    return f"example {int(answers.rows[example])}"


def _said(answers: Answers, example: int) -> str:
    def at(place: int) -> str:
        best, p, right = class_said(answers, place, example)
        return f"{answers.places[place]} says {best} ({format_value(p)}; the right one {format_value(right)})"

    return f"class {int(answers.numbers['label'][example])}; {', '.join(map(at, range(len(answers.places))))}"


def _continued(answers: Answers) -> list[str]:
    lines = []
    for m, row in enumerate(answers.numbers["rows"]):
        lines.append(
            f"example {int(row)}: {_tokens(answers.numbers['prompt'][m])} | {_tokens(answers.numbers['true'][m])}"
        )
        lines += [
            f"  {name} goes on {_tokens(said[m])}"
            for name, said in zip(answers.places, answers.numbers["said"], strict=True)
        ]
    return lines


def _tokens(tokens: np.ndarray) -> str:
    return " ".join(str(int(token)) for token in tokens)


def _losses(answers: Answers, example: int) -> str:
    return ", ".join(
        f"{place} loss {format_value(float(loss))}"
        for place, loss in zip(answers.places, answers.loss[:, example], strict=True)
    )
