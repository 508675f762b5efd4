"""The network and its loss tried on the first examples: what they need, before anything is built on them."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ..checks import InputError, first_line
from ..machine.sparse import equal
from .adapted import filled
from .likelihoods.protocol import Likelihood
from .outputs import Output, Reader, described, reader_of
from .widened import halves, widened

if TYPE_CHECKING:
    from .problem import Problem

FIRST = 2  # examples
CASTS = (
    "weights in half precision are moved and evaluated in float32, and its forward casts to half precision by name; let it cast by "
    "its weights, x.to(self.layer.weight.dtype) in place of x.half() or x.bfloat16()."
)
OWN_DERIVATIVE = (
    "a derivative in the network's own parameters inside forward, such as an inner step of MAML, is not taken; one in its inputs is, "
    "after x = x.requires_grad_()."
)
WIDENED = "The network returns {}, of which the loss is taken in float32, as training under autocast takes it."


@dataclass(frozen=True)
class NetworkTrial:
    """The results of trying the network on the first examples.

    likelihood      with what the outputs tell of it
    classes         of the predicted distribution, 0 where it is over none
    differentiates  the network, or its loss, takes derivatives of its own, so that its passes need autograd
    changes_inputs  forward writes into its input
    changes_itself  forward writes into the network's buffers, or into parameters that stay, in evaluation too
    reader          takes the loss's part out of what the network returns; None where it is all of it
    gives_tensor    the loss is of one tensor of numbers
    output_shape    of what the loss is taken of, for the examples tried; of the first of several tensors, None where it is none
    gives_half      some of it is in half precision, and the loss is taken of it in float32
    notes           sentences for people
    """

    likelihood: Likelihood
    classes: int
    differentiates: bool
    changes_inputs: bool
    changes_itself: bool
    reader: Reader | None
    gives_tensor: bool
    output_shape: torch.Size | None
    gives_half: bool
    notes: tuple[str, ...]


def tried(problem: Problem, output: Output | None) -> NetworkTrial:
    """Run the first examples as the engine will.

    Raises
    ------
    InputError  inputs that the network does not take, outputs that the loss does not
    """
    model = problem.working_copy()
    before = {name: tensor.clone() for name, tensor in _staying(problem, model)}
    plain, error = _attempted(problem, model, False)
    tracked, wrong = _attempted(problem, model, True)
    _refuse_new_parameters(problem, model)
    changes_itself = not all(_equal(t, before[name]) for name, t in _staying(problem, model) if name in before)
    if plain is None and tracked is None:
        raise _refused(problem, wrong or error)
    if plain is not None and not _same(plain, tracked):  # or the first run has left something in the network
        plain, _ = _attempted(problem, problem.working_copy(), False)
        tracked, _ = _attempted(problem, problem.working_copy(), True)
    differentiates = plain is None or not _same(plain, tracked)
    returned, changes_inputs = tracked if differentiates else plain  # type: ignore[misc]
    likelihood, targets = problem.likelihood, _first(problem, problem.targets)
    reader, notes = None, list[str]()
    if likelihood.sees != "network":
        reader, said = reader_of(returned, likelihood.sees, output)
        notes += said
    read = returned if reader is None else reader(returned)
    half, outputs = halves(read) if likelihood.sees != "network" else [], widened(read)
    notes += [WIDENED.format(str(kind).removeprefix("torch.")) for kind in half]
    try:
        with passes(differentiates), undrawn():
            settled = _settled(likelihood, outputs, targets, problem.targets, returned)
    except InputError:
        if differentiates or tracked is None or likelihood.sees == "tensor":
            raise
        returned, differentiates = tracked[0], True  # the loss may differentiate what it is handed
        outputs = widened(returned if reader is None else reader(returned))
        with passes(True), undrawn():
            settled = _settled(likelihood, outputs, targets, problem.targets, returned)
    if differentiates:
        notes.append("The network takes derivatives of itself, so every pass runs with autograd: slower, and right.")
    if changes_inputs:
        notes.append("The network writes into its input, so each pass is given a copy.")
    classes = settled.class_count(outputs, targets) if settled.is_categorical else 0
    tensor, shape = isinstance(outputs, Tensor), _shape(outputs)
    return NetworkTrial(
        settled,
        classes,
        differentiates,
        changes_inputs,
        changes_itself,
        reader,
        tensor,
        shape,
        bool(half),
        (*notes, *settled.notes),
    )


def tried_on_enough(problem: Problem, output: Output | None) -> NetworkTrial:
    """A trial on the first examples; on all of them for a network that takes all or none: one graph, a table of its rows."""
    try:
        return tried(problem, output)
    except InputError as error:
        if error.__cause__ is None or problem.batches is not None or problem.tried_count == problem.example_count:
            raise
        problem.batches, problem.trials["examples_coupled"] = "whole", True
        try:
            return tried(problem, output)
        except InputError:
            problem.batches = None
            del problem.trials["examples_coupled"]
            raise error from error.__cause__


def tried_as(problem: Problem, likelihood: Likelihood) -> NetworkTrial:
    """A trial as if this likelihood were the loss."""
    part = copy.copy(problem)
    part.likelihood = likelihood
    return tried_on_enough(part, problem.output)


def _refuse_new_parameters(problem: Problem, model: nn.Module) -> None:
    known = dict(problem.model.named_parameters(remove_duplicate=False))
    made = [name for name, _ in model.named_parameters(remove_duplicate=False) if name not in known]
    if made:
        raise InputError(
            f"The network makes parameters in its first pass ('{made[0]}'{f' and {len(made) - 1} more' if made[1:] else ''}), which each "
            "copy of it would draw anew: run it once, model(inputs[:2]), then load or train its weights, before it is given here."
        )


@contextlib.contextmanager
def passes(differentiates: bool) -> Iterator[None]:
    """The mode in which networks are run for their values: with autograd where they differentiate themselves."""
    if differentiates:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    else:
        with torch.inference_mode():
            yield


@contextlib.contextmanager
def undrawn() -> Iterator[None]:
    """Random numbers drawn inside are the same each time, and the caller's random state is as it was."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def first_examples(problem: Problem, device: torch.device) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Inputs of the first examples as the network takes them, of their own memory: a forward may write to them."""
    args = [_first(problem, t).to(device, copy=True) for t in problem.args]
    return args, {k: _first(problem, t).to(device, copy=True) for k, t in problem.kwargs.items()}


def _attempted(problem: Problem, model: nn.Module, tracked: bool) -> tuple[tuple[Any, bool] | None, Exception | None]:
    """The output of the network, a copy, and whether it wrote into its input; or the exception that it raised."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    args, kwargs = first_examples(problem, device)
    tensors = [*args, *kwargs.values()]
    before = [t.clone() for t in tensors]
    try:
        with passes(tracked), undrawn():
            returned = _called(problem, model, args, kwargs)
    except Exception as error:  # whatever the user's forward raises on this data
        return None, error
    changed = not all(map(_equal, (t.detach() for t in tensors), before))
    return (returned, changed), None


def _shape(outputs: Any) -> torch.Size | None:
    first = outputs[0] if isinstance(outputs, (tuple, list)) and outputs else outputs
    return first.shape if isinstance(first, Tensor) else None


def _called(problem: Problem, model: nn.Module, args: list[Tensor], kwargs: dict[str, Tensor]) -> Any:
    if problem.likelihood.sees == "network":
        return problem.likelihood.of(model, args)  # type: ignore[attr-defined]
    positional, named = filled(problem.fixed, tuple(args), kwargs)
    return model(*positional, **named)


def _first(problem: Problem, tensor: Tensor) -> Tensor:
    return tensor[: problem.tried_count]


def _settled(likelihood: Likelihood, outputs: Any, targets: Tensor, every: Tensor, returned: Any) -> Likelihood:
    device = next((t.device for t in pytree.tree_leaves(outputs) if isinstance(t, Tensor)), targets.device)
    try:
        return likelihood.settled(outputs, targets.to(device), every)
    except InputError:
        raise
    except Exception as error:  # whatever the user's loss raises on these outputs
        raise InputError(
            f"The loss cannot take what the network returns, {described(returned)}, with targets of shape "
            f"{tuple(targets.shape)} ({first_line(error)}): write it for that, or name an entry, Problem(…, output=…)."
        ) from error


def _refused(problem: Problem, error: Exception | None) -> InputError:
    if isinstance(error, InputError):
        return error
    assert error is not None
    shapes = ", ".join(str(tuple(t.shape)) for t in problem.inputs)
    if problem.likelihood.sees == "network":
        inner = "a derivative in the parameters inside the loss is not taken; " if "require grad" in str(error) else ""
        said = f"The loss cannot be computed of the network and data of shape {shapes} ({first_line(error)}): "
        refusal = InputError(
            f"{said}{inner}it is called as loss(model, batch), the batch built as the data are and cut into rows; where all rows "
            'belong together (a graph), give batches="whole".'
        )
    else:
        said = f"The model cannot take inputs of shape {shapes} ({first_line(error)}): "
        if problem.converts and "dtype" in str(error):
            refusal = InputError(said + CASTS)
            refusal.__cause__ = error
            return refusal
        own = "require grad" in str(error)
        remedy = OWN_DERIVATIVE if own else "give them in the shape and type that its forward expects."
        refusal = InputError(said + remedy)
    refusal.__cause__ = error
    return refusal


def _staying(problem: Problem, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Of a copy of the network, what no point of the landscape moves."""
    yield from model.named_buffers()
    yield from ((name, p) for name, p in model.named_parameters() if name in problem.fixed_parameters)


def _same(one: tuple[Any, bool], other: tuple[Any, bool] | None) -> bool:
    """Whether two runs gave the same numbers, to rounding."""
    if other is None:
        return True
    pairs = [[t for t in pytree.tree_leaves(run[0]) if isinstance(t, Tensor)] for run in (one, other)]
    return len(pairs[0]) == len(pairs[1]) and all(map(_close, *pairs))


def _close(a: Tensor, b: Tensor) -> bool:
    a, b = a.detach(), b.detach()
    if a.shape != b.shape or not (a.is_floating_point() or a.is_complex()):
        return a.shape == b.shape and torch.equal(a, b)
    digits = torch.finfo(a.dtype).eps ** 0.5
    return torch.allclose(a, b, rtol=digits, atol=digits, equal_nan=True)


def _equal(a: Tensor, b: Tensor) -> bool:
    if a.layout != torch.strided:
        return equal(a, b)
    return torch.equal(a, b) or (a.is_floating_point() and torch.equal(a.nan_to_num(), b.nan_to_num()))
