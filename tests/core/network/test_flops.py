"""Operations are torch's own count of them, and are counted without its compiler."""

from __future__ import annotations

import subprocess
import sys

import cases
import pytest
import torch
from lossnav.core.network.flops import counted_flops
from lossnav.core.problem.trial import first_examples
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

LAYERS = {
    "attention": lambda: (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(), torch.randn(3, 5, 8)),
    "transposed convolution": lambda: (nn.ConvTranspose2d(2, 3, 3), torch.randn(2, 2, 5, 5)),
    "bilinear form": lambda: (nn.Bilinear(3, 3, 2), torch.randn(4, 3)),
}


def torchs(run: object) -> int:
    with FlopCounterMode(display=False) as counter:
        run()  # type: ignore[operator]
    return int(counter.get_total_flops())


# torch's weight norm fails in inference under either counter
BOTH = [
    (name, inference)
    for name in cases.CASES
    for inference in (False, True)
    if (name, inference) != ("weight norm", True)
]


@pytest.mark.parametrize(("name", "inference"), BOTH)
def test_they_are_torchs_count(name: str, inference: bool) -> None:
    problem = cases.CASES[name]()
    args, kwargs = first_examples(problem, torch.device("cpu"))

    def run() -> None:
        with torch.inference_mode(inference):
            problem.model(*args, **kwargs)

    assert counted_flops(run) == torchs(run) > 0


@pytest.mark.parametrize("name", LAYERS)
def test_layers_with_operations_of_their_own(name: str) -> None:
    layer, inputs = LAYERS[name]()
    if name == "bilinear form":
        assert counted_flops(lambda: layer(inputs, inputs)) == torchs(lambda: layer(inputs, inputs))
        return
    assert counted_flops(lambda: layer(inputs)) == torchs(lambda: layer(inputs)) > 0
    assert counted_flops(lambda: layer(inputs).sum().backward()) == torchs(lambda: layer(inputs).sum().backward())


def test_torchs_compiler_is_not_loaded() -> None:
    code = (
        "import sys, torch; from lossnav.core.network.flops import counted_flops;"
        "print(counted_flops(lambda: torch.nn.Linear(3, 5)(torch.ones(2, 3))), 'torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["60", "False"]
