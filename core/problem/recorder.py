"""Writes checkpoints while a network trains: dense at first, bounded on disk, each with the loss of its step."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ..checks import InputError
from ..machine.memory import byte_text
from ..sealed import EMPTY, KEY, read_json, write_json, write_sealed
from .data.signature import unwrapped
from .weight_files import weights_file

EVERY, LIMIT = 100, 10e9
FEWEST = 8  # checkpoints that the limit should have room for
MOST_LOSSES = 10_000  # rows of the loss curve, after which every second one goes
LOSSES = "losses.json"

log = logging.getLogger("lossnav")


class Recorder:
    """Two lines of a training loop: make it before, call it in each step between the loss and the optimiser's step.

    The weights and the loss of a step then belong together. Recorded are steps 0, 1, 2, 4, 8, … and every `every`-th; where
    that would pass the limit on disk, every second one goes and `every` doubles, so that a run of any length fits. What is
    written is there whole or not at all, and holds a digest of itself. `Trajectory.from_folder(folder)` reads it with its losses.

    Parameters
    ----------
    model   the network; its trainable parameters and its buffers are written
    folder  where to, made where it is not there
    every   steps between checkpoints
    limit   bytes on disk
    resume  go on in a folder that has checkpoints: from the one whose weights the network has, else after the last

    Raises
    ------
    InputError  a folder with checkpoints of an earlier run without resume=True, or of another network; nothing to train

    >>> import tempfile
    >>> from lossnav.core import Trajectory
    >>> model, folder = nn.Linear(2, 1, bias=False), tempfile.mkdtemp()
    >>> optimizer, recorder = torch.optim.SGD(model.parameters(), 0.1), Recorder(model, folder, every=5)
    >>> for _ in range(12):
    ...     loss = (model.weight - 1).square().sum()
    ...     loss.backward()
    ...     recorder(loss)
    ...     optimizer.step()
    ...     optimizer.zero_grad()
    >>> path = Trajectory.from_folder(folder)
    >>> path.steps, path.losses[0] > path.losses[-1]
    ((0, 1, 2, 4, 5, 10), True)
    """

    def __init__(
        self, model: nn.Module, folder: str | Path, every: int = EVERY, *, limit: float = LIMIT, resume: bool = False
    ) -> None:
        if every < 1:
            raise InputError(f"every should be 1 or more steps, but is {every}.")
        self.model, self.folder, self.every, self.limit = unwrapped(model), Path(folder), every, limit
        self.stride, self._on = every, _is_first_process()
        self._names = [name for name, p in self.model.named_parameters() if p.requires_grad]
        if not self._names:
            raise InputError(
                "The network has no trainable parameter, so there is nothing to record: unfreeze some weights."
            )
        self._next: int | None = 0
        self._pending: tuple[int, dict[str, Tensor]] | None = None
        self._sum: Tensor | float = 0.0
        self._count = 0
        self._logged: float | None = None
        self._curve: list[list[float]] = []
        if self._on:
            self._open(resume)

    def __call__(self, loss: Tensor | float | None = None, *, step: int | None = None) -> None:
        """Say that a step is being made: its loss, before the optimiser moves the weights.

        step  its number; None: one more than at the last call
        """
        if self._on:
            self.begin(step)
            self.end(loss)

    step = __call__

    def begin(self, step: int | None = None) -> None:
        """Look at the weights of a step whose loss is not known yet."""
        if not self._on:
            return
        self.flush()
        here = self._place() if step is None else step
        if step is not None and self._next is None:
            self._drop_from(step)
        self._next = here + 1
        if self.is_due(here):
            self._pending = here, self._weights()

    def end(self, loss: Tensor | float | None = None) -> None:
        """The loss of the step that was begun."""
        if not self._on:
            return
        if loss is not None:
            value = loss.detach() if isinstance(loss, Tensor) else float(loss)
            self._sum, self._count = self._sum + value, self._count + 1
        self.flush(loss)

    def logged(self, mean: float) -> None:
        """The mean loss of the last steps, where the trainer tells no more."""
        self._logged = float(mean)

    def flush(self, loss: Tensor | float | None = None) -> None:
        """Write what is waiting."""
        if self._pending is None:
            return
        (step, weights), self._pending = self._pending, None
        mean = float(self._sum) / self._count if self._count else self._logged
        self._sum, self._count = 0.0, 0
        try:
            self._make_room(sum(t.nbytes for t in weights.values()))
            self._write(step, weights, _number(loss), mean)
        except OSError as error:  # a full disk must not end a training
            self._on = False
            log.warning("Recording into '%s' has stopped (%s); the training goes on.", self.folder, error)

    def finish(self, step: int | None = None) -> None:
        """Write the weights as they are at the end."""
        if self._on and self.steps:
            self.flush()
            self._pending = (self._next or 0) if step is None else step, self._weights()
            self.flush()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def is_due(self, step: int) -> bool:
        """Whether a step is recorded: powers of two at first, then every `stride`-th."""
        return step % self.stride == 0 or (step < self.every and step & (step - 1) == 0)

    @property
    def steps(self) -> list[int]:
        """The steps on disk."""
        return sorted(int(p.stem.removeprefix("step_")) for p in self.folder.glob("step_*.safetensors"))

    @staticmethod
    def lightning(folder: str | Path, every: int = EVERY, *, limit: float = LIMIT) -> Any:
        """A callback for Lightning's Trainer."""
        from .recorder_callbacks import lightning_callback

        return lightning_callback(folder, every, limit)

    @staticmethod
    def transformers(folder: str | Path, every: int = EVERY, *, limit: float = LIMIT) -> Any:
        """A callback for transformers' Trainer."""
        from .recorder_callbacks import transformers_callback

        return transformers_callback(folder, every, limit)

    def _open(self, resume: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        each, steps = sum(t.nbytes for t in self._weights().values()), self.steps
        if FEWEST * each > self.limit:
            raise InputError(
                f"A checkpoint takes {byte_text(each)}, and the limit of {byte_text(self.limit)} has no room for {FEWEST}: give "
                f"limit={FEWEST * each:.1e} or more, in bytes."
            )
        if not steps:
            return
        if not resume:
            raise InputError(
                f"'{self.folder}' holds {len(steps)} checkpoints of an earlier run: pass resume=True to go on with it, or "
                "choose another folder."
            )
        file = weights_file(self._path(steps[-1]))
        shapes, own = file.shapes()[()], {k: t.shape for k, t in self._weights().items()}
        if shapes != own:
            raise InputError(f"'{self.folder}' holds checkpoints of another network: choose another folder.")
        self.stride = max(self.every, int(file.metadata().get("every", self.every)))
        self._next = None  # found at the first step, when the network has the weights it goes on from
        if (self.folder / LOSSES).is_file():
            self._curve = read_json(self.folder / LOSSES)["rows"]

    def _place(self) -> int:
        """The number of this step: after the last one; when going on, the recorded one whose weights these are."""
        if self._next is not None:
            return self._next
        now = self._weights()
        for step in reversed(self.steps):
            there = weights_file(self._path(step)).read((), list(now))
            if all(torch.equal(a, b.cpu()) for a, b in zip(there, now.values(), strict=True)):
                self._drop_from(step)
                return step
        last = self.steps[-1]
        log.warning(
            "The network has the weights of no checkpoint in '%s': its steps count on from %d.", self.folder, last + 1
        )
        return last + 1

    def _drop_from(self, step: int) -> None:
        """Remove the records from `step` on: they belong to a course that training does not go on from."""
        for later in self.steps:
            if later >= step:
                self._path(later).unlink()
        self._curve = [row for row in self._curve if row[0] < step]

    def _weights(self) -> dict[str, Tensor]:
        parameters = dict(self.model.named_parameters())
        state = self.model.state_dict()
        own: dict[str, Tensor] = {name: parameters[name] for name in self._names}
        own |= {name: b for name, b in self.model.named_buffers() if name in state}
        return {name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in own.items()}

    def _write(self, step: int, weights: Mapping[str, Tensor], loss: float | None, mean: float | None) -> None:
        about = {"step": step, "every": self.stride, "loss": mean if loss is None else loss}
        text = {KEY: EMPTY} | {k: repr(v) for k, v in about.items() if v is not None}
        write_sealed(self._path(step), lambda path: save_file(dict(weights), path, metadata=text))
        if mean is not None or loss is not None:
            nan = float("nan")
            self._curve.append([step, nan if loss is None else loss, nan if mean is None else mean])
            if len(self._curve) > MOST_LOSSES:
                self._curve = self._curve[::2]
            columns = ["step", "loss", "mean_loss_since_the_row_before"]
            write_json(self.folder / LOSSES, {"columns": columns, "rows": self._curve})

    def _make_room(self, needed: int) -> None:
        while (steps := self.steps) and self._held() + needed > self.limit:
            self.stride *= 2
            surplus = [s for s in steps if not self.is_due(s)]
            if not surplus and self.stride > 2 * max(steps[-1], 1):
                surplus = steps[1:2] or steps  # only powers of two are left
            for step in surplus:
                self._path(step).unlink()

    def _held(self) -> int:
        return sum(p.stat().st_size for p in self.folder.glob("step_*.safetensors"))

    def _path(self, step: int) -> Path:
        return self.folder / f"step_{step:09d}.safetensors"


def _number(loss: Tensor | float | None) -> float | None:
    return loss.detach().item() if isinstance(loss, Tensor) else loss


def _is_first_process() -> bool:
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not there or torch.distributed.get_rank() == 0
