"""The identity of a problem's landscape: hashes of network, weights and data, and how the loss is taken."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..parameters.hashing import digest, tensor_digest

if TYPE_CHECKING:
    from .likelihoods.protocol import Likelihood
    from .problem import Problem


def problem_identity(problem: Problem) -> dict[str, Any]:
    """A problem's identity, ready for JSON: hashes, loss, BatchNorm mode; the same identity is the same landscape."""
    anchor = problem.anchor and {
        f"{w}/{k}": v for w in ("parameters", "fisher") for k, v in getattr(problem.anchor, w).items()
    }
    statistics = {} if problem.trajectory is None else problem.trajectory.statistics
    called = {} if problem.adapter is None else {"called": problem.adapter.name}
    identity = called | {
        "name": problem.name,
        "network": hashlib.sha256(repr(problem.model).encode()).hexdigest(),
        "weights": tensor_digest(problem.model.state_dict()),
        "data": _data_digest(problem),
        "trajectory": problem.trajectory and problem.trajectory.digest(),
        **({"path_statistics": tensor_digest(statistics)} if statistics else {}),
        "anchor": anchor and tensor_digest(anchor),
        "strength": problem.anchor and problem.anchor.strength,
        "loss": _loss_name(problem),
        "sigma": getattr(problem.likelihood, "sigma", None),
        "data_entropy": problem.data_entropy,
        "batchnorm": problem.batchnorm,
        "parameters": problem.parameter_count,
        "examples": problem.example_count,
        "predictions": problem.prediction_count,
        # named only where they were chosen, so that landscapes from before there was a choice go on
        **({} if problem.batches is None else {"batches": problem.batches}),
        **({} if problem.draws == 1 else {"draws": problem.draws}),
    }
    # what there was no word for before is named only where it is there, so that landscapes stored before go on
    return identity | {key: value for key, value in _more(problem).items() if value}


def _data_digest(problem: Problem) -> str:
    data = {str(i): t for i, t in enumerate(problem.inputs)} | {"targets": problem.targets, "law": problem.law}
    return tensor_digest(data)


def _more(problem: Problem) -> dict[str, Any]:
    """Parts of the identity that most problems do not have."""
    details = problem.likelihood.details()
    tensors = {k: v for k, v in details.items() if isinstance(v, Tensor)}
    plain = {k: v for k, v in details.items() if k not in tensors}
    return {
        "loss_details": plain | {k: tensor_digest({k: v}) for k, v in tensors.items()},
        "likelihood": None if problem.beside is None else _stated(problem.beside.likelihood),
        "output": None if problem.output is None else repr(problem.output),
        "fixed": _fixed(problem),
        "selection": None
        if problem.selection is None
        else hashlib.sha256(repr(problem.selection).encode()).hexdigest(),
        "weight_decay": problem.weight_decay,
        "products": problem.products,
        "metrics": problem.metric_identity,
        "test": None if problem.second is None else _second(problem.second),
    }


def _fixed(problem: Problem) -> dict[str, Any]:
    fixed = {str(k): v for k, v in problem.fixed.items()}
    return {k: tensor_digest({k: v}) if isinstance(v, Tensor) else v for k, v in fixed.items()}


def _second(problem: Problem) -> dict[str, Any]:
    """Of the second data set, what is its own."""
    called = None if problem.adapter is None else problem.adapter.name
    own = {"data": _data_digest(problem), "called": called, "fixed": _fixed(problem)}
    return {key: value for key, value in own.items() if value}


def _stated(likelihood: Likelihood) -> dict[str, Any]:
    """A likelihood stated beside the loss."""
    details = {k: tensor_digest({k: v}) if isinstance(v, Tensor) else v for k, v in likelihood.details().items()}
    return {"name": likelihood.name, "sigma": getattr(likelihood, "sigma", None), **details}


def _loss_name(problem: Problem) -> str:
    function = getattr(problem.likelihood, "function", None)
    if function is None:
        return problem.likelihood.name
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def problem_digest(problem: Problem) -> str:
    """SHA-256 of `problem_identity(problem)`, hexadecimal."""
    return digest(problem_identity(problem))
