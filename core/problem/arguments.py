"""A problem's arguments, checked one by one: each is returned as the problem keeps it, or refused with a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import InputError, finite, matching
from ..machine.sparse import stored
from . import number_types
from .data.tensors import converted
from .likelihoods.protocol import Likelihood, Loss
from .trajectory import Anchor, Trajectory


def check_weights(model: nn.Module) -> None:
    """Weights and buffers are numbers, and of types that can be computed in."""
    number_types.check_weights(model)
    finite(dict(model.named_parameters()), "Weight")
    # an attention mask may hold −∞, and rightly; NaN is wrong in any buffer
    buffers = ((name, buffer) for name, buffer in model.named_buffers() if buffer.is_floating_point())
    finite({k: stored(b)[0].nan_to_num(posinf=0.0, neginf=0.0, nan=torch.nan) for k, b in buffers}, "Buffer")


def arranged(inputs: Any, dtypes: Sequence[torch.dtype]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Positional inputs and keyword inputs; real ones in one of `dtypes`, the first where they are in none."""

    def ready(thing: Any) -> Tensor:
        tensor = torch.as_tensor(thing).detach()
        return converted(tensor, dtypes[0]) if tensor.is_floating_point() and tensor.dtype not in dtypes else tensor

    if isinstance(inputs, Mapping):
        return (), {k: ready(v) for k, v in inputs.items()}
    if isinstance(inputs, (list, tuple)):
        return tuple(ready(v) for v in inputs), {}
    return (ready(inputs),), {}


def check_rows(inputs: Sequence[Tensor], targets: Tensor) -> None:
    """Every input has a row for each target, and the inputs are finite."""
    sizes = [int(t.shape[0]) if t.ndim else 0 for t in (*inputs, targets)]
    if min(sizes, default=0) == 0:
        raise InputError("The data set is empty: give at least one example in inputs and targets.")
    if len(set(sizes)) > 1:
        raise InputError(
            f"Inputs and targets should have one row per example, but have {' and '.join(map(str, sizes))} rows: "
            "pass the same number of each."
        )
    remedy = "leave those examples out, or mend them"
    finite({str(i): t for i, t in enumerate(inputs)}, "Input", remedy)


def checked_entropy(data_entropy: float | None) -> float | None:
    """Nats per prediction, finite."""
    if data_entropy is not None and not math.isfinite(data_entropy):
        raise InputError(f"data_entropy should be a finite number of nats, but is {data_entropy}.")
    return data_entropy


def checked_report(loss: float | None) -> float | None:
    """The loss that a training printed: a finite number, or a tensor that holds one."""
    if loss is None:
        return None
    try:
        told = float(loss)
    except (TypeError, ValueError, RuntimeError):
        told = math.nan
    if not math.isfinite(told):
        raise InputError(
            f"reported_loss should be the finite number that the training printed, but is {loss!r}: give that, or leave it out."
        )
    return told


def checked_decay(strength: float) -> float:
    """λ of ½ λ ‖θ‖²."""
    if not (isinstance(strength, (int, float)) and math.isfinite(strength) and strength >= 0):
        raise InputError(f"weight_decay should be a number λ ≥ 0 of ½ λ ‖θ‖², but is {strength}.")
    return float(strength)


def checked_batches(batches: int | str | None, loader: tuple[int, ...] | None) -> int | str | None:
    """How the data are cut: a number of examples, "whole", or None.

    loader  examples in each batch of the loader that the data came from; None: there was none
    """
    if batches == "loader":
        if not loader:
            raise InputError(
                "batches is 'loader', but the data come from no loader: give a number of examples, or 'whole'."
            )
        if len(set(loader[:-1])) > 1 or loader[-1] > loader[0]:
            raise InputError(
                f"batches is 'loader', but its batches hold from {min(loader)} to {max(loader)} examples: give one number."
            )
        return loader[0]
    if batches is None or batches == "whole" or (type(batches) is int and batches >= 1):
        return batches
    raise InputError(f"batches should be 'whole', 'loader' or a number of examples, 1 or more, but is {batches!r}.")


def checked_draws(draws: int) -> int:
    """How many draws of a random forward pass the loss is averaged over."""
    if type(draws) is not int or draws < 1:
        raise InputError(
            f"draws should be a whole number, 1 or more, but is {draws!r}: 1 takes one draw at every point."
        )
    return draws


def checked_law(law: Tensor | None, likelihood: Likelihood, targets: Tensor, classes: int) -> Tensor | None:
    """The data's own law as a tensor of the shape that the likelihood compares it in."""
    if law is None:
        return None
    law = torch.as_tensor(law).detach()
    if not likelihood.is_likelihood:
        raise InputError(
            f"law is the data's own distribution, but the loss '{likelihood.name}' states no probability to "
            "compare it with: use 'cross_entropy' or Gaussian(sigma), or leave law out."
        )
    expected = likelihood.law_shape(targets, classes)
    if tuple(law.shape) != expected:
        holds = "p(class | input)" if likelihood.is_categorical else "the mean E[y | input]"
        raise InputError(f"law should hold {holds} in shape {expected}, but has shape {tuple(law.shape)}.")
    likelihood.check_law(law)
    lacking = [
        what for what in ("divergences", "law_entropy") if getattr(type(likelihood), what, None) is getattr(Loss, what)
    ]
    if lacking:
        raise InputError(
            f"law is the data's own distribution, but the loss '{likelihood.name}' has no {' and no '.join(lacking)} to compare "
            "it by: leave law out, and state data_entropy=… in nats where it is known."
        )
    return law


def fitted_trajectory(trajectory: Trajectory | None, parameters: Mapping[str, Tensor]) -> Trajectory | None:
    """The checkpoints, of the same parameters as the problem."""
    if trajectory is not None and not isinstance(trajectory, Trajectory):
        raise InputError(
            f"trajectory should be a Trajectory, but is a {type(trajectory).__name__}: pass Trajectory(checkpoints)."
        )
    return None if trajectory is None else trajectory.fitted(parameters)


def checked_anchor(anchor: Anchor | None, parameters: Mapping[str, Tensor]) -> Anchor | None:
    """The anchor, of the same parameters as the problem."""
    if anchor is not None:
        if not isinstance(anchor, Anchor):
            raise InputError(
                f"anchor should be an Anchor, but is a {type(anchor).__name__}: pass Anchor(parameters, fisher, strength)."
            )
        matching(anchor.parameters, parameters, "The anchor")
    return anchor
