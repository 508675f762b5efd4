"""Where numbers came from: hashes of weights and data, versions, machine, command line."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .engine.threads import side_by_side
from .plane import Plane
from .problem import Problem
from .vectors import Streamed, part, pieces_of

AHEAD = 16  # pieces that are drawn side by side before they are hashed


def canonical(content: Any) -> str:
    """JSON text that is the same for the same content: sorted keys, no spaces.

    Raises
    ------
    TypeError  anything that JSON does not know; nothing is guessed

    >>> canonical({"b": 1, "a": [1.5, None]})
    '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: Any) -> str:
    """SHA-256 of `canonical(content)`, hexadecimal."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def tensor_digest(tensors: Mapping[str, Tensor | None]) -> str:
    """SHA-256 over names, types, shapes and bytes of tensors, hexadecimal.

    >>> tensor_digest({"a": torch.zeros(2)}) == tensor_digest({"a": torch.zeros(2)})
    True
    """
    total = hashlib.sha256()
    for name, tensor in tensors.items():
        if tensor is not None:
            _enter(total, name, tensor, tensor)
    return total.hexdigest()


def plane_digest(plane: Plane, names: Sequence[str]) -> str:
    """`tensor_digest` of θ₀ and as many of the directions as there are further names, each tensor under "name/…"."""
    total = hashlib.sha256()
    for word, vector in zip(names, (plane.origin, *plane.directions), strict=False):
        for name, theta in plane.origin.items():
            _enter(total, f"{word}/{name}", theta, vector)
    return total.hexdigest()


def _enter(total: Any, label: str, like: Tensor, of: Tensor | Mapping[str, Tensor]) -> None:
    """Add a tensor, piece by piece where it is one of a vector that may be drawn as it is needed."""
    total.update(f"{label} {like.dtype} {tuple(like.shape)};".encode())
    cut = pieces_of(label.partition("/")[2], like.shape)
    if isinstance(of, Streamed):
        draw = partial(part, of)
        found = (one for start in range(0, len(cut), AHEAD) for one in side_by_side(draw, cut[start : start + AHEAD]))
    else:
        found = (piece.of(of) if isinstance(of, Tensor) else part(of, piece) for piece in cut)
    for one in found:
        flat = one.detach().cpu().contiguous().flatten()
        if flat.numel():
            total.update(flat.view(torch.uint8).numpy())


def problem_identity(problem: Problem) -> dict[str, Any]:
    """What makes two problems the same landscape, ready for JSON: hashes, loss, BatchNorm mode."""
    path = (
        None
        if problem.trajectory is None
        else {
            f"{step}/{k}": v
            for step, p in zip(problem.trajectory.steps, problem.trajectory, strict=True)
            for k, v in p.items()
        }
    )
    anchor = problem.anchor and {
        f"{w}/{k}": v for w in ("parameters", "fisher") for k, v in getattr(problem.anchor, w).items()
    }
    data = {str(i): t for i, t in enumerate(problem.inputs)} | {"targets": problem.targets, "law": problem.law}
    return {
        "name": problem.name,
        "network": hashlib.sha256(repr(problem.model).encode()).hexdigest(),
        "weights": tensor_digest(problem.model.state_dict()),
        "data": tensor_digest(data),
        "trajectory": path and tensor_digest(path),
        "anchor": anchor and tensor_digest(anchor),
        "strength": problem.anchor and problem.anchor.strength,
        "loss": _loss_name(problem),
        "sigma": getattr(problem.likelihood, "sigma", None),
        "data_entropy": problem.data_entropy,
        "batchnorm": problem.batchnorm,
        "parameters": problem.parameter_count,
        "examples": problem.example_count,
        "predictions": problem.prediction_count,
    }


def _loss_name(problem: Problem) -> str:
    function = getattr(problem.likelihood, "function", None)
    if function is None:
        return problem.likelihood.name
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def plane_identity(plane: Plane) -> dict[str, Any]:
    """How a plane was made and the hash of its vectors, ready for JSON."""
    cosine = plane.cosine if math.isfinite(plane.cosine) else None
    return {
        "kind": plane.kind,
        **plane.details,
        "cosine": cosine,
        "explained": None if plane.explained is None else list(plane.explained),
        "gram": plane.gram.tolist(),
        "vectors": plane_digest(plane, "o12"),
    }


EXACT_KINDS = ("random", "trajectory", "line")


def plane_recipe(plane: Plane) -> dict[str, Any]:
    """What makes two planes the same, ready for JSON, whatever the number of threads they were made with.

    Sums over many threads differ in their last bits. Directions that such sums go into (eigenvectors, the gradient,
    lengths) count by how they were made and by their lengths to four digits; the others, and θ₀, by their bytes.
    """
    names = ("seed", "which", "normalize", "ignore", "orthogonal", "turn", "third")
    return {
        "kind": plane.kind,
        **{name: plane.details[name] for name in names if name in plane.details},
        "lengths": [f"{length:.3e}" for length in np.sqrt(np.diag(plane.gram))],
        "vectors": plane_digest(plane, "o01" if plane.kind in EXACT_KINDS else "o"),
    }


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


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
