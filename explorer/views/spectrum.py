"""Page "Spectrum": the eigenvalues of a network's curvature, at its end, along its training, or at the picked point."""

import streamlit as st
from lossnav.core.spectrum.files import read_spectrum
from lossnav.explorer import controls
from lossnav.explorer.figures.spectrum import spectrum_figure
from lossnav.explorer.panels.progress import waiting_panel
from lossnav.explorer.panels.spectrum import spectrum_numbers
from lossnav.explorer.spectrum_request import MATRICES


def page() -> None:
    """Inputs, then the histogram."""
    with st.sidebar:
        request = controls.spectrum_controls()
        st.caption("The same in a terminal:")
        st.code(request.command, language="bash", wrap_lines=True)
    st.markdown(f"#### {MATRICES[request.of]} of {request.target}")
    if not waiting_panel(request):
        return
    found, about = read_spectrum(request.path)
    left, right = st.columns([1.9, 1], gap="medium")
    with left.container(key="spectrum_plot"):
        figure = spectrum_figure(found, st.context.theme.type == "dark", controls.spectral_law(request, about))
        st.plotly_chart(
            figure, theme=None, key="spectrum", height=520, config={"displayModeBar": False}, alt="Eigenvalue histogram"
        )
        st.caption(
            "Symmetric-logarithmic axis; units are nats per squared parameter unit. Ticks below: the outermost eigenvalues."
        )
    with right:
        spectrum_numbers(found)


page()
