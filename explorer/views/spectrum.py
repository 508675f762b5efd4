"""Page "Spectrum": the eigenvalues of a network's curvature, and what coupling does to them, at one place or along its training."""

import streamlit as st
from lossnav.explorer.controls.spectrum import EIGENVALUES, SWEEP, section_control, shape_control, spectrum_controls
from lossnav.explorer.figures.shared.plain_text import for_markdown
from lossnav.explorer.panels.coupling import coupling_panel
from lossnav.explorer.panels.spectrum import spectrum_panel, spectrum_style
from lossnav.explorer.panels.spectrum_along import along_panel
from lossnav.explorer.request.spectrum import HISTOGRAM, MATRICES, AlongRequest, CouplingRequest, SpectrumRequest


def page() -> None:
    """Inputs, then the section that is open."""
    with st.sidebar:
        asked = spectrum_controls()
    spectrum_style()
    with st.container(key="spectrum_head", horizontal=True, vertical_alignment="center", gap="large"):
        section = section_control()
        st.markdown(f"{MATRICES[asked.of]} of **{for_markdown(asked.target)}**", width="content")
    if isinstance(asked, SpectrumRequest) and section != EIGENVALUES:
        asked = CouplingRequest.beside(asked, "sweep" if section == SWEEP else "matrix")
    with st.sidebar:
        shape = shape_control() if section == EIGENVALUES and not isinstance(asked, AlongRequest) else HISTOGRAM
        st.caption("The same in a terminal:")
        st.code(asked.command, language="bash", wrap_lines=True)
    show(asked, section, shape)


def show(asked: SpectrumRequest | AlongRequest, section: str, shape: str) -> None:
    """Show a spectrum: computed where it is missing, and drawn."""
    if isinstance(asked, CouplingRequest):
        coupling_panel(asked)
    elif isinstance(asked, SpectrumRequest):
        spectrum_panel(asked, shape)
    elif section == EIGENVALUES:
        along_panel(asked)
    else:
        st.info(f"“{section}” is for one place: choose another one under “Where”.", icon=":material/info:")


page()
