"""What a machine can do is asked in one place, and what follows where it cannot is the same on every machine."""

from __future__ import annotations

import os
import subprocess
import sys

import cases
import numpy as np
import pytest
import torch
from abilities import absent, needs, present
from lossnav.core import Plane, Problem
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.engine.kernels import Kernels, without
from lossnav.core.engine.tracing import UnrecordableError
from lossnav.core.machine import capabilities
from lossnav.core.machine.capabilities import ABILITIES, Ability
from lossnav.core.network.workspace import choose_device
from lossnav.core.properties.terrain import TERRAIN
from torch import nn

CPU = torch.device("cpu")
POINTS = np.random.default_rng(0).uniform(-1, 1, (5, 2))
WITHOUT_AVX512 = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}


def network() -> Problem:
    model = nn.Sequential(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3))
    inputs = cases.normal(40, 2, 6, 6, dtype=torch.float32)
    return Problem(cases.initialised(model, dtype=torch.float32), inputs, cases.labels(40, classes=3))


def evaluator(**more: object) -> Evaluator:
    problem = network()
    return Evaluator(problem, Plane.random(problem), TERRAIN.measures(problem), CPU, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ABILITIES)
def test_every_ability_is_there_or_lacking_in_a_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert capabilities.lacking(name) in (None, ABILITIES[name].lacking)
    present(monkeypatch, name)
    assert capabilities.lacking(name) is None
    assert absent(monkeypatch, name) == capabilities.lacking(name)


def test_a_library_that_raises_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises() -> None:
        raise NotImplementedError

    monkeypatch.setitem(ABILITIES, "onednn", Ability(raises, "it raises"))
    assert capabilities.lacking("onednn") == "it raises"


def test_a_machine_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    monkeypatch.setitem(ABILITIES, "onednn", Ability(lambda: asked.append(None), "never"))
    assert [capabilities.lacking("onednn") for _ in range(3)] == [None] * 3
    assert len(asked) == 1


@needs("onednn")
def test_below_avx512_there_is_no_bfloat16_and_still_float32() -> None:
    """The machine without AVX-512, played by the libraries' own variables in a process of its own."""
    code = (
        "from lossnav.core.machine.capabilities import lacking; print(lacking('onednn')); print(lacking('onednn bf16'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | WITHOUT_AVX512, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["None", ABILITIES["onednn bf16"].lacking]


@pytest.mark.parametrize(("dtype", "name"), [(torch.float32, "onednn"), (torch.bfloat16, "onednn bf16")])
def test_kernels_are_there_where_the_machine_says_so(
    dtype: torch.dtype, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    present(monkeypatch, name)
    assert Kernels.of(CPU, dtype).convolution is not torch.conv2d
    why = absent(monkeypatch, name)
    with pytest.raises(UnrecordableError, match=why):
        Kernels.of(CPU, dtype)
    assert without(torch.device("cuda"), dtype) is None  # which needs no oneDNN


@pytest.mark.parametrize(("precision", "name"), [(None, "onednn"), ("bf16", "onednn bf16")])
def test_without_kernels_the_fused_way_is_the_plain_one_with_its_numbers_and_says_so(
    precision: str | None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = absent(monkeypatch, name)
    asked = evaluator(precision=precision, way={"network": "fused", "layout": "channels_last", "batch_size": 16})
    plain = evaluator(precision=precision, way={"batch_size": 16})
    assert asked.way == plain.way
    assert np.array_equal(asked.evaluate(POINTS), plain.evaluate(POINTS))
    assert asked.fallbacks == [
        f"The forward passes run plainly, as the fused way with channels last failed here ({why}); "
        "the numbers are the same to rounding."
    ]


def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    present(monkeypatch, "cuda")
    assert choose_device("auto").type == "cuda"
    absent(monkeypatch, "cuda")
    assert choose_device("auto").type == "cpu"
