"""lossnav.core: neural-network loss landscapes, computed. Nothing here draws."""

from .adaptive.tolerance import Tolerance
from .checks import InputError
from .density import MemorisedOrder, density_map, memorised_order
from .local.estimation import Estimation
from .moved import MOVED, keep_old_names
from .plane.plane import Plane
from .problem.likelihoods import Bernoulli, CrossEntropy, Gaussian, GaussianHeads, Poisson
from .problem.loading import load_problem, sample_names
from .problem.problem import Problem
from .problem.recorder import Recorder
from .problem.trajectory import Anchor, Trajectory
from .problem.weights import load_weights, read_weights
from .properties import PROPERTIES, Settings
from .spectrum.coupling_matrix import coupling_matrix
from .spectrum.critical_sharpness import CriticalSharpness, critical_sharpness
from .spectrum.curvature_recorder import CurvatureRecorder
from .spectrum.density import Spectrum
from .spectrum.eigenvalues import eigenpairs, spectrum
from .survey.check import Finding, check
from .survey.reading import read_landscape
from .survey.survey import survey

__all__ = [
    "PROPERTIES",
    "Anchor",
    "Bernoulli",
    "CriticalSharpness",
    "CrossEntropy",
    "CurvatureRecorder",
    "Estimation",
    "Finding",
    "Gaussian",
    "GaussianHeads",
    "InputError",
    "MemorisedOrder",
    "Plane",
    "Poisson",
    "Problem",
    "Recorder",
    "Settings",
    "Spectrum",
    "Tolerance",
    "Trajectory",
    "check",
    "coupling_matrix",
    "critical_sharpness",
    "density_map",
    "eigenpairs",
    "load_problem",
    "load_weights",
    "memorised_order",
    "read_landscape",
    "read_weights",
    "sample_names",
    "spectrum",
    "survey",
]

keep_old_names(__name__, MOVED)
