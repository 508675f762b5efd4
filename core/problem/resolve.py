"""Which loss is meant: by a name, an instance, one of torch's own modules or functions, or a callable."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from torch import nn
from torch.nn import functional as F

from ..checks import InputError, known
from .likelihoods import LIKELIHOODS
from .likelihoods.custom import Custom
from .likelihoods.protocol import Likelihood, PerExampleLoss
from .likelihoods.reduced import Reduced, follows_convention

# torch's functions, as the modules that say the same
FUNCTIONS: dict[Any, type[nn.Module]] = {
    F.cross_entropy: nn.CrossEntropyLoss,
    F.nll_loss: nn.NLLLoss,
    F.mse_loss: nn.MSELoss,
    F.binary_cross_entropy: nn.BCELoss,
    F.binary_cross_entropy_with_logits: nn.BCEWithLogitsLoss,
    F.gaussian_nll_loss: nn.GaussianNLLLoss,
    F.poisson_nll_loss: nn.PoissonNLLLoss,
    F.l1_loss: nn.L1Loss,
    F.huber_loss: nn.HuberLoss,
    F.smooth_l1_loss: nn.SmoothL1Loss,
    F.kl_div: nn.KLDivLoss,
    F.ctc_loss: nn.CTCLoss,
}


def resolve(loss: str | Likelihood | PerExampleLoss) -> Likelihood:
    """The likelihood meant by a name, by an instance, by a loss of torch's, or by a callable.

    Raises
    ------
    InputError  for an unknown name (with the nearest) or a thing that is none of these

    >>> resolve(nn.CrossEntropyLoss(label_smoothing=0.1)).label_smoothing
    0.1
    >>> resolve(functools.partial(F.huber_loss, delta=2.0)).width
    2.0
    """
    named = {kind.name: kind for kind in LIKELIHOODS if kind.by_name}
    if isinstance(loss, str):
        return named[known(loss, named, "loss")]()
    if isinstance(loss, type) and any(loss is kind for kinds in LIKELIHOODS for kind in (kinds, *kinds.modules)):
        raise InputError(f"loss is the class {loss.__name__}, not one of it: write loss={loss.__name__}().")
    if hasattr(loss, "losses"):
        return loss  # type: ignore[return-value]
    module = as_module(loss)
    for kind in LIKELIHOODS:
        if type(module) in kind.modules:
            return kind.from_module(module)
    if follows_convention(loss):
        return Reduced.of(loss)
    if callable(loss):
        return Custom(loss)
    raise InputError(
        f"loss should be {', '.join(repr(name) for name in named)}, Gaussian(sigma) or a callable, but is a "
        f"{type(loss).__name__}."
    )


def as_module(loss: Any) -> Any:
    """A function of torch's, also with some arguments given, as the module that says the same; others as they are."""
    given: dict[str, Any] = {}
    function = loss
    while isinstance(function, functools.partial):
        if function.args:
            return loss
        given, function = {**function.keywords, **given}, function.func
    kind = (
        FUNCTIONS.get(function) if inspect.isroutine(function) or (callable(function) and _hashable(function)) else None
    )
    if kind is None:
        return loss
    try:
        return kind(**{k: v for k, v in given.items() if v is not None})
    except TypeError:  # an argument of a call, such as a fixed target
        return loss


def _hashable(thing: Any) -> bool:
    try:
        hash(thing)
    except TypeError:
        return False
    return True
