"""Page "Compare": two to four landscapes side by side, and the difference of two."""

import streamlit as st
from lossnav.explorer.comparable import comparable
from lossnav.explorer.controls.compare import compare_controls, unmeasured_problems
from lossnav.explorer.controls.model import given
from lossnav.explorer.controls.paths import trainings_control
from lossnav.explorer.figures.shared.picture import name_of
from lossnav.explorer.panels.compare import DIFFERENCE, Comparison, difference_panel, read, side_by_side
from lossnav.explorer.panels.style import compare_style
from lossnav.explorer.summaries.compare import in_common, in_other_units


def page() -> None:
    """Which, then how, then the figures."""
    compare_style()
    offered = comparable(given())
    with st.sidebar:
        chosen, how = compare_controls(tuple(offered))
        if waiting := unmeasured_problems(offered):
            st.caption(waiting)
        landscapes = read([offered[name] for name in chosen])
        if len(landscapes) >= 2:
            lands = [land for _, land in landscapes]
            numbers = in_common(lands)
            if others := [name_of(lands[0], name) for name in in_other_units(lands)]:
                st.caption(f"In other units, so not compared: {', '.join(others)}.")
            if not numbers:
                st.warning("These landscapes have no readout in one unit: choose others.")
                return
            height, color = how(numbers, lands[0])
            targets = [each.request.target for each, _ in landscapes if each.request is not None]
            trainings = trainings_control(targets, "compare_trainings")
    if len(landscapes) < 2:
        st.info("Choose two to four landscapes.", icon=":material/info:")
        return
    asked = Comparison(
        st.session_state["compare_look"], height, color, st.session_state["one_span"], st.context.theme.type == "dark"
    )
    if asked.look == DIFFERENCE:
        difference_panel(landscapes, asked)
    else:
        side_by_side(landscapes, asked, trainings)


page()
