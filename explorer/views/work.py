"""Page "Work": what is computed on this machine, and what is kept of it."""

import streamlit as st
from lossnav.explorer.panels.work import cache_panel, jobs_panel


def page() -> None:
    """The work, then what is kept."""
    st.title("Work")
    jobs_panel()
    cache_panel()


page()
