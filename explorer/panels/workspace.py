"""The folder that the explorer was started in, on the page: what is new in it, and how weights become a network."""

from __future__ import annotations

import shlex

import streamlit as st
from lossnav.core import InputError

from .. import workspace
from ..dropped import ENDINGS, LARGEST, stored
from ..figures.shared.plain_text import for_markdown
from .landscape_file import landscape_file
from .progress import by_timer

DROPPED = "dropped_file"
OFTEN = 3.0  # seconds between two looks at the folder


def watch(drawn: workspace.Scan) -> None:
    """Look through the folder every few seconds, and draw the page anew where it holds something else.

    drawn  what this page was drawn from: another tab may have looked since
    """
    if workspace.folder() is None:
        return

    @st.fragment(run_every=OFTEN)
    def look() -> None:
        if by_timer() and workspace.rescan() != drawn:
            st.rerun()

    look()


def drop_control() -> None:
    """Where a landscape file can be dropped."""
    st.file_uploader("Look at a landscape file", ENDINGS, key=DROPPED, max_upload_size=LARGEST)


def dropped_file() -> bool:
    """Draw the file that was dropped on the page; whether there is one."""
    file = st.session_state.get(DROPPED)
    if file is None:
        return False
    try:
        path = stored(file.name, file.getvalue())
    except InputError as error:
        st.error(for_markdown(error))
    else:
        landscape_file(path, file.name)
    return True


def other_than_problem(target: str) -> bool:
    """Draw what the folder holds under this name where that is no problem; whether it is something else."""
    kind = workspace.latest().kind_of(target)
    if kind == workspace.LANDSCAPE:
        landscape_file(workspace.path_of(target), target)
    elif kind in (workspace.CHECKPOINTS, workspace.TRANSFORMERS):
        weights_panel(kind, target)
    else:
        return False
    return True


def weights_panel(kind: str, target: str) -> None:
    """Weights alone are no network: what to write so that they become one."""
    what = "Checkpoints of a training" if kind == workspace.CHECKPOINTS else "A language model of transformers"
    st.subheader(f"{what}: {for_markdown(target)}", anchor=False)
    st.markdown(
        "Weights alone do not say which network they are of, on which data. Write a problem file beside them; it appears under "
        "“Model” as soon as it is saved."
        if kind == workspace.CHECKPOINTS
        else "A loss needs texts. Write a problem file beside the model; it appears under “Model” as soon as it is saved."
    )
    st.code(weights_code(kind, target), language="python")
    if kind == workspace.TRANSFORMERS:
        st.markdown("Or, on a file of texts as it lies, without a problem file:")
        st.code(shlex.join(["lossnav", "explore", f"{target.rstrip('/')}:texts.txt"]), language="bash")


def weights_code(kind: str, target: str) -> str:
    """A problem file for weights."""
    if kind == workspace.TRANSFORMERS:
        return f"""from lossnav.core import Problem


def problem():
    texts = ["A text of yours.", "Another one."]  # or the name of a text file
    return Problem.from_transformers({target!r}, texts)
"""
    folder = workspace.path_of(target)
    last = folder / workspace.checkpoints_in(folder, (each.name for each in folder.iterdir()))[-1]
    return f"""from lossnav.core import Problem, Trajectory, load_weights

from training import Network, inputs, targets  # yours


def problem():
    model = load_weights(Network(), {str(last)!r})
    path = Trajectory.from_folder({target!r})
    return Problem(model, inputs, targets, loss="cross_entropy", trajectory=path)
"""
