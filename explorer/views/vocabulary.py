"""Page "Vocabulary": the properties as cards, under their roles."""

import streamlit as st
from lossnav.core import PROPERTIES
from lossnav.core.properties import DERIVED, INDEPENDENT
from lossnav.explorer.controls.vocabulary_card import vocabulary_card

# role → (title after the number of its properties, cards side by side)
ROLES = {
    INDEPENDENT: ("independent properties", 3),
    DERIVED: ("readouts derived from them", 2),
}
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def in_words(number: int) -> str:
    """A small number as a word."""
    return WORDS[number] if number < len(WORDS) else str(number)


def page() -> None:
    """Cards under their roles."""
    st.title(f"The {in_words(len(PROPERTIES))} navigator properties")
    counts = {role: in_words(sum(owner.entry.role == role for owner in PROPERTIES)) for role in ROLES}
    st.markdown(
        "The Loss Landscape Vocabulary Framework says with them how a model moves through the terrain, resists it, keeps a "
        f"history and spreads its probability. A later review of the framework found {counts[INDEPENDENT]} of its "
        f"{in_words(len(PROPERTIES))} independent and {counts[DERIVED]} derived. Its definitions and its own warnings are shown as they are; under them stands what lossnav computes."
    )
    for role, (title, side_by_side) in ROLES.items():
        members = [owner for owner in PROPERTIES if owner.entry.role == role]
        st.subheader(f"{in_words(len(members)).capitalize()} {title}")
        for start in range(0, len(members), side_by_side):
            row = members[start : start + side_by_side]
            for column, owner in zip(st.columns(len(row)), row, strict=True):
                with column.container(border=True, height="stretch"):
                    vocabulary_card(owner)


page()
