"""What the network says of the same examples at the picked point, beside the trained network."""

from __future__ import annotations

import base64
import html
from io import BytesIO

import numpy as np
import streamlit as st
from lossnav.core.answers import CLASSES, CONTINUATION, LOSSES, Answers, read_answers
from matplotlib.image import imsave

from ..figures.shared.example_image import as_image
from ..figures.shared.scales import format_value
from ..figures.web.answers import fit_figure
from ..request.answers import AnswersRequest
from ..summaries.answers import agreement, fit_sentences
from .progress import read_or_repair, waiting_panel

MOST_BARS = 3  # classes shown of each distribution
MOST_FEATURES = 4  # numbers of an input that is no image


def answers_panel(request: AnswersRequest) -> None:
    """Compute what is missing, then show it; opening the panel is the press that asks for it."""
    if not waiting_panel(request, pressed=True, name="_answers"):
        return
    found = read_or_repair(request, read_answers)
    if found is not None:
        shown_answers(found)


def shown_answers(answers: Answers) -> None:
    """The examples, and what is said of them at each place."""
    if answers.kind == CLASSES:
        st.html(class_table(answers))
    elif answers.kind == CONTINUATION:
        st.html(continuation_lines(answers))
    elif answers.kind == LOSSES:
        st.caption(answers.why)
        st.html(loss_table(answers))
    else:
        dark = st.context.theme.type == "dark"
        config = {"displayModeBar": False}
        figure = fit_figure(answers, dark, 290)
        st.plotly_chart(figure, theme=None, key="answers_fit", config=config, alt=" ".join(fit_sentences(answers)))
        st.caption(". ".join(fit_sentences(answers)) + ".")


def class_table(answers: Answers) -> str:
    """A row for each example: what went in, and the likeliest classes at each place; the right one is marked."""
    head = "".join(f"<th scope='col'>{html.escape(place)}</th>" for place in answers.places)
    rows = "".join(
        f"<tr><th scope='row'>{_input(answers, m)}<small>class {int(answers.numbers['label'][m])}</small></th>"
        + "".join(f"<td>{_bars(answers, k, m)}</td>" for k in range(len(answers.places)))
        + "</tr>"
        for m in range(len(answers.rows))
    )
    return f"<table class='answers'><thead><tr><th scope='col'>example</th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _bars(answers: Answers, place: int, example: int) -> str:
    p, classes = answers.numbers["probability"][place, example], answers.numbers["class"]
    label = int(answers.numbers["label"][example])
    order = np.argsort(-p, kind="stable")[:MOST_BARS].tolist()
    if label not in classes[order]:
        order[-1] = int(np.flatnonzero(classes == label)[0])
    return "".join(_bar(int(classes[i]), float(p[i]), int(classes[i]) == label) for i in order)


def _bar(number: int, p: float, right: bool) -> str:
    kind, mark = ("bar right", "✓") if right else ("bar", "")
    width = 100 * min(max(p, 0.0), 1.0) if np.isfinite(p) else 0.0
    return (
        f"<span class='{kind}'><i>{number}{mark}</i><b><u style='width:{width:.3g}%'></u></b>"
        f"<em>{format_value(p, 2)}</em></span>"
    )


def _input(answers: Answers, example: int) -> str:
    """An example's input as a picture, its first numbers, or its number in the data."""
    if answers.inputs is None:
        return f"no. {int(answers.rows[example])}<br>"
    values = answers.inputs[example]
    if (picture := as_image(values, answers.shape, *answers.reach)) is not None:
        file = BytesIO()
        imsave(file, picture, format="png", cmap="gray", vmin=0, vmax=255)
        data = base64.b64encode(file.getvalue()).decode()
        return f"<img src='data:image/png;base64,{data}' alt='input of example {int(answers.rows[example])}'>"
    more = ", …" if len(values) > MOST_FEATURES else ""
    return f"({html.escape(', '.join(format_value(float(v), 2) for v in values[:MOST_FEATURES]))}{more})<br>"


def continuation_lines(answers: Answers) -> str:
    """Each prompt, how it goes on, and how the network goes on with it at each place; tokens that agree stand out."""
    blocks = []
    for m in range(len(answers.numbers["prompt"])):
        lines = [
            _line("given", _plain(answers.numbers["prompt"][m])),
            _line("goes on", _plain(answers.numbers["true"][m])),
        ]
        lines += [
            _line(
                place,
                _compared(
                    answers.numbers["said"][k, m], answers.numbers["true"][m], answers.numbers["probability"][k, m]
                ),
            )
            for k, place in enumerate(answers.places)
        ]
        blocks.append(f"<dl class='said'>{''.join(lines)}</dl>")
    shares = [f"{html.escape(p)} {100 * agreement(answers, k):.0f} %" for k, p in enumerate(answers.places)]
    note = f"The likeliest token, again and again. Tokens that are the text's own: {', '.join(shares)}."
    return f"{''.join(blocks)}<p class='trust'>{note}</p>"


def _line(name: str, tokens: str) -> str:
    return f"<dt>{html.escape(name)}</dt><dd>{tokens}</dd>"


def _plain(tokens: np.ndarray) -> str:
    return " ".join(str(int(token)) for token in tokens)


def _compared(said: np.ndarray, true: np.ndarray, p: np.ndarray) -> str:
    parts = []
    for token, own, sure in zip(said.tolist(), true.tolist(), p.tolist(), strict=True):
        kind = "b" if token == own else "span"
        parts.append(f"<{kind} title='probability {format_value(sure, 2)}'>{int(token)}</{kind}>")
    return " ".join(parts)


def loss_table(answers: Answers) -> str:
    """A row for each example with its loss at each place, and the share that is right where there are classes."""
    head = "".join(f"<th scope='col'>{html.escape(place)}</th>" for place in answers.places)
    rows = "".join(
        f"<tr><th scope='row'>no. {int(row)}</th>{''.join(f'<td>{_loss(answers, k, m)}</td>' for k in range(len(answers.places)))}</tr>"
        for m, row in enumerate(answers.rows)
    )
    return f"<table class='answers'><thead><tr><th scope='col'>example</th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _loss(answers: Answers, place: int, example: int) -> str:
    text = f"loss {format_value(float(answers.loss[place, example]))}"
    right = answers.numbers.get("right")
    return text if right is None else f"{text}; {100 * right[place, example]:.0f} % right"
