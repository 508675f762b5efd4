"""lossnav.core: neural-network loss landscapes, computed. Nothing here draws."""

from .adaptive.tolerance import Tolerance
from .checks import InputError
from .density import density_map
from .likelihood import Gaussian
from .loading import load_problem, sample_names
from .local.estimation import Estimation
from .plane import Plane
from .problem import Problem
from .properties import PROPERTIES
from .properties.protocol import Settings
from .spectrum.blocks import coupling_matrix
from .spectrum.density import Spectrum
from .spectrum.eigenvalues import eigenpairs, spectrum
from .store import read_landscape
from .survey import survey
from .trajectory import Anchor, Trajectory
from .weights import load_weights, read_weights

__all__ = [
    "PROPERTIES",
    "Anchor",
    "Estimation",
    "Gaussian",
    "InputError",
    "Plane",
    "Problem",
    "Settings",
    "Spectrum",
    "Tolerance",
    "Trajectory",
    "coupling_matrix",
    "density_map",
    "eigenpairs",
    "load_problem",
    "load_weights",
    "read_landscape",
    "read_weights",
    "sample_names",
    "spectrum",
    "survey",
]
