"""Findings on a problem, kept on this machine's disk, so that `lossnav check`, a survey and the page test it once.

A finding is of the network's code as well as of its weights and data, so it is kept under all of them, and taken again only where
the loss and its gradient at a place beside θ₀ are what they were. What cannot be read, or is not what was written, is tested anew.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from platformdirs import user_cache_path

from ..parameters.hashing import digest
from ..sealed import read_json, write_json
from .code_identity import code_identity
from .identity import problem_identity
from .trial import first_examples, passes, undrawn

if TYPE_CHECKING:
    from .problem import Problem

MOST_FILES = 200
MOST_BYTES = 2**30  # of weights and data, which are hashed whole
AGREE = 1e-5  # relative, of the loss and the gradient's length beside θ₀
KINDS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {}  # name → (to JSON, from JSON)


def keeps(name: str, write: Callable[[Any], Any], read: Callable[[Any], Any]) -> None:
    """From now on findings of this name are kept on disk; `write` makes JSON of one, `read` it again."""
    KINDS[name] = write, read


class KeptTrials(dict[Any, Any]):
    """Findings by name, as a dict; those of KINDS are read from disk when one is first asked for, and written when found."""

    # of one that is being unpickled: a plain dict until its state is there
    _read = True
    _path: Path | None = None

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.trials)
        self._problem, self._read = problem, False
        self._probe: list[float] = []

    def get(self, key: Any, default: Any = None) -> Any:
        self._recall(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self._recall(key)
        return super().__contains__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        if isinstance(key, str) and key in KINDS:
            self._recall(key)
            self._remember()

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def _recall(self, key: object) -> None:
        if self._read or not isinstance(key, str) or key not in KINDS:
            return
        self._read = True
        try:
            self._path = kept_at(self._problem)
            self._probe = [] if self._path is None else probe(self._problem)
            if self._path is not None and self._path.is_file():
                for name, value in read(self._path, self._probe).items():
                    super().setdefault(name, value)
        except Exception:  # what is wrong with the network is said when it is tested
            self._path = None

    def _remember(self) -> None:
        if self._path is None:
            return
        found = {name: KINDS[name][0](self[name]) for name in KINDS if super(KeptTrials, self).__contains__(name)}
        with suppress(OSError):
            write(self._path, self._probe, found)


def keep_trials(problem: Problem) -> Problem:
    """The problem, its findings kept on disk from now on."""
    if not isinstance(problem.trials, KeptTrials):
        problem.trials = KeptTrials(problem)
    return problem


def trials_like(trials: dict[Any, Any], part: Problem) -> dict[Any, Any]:
    """No findings yet, kept as `trials` are, for a problem made of theirs."""
    part.trials = {}
    return KeptTrials(part) if isinstance(trials, KeptTrials) else {}


def kept_at(problem: Problem) -> Path | None:
    """The file of a problem's findings; None where its code is not known, or it is too large to be hashed each time."""
    tensors = (*problem.model.state_dict().values(), *problem.inputs, problem.targets)
    if sum(t.numel() * t.element_size() for t in tensors if isinstance(t, torch.Tensor)) > MOST_BYTES:
        return None
    function = getattr(problem.likelihood, "function", problem.likelihood)
    code = code_identity(*problem.model.modules(), function)
    if code is None:
        return None
    content = {"code": code, "problem": json.loads(json.dumps(problem_identity(problem), default=repr))}
    return user_cache_path("lossnav") / "checks" / f"{digest(content)[:32]}.json"


def probe(problem: Problem) -> list[float]:
    """The loss of the first examples and the length of its gradient, beside θ₀: what a finding is held against.

    Settings that a network or a loss keeps outside its code, weights and printed form change these.
    """
    model, generator = problem.working_copy(), torch.Generator().manual_seed(0)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    moved = [p for name, p in model.named_parameters() if name in problem.parameters]
    for p in moved:
        size = float(p.detach().abs().double().square().mean() ** 0.5) if p.numel() else 0.0
        p.data += (0.3 * (size or 1.0) * torch.randn(p.shape, generator=generator, dtype=torch.float64)).to(p)
        p.requires_grad_(True)
    args, kwargs = first_examples(problem, device)
    targets = problem.targets[: problem.tried_count].to(device)
    with torch.inference_mode(False), torch.enable_grad(), passes(True), undrawn():
        outputs, wanted = problem.likelihood.flatten(problem.adapted(model)(*args, **kwargs), targets)
        losses = problem.likelihood.losses(outputs, wanted)
        loss = losses[torch.isfinite(losses)].sum()
        slopes = torch.autograd.grad(loss, moved, allow_unused=True) if loss.requires_grad else ()
    length = math.hypot(*(float(s.abs().double().norm()) for s in slopes if s is not None))
    return [float(loss.detach()), length]


def read(path: Path, probed: list[float]) -> dict[str, Any]:
    """The findings in a file; none where it is damaged, or of a network that computes something else."""
    try:
        content = read_json(path, sealed=True)
        same = len(probed) == len(content["probe"]) and all(map(_close, probed, content["probe"]))
        return {name: KINDS[name][1](value) for name, value in content["findings"].items()} if same else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write(path: Path, probed: list[float], findings: dict[str, Any]) -> None:
    """Findings, with what they are held against; the oldest files make room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"probe": probed, "findings": findings})
    files = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime_ns)
    for old in files[:-MOST_FILES]:
        os.unlink(old)


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=AGREE, abs_tol=1e-12)
