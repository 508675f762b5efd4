"""What a process of its own measures of products: how many gradients one costs, and a vocabulary's memory and time."""

from __future__ import annotations

import gc
import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from lossnav.core import Problem
from lossnav.core.curvature.operators import curvature
from torch import Tensor, nn

from benchmarks.case import Case
from benchmarks.held import held, most_held
from benchmarks.peers import ADAPTERS
from benchmarks.products import REPEATS, vocabulary

Product = Callable[[Tensor], Tensor]


def products(job: dict[str, Any]) -> dict[str, Any]:
    """Gradients per vector, by the number of vectors at once; the first product apart from the others, and its error."""
    adapter = importlib.import_module(f"benchmarks.peers.{ADAPTERS[job['tool']]}")
    case = Case.load(job["case"], job["device"])
    parameters = [p for p in case.model.parameters() if p.requires_grad]
    size = sum(p.numel() for p in parameters)

    def gradient() -> Any:
        return torch.autograd.grad(nn.functional.cross_entropy(case.model(case.inputs), case.targets), parameters)

    product: Product = adapter.product(case, job["of"])
    if job.get("compiled"):
        product = torch.compile(product)
    found: dict[str, Any] = {}
    for count in job["rows"]:
        rows = torch.randn(count, size, generator=torch.Generator().manual_seed(count))
        start = time.perf_counter()
        product(rows)
        found[f"first product of {count}, s"] = time.perf_counter() - start
        unit, seconds = alternately(gradient, lambda rows=rows: product(rows))
        found[f"gradients a vector, {count} at once"] = seconds / count / unit
    if job["of"] == "hessian":
        found["error"] = error(case, product)
    return found


def alternately(one: Callable[[], Any], other: Callable[[], Any]) -> tuple[float, float]:
    """Median seconds of both, in turn, once each was warm."""
    runs: list[list[float]] = [[], []]
    for _ in range(REPEATS + 2):
        for each, run in zip(runs, (one, other), strict=True):
            start = time.perf_counter()
            run()
            each.append(time.perf_counter() - start)
    return statistics.median(runs[0][2:]), statistics.median(runs[1][2:])


def error(case: Case, product: Product) -> float:
    """‖Hv − (Hv in float64 by two backward passes)‖ / ‖Hv‖ of one vector."""
    parameters = [p for p in case.model.parameters() if p.requires_grad]
    row = torch.randn(1, sum(p.numel() for p in parameters), generator=torch.Generator().manual_seed(0))
    ours = product(row).double()[0]
    exact = double_backward(case.model.double(), case.inputs.double(), case.targets, row[0].double())
    return float((ours - exact).norm() / exact.norm())


def double_backward(model: nn.Module, inputs: Tensor, targets: Tensor, vector: Tensor) -> Tensor:
    """H v by plain autograd, all examples at once."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    loss = nn.functional.cross_entropy(model(inputs), targets)
    flat = torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters, create_graph=True)])
    return torch.cat([g.flatten() for g in torch.autograd.grad(flat, parameters, vector)])


def in_vocabulary(job: dict[str, Any]) -> dict[str, Any]:
    """Seconds and bytes above network and data of one Hessian product: ours, or autograd's loop over the texts."""
    model, words = vocabulary(job["size"])
    size = sum(p.numel() for p in model.parameters())
    row = torch.randn(1, size, generator=torch.Generator().manual_seed(0))
    run = ours(model, words, row) if job["tool"] == "lossnav" else eager(model, words, row[0])
    gc.collect()
    before, start = held("cpu"), time.perf_counter()
    value = run()
    first, peak = time.perf_counter() - start, most_held("cpu") - before
    start = time.perf_counter()
    run()
    return {
        "first product, s": first,
        "product, s": time.perf_counter() - start,
        "peak_bytes": peak,
        "norm": float(value.double().norm()),
    }


def ours(model: nn.Module, words: Tensor, row: Tensor) -> Callable[[], Tensor]:
    operator = curvature(Problem.from_transformers(model, words))
    return lambda: operator.products(row)


def eager(model: nn.Module, words: Tensor, row: Tensor) -> Callable[[], Tensor]:
    """The mean over the texts of each one's own product, its logits made as a whole."""

    def logits(inputs: Tensor) -> Tensor:
        return model(inputs).logits.flatten(0, 1)

    def of(text: Tensor) -> Tensor:
        parameters = list(model.parameters())
        loss = nn.functional.cross_entropy(logits(text[None, :-1]), text[1:])
        slopes = torch.autograd.grad(loss, parameters, create_graph=True)
        flat = torch.cat([g.flatten() for g in slopes])
        return torch.cat([g.flatten() for g in torch.autograd.grad(flat, parameters, row)])

    def run() -> Tensor:
        total = torch.zeros_like(row)
        for text in words:
            total += of(text)
        return total / len(words)

    return run
