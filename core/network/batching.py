"""How many examples go through the network at once: a fixed rule, so that the same survey gives the same numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..problem.problem import Problem
from ..problem.trial import FIRST, first_examples, passes
from .purity import Stillness

Found = TypeVar("Found")

# Measured on CPUs (benchmarks/NOTES.md): passes whose largest activation stays in the last-level cache win;
# smaller ones lose to the cost of launching kernels.
CPU_ACTIVATION_BYTES = 4 * 2**20
CUDA_ACTIVATION_BYTES = 2 * 2**30
CURVATURE_GRAPH_BYTES = 2**30


def forward_batch_size(problem: Problem, device: torch.device) -> int:
    """Examples per forward pass: the whole data set where its largest activation fits the bound, else a share of it."""
    if needs_whole_data(problem):
        return problem.example_count
    bound = CUDA_ACTIVATION_BYTES if device.type == "cuda" else CPU_ACTIVATION_BYTES
    largest, _ = activation_bytes(problem)
    return _clamped(bound, largest, problem)


def curvature_batch_size(problem: Problem) -> int:
    """Examples per chunk of a Hessian product, whose graph holds every activation about four times."""
    if _reads_batch_statistics(problem.model):
        return problem.example_count
    _, total = activation_bytes(problem)
    return _clamped(CURVATURE_GRAPH_BYTES, 4 * total, problem)


def needs_whole_data(problem: Problem) -> bool:
    """Whether the outputs of one example depend on the others in its batch, as BatchNorm's statistics make them."""
    return problem.batchnorm == "recalibrate" or _reads_batch_statistics(problem.model)


def once_for_a_network(tried: Callable[[Problem], Found]) -> Callable[[Problem], Found]:
    """What a trial pass finds is found once for a network and its subsets of examples, and again where their shapes change."""

    @functools.wraps(tried)
    def found(problem: Problem) -> Found:
        weights = tuple((name, p.shape, p.dtype) for name, p in problem.model.named_parameters())
        key = tried.__qualname__, weights, tuple((t.shape[1:], t.dtype) for t in problem.inputs)
        if key not in problem.trials:
            problem.trials[key] = tried(problem)
        result: Found = problem.trials[key]
        return result

    return found


@once_for_a_network
def activation_bytes(problem: Problem) -> tuple[int, int]:
    """Bytes of the largest output of any module, and of all of them together, for one example."""
    sizes: list[int] = []

    def record(_module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.numel() * output.element_size())

    model = problem.working_copy()
    for module in model.modules():
        if not isinstance(module, torch.jit.ScriptModule):  # which takes no hooks
            module.register_forward_hook(record)
    network = problem.adapted(model)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    count = min(FIRST, problem.example_count)

    def run() -> Any:
        sizes.clear()
        args, kwargs = first_examples(problem, device)
        return network(*args, **kwargs)

    with passes(problem.differentiates):
        Stillness(model, device).run(run)  # a network that draws must not move the caller's random state
    return max(sizes, default=1) // count + 1, sum(sizes) // count + 1


def in_equal_passes(most: int, count: int) -> int:
    """Examples per pass, `most` or a few fewer, so that passes over `count` examples are of equal size.

    >>> in_equal_passes(100, 120), in_equal_passes(500, 120)
    (60, 120)
    """
    passes = -(-count // max(1, min(most, count)))
    return -(-count // passes)


def _clamped(bound: int, per_example: int, problem: Problem) -> int:
    return in_equal_passes(bound // per_example, problem.example_count)


def _reads_batch_statistics(model: nn.Module) -> bool:
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is None for m in model.modules())
