"""What does not fit into memory is refused before it starts, with the figures."""

from __future__ import annotations

import sys
from collections.abc import Callable

import cases
import pytest
from lossnav.core import InputError, Problem, coupling_matrix, density_map, eigenpairs, spectrum
from lossnav.core.spectrum import memory
from lossnav.core.spectrum.coupling_sweep import coupling_sweep
from lossnav.core.spectrum.lanczos import extreme_eigenpairs
from torch import nn

ASKED: dict[str, Callable[[Problem], object]] = {
    "quadrature": lambda p: spectrum(p, method="slq", steps=3, probes=1, top=1),
    "whole": lambda p: spectrum(p, method="exact"),
    "pairs": lambda p: eigenpairs(p, top=1),
    "matrix": lambda p: coupling_matrix(p),
    "sweep": lambda p: coupling_sweep(p),
    "map": lambda p: density_map(p, permutations=5),
}


def wide() -> Problem:
    model = cases.initialised(cases.mlp((40, 60, 3), nn.Tanh), 1)
    return Problem(model, cases.normal(16, 40), cases.labels(16, classes=3))


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("lossnav.core") and hasattr(module, "free_bytes"):
            monkeypatch.setattr(module, "free_bytes", lambda *_: 50_000)


@pytest.mark.parametrize("name", ASKED)
def test_too_little_memory_is_said_with_figures(name: str, little_memory: None) -> None:
    with pytest.raises(InputError, match=r"about \d.* [MG]B of memory.* [MG]B are free"):
        ASKED[name](wide())


def test_a_run_takes_as_many_dimensions_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, most = wide(), list[int]()
    fixed: list[int] = []
    network_bytes = memory.network_bytes
    monkeypatch.setattr(memory, "network_bytes", lambda *a: fixed.append(network_bytes(*a)) or fixed[-1])
    eigenpairs(problem, top=1)
    row = 8 * problem.parameter_count
    monkeypatch.setattr(memory, "free_bytes", lambda *_: fixed[0] + 2 * row + 2 * 40 * row)

    def noted(*args: object, **more: object) -> object:
        most.append(args[5])  # type: ignore[arg-type]
        return extreme_eigenpairs(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(sys.modules["lossnav.core.spectrum.locking"], "extreme_eigenpairs", noted)
    eigenpairs(problem, top=1)
    assert most == [40]
