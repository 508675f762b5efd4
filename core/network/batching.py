"""How many examples go through the network at once: a fixed rule, so that the same survey gives the same numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..machine.memory import CPU
from ..problem.problem import Problem
from ..problem.trial import first_examples, passes
from .batch_dependence import draws_numbers, examples_coupled
from .purity import Stillness

Found = TypeVar("Found")

# Measured on CPUs (benchmarks/NOTES.md): passes whose largest activation stays in the last-level cache win;
# smaller ones lose to the cost of launching kernels.
CPU_ACTIVATION_BYTES = 4 * 2**20
CUDA_ACTIVATION_BYTES = 2 * 2**30
CURVATURE_GRAPH_BYTES = 2**30


def forward_batch_size(problem: Problem, device: torch.device) -> int:
    """Examples per forward pass: the whole data set where its largest activation fits the bound, else a share of it."""
    if problem.batchnorm == "recalibrate":
        return problem.example_count
    return required_batch_size(problem, device) or _free_batch_size(problem, device)


def curvature_batch_size(problem: Problem, device: torch.device = CPU) -> int:
    """Examples per chunk of a Hessian product, whose graph holds every activation about four times."""
    required = required_batch_size(problem, device)
    if required is not None:
        return required
    _, total = activation_bytes(problem)
    return _clamped(CURVATURE_GRAPH_BYTES, 4 * total, problem)


def required_batch_size(problem: Problem, device: torch.device = CPU) -> int | None:
    """Examples per batch where batches are part of what the loss is; None where the data may be cut anyhow.

    They are where they were chosen, where examples change each other's losses, and where the network draws random numbers,
    whose place in a batch decides which ones an example gets: then all stages must cut alike to measure one function.
    """
    if problem.batches is not None:
        whole = problem.batches == "whole"
        return problem.example_count if whole else min(int(problem.batches), problem.example_count)
    if _reads_batch_statistics(problem.model) or examples_coupled(problem):
        return problem.example_count
    return _free_batch_size(problem, device) if draws_numbers(problem) else None


def needs_whole_data(problem: Problem) -> bool:
    """Whether the outputs of one example depend on the others in its batch, as BatchNorm's statistics make them."""
    return problem.batchnorm == "recalibrate" or _reads_batch_statistics(problem.model)


def once_for_a_network(tried: Callable[[Problem], Found]) -> Callable[[Problem], Found]:
    """Keep a trial pass's result for a network and its subsets of examples; try again where their shapes change."""

    @functools.wraps(tried)
    def once(problem: Problem) -> Found:
        weights = tuple((name, p.shape, p.dtype) for name, p in problem.model.named_parameters())
        key = tried.__qualname__, weights, tuple((t.shape[1:], t.dtype) for t in problem.inputs)
        if key not in problem.trials:
            problem.trials[key] = tried(problem)
        result: Found = problem.trials[key]
        return result

    return once


def cut_is_fixed(problem: Problem) -> bool:
    """Whether the data may not be cut into other batches than the rule's."""
    return needs_whole_data(problem) or required_batch_size(problem) is not None


def none_alone(problem: Problem) -> bool:
    """Whether no example has a loss of its own, because it depends on the others of its batch."""
    return _reads_batch_statistics(problem.model) or examples_coupled(problem)


def _free_batch_size(problem: Problem, device: torch.device) -> int:
    bound = CUDA_ACTIVATION_BYTES if device.type == "cuda" else CPU_ACTIVATION_BYTES
    largest, _ = activation_bytes(problem)
    return _clamped(bound, largest, problem)


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
    count = problem.tried_count

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
