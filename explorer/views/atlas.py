"""Page "Atlas": every overlay of one terrain as a small map, and how they go together."""

import streamlit as st
from lossnav.core import InputError
from lossnav.explorer.comparable import comparable
from lossnav.explorer.controls.atlas import atlas_controls, landscape_control
from lossnav.explorer.controls.model import given
from lossnav.explorer.figures.shared.plain_text import for_markdown
from lossnav.explorer.panels.atlas import atlas_export, atlas_panel
from lossnav.explorer.panels.compare import held_landscape
from lossnav.explorer.panels.style import atlas_style
from lossnav.explorer.summaries.atlas import atlas_readouts


def page() -> None:
    """Which, then its maps."""
    atlas_style()
    offered = comparable(given())
    with st.sidebar:
        name = landscape_control(tuple(offered))
    try:
        land = held_landscape(offered[name])
    except (InputError, LookupError, OSError) as error:
        st.error(for_markdown(error))
        return
    with st.sidebar:
        variables = atlas_controls(land, atlas_readouts(land))
        if len(variables) >= 2:
            atlas_export(land, variables, name.partition(" ")[0])
    if len(variables) < 2:
        st.info("Choose two readouts or more.", icon=":material/info:")
        return
    atlas_panel(land, variables, st.context.theme.type == "dark")


page()
