"""The process's random generators: read, seeded and put back, so that a computation that draws leaves no trace.

torch's, Python's and NumPy's own are meant, which all threads share; so one thread at a time draws from a seed.
"""

from __future__ import annotations

import pickle
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

ONE_AT_A_TIME = threading.RLock()

State = list[Any]


def random_state(device: torch.device | None = None, python: bool = True) -> State:
    """Where the generators are.

    device  of a GPU whose generator counts too; None: the CPU's alone
    python  whether Python's and NumPy's count too, which takes longer than torch's
    """
    state: State = [torch.get_rng_state()]
    if device is not None and device.type == "cuda":
        state.append(torch.cuda.get_rng_state(device))
    if python:
        state.append(pickle.dumps((random.getstate(), np.random.get_state())))
    return state


def put_back(state: State, device: torch.device | None = None) -> None:
    """Set the generators to what `random_state` found."""
    torch.set_rng_state(state[0])
    if device is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state[1], device)
    if isinstance(state[-1], bytes):
        python, numpy = pickle.loads(state[-1])
        random.setstate(python)
        np.random.set_state(numpy)


def same(one: State, other: State) -> bool:
    """Whether nothing was drawn between two states."""
    return all(torch.equal(a, b) if isinstance(a, Tensor) else a == b for a, b in zip(one, other, strict=True))


def seed_all(seed: int) -> None:
    """Start all generators from a seed."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


@contextmanager
def drawing_from(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Inside, all generators start from `seed`; after it they are where the caller left them.

    >>> before = torch.get_rng_state()
    >>> with drawing_from(3):
    ...     one = torch.rand(2)
    >>> with drawing_from(3):
    ...     other = torch.rand(2)
    >>> torch.equal(one, other), torch.equal(before, torch.get_rng_state())
    (True, True)
    """
    with ONE_AT_A_TIME:
        before = random_state(device)
        seed_all(seed)
        try:
            yield
        finally:
            put_back(before, device)
