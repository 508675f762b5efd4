"""How a person's own network gets here, in three steps with what to copy; and what the folder holds already."""

from __future__ import annotations

import streamlit as st

from .. import workspace
from ..figures.shared.plain_text import for_markdown

MINIMAL = """from lossnav.core import Problem, Trajectory, load_weights
from training import Network, inputs, targets  # yours


def problem():
    model = load_weights(Network(), "weights.pt")
    path = Trajectory.from_folder("checkpoints")  # if any
    return Problem(model, inputs, targets,
                   loss="cross_entropy", trajectory=path)
"""
KIND_TITLES = {
    workspace.PROBLEM: "problems",
    workspace.LANDSCAPE: "landscapes",
    workspace.CHECKPOINTS: "checkpoint folders",
    workspace.TRANSFORMERS: "language models",
}


def own_network() -> None:
    """The three steps side by side."""
    first, second, third = st.columns([1, 1.6, 1])
    with first.container(border=True, height="stretch"):
        st.markdown("**1. A file that gives it.** This writes one that runs as it stands:")
        st.code("lossnav new mine.py", language="bash")
        st.caption("Or copy what stands under 2 into a file of your own.")
    with second.container(border=True, height="stretch"):
        st.markdown("**2. Your network in it**, its data and its loss:")
        st.code(MINIMAL, language="python")
    with third.container(border=True, height="stretch"):
        st.markdown("**3. Choose it.** Start the explorer in its folder:")
        st.code("lossnav explore", language="bash")
        st.markdown("The file appears under “Model” on the page Terrain. It runs when you press **Test the network**.")
    _found()


def _found() -> None:
    """The folder's contents as the explorer lists them."""
    here = workspace.folder()
    if here is None:
        return
    scan = workspace.latest()
    counts = [(len(scan.of(kind)), title) for kind, title in KIND_TITLES.items()]
    said = (
        ", ".join(f"{count} {title.removesuffix('s') if count == 1 else title}" for count, title in counts if count)
        or "nothing to look at yet"
    )
    more = "" if scan.whole else " It is large: not all of it was looked through."
    st.caption(f"In the folder {for_markdown(here.resolve().name)}: {said}. Looked through every few seconds.{more}")
