"""The recorder as a callback of Lightning's and of transformers' trainer, neither of which is needed otherwise."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..checks import InputError
from .recorder import Recorder


def lightning_callback(folder: str | Path, every: int, limit: float) -> Any:
    """For `Trainer(callbacks=[…])`: the weights at the start of a step with the loss of that step."""
    base = _base(("lightning.pytorch", "pytorch_lightning"), "Callback", "lightning")

    class LightningRecorder(base):  # type: ignore[misc, valid-type]
        """Records what a LightningModule trains."""

        recorder: Recorder | None = None
        last = -1

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                self.recorder = Recorder(pl_module, folder, every, limit=limit, resume=trainer.global_step > 0)

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if self.recorder is not None and trainer.global_step != self.last:
                self.last = trainer.global_step
                self.recorder.begin(trainer.global_step)

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            if self.recorder is None:
                return
            loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
            # Lightning divides by the number of batches whose gradients are added up
            self.recorder.end(None if loss is None else loss * trainer.accumulate_grad_batches)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            if self.recorder is not None:
                self.recorder.finish(trainer.global_step)

    return LightningRecorder()


def transformers_callback(folder: str | Path, every: int, limit: float) -> Any:
    """For `Trainer(callbacks=[…])`: the weights at the start of a step; the loss as the trainer logs it."""
    base = _base(("transformers",), "TrainerCallback", "transformers")

    class TransformersRecorder(base):  # type: ignore[misc, valid-type]
        """Records what transformers' Trainer trains; with logging_steps=1 the loss is that of the step, else a mean."""

        recorder: Recorder | None = None

        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            if state.is_world_process_zero:
                self.recorder = Recorder(model, folder, every, limit=limit, resume=state.global_step > 0)

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if self.recorder is not None:
                self.recorder.begin(state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if self.recorder is not None and "loss" in (logs or {}):
                self.recorder.logged(logs["loss"])

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if self.recorder is not None:
                self.recorder.finish(state.global_step)

    return TransformersRecorder()


def _base(modules: Sequence[str], name: str, package: str) -> Any:
    """The trainer's own base class, of the package that is in use already where there are two."""
    for module in sorted(modules, key=lambda m: m not in sys.modules):
        try:
            return getattr(importlib.import_module(module), name)
        except ImportError:
            continue
    raise InputError(
        f"This callback needs {package}, which is not installed: pip install {package}, or use Recorder(model, …)."
    )
