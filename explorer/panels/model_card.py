"""A sample network's card: what it is, how well it does, how it was trained."""

from __future__ import annotations

import html
from typing import Any

import streamlit as st
from lossnav.sample_models import card

from ..figures.shared.scales import format_value


def model_card(name: str) -> None:
    """Title, summary, numbers, and the command that trains it again."""
    facts = card(name)
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.subheader(facts["title"], anchor=False)
    right.page_link("views/terrain.py", label="Terrain", icon=":material/landscape:", query_params={"model": name})
    st.markdown(f"`{name}` · {facts['summary']}")
    st.html(_table(card_rows(facts)))
    if "training" in facts:
        st.caption(f"Trained by {facts['training']} (seed {facts.get('seed', 'not stated')}). The same again:")
    if "reproduce" in facts:
        st.code(facts["reproduce"], language="bash", wrap_lines=True)


def card_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """(what, value with unit) for everything that the card states."""
    stated = (
        ("Network", "network", "parameters", lambda: f"{facts['network']}, {facts['parameters']:,} parameters"),
        ("Data", "data", "examples", lambda: f"{facts['data']} ({facts['examples']:,} examples)"),
        (
            "Training loss at the end",
            "final_train_loss",
            "final_train_loss",
            lambda: f"{_value(facts['final_train_loss'])} nats",
        ),
    )
    rows = [
        *((label, text()) for label, one, other, text in stated if one in facts and other in facts),
        *((f"Test {label}", _value(value)) for label, value in facts["test"].items()),
        *((fact["label"], f"{_value(fact['value'])} {fact.get('unit') or ''}".strip()) for fact in facts["facts"]),
    ]
    return rows


def _value(value: Any) -> str:
    return format_value(value) if isinstance(value, (int, float)) else str(value)


def _table(rows: list[tuple[str, str]]) -> str:
    body = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    return f"<dl class='card'>{body}</dl>"
