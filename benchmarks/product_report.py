"""What products cost, as tables."""

from __future__ import annotations

from typing import Any

from benchmarks.table import table

TEXT = """## Products with curvature matrices

In units of one gradient: loss and gradient over all the same examples by plain autograd, in the same process and in turn. Per
vector, with one vector and with several at once. "Compiled" is `torch.compile` of the tool's product; what the first one takes
(compiling; lossnav's own choice among its ways) stands in brackets. lossnav linearises the network anew in every product here;
Lanczos and the probes share one linearisation. Error: against two backward passes in float64."""


def products_report(found: dict[str, Any]) -> str:
    """Markdown of the part "products"."""
    parts = [TEXT]
    for case, matrices in found["units"].items():
        parts.append(f"### {case}\n\n{_units(matrices)}")
    parts.append(
        "### A vocabulary\n\nOne Hessian product of the smallest language model, 2,048 tokens; beside it autograd's loop over "
        "the texts, each one's logits made as a whole. Memory is the most held above network and data.\n\n"
        + _vocabularies(found["vocabulary"])
    )
    return "\n\n".join(parts)


def _units(matrices: dict[str, Any]) -> str:
    rows = []
    for of, tools in matrices.items():
        for tool, run in tools.items():
            if "failed" in run:
                rows.append([of, tool, f"failed: {run['failed'][:80]}", "", ""])
                continue
            costs = [run[key] for key in run if key.startswith("gradients")]
            firsts = [run[key] for key in run if key.startswith("first")]
            cells = [f"{cost:.2f} ({first:.2g} s)" for cost, first in zip(costs, firsts, strict=True)]
            rows.append([of, tool, *cells, f"{run['error']:.0e}" if "error" in run else ""])
    return table(["matrix", "tool", "one vector", "eight at once", "error"], rows)


def _vocabularies(sizes: dict[str, Any]) -> str:
    rows = []
    for size, tools in sizes.items():
        for tool, run in tools.items():
            if "failed" in run:
                rows.append([f"{int(size):,}", tool, f"failed: {run['failed'][:80]}", "", ""])
                continue
            seconds = [f"{run[key]:.2f}" for key in ("product, s", "first product, s")]
            rows.append([f"{int(size):,}", tool, *seconds, f"{run['peak_bytes'] / 2**20:,.0f} MiB"])
    return table(["outputs", "tool", "seconds", "first", "peak memory"], rows)
