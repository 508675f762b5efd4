"""The figures of one machine as a page of tables."""

from __future__ import annotations

from typing import Any

from benchmarks.product_report import products_report
from benchmarks.shapes import shapes_report
from benchmarks.table import table


def report(found: dict[str, Any], figure: str) -> str:
    """Markdown: what was measured, on what, and how to read it."""
    parts = [_machine(found["machine"], found["parts"])]
    if "grids" in found:
        parts += [GRIDS, *(_grid(name, grid) for name, grid in found["grids"].items()), VERDICT]
        parts.append(_verdict(found["grids"]))
    if "shapes" in found:
        parts.append(shapes_report(found["shapes"]))
    if "spectra" in found:
        parts.append(_spectra(found["spectra"]))
    if "scaling" in found:
        parts.append(_scaling(found["scaling"], figure))
    if "memory" in found:
        parts.append(_memory(found["memory"]))
    if "products" in found:
        parts.append(products_report(found["products"]))
    if "gpu" in found:
        parts.append(_gpu(found["gpu"]))
    return "\n\n".join(parts) + "\n"


GRIDS = """## Exact grids

Every point evaluated, float32. Seconds are medians over rounds for the whole grid; a tool that walked fewer points is
scaled to it (points walked in brackets). "× ours" is the tool's time over lossnav's, round by round: median (smallest –
largest). The floors are the time that the forward passes' operations take at the speed of a matrix product measured in
the same rounds: torch.mm ("of floor"), and the fastest product that torch has by any library ("of best"). The first can be
passed, as on AMD processors, where torch.mm (MKL) is slower than oneDNN; the second is the one to believe. Padding counts
as operations. "Cores" is processor time over time, the tool's own process only. "Memory" is the most held above the process with network and data loaded. "Error at
stated" is the largest error against plain float64 at the coordinates that the tool gives to its values, "at visited" at
those where its source evaluates, both as a share of the range and on the grid that it walked (rows shifted by a step are
shifted farther on a coarse grid); a tool whose stated error is above 1e-4 of the range is marked wrong."""

VERDICT = "### Against the fastest"


def _machine(facts: dict[str, Any], parts: dict[str, Any]) -> str:
    title = facts.get("gpu", facts["cpu"])
    peers = ", ".join(f"{tool} {version}" for tool, version in facts["peers"].items())
    settings = ", ".join(f"{name}={value}" for name, value in facts["settings"].items()) or "none"
    rows = [
        [
            name,
            p["date"],
            *(str(p[key]) for key in ("threads", "rounds", "load", "minutes", "lossnav")),
            "yes" if p["quick"] else "no",
        ]
        for name, p in parts.items()
    ]
    return (
        f"# {title}, {facts['cores']} cores\n\n"
        f"{facts['memory_gb']} GB of memory. Python {facts['python']}, torch {facts['torch']}; {peers}. "
        f"Environment: {settings}. Written by `make bench`.\n\n"
        f"{table(['part', 'date', 'threads of every tool', 'rounds', 'load before', 'minutes', 'lossnav', 'quick'], rows)}"
    )


def _grid(name: str, grid: dict[str, Any]) -> str:
    rows = []
    for tool, t in sorted(grid["tools"].items(), key=lambda item: item[1].get("seconds", float("inf"))):
        if "failed" in t:
            rows.append([tool, f"failed: {t['failed']}", *[""] * 7])
            continue
        part = f" ({t['points']:,})" if t["points"] != grid["points"] else ""
        wrong = "" if t["error"]["correct"] else " **wrong**"
        rows.append(
            [
                tool,
                f"{_seconds(t['seconds'])}{part}",
                _times(t["times_ours"]),
                f"{100 * t['floor_share']:.0f} %",
                f"{100 * t['best_share']:.0f} %",
                f"{t['cores']:.1f}",
                _bytes(t["peak_bytes"]),
                f"{t['error']['stated']:.1e}{wrong}",
                f"{t['error']['visited']:.1e}",
            ]
        )
    head = ["tool", "seconds", "× ours", "of floor", "of best", "cores", "memory", "error at stated", "at visited"]
    floor = (
        f"{grid['flops_per_point'] / 1e9:.3g} GFLOP a point: floor {_seconds(grid['floor_seconds'])} at torch.mm's "
        f"{grid['matrix_flops'] / 1e9:.0f} GFLOP/s, {_seconds(grid['best_seconds'])} at the best product's {grid['best_flops'] / 1e9:.0f}."
    )
    size = " × ".join(map(str, grid["shape"]))
    return f"### {name}: {grid['text']}, {size}\n\n{floor}\n\n{table(head, rows)}"


def _verdict(grids: dict[str, Any]) -> str:
    rows = []
    for name, grid in grids.items():
        others = {k: t for k, t in grid["tools"].items() if k != "lossnav" and "seconds" in t}
        right = {k: t for k, t in others.items() if t["error"]["correct"]}
        cells = [name]
        for group in (others, right):
            best = min(group, key=lambda k: group[k]["seconds"], default=None)
            cells.append("none" if best is None else f"{best}: {_times(group[best]['times_ours'])}")
        ours = grid["tools"]["lossnav"]
        rows.append([*cells, f"{100 * ours['floor_share']:.0f} %", f"{100 * ours['best_share']:.0f} %"])
    head = ["workload", "fastest peer, × ours", "fastest correct peer, × ours", "lossnav, of floor", "lossnav, of best"]
    return table(head, rows)


def _spectra(found: dict[str, Any]) -> str:
    top = found["top"]
    rows = []
    for tool, t in top["tools"].items():
        reached = "" if t["reached"] else " (bound not reached)"
        loose = t["attempts"][0]
        rows.append(
            [
                tool,
                _seconds(t["seconds"]),
                _times(t["times_ours"]),
                f"{t['residual']:.1e}{reached}",
                f"{t['tolerance']:.0e}",
                f"{_seconds(loose['seconds'])}, {loose['residual']:.1e}",
                _bytes(t["peak_bytes"]),
            ]
        )
    rows += [[tool, f"failed: {why}", *[""] * 5] for tool, why in top["failed"].items()]
    head = [
        "tool",
        "seconds",
        "× ours",
        "worst residual",
        "tolerance given",
        "at tolerance 1e-3: seconds, residual",
        "memory",
    ]
    accuracy = found["accuracy"]
    exact = {t: f"{a['distance']:.4f}" if "distance" in a else a["failed"] for t, a in accuracy["tools"].items()}
    even = {t: f"{a['unweighted']:.2f}" if "unweighted" in a else "" for t, a in accuracy["tools"].items()}
    rows_slq = []
    for tool in exact:
        cells = [tool]
        for each in found["slq"].values():
            t = each["tools"][tool]
            cells += (
                [t["failed"], "", ""]
                if "failed" in t
                else [_seconds(t["seconds"]), _times(t["times_ours"]), f"{t['distance']:.3f}"]
            )
        rows_slq.append([*cells, exact[tool], even[tool]])
    names = [f"{what}, {n}" for n in found["slq"] for what in ("seconds", "× ours", "L¹ from ours")]
    steps = next(iter(found["slq"].values()))["steps"]
    return (
        f"## Hessian spectra\n\n### The {top['count']} largest eigenvalues on W1 at a residual of {top['residual']:.0e}\n\n"
        "Each tool's tolerance is tightened by tens until ‖Hv − λv‖/|λ|, recomputed in float64, meets the bound for every pair, or down to 1e-8.\n\n"
        f"{table(head, rows)}\n\n### Quadrature, up to {steps} steps, one probe\n\n"
        f"L¹ from the exact density: a network of {accuracy['parameters']:,} parameters with a dense Hessian, mean over {accuracy['seeds']} probes; "
        'broadened as in docs/methods. "Unweighted" is the same Ritz values each counted alike, as landscaper\'s own plot draws them. '
        "L¹ from ours compares one probe each: tools that draw another probe differ by its noise. lossnav stops where ten more "
        "steps move the density by less than 0.001 in L¹; the others take all their steps.\n\n"
        f"{table(['tool', *names, 'L¹ from exact', 'unweighted'], rows_slq)}"
    )


def _scaling(found: dict[str, Any], figure: str) -> str:
    rows = []
    for axis, s in found.items():
        if "failed" in s:
            rows.append([axis, f"failed: {s['failed']}", "", ""])
            continue
        each = ", ".join(f"{n:,}: {_seconds(t)}" for n, t in zip(s["sizes"], s["seconds"], strict=True))
        rows.append([axis, each, f"{s['exponent']:.2f}", f"{s['exponent_upper_half']:.2f}"])
    what = (
        "Time of a survey on W1's network against the points of its grid; against its examples (25 points); and against the parameters "
        "of networks 64-w-w-10 (256 examples, 9 points). Exponents of a power law by least squares on both logarithms."
    )
    head = ["against", "size: seconds", "exponent", "of the upper half"]
    return f"## Scaling\n\n{what}\n\n![time against points, examples and parameters]({figure})\n\n{table(head, rows)}"


def _memory(rows: list[dict[str, Any]]) -> str:
    cells = []
    for r in rows:
        if "failed" in r:
            cells.append([f"width {r['width']}", f"{r['steps'] ** 2:,}", f"failed: {r['failed']}", *[""] * 5])
            continue
        network = 4 * r["parameters"]
        peak = [_bytes(r["peak_bytes"]), f"{r['peak_bytes'] / network:.1f}", _bytes(r["foretold_bytes"])]
        seconds = [_seconds(r["seconds"]), _seconds(r["foretold_seconds"])]
        cells.append([f"{r['parameters']:,}", f"{r['points']:,}", _bytes(network), *peak, *seconds])
    what = (
        "Most memory held during a survey, plane included, above the process with network and data loaded (networks 64-w-w-10, "
        "64 examples); and what the estimate said beforehand."
    )
    head = [
        "parameters",
        "points",
        "network",
        "peak",
        "peak / network",
        "estimated peak",
        "seconds",
        "estimated seconds",
    ]
    return f"## Memory\n\n{what}\n\n{table(head, cells)}"


def _gpu(found: dict[str, Any]) -> str:
    parts = [f"## W3 with {found['images']:,} images, {found['points']:,} points"]
    for name in ("float32", "tf32", "bf16"):
        grid = found[name]
        if "failed" in grid:
            parts.append(f"### {name}\n\nfailed: {grid['failed']}")
            continue
        parts.append(_grid(name, grid | {"text": f"in {name}", "shape": [51, 51]}))
    rows = [
        [
            name,
            *(_seconds(s) if isinstance(s, float) else str(s) for s in (t["lossnav"], t["PyHessian"])),
            f"{t.get('ratio', float('nan')):.1f}",
        ]
        for name, t in found["spectra"].items()
    ]
    parts.append(table(["spectrum", "lossnav", "PyHessian", "ratio"], rows))
    return "\n\n".join(parts)


def _seconds(value: float) -> str:
    return f"{1e3 * value:.3g} ms" if value < 0.1 else f"{value:.3g} s"


def _times(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f} – {ratio['high']:.2f})"


def _bytes(value: float) -> str:
    return f"{value / 2**20:.1f} MB" if value < 2**30 else f"{value / 2**30:.2f} GB"
