"""The losses that are understood: a new one is its file and its line here (docs/adding-a-likelihood.md)."""

from .bernoulli import Bernoulli
from .cross_entropy import CrossEntropy
from .ctc import CTC
from .divergence import KLDivergence
from .gaussian import Gaussian
from .heads import GaussianHeads
from .poisson import Poisson
from .protocol import Loss
from .robust import Robust
from .squared_error import MeanSquaredError

LIKELIHOODS: tuple[type[Loss], ...] = (
    CrossEntropy,
    MeanSquaredError,
    Gaussian,
    Bernoulli,
    GaussianHeads,
    Poisson,
    Robust,
    KLDivergence,
    CTC,
)
