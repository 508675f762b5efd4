"""Whether a worker measures what the client asked for: digests of problem, plane, survey and code, taken on either side."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch

from ..checks import InputError
from ..parameters.hashing import digest
from ..plane.identity import plane_identity
from ..survey.specification import Specification

CORE = Path(__file__).parent.parent
REMEDY = {
    "problem": "give every machine the same files",
    "plane": "start client and workers on machines of one kind",
    "survey": "give every machine the same files",
    "lossnav": "install the same lossnav everywhere",
    "torch": "install the same torch everywhere",
    "device": "start the client on the kind of machine that the workers are on, or choose --device",
}


def identity(specification: Specification) -> dict[str, str]:
    """Name → what must be the same on a worker; the points are not in it, as each comes with its coordinates."""
    spec = specification.as_json()
    rest = {name: value for name, value in spec.items() if name not in ("problem", "plane", "alpha", "beta")}
    return {
        "problem": digest(spec["problem"]),
        "plane": digest(plane_identity(specification.plane)["vectors"]),
        "survey": digest(rest),
        **code_identity(),
        "device": specification.where.type,
    }


def code_identity() -> dict[str, str]:
    """Name → digest or version of all that must be the same on a worker whatever it does: the code, and torch."""
    return {"lossnav": code_digest(), "torch": torch.__version__}


def refuse_another(here: Mapping[str, str], asked: Mapping[str, str]) -> None:
    """Refuse to measure anything but what was asked for.

    Raises
    ------
    InputError  something differs

    >>> refuse_another({"torch": "2.13.0", "device": "cpu"}, {"torch": "2.14.0", "device": "cpu"})
    Traceback (most recent call last):
    ...
    lossnav.core.checks.InputError: A worker would measure something else, as its torch is 2.13.0, not 2.14.0: install the same torch everywhere.
    """
    other = [name for name in asked if here.get(name) != asked[name]]
    if other:
        said = ", ".join(f"its {name} is {here.get(name, '')[:12]}, not {asked[name][:12]}" for name in other)
        raise InputError(f"A worker would measure something else, as {said}: {REMEDY[other[0]]}.")


def kind_of_machine(device: torch.device) -> str:
    """The kind of machine, on which numbers are the same to the last bit: processor and the instructions that torch uses, or the GPU's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


@cache
def code_digest() -> str:
    """SHA-256 of the code that measures; line ends do not count."""
    total = hashlib.sha256()
    for path in sorted(CORE.rglob("*.py")):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        total.update(f"{path.relative_to(CORE).as_posix()} {len(text)};".encode() + text)
    return total.hexdigest()
