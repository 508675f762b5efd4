"""Hessian products of many points on two threads: a team of two on each point, or a point for each thread.

`python benchmarks/studies/curvature_threads.py [SAMPLE …]`; times per product in ms, and their ratio. The library does the second.
"""

from __future__ import annotations

import sys
import threading
import time

import torch
from lossnav.core import load_problem
from lossnav.core.curvature.operators import Curvature, curvature
from lossnav.core.local.samples import sampled_examples
from lossnav.core.spectrum.probes import random_rows

THREADS, EXAMPLES, PROBES, SECONDS = 2, 256, 4, 4.0


def milliseconds(operators: list[Curvature], threads: int) -> float:
    rows, counts = random_rows(operators[0], PROBES), [0] * len(operators)
    for operator in operators:
        operator.products(rows)  # warm

    def work(index: int) -> None:
        torch.set_num_threads(threads)
        while time.perf_counter() < stop:
            operators[index].products(rows)
            counts[index] += 1

    start = time.perf_counter()
    stop = start + SECONDS
    workers = [threading.Thread(target=work, args=(index,)) for index in range(len(operators))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return 1e3 * (time.perf_counter() - start) / (sum(counts) * PROBES)


def main(names: list[str]) -> None:
    print(f"{'sample':22} {'team':>8} {'side by side':>13} {'ratio':>6}")
    for name in names:
        problem = sampled_examples(load_problem(name), EXAMPLES, seed=0)
        operators = [curvature(problem, device="cpu") for _ in range(THREADS)]
        torch.set_num_threads(THREADS)
        team = milliseconds(operators[:1], THREADS)
        apart = milliseconds(operators, 1)
        print(f"{name:22} {team:8.2f} {apart:13.2f} {team / apart:6.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["digits-resnet", "markov-gpt", "digits-small-batch"])
