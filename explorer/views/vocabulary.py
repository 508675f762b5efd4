"""Page "Vocabulary": the seven properties as cards, three independent and four derived."""

import streamlit as st
from lossnav.core import PROPERTIES
from lossnav.core.properties import vocabulary
from lossnav.explorer.controls.vocabulary_card import vocabulary_card

ROLES = {
    "independent": "Three independent properties",
    "derived": "Four readouts derived from them",
}


def page() -> None:
    """Cards under their roles."""
    st.title("The seven navigator properties")
    st.markdown(
        "The Loss Landscape Vocabulary Framework says with them how a model moves through the terrain, resists it, keeps a "
        "history and spreads its probability. A later review of the framework found three of them independent and four "
        "derived. Its definitions and its own warnings are shown as they are; under them stands what lossnav computes."
    )
    for role, title in ROLES.items():
        members = [owner for owner in PROPERTIES if vocabulary()[owner.name].role == role]
        st.subheader(title)
        for start in range(0, len(members), 2 if role == "derived" else 3):
            row = members[start : start + (2 if role == "derived" else 3)]
            for column, owner in zip(st.columns(len(row)), row, strict=True):
                with column.container(border=True, height="stretch"):
                    vocabulary_card(owner)


page()
