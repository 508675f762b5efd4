"""The explorer's entry script: page config, navigation, run."""

import os
from pathlib import Path

HERE = Path(__file__).parent
VIEWS = HERE / "views"


def main() -> None:
    """Streamlit runs this at every turn of the page."""
    import streamlit as st
    from lossnav.core import InputError
    from lossnav.explorer.controls.address import arrive
    from lossnav.explorer.controls.url import drop_impossible
    from lossnav.explorer.figures.shared.plain_text import for_markdown
    from lossnav.explorer.panels.style import page_style
    from lossnav.explorer.panels.undo import undo
    from lossnav.explorer.panels.workspace import watch
    from lossnav.explorer.server import LANDSCAPE_VARIABLE
    from lossnav.explorer.workspace import is_gone, latest

    st.set_page_config(page_title="lossnav", page_icon=str(HERE / "icon.svg"), layout="wide")
    page_style()
    if is_gone():
        st.error(
            "The folder that lossnav was started in is gone: end it there (Ctrl-C), and start it in one that exists.",
            icon=":material/error:",
        )
        return
    undo()
    drop_impossible()
    opened = LANDSCAPE_VARIABLE in os.environ
    file_page = [st.Page(VIEWS / "file.py", title="File", icon=":material/folder_open:", default=True)]
    pages = [
        *(file_page if opened else []),
        st.Page(VIEWS / "terrain.py", title="Terrain", icon=":material/landscape:", default=not opened),
        st.Page(VIEWS / "compare.py", title="Compare", icon=":material/compare:"),
        st.Page(VIEWS / "atlas.py", title="Atlas", icon=":material/grid_view:"),
        st.Page(VIEWS / "spectrum.py", title="Spectrum", icon=":material/bar_chart:"),
        st.Page(VIEWS / "density.py", title="Density", icon=":material/scatter_plot:"),
        st.Page(VIEWS / "claims.py", title="Claims", icon=":material/science:"),
        st.Page(VIEWS / "work.py", title="Work", icon=":material/manufacturing:"),
        st.Page(VIEWS / "models.py", title="Models", icon=":material/hub:"),
        st.Page(VIEWS / "vocabulary.py", title="Vocabulary", icon=":material/menu_book:"),
    ]
    drawn = latest()
    page = st.navigation(pages, position="top")
    arrive(page.title)
    try:
        page.run()
    except InputError as error:  # of a part without a guard of its own: a card that is damaged
        st.error(for_markdown(error), icon=":material/error:")
    watch(drawn)


if __name__ == "__main__":  # the process that measures live planes imports this file too, and is no page
    main()
