"""Abilities of this machine that others lack: each asked for in one place, of the library that needs it.

No table of processors says it as surely as trying: the build of torch, the instruction set that its libraries found and the
variables that forbid them parts of it (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA) all have their say.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Ability:
    """Something that some machines can do.

    shown    does it once; raises, or returns False, where the machine cannot
    lacking  what is so where it cannot, as a sentence goes on after "because"
    """

    shown: Callable[[], object]
    lacking: str


def lacking(name: str) -> str | None:
    """Why this machine cannot do what a key of ABILITIES names; None where it can.

    >>> lacking("glibc") is None or "glibc" in lacking("glibc")
    True
    """
    return _found(ABILITIES[name])


@functools.cache
def _found(ability: Ability) -> str | None:
    try:
        return ability.lacking if ability.shown() is False else None
    except Exception:  # whatever a library raises that cannot
        return ability.lacking


def lacking_precision(name: str) -> str | None:
    """Why no product of float32 weights is made in a precision, "tf32" or "bf16", on this machine; None where it is.

    >>> lacking_precision("float32") is None
    True
    """
    if name == "tf32":
        return lacking("tf32")
    return None if name != "bf16" or lacking("cuda") is None else lacking("onednn bf16")


def _multiplied(dtype: torch.dtype) -> None:
    """oneDNN's convolution and linear map; below AVX-512 it has no bfloat16, and raises RuntimeError."""
    if not torch.backends.mkldnn.is_available():
        raise RuntimeError("no oneDNN")
    image, weight = torch.ones(1, 1, 3, 3, dtype=dtype), torch.ones(1, 1, 2, 2, dtype=dtype)
    torch.ops.mkldnn._convolution_pointwise(image, weight, None, [0, 0], [1, 1], [1, 1], 1, "none", [], "")
    torch.ops.mkldnn._linear_pointwise(image[0, 0], image[0, 0], None, "none", [], "")


def _has_tf32() -> bool:
    """Ampere and newer GPUs."""
    return torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 0)


def _is_glibc() -> bool:
    return sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


ABILITIES = {
    "onednn": Ability(
        lambda: _multiplied(torch.float32), "this build of torch has no oneDNN, so there is no fused way on its CPU"
    ),
    "onednn bf16": Ability(
        lambda: _multiplied(torch.bfloat16),
        "oneDNN multiplies bfloat16 with AVX-512 or AVX-NE-CONVERT alone, which this CPU lacks",
    ),
    "cuda": Ability(torch.cuda.is_available, "torch sees no NVIDIA GPU here"),
    "tf32": Ability(_has_tf32, "TF32 is a precision of NVIDIA GPUs since Ampere, and torch sees none here"),
    "glibc": Ability(_is_glibc, "the C library is not glibc, whose allocator has these settings"),
}
