"""Where and with what the figures were taken, without naming the host."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers import DISTRIBUTIONS
from benchmarks.timing import ROOT

SETTINGS = ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


def describe(device: str) -> dict[str, Any]:
    """Processor, memory, versions, and settings that matter for speed."""
    facts = {
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "peers": {tool: metadata.version(name) for tool, name in DISTRIBUTIONS.items()},
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
    }
    return facts | ({"gpu": torch.cuda.get_device_name()} if device == "cuda" else {})


def circumstances(threads: int, rounds: int, quick: bool) -> dict[str, Any]:
    """Circumstances that may differ between the parts of one file: when, on how many threads, how busy the machine was beforehand."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "threads": threads,
        "rounds": rounds,
        "load": round(os.getloadavg()[0], 1),
        "quick": quick,
        "lossnav": metadata.version("lossnav") + _commit(),
    }


def slug(facts: dict[str, Any]) -> str:
    """A file name for the machine.

    >>> slug({"cpu": "AMD EPYC 9J14 96-Core Processor", "cores": 4})
    'amd-epyc-9j14-96-core-processor-4-cores'
    """
    name = f"{facts.get('gpu', facts['cpu'])} {facts['cores']} cores"
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def processor() -> str:
    """The processor's model name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _commit() -> str:
    try:
        asked = ["git", "describe", "--always", "--dirty", "--exclude=*"]
        return f" ({subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()})"
    except (OSError, subprocess.CalledProcessError):
        return ""
