"""A private copy of the network whose parameters are one flat buffer, and the data beside it on the device.

The user's model is never touched, so it is bit-identical after any run, also after an exception. Placing a
point θ = θ₀ + α d₁ + β d₂ is then two operations on the flat buffer, not two for every tensor.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from ..checks import InputError, known
from ..machine import capabilities
from ..machine.allocator import keep_freed_memory
from ..parameters.layout import Layout
from ..problem.adapted import KeepsGraph
from ..problem.number_types import HALF, convert
from ..problem.problem import Problem
from .checkpointing import without_checkpointing
from .streamed import StreamedBatches, is_streamed


@dataclass
class Batch:
    """Examples on the device: inputs, targets flattened to one row per prediction, the law's rows beside them."""

    args: tuple[Tensor, ...]
    kwargs: dict[str, Tensor]
    targets: Tensor
    law: Tensor | None
    predicted: Tensor | None  # rows that are predicted at all; None where all are
    shaped_targets: Tensor
    beside: Batch | None = None  # the same rows for the likelihood stated beside the loss
    number: int = 0  # which of all batches, draws included: what its random numbers start from
    _repeated: dict[int, Batch] = field(default_factory=dict, repr=False)

    def side_by_side(self, count: int) -> Batch:
        """The targets and the law of all examples, `count` times one after the other; made once, and without inputs."""
        if count not in self._repeated:
            law = None if self.law is None else _times(self.law, count)
            targets, shaped = _times(self.targets, count), _times(self.shaped_targets, count)
            self._repeated[count] = Batch((), {}, targets, law, None, shaped)
        return self._repeated[count]


def _times(tensor: Tensor, count: int) -> Tensor:
    return tensor.repeat(count, *[1] * (tensor.ndim - 1))


class Workspace:
    """The network's copy and the data, on one device in one precision.

    Parameters
    ----------
    problem     what to evaluate
    device      where
    dtype       floating precision of weights and data; None: the model's own
    batch_size  examples per forward pass; None: all at once

    Attributes
    ----------
    model       the copy, in eval mode; its trainable parameters are views of `flat`
    network     what is called on a batch: the model, or more around it
    flat        the present point θ, one tensor
    is_streamed batches are made when they are asked for, as all of them would not fit
    forward     the network, or what computes the same
    """

    def __init__(
        self,
        problem: Problem,
        device: torch.device,
        dtype: torch.dtype | str | None = None,
        batch_size: int | None = None,
    ) -> None:
        if problem.parameter_count == 0:
            raise InputError(
                f"'{problem.name}' has no trainable parameter, so it has no landscape: unfreeze some weights."
            )
        if batch_size is not None and batch_size < 1:
            raise InputError(f"batch_size should be 1 or more, but is {batch_size}: leave it out to have it chosen.")
        keep_freed_memory()
        dtype = dtype_of(dtype)
        self.problem, self.device, self._converts = problem, device, dtype is not None
        self.dtype = dtype or problem.dtype
        self.layout = Layout.of(problem.parameters)
        self.flat = self.origin
        self.device = self.flat.device  # with its number, which "cuda" leaves to whatever GPU is the present one
        self.model = problem.working_copy(self.layout.views(self.flat)).to(device)
        if self._converts:
            convert(self.model, self.dtype)
        self._adopt(self.flat)
        self.network = problem.adapted(self.model, self.dtype)
        self.forward: Callable[..., Any] = self.network
        self._channels_last = False
        self.batch_size = min(batch_size or problem.example_count, problem.example_count)
        self.is_streamed = is_streamed(problem, dtype, self.device)
        self.batches = self._kept(self.batch_size)

    @property
    def prediction_count(self) -> int:
        """Predictions in all batches: each comes once for every draw."""
        return self.problem.prediction_count * self.problem.draws

    @property
    def origin(self) -> Tensor:
        """θ₀ in the layout of `flat`, laid out anew each time: the model itself holds it already."""
        return self.layout.flatten(self.problem.parameters, self.device, self.dtype)

    def beside(self, problem: Problem, batch_size: int | None = None) -> Workspace:
        """The same copy of the network, and the same point, beside the data of another problem with this network.

        Not for two threads at once.
        """
        other = copy.copy(self)
        other.problem, other.network, other.batches = problem, problem.adapted(self.model, self.dtype), []
        other.forward = other.network
        other.is_streamed = is_streamed(problem, self.dtype if self._converts else None, self.device)
        other.rebatch(min(batch_size or problem.example_count, problem.example_count))
        return other

    def rebatch(self, batch_size: int, channels_last: bool = False) -> None:
        """Cut the data anew, `batch_size` examples at a time; images as they are, or with their channels last in memory.

        Where they are cut so already, they stay the same batches.
        """
        if self.batches and (batch_size, channels_last) == (self.batch_size, self._channels_last):
            return
        self.batches = []
        self.batch_size, self._channels_last = batch_size, channels_last
        self.batches = self._kept(batch_size)

    def in_one_batch(self) -> Sequence[Batch]:
        """All the data at once, however they are cut otherwise."""
        count = self.problem.example_count
        return self.batches if self.batch_size >= count else self.first_batches(count, self._channels_last, count)

    def first_batches(self, batch_size: int, channels_last: bool, examples: int) -> list[Batch]:
        """Batches cut in another way, as many as hold `examples` examples."""
        before, self._channels_last = self._channels_last, channels_last
        try:
            return list(itertools.islice(self._cut(batch_size), -(-examples // batch_size)))
        finally:
            self._channels_last = before

    def outputs(self, batch: Batch) -> Any:
        """Flattened outputs of the present point on a batch: one row per prediction."""
        return self.rows(self.returned(batch), batch)

    def returned(self, batch: Batch) -> Any:
        """Outputs at the present point on a batch, without the parts that the loss does not read."""
        return self.forward(*batch.args, **batch.kwargs)

    def losses(self, batch: Batch) -> Tensor:
        """Loss per prediction of the present point on a batch; of a loss that gives one sum for a batch, that."""
        return self.problem.likelihood.losses(self.outputs(batch), batch.targets)

    def outputs_at(
        self, parameters: Mapping[str, Tensor], args: tuple[Tensor, ...], kwargs: Mapping[str, Tensor]
    ) -> Any:
        """The outputs under these parameters, by name, in place of the model's own; differentiable."""
        prefix = "" if self.network is self.model else "model."
        named = {f"{prefix}{name}": tensor for name, tensor in parameters.items()}
        if self.problem.changes_itself:  # what it writes goes to copies, so that every pass begins as the first
            own = (*self.network.named_parameters(), *self.network.named_buffers())
            named |= {name: tensor.detach().clone() for name, tensor in own if name not in named}
        with KeepsGraph() if self.problem.differentiates else contextlib.nullcontext(), without_checkpointing():
            return functional_call(self.network, named, args, dict(kwargs))

    def rows(self, outputs: Any, batch: Batch) -> Any:
        """One row per prediction of whatever came out on `batch`."""
        flat, _ = self.problem.likelihood.flatten(outputs, batch.shaped_targets)
        return flat if batch.predicted is None else flat[batch.predicted]

    def stated_rows(self, outputs: Any, batch: Batch) -> Any:
        """One row per prediction of the likelihood stated beside the loss, from what the loss was handed on `batch`."""
        stated = self.problem.beside
        assert stated is not None
        assert batch.beside is not None
        read = outputs if stated.reader is None or self.problem.reader is not None else stated.reader(outputs)
        flat, _ = stated.likelihood.flatten(read, batch.shaped_targets)
        return flat if batch.beside.predicted is None else flat[batch.beside.predicted]

    def _adopt(self, flat: Tensor) -> None:
        views = self.layout.views(flat)
        for name, parameter in self.model.named_parameters():
            if name in views:
                parameter.data = views[name]

    def _kept(self, size: int) -> Sequence[Batch]:
        """All batches: laid out now, or each when it is asked for where all of them would not fit."""
        if not self.is_streamed:
            return list(self._cut(size))
        count = self.problem.draws * -(-self.problem.example_count // size)
        return StreamedBatches(count, lambda i: next(self._cut(size, i)))

    def _cut(self, size: int, first: int = 0) -> Iterator[Batch]:
        exact = torch.float32 if self.dtype in HALF else self.dtype  # in which the loss is taken

        def ready(tensor: Tensor) -> Tensor:
            return tensor.to(self.device, exact) if tensor.is_floating_point() else tensor.to(self.device)

        def fed(tensor: Tensor) -> Tensor:
            kind = self.dtype if self._converts and tensor.is_floating_point() else tensor.dtype
            tensor = tensor.to(self.device, kind)
            turned = self._channels_last and is_image(tensor)
            return tensor.contiguous(memory_format=torch.channels_last) if turned else tensor

        problem, starts = self.problem, range(0, self.problem.example_count, size)
        numbers, whole = problem.batch_numbers or ((), 0)
        if len(numbers) != len(starts):  # cut otherwise than the loss is
            numbers, whole = tuple(range(len(starts))), len(starts)
        for index in range(first, problem.draws * len(starts)):
            draw, place = divmod(index, len(starts))
            part = slice(starts[place], starts[place] + size)
            batch = self._batch(
                tuple(fed(t[part]) for t in problem.args),
                {k: fed(t[part]) for k, t in problem.kwargs.items()},
                ready(problem.targets[part]),
                None if problem.law is None else ready(problem.law[part]),
            )
            batch.number = draw * whole + numbers[place]
            yield batch

    def _batch(self, args: tuple[Tensor, ...], kwargs: dict[str, Any], targets: Tensor, law: Tensor | None) -> Batch:
        batch = Batch(args, kwargs, *_target_rows(self.problem, targets, law), targets)
        if self.problem.beside is not None:
            batch.beside = Batch(args, kwargs, *_target_rows(self.problem.stated, targets, law), targets)
        return batch


def _target_rows(problem: Problem, targets: Tensor, law: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """One row per prediction that counts of targets and law, and which rows those are; None: all."""
    counted, likelihood = None, problem.likelihood
    rows = likelihood.target_rows(targets)
    law = None if law is None else likelihood.law_rows(law)
    if problem.ignores:
        predicted = likelihood.predicted(rows)
        assert predicted is not None
        counted = predicted.nonzero().squeeze(1)
        rows = rows[counted]
        law = None if law is None else law[counted]
    return rows, law, counted


def is_image(tensor: Tensor) -> bool:
    """Whether an input has channels, rows and columns, so that its channels may come last in memory."""
    return tensor.ndim == 4 and tensor.is_floating_point()


def choose_device(device: str | torch.device) -> torch.device:
    """The device meant by "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1" …

    Raises
    ------
    InputError  a GPU was asked for and there is none; an unknown device
    """
    if str(device) == "auto":
        return torch.device("cpu" if capabilities.lacking("cuda") else "cuda")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise InputError(f"Unknown device '{device}': use 'auto', 'cpu' or 'cuda'.") from error
    if chosen.type == "cuda" and capabilities.lacking("cuda"):
        raise InputError(f"Device '{device}' was asked for, but torch sees no GPU here: use --device cpu, or auto.")
    if chosen.type == "cuda" and chosen.index is not None and chosen.index >= torch.cuda.device_count():
        raise InputError(
            f"Device '{device}' was asked for, but there are {torch.cuda.device_count()} GPUs: count from cuda:0."
        )
    return chosen


DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}


def dtype_of(dtype: torch.dtype | str | None) -> torch.dtype | None:
    if dtype is None or dtype in DTYPES.values():
        return dtype  # type: ignore[return-value]
    return DTYPES[known(str(dtype).removeprefix("torch."), DTYPES, "dtype")]
