"""The code that a person's network runs: what a finding about it may be kept by, beside its weights and data."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import sys
import sysconfig
from pathlib import Path
from typing import Any

import torch

FOREIGN = ("site-packages", "dist-packages")
PACKAGE = __name__.partition(".")[0]


def code_identity(*things: Any) -> dict[str, str] | None:
    """Every file of code of a person's own that is loaded, by its content; versions of the packages that `things` are of; and
    what torch computes with. None where one of them was made without a file, as in a notebook, so that its code is not known.

    >>> from torch import nn
    >>> sorted(code_identity(nn.Linear(1, 1)))[:3]
    ['lossnav', 'machine', 'own code']
    >>> exec("class Typed: pass", made := {"__name__": "typed"})
    >>> code_identity(made["Typed"]()) is None
    True
    """
    packages = {PACKAGE: _own_state()}
    for thing in things:
        name = getattr(thing, "__module__", None) or type(thing).__module__
        module = sys.modules.get(name)
        if module is None or (getattr(module, "__file__", None) is None and name not in sys.builtin_module_names):
            return None
        packages[name.partition(".")[0]] = _version(name.partition(".")[0])
    devices = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()} {torch.cuda.is_available()}"
    torchs = f"torch {torch.__version__} {torch.get_default_dtype()}"
    return {"own code": _own_code(), "machine": f"{platform.python_version()} {devices} {torchs}", **packages}


def _own_code() -> str:
    """SHA-256 of the files of all modules that are of no installed package."""
    library = Path(sysconfig.get_path("stdlib"))
    total = hashlib.sha256()
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name.partition(".")[0] == PACKAGE or any(part in FOREIGN for part in Path(file).parts):
            continue
        if library in Path(file).parents or not Path(file).is_file():
            continue
        total.update(name.encode() + hashlib.sha256(Path(file).read_bytes()).digest())
    return total.hexdigest()


def _own_state() -> str:
    """The files of this package by their sizes and times: in development they change and its version does not."""
    root = Path(__file__).resolve().parent.parent
    states = sorted((str(p.relative_to(root)), p.stat().st_size, p.stat().st_mtime_ns) for p in root.rglob("*.py"))
    return hashlib.sha256(repr(states).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
