"""A property's vocabulary card: its words as the framework's authors put them, and what we compute."""

from __future__ import annotations

import streamlit as st
from lossnav.core.properties import NavigatorProperty


def vocabulary_card(owner: NavigatorProperty) -> None:
    """Poles, meaning, formula, flags and sources of a property, then our readouts."""
    entry = owner.entry
    st.markdown(f"**{owner.name.capitalize()}** · {entry.poles[0]} … {entry.poles[1]} · *{entry.role}*")
    st.markdown(entry.meaning)
    for line in entry.formula.split(r"\quad"):
        st.latex(line.strip(" ;"))
    for flag in entry.flags:
        st.warning(flag, icon=":material/flag:")
    st.markdown("**What we compute**")
    st.markdown("\n".join(f"- *{r.label}*{f' ({r.unit})' if r.unit else ''}: {r.explain}" for r in owner.readouts))
    st.caption("Sources: " + "; ".join(entry.sources))
