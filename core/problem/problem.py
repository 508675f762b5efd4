"""A problem: a network, the data and loss that make its landscape, and what is known of its history."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import InputError, finite, first_line, known, matching
from .data import brought
from .data_tensors import converted
from .likelihood import IGNORED, Custom, Likelihood, LossFunction, check_indices, output_tensor, resolve
from .trajectory import Anchor, Trajectory
from .writes import copying_inputs, copying_targets, written

Inputs = Tensor | Sequence[Tensor] | Mapping[str, Tensor]
BATCHNORM_MODES = ("eval", "recalibrate")


class Problem:
    """A trained network with the data and loss whose landscape is asked for.

    The model is never written to: everything that computes works on a copy in eval mode (dropout off).

    Parameters
    ----------
    model         any nn.Module with at least one trainable parameter; θ₀ is its present state
    inputs        tensor (n, …), a sequence of tensors (several positional inputs), or a dict (keyword inputs); arrays,
                  memmaps and tables as well; or inputs and targets together: a DataLoader, a Dataset, graphs … (`brought`)
    targets       (n,) class indices, (n, t) token indices with −100 for "not predicted", (n, K) soft labels,
                  or real values of the outputs' shape; left out where the data have them, or their key or place there
    loss          "cross_entropy" | "mse" | Gaussian(sigma) | a callable (outputs, targets) → losses of shape (n,)
    name          short name shown to people; the model's class name where not given
    trajectory    checkpoints of the training, for memory and trajectory planes
    anchor        θ*, F* of an earlier task, for elasticity
    data_entropy  entropy of the data's own law in nats per prediction; 0 for one-hot labels
    law           the data's own law, where it is known: p(class | input), (n, K), or (n, t, K) for tokens; beside a
                  Gaussian likelihood the mean E[y | input], in the targets' shape
    batchnorm     "eval": running statistics stay at θ₀'s; "recalibrate": recomputed on the data at every point
    examples      how many examples to draw from the data, the same at every point, or the rows to take; None: all

    Attributes
    ----------
    notes          what was understood, frozen or left out, in sentences
    loader_batches examples in each batch of the loader that the data came from; None: there was none
    adapter        what puts rows together for forward, where it takes no rows (graphs, packed sequences); attached to copies

    Raises
    ------
    InputError    empty data, NaN weights or data, shapes or names that do not belong together

    >>> problem = Problem(nn.Linear(2, 3), torch.zeros(4, 2), torch.tensor([0, 1, 2, 0]))
    >>> problem.parameter_count, problem.example_count, problem.classes
    (9, 4, 3)
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        targets: Any = None,
        loss: str | Likelihood | LossFunction = "cross_entropy",
        *,
        name: str | None = None,
        trajectory: Trajectory | None = None,
        anchor: Anchor | None = None,
        data_entropy: float | None = None,
        law: Tensor | None = None,
        batchnorm: str = "eval",
        examples: int | Sequence[int] | None = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise InputError(
                f"model should be a torch.nn.Module, but is a {type(model).__name__}: pass the network itself."
            )
        self.model = model
        self.trials: dict[Any, Any] = {}  # what trial passes found of the network, shared with its subsets
        self.name = name or type(model).__name__
        self.likelihood = resolve(loss)
        self.batchnorm = known(batchnorm, BATCHNORM_MODES, "batchnorm mode")
        self.data_entropy = data_entropy
        finite(dict(model.named_parameters()), "Weight")
        # an attention mask may hold −∞, and rightly; NaN is wrong in any buffer
        finite({k: b.nan_to_num(posinf=0.0, neginf=0.0, nan=torch.nan) for k, b in _real_buffers(model)}, "Buffer")
        data = brought(model, inputs, targets, examples)
        self.notes, self.loader_batches, self.adapter, self._writes_inputs = (
            data.notes,
            data.batches,
            data.adapter,
            False,
        )
        self.args, self.kwargs = _arranged(data.inputs, _floating_dtype(model))
        self.targets = data.targets
        if self._indexed:
            self.targets = self.targets.long()
        self._check_data()
        self.classes = self._check_outputs()
        self.law = self._checked_law(law)
        self.trajectory = self._checked_trajectory(trajectory)
        # (parameters, statistics) of networks whose statistics are their own where the others' are recomputed
        self.known_statistics: tuple[tuple[Mapping[str, Tensor], Mapping[str, Tensor]], ...] = ()
        self.anchor = self._checked_anchor(anchor)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """θ₀: the trainable parameters by name, tied ones once; views of the model's own tensors."""
        return {k: p.detach() for k, p in self.model.named_parameters() if p.requires_grad}

    @property
    def parameter_count(self) -> int:
        """P, the number of trainable parameters."""
        return sum(p.numel() for p in self.parameters.values())

    @property
    def example_count(self) -> int:
        """n, the number of examples."""
        return int(self.targets.shape[0])

    @property
    def ignores(self) -> bool:
        """Whether some targets are −100, that is, not predicted."""
        return self._indexed and bool((self.targets == IGNORED).any())

    @property
    def prediction_count(self) -> int:
        """N of METHODS: examples, or predicted tokens for a language model."""
        if self._indexed:
            return int((self.targets != IGNORED).sum())
        return self.targets.shape[:-1].numel() if self.likelihood.is_categorical else self.example_count

    @property
    def _indexed(self) -> bool:
        return self.likelihood.is_categorical and not self.targets.is_floating_point()

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All input tensors, positional ones first."""
        return (*self.args, *self.kwargs.values())

    def subset(self, rows: Tensor) -> Problem:
        """The same problem on the examples of these rows (m,), in their order; an example may come more than once.

        >>> problem = Problem(nn.Linear(2, 3), torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 2, 0]))
        >>> problem.subset(torch.tensor([2, 2, 0])).targets.tolist()
        [2, 2, 0]
        """
        part = copy.copy(self)
        part.args = tuple(t[rows] for t in self.args)
        part.kwargs = {k: t[rows] for k, t in self.kwargs.items()}
        part.targets = self.targets[rows]
        part.law = None if self.law is None else self.law[rows]
        return part

    def working_copy(self, placed: Mapping[str, Tensor] | None = None) -> nn.Module:
        """A copy of the model in eval mode without gradients: what every computation writes to instead.

        placed  tensors that hold the trainable parameters already and take the place of copies of them, by name
        """
        # tensors that a module computed and kept (pruned weights, cached activations) have a graph and refuse to be copied
        kept = (t for m in self.model.modules() for t in vars(m).values() if isinstance(t, Tensor) and not t.is_leaf)
        memo: dict[int, Any] = {id(t): t.detach().clone() for t in kept}
        own = dict(self.model.named_parameters())
        for name, tensor in (placed or {}).items():
            if type(own[name]) is nn.Parameter:  # other kinds may carry more than their numbers
                memo[id(own[name])] = nn.Parameter(tensor, requires_grad=False)
        try:
            duplicate = copy.deepcopy(self.model, memo).eval().requires_grad_(False)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise InputError(
                f"The model cannot be copied ({first_line(error)}), and lossnav computes on a copy so that yours stays as "
                "it is: remove locks, open files and compiled parts from the module."
            ) from error
        if self._writes_inputs:
            copying_inputs(duplicate)
        if self.adapter is not None:
            self.adapter.attach(duplicate)
        return duplicate

    def __repr__(self) -> str:
        return f"Problem({self.name!r}, {self.parameter_count:,} parameters, {self.example_count:,} examples)"

    def _check_data(self) -> None:
        sizes = [int(t.shape[0]) if t.ndim else 0 for t in (*self.inputs, self.targets)]
        if min(sizes, default=0) == 0:
            raise InputError("The data set is empty: give at least one example in inputs and targets.")
        if len(set(sizes)) > 1:
            raise InputError(
                f"Inputs and targets should have one row per example, but have {' and '.join(map(str, sizes))} rows: "
                "pass the same number of each."
            )
        remedy = "leave those examples out, or mend them"
        finite({str(i): t for i, t in enumerate(self.inputs)}, "Input", remedy)
        finite({"values": self.targets}, "Target", remedy)
        if self.likelihood.is_categorical and not self._indexed:
            _check_probabilities(self.targets, "Soft labels")
        if self.data_entropy is not None and not math.isfinite(self.data_entropy):
            raise InputError(f"data_entropy should be a finite number of nats, but is {self.data_entropy}.")

    @torch.no_grad()
    def _check_outputs(self) -> int:
        """Run two examples to see that model, inputs, targets and loss fit; returns the number of classes (0: none)."""
        device = next((p.device for p in self.model.parameters()), torch.device("cpu"))
        args = [t[:2].to(device, copy=True) for t in self.args]  # a forward may write to what it is given
        kwargs = {k: t[:2].to(device, copy=True) for k, t in self.kwargs.items()}
        targets = self.targets[:2].to(device, copy=True)
        model = self.working_copy()
        try:
            with torch.random.fork_rng(devices=[]):  # a network that draws must not move the caller's random state
                outputs = output_tensor(model(*args, **kwargs))
        except InputError:
            raise
        except Exception as error:  # whatever the user's forward raises on this data
            shapes = ", ".join(str(tuple(t.shape)) for t in self.inputs)
            raise InputError(
                f"The model cannot take inputs of shape {shapes} ({first_line(error)}): "
                "give them in the shape and type that its forward expects."
            ) from error
        self._writes_inputs = written([*args, *kwargs.values()], [t[:2] for t in self.inputs])
        self.likelihood.check(outputs, targets)
        if isinstance(self.likelihood, Custom) and written([targets], [self.targets[:2]]):
            self.likelihood = Custom(copying_targets(self.likelihood.function))
        if not self.likelihood.is_categorical:
            return 0
        if self._indexed:
            check_indices(self.targets, outputs.shape[-1])
        return int(outputs.shape[-1])

    def _checked_law(self, law: Tensor | None) -> Tensor | None:
        if law is None:
            return None
        law = torch.as_tensor(law).detach()
        if not self.likelihood.is_likelihood:
            raise InputError(
                f"law is the data's own distribution, but the loss '{self.likelihood.name}' states no probability to "
                "compare it with: use 'cross_entropy' or Gaussian(sigma), or leave law out."
            )
        categorical = self.likelihood.is_categorical
        expected = (*(self.targets.shape if self._indexed else self.targets.shape[:-1]), self.classes)
        if tuple(law.shape) != (expected if categorical else tuple(self.targets.shape)):
            raise InputError(
                f"law should hold {'p(class | input)' if categorical else 'the mean E[y | input]'} in shape "
                f"{expected if categorical else tuple(self.targets.shape)}, but has shape {tuple(law.shape)}."
            )
        if categorical:
            _check_probabilities(law, "law")
        else:
            finite({"values": law}, "Law", "give the mean of the targets for each input")
        return law

    def _checked_trajectory(self, trajectory: Trajectory | None) -> Trajectory | None:
        if trajectory is None:
            return None
        if not isinstance(trajectory, Trajectory):
            raise InputError(
                f"trajectory should be a Trajectory, but is a {type(trajectory).__name__}: pass Trajectory(checkpoints)."
            )
        found = trajectory.fitted(self.parameters)
        self.notes = (*self.notes, *found.notes)
        return found

    def _checked_anchor(self, anchor: Anchor | None) -> Anchor | None:
        if anchor is not None:
            if not isinstance(anchor, Anchor):
                raise InputError(
                    f"anchor should be an Anchor, but is a {type(anchor).__name__}: pass Anchor(parameters, fisher, strength)."
                )
            matching(anchor.parameters, self.parameters, "The anchor")
        return anchor


def _arranged(inputs: Inputs, dtype: torch.dtype) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    def ready(tensor: Any) -> Tensor:
        tensor = torch.as_tensor(tensor).detach()
        return converted(tensor, dtype) if tensor.is_floating_point() else tensor

    if isinstance(inputs, Mapping):
        return (), {k: ready(v) for k, v in inputs.items()}
    if isinstance(inputs, (list, tuple)):
        return tuple(ready(v) for v in inputs), {}
    return (ready(inputs),), {}


def _real_buffers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return ((name, buffer) for name, buffer in model.named_buffers() if buffer.is_floating_point())


def _check_probabilities(rows: Tensor, what: str) -> None:
    if bool((rows < 0).any()) or bool(((rows.double().sum(-1) - 1).abs() > 1e-2).any()):
        raise InputError(f"{what} should be probabilities, but are not: make every entry ≥ 0 and every row sum to 1.")


def _floating_dtype(model: nn.Module) -> torch.dtype:
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.get_default_dtype())


def at_checkpoint(problem: Problem, index: int, own_statistics: bool = False) -> Problem:
    """The problem with the network as it was at a checkpoint of its training, so that planes lie around that place.

    Buffers, BatchNorm's statistics among them, stay the trained network's, as everywhere on a plane.

    own_statistics  BatchNorm's statistics are the checkpoint's own, where the checkpoints hold them

    Raises
    ------
    InputError  no training path, or no such checkpoint
    """
    if problem.trajectory is None:
        raise InputError(f"'{problem.name}' has no training trajectory, so there is no checkpoint {index}.")
    if not 0 <= index < len(problem.trajectory):
        raise InputError(f"The checkpoint should be from 0 to {len(problem.trajectory) - 1}, but is {index}.")
    moved, there = copy.copy(problem), problem.trajectory.at(index)
    moved.model = problem.working_copy()
    for name, parameter in moved.model.named_parameters():
        if name in there:
            parameter.copy_(there[name])
            parameter.requires_grad_(True)
    own = problem.trajectory.statistics_at(index) if own_statistics else {}
    for name, buffer in moved.model.named_buffers():
        if name in own:
            buffer.copy_(own[name])
    return moved
