"""Products with curvature matrices in units of one gradient: lossnav and curvlinops, eager and compiled, and a vocabulary.

A unit is the loss and its gradient over the same examples, by plain autograd in the same process: what a training step costs.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.case import Case
from benchmarks.timing import Job, interleaved
from benchmarks.workloads import WORKLOADS

TOOLS = {
    "lossnav": {"tool": "lossnav"},
    "lossnav, compiled": {"tool": "lossnav", "compiled": True},
    "curvlinops": {"tool": "curvlinops"},
    "curvlinops, compiled": {"tool": "curvlinops", "compiled": True},
}
MATRICES = ("hessian", "ggn", "empirical_fisher")
CASES = ("W1", "W2")
ROWS = (1, 8)  # vectors at once
REPEATS = 15
VOCABULARIES, TEXTS, LENGTH, WIDTH = (8_192, 50_304), 64, 32, 64


def measure_products(folder: Path, base: Job, quick: bool, rounds: int) -> dict[str, Any]:
    """Gradients that a product with one vector costs, on W1 and W2; and a vocabulary's products beside an eager loop."""
    found: dict[str, Any] = {name: _case(name, folder, base, rounds) for name in CASES}
    sizes = VOCABULARIES[:1] if quick else VOCABULARIES
    return {"units": found, "vocabulary": {str(size): _vocabulary(size, base, rounds) for size in sizes}}


def _case(name: str, folder: Path, base: Job, rounds: int) -> dict[str, Any]:
    path = folder / f"{name}.products.pt"
    Case.of(WORKLOADS[name].build()).save(path)
    shared = {**base, "task": "products", "case": str(path), "rows": ROWS}
    jobs = {f"{tool}|{of}": {**shared, **how, "of": of} for tool, how in TOOLS.items() for of in MATRICES}
    print(f"\nproducts {name} ", end="", flush=True)
    rows: dict[str, dict[str, Any]] = {of: {} for of in MATRICES}
    for job, runs in interleaved(jobs, rounds).items():
        tool, of = job.split("|")
        rows[of][tool] = middle(runs)
    return rows


def _vocabulary(size: int, base: Job, rounds: int) -> dict[str, Any]:
    print(f"\nvocabulary of {size} ", end="", flush=True)
    shared = {**base, "task": "vocabulary", "size": size}
    jobs = {tool: {**shared, "tool": tool} for tool in ("lossnav", "eager loop")}
    return {tool: middle(runs) for tool, runs in interleaved(jobs, rounds).items()}


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The medians over the rounds of each number; the complaint of a run that failed.

    >>> middle([{"a": 1.0}, {"a": 3.0}, {"a": 2.0}])
    {'a': 2.0}
    >>> middle([{"failed": "no"}])
    {'failed': 'no'}
    """
    if "failed" in runs[-1]:
        return runs[-1]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


class Embedded(nn.Module):
    """The smallest language model: embeddings, a layer over each token, logits over all words; called as transformers' are."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(vocab_size=size, pad_token_id=None, is_encoder_decoder=False)
        self.embed, self.mix = nn.Embedding(size, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, size, bias=False)

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> SimpleNamespace:
        return SimpleNamespace(logits=self.head(torch.tanh(self.mix(self.embed(input_ids)))))


def vocabulary(size: int) -> tuple[Embedded, Tensor]:
    """The network, and texts (TEXTS, LENGTH + 1) of random words."""
    torch.manual_seed(0)
    return Embedded(size), torch.randint(0, size, (TEXTS, LENGTH + 1))
