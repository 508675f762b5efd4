"""In which precision float32 networks are multiplied out: exactly, or on request in TF32 or bfloat16.

The float32 that comes out of a GPU's or a CPU's matrix products depends on settings of the whole process; during an
evaluation they are what was asked for, and the user's own again after it.
"""

from __future__ import annotations

import contextlib
import operator
import threading
from collections.abc import Iterator
from typing import Any

import torch

from ..checks import InputError, known

Settings = dict[tuple[str, str], Any]

PRECISIONS = ("float32", "tf32", "bf16")
# the old names first, because setting them resets the new ones (torch 2.9 and newer)
SETTINGS = (
    ("cudnn", "allow_tf32"),
    ("cuda.matmul", "fp32_precision"),
    ("cudnn.conv", "fp32_precision"),
    ("cudnn.rnn", "fp32_precision"),
    ("mkldnn.matmul", "fp32_precision"),
    ("mkldnn.conv", "fp32_precision"),
    ("mkldnn.rnn", "fp32_precision"),
)


def checked_precision(precision: str | None, dtype: torch.dtype, device: torch.device) -> str | None:
    """`precision` itself, None where it is the dtype's own.

    Raises
    ------
    InputError  unknown; another than the weights' own asked of weights that are not float32; TF32 without a GPU
    """
    if precision is None:
        return None
    known(precision, PRECISIONS, "precision")
    if dtype != torch.float32:
        raise InputError(
            f"precision is about float32 weights, but these are {str(dtype).removeprefix('torch.')}: use dtype='float32'."
        )
    if precision == "tf32" and device.type != "cuda":
        raise InputError("TF32 is a precision of NVIDIA GPUs, but the device is the CPU: use 'bf16', or 'float32'.")
    return None if precision == "float32" else precision


def checked_insistence(insist: bool, precision: str | None) -> bool:
    """`insist` itself.

    Raises
    ------
    InputError  there is no lower precision to insist on
    """
    if insist and precision in (None, "float32"):
        raise InputError(
            "insist is about a lower precision, but none is asked for: add precision='bf16' or 'tf32', or leave insist out."
        )
    return insist


def lowered(precision: str | None, device_type: str) -> contextlib.AbstractContextManager[Any]:
    """Inside, layers take and give bfloat16 where that is the precision, and else what they are given, whatever the
    caller's own autocast says; sums and losses belong outside.

    >>> with lowered("bf16", "cpu"):
    ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    ...     with lowered(None, "cpu"):
    ...         (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    torch.bfloat16
    torch.float32
    """
    low = precision == "bf16"
    if low or torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, torch.bfloat16, enabled=low)
    return contextlib.nullcontext()


class _Rule:
    """The process's settings while evaluations are under way in one or more threads."""

    def __init__(self) -> None:
        self.changed, self.inside, self.tf32 = threading.Condition(), 0, False
        self.overall: str | None = None
        self.before: Settings = {}

    def enter(self, tf32: bool) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.inside == 0 or self.tf32 == tf32)
            if self.inside == 0:
                self.tf32, self.overall, self.before = tf32, _overall(), _settings()
                _set(
                    "high" if tf32 else "highest", {k: tf32 if k[1] == "allow_tf32" else _name(tf32) for k in SETTINGS}
                )
            self.inside += 1

    def leave(self) -> None:
        with self.changed:
            self.inside -= 1
            if self.inside == 0:
                _set(self.overall, self.before)
                self.changed.notify_all()


_RULE = _Rule()


@contextlib.contextmanager
def arithmetic(precision: str | None) -> Iterator[None]:
    """Set the precision of float32 matrix products and convolutions inside; the process's own settings return after it.

    Threads that ask for the same share it, and the last of them puts the settings back; one that asks for another waits
    until then, so that two precisions must not be nested in one thread.
    """
    tf32 = precision == "tf32"
    _RULE.enter(tf32)
    try:
        yield
    finally:
        _RULE.leave()


def _name(tf32: bool) -> str:
    return "tf32" if tf32 else "ieee"


def _overall() -> str | None:
    with contextlib.suppress(RuntimeError):  # not readable where the user has mixed old and new names
        return torch.get_float32_matmul_precision()
    return None


def _settings() -> Settings:
    settings: Settings = {}
    for path, name in SETTINGS:
        with contextlib.suppress(AttributeError, RuntimeError):
            settings[path, name] = getattr(operator.attrgetter(path)(torch.backends), name)
    return settings


def _set(overall: str | None, settings: Settings) -> None:
    if overall is not None:
        torch.set_float32_matmul_precision(overall)
    for (path, name), value in settings.items():
        with contextlib.suppress(AttributeError, RuntimeError):
            setattr(operator.attrgetter(path)(torch.backends), name, value)
