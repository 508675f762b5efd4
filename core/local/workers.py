"""How many points are measured at once, and the memory that each takes."""

from __future__ import annotations

import torch

from ..machine.memory import total_bytes
from ..network.batching import CURVATURE_GRAPH_BYTES, activation_bytes, required_batch_size
from ..problem.problem import Problem
from .estimation import Estimation
from .samples import sample_sizes

BASIS_COPIES = 4  # of the Krylov basis: itself, in float64 while rules are read off it, the products under way
UNKNOWN_MACHINE = 8 * 2**30


def bytes_per_worker(problem: Problem, estimation: Estimation, dtype: torch.dtype) -> int:
    """Vectors of one point's Lanczos run, its linearisation, and a product under way."""
    count = BASIS_COPIES * estimation.probes * (estimation.steps + 2)
    examples = sample_sizes(problem, estimation)[0] or problem.example_count
    each = 4 * activation_bytes(problem)[1] * problem.draws
    batch = required_batch_size(problem) or 1  # which passes whole, however large
    graph = max(min(CURVATURE_GRAPH_BYTES, each * examples), each * min(batch, examples))
    return count * problem.parameter_count * dtype.itemsize + 2 * graph


def worker_count(problem: Problem, estimation: Estimation, device: torch.device, dtype: torch.dtype) -> int:
    """Points that are measured at once: one for each thread, as far as half of the machine's memory goes; one on a GPU."""
    if device.type == "cuda":
        return 1
    memory = total_bytes() or UNKNOWN_MACHINE
    return max(1, min(torch.get_num_threads(), int(memory / 2 // bytes_per_worker(problem, estimation, dtype))))
