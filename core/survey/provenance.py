"""Where numbers came from: hashes of weights and data, versions, machine, command line."""

from __future__ import annotations

import datetime
import functools
import platform
import shlex
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and machine of this run."""
    packages = ("lossnav", "torch", "numpy", "scipy", "scikit-learn", "xarray", "zarr")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "versions": {"python": platform.python_version(), **{p: _version(p) for p in packages}},
        "system": platform.system(),
        "device": str(device),
        "device_name": name,
        "threads": torch.get_num_threads(),
        "command": shlex.join(["lossnav", *sys.argv[1:]]) if sys.argv[0].endswith(("lossnav", "cli.py")) else "python",
    }


def run_record(device: torch.device, started: float, measurements: int) -> dict[str, Any]:
    """This run of a survey so far: environment, when it `started` (seconds since 1970), how long it takes, what it measured."""
    return {
        **environment(device),
        "started": datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - started, 3),
        "measurements": measurements,
    }


@functools.cache  # looking for a package takes a millisecond, as long as hundreds of points of a small network
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
