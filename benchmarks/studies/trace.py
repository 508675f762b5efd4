"""Hutch++ (Meyer et al. 2021) beside Hutchinson at equal products: relative error of tr H on four samples, over twelve seeds.

`python -m benchmarks.studies.trace [SAMPLE …] [--products 15 30 60]`. The reference is the mean of 512 Hutchinson probes.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from lossnav.core import load_problem
from lossnav.core.curvature.loss_function import LossFunction
from torch import Tensor

SAMPLES = ("gaussians-mlp", "digits-small-batch", "digits-two-tasks", "markov-gpt")
SEEDS, REFERENCE, AT_ONCE = 12, 512, 64


def signs(function: LossFunction, count: int, seed: int) -> Tensor:
    """Rademacher probes (count, P)."""
    draws = np.random.default_rng(seed).choice([-1.0, 1.0], (count, function.point.numel()))
    return function.point.new_tensor(draws) * function.layout.occupied(function.point)


def images(function: LossFunction, rows: Tensor) -> Tensor:
    """H v of each row, a few at once, in float64."""
    return torch.cat([function.hessian_products(part).double() for part in rows.to(function.point).split(AT_ONCE)])


def hutchinson(function: LossFunction, products: int, seed: int) -> float:
    """The mean of vᵀHv over so many probes."""
    rows = signs(function, products, seed)
    return float((rows * images(function, rows)).sum(1).mean())


def hutch_plus_plus(function: LossFunction, products: int, seed: int) -> float:
    """Exactly in the range of H on a third of the products, by probes in what is left of it (algorithm 1)."""
    third = products // 3
    rows = signs(function, 2 * third, seed).double()
    basis = torch.linalg.qr(images(function, rows[:third]).T).Q.T
    rest = rows[third:] - (rows[third:] @ basis.T) @ basis
    return float((basis * images(function, basis)).sum() + (rest * images(function, rest)).sum(1).mean())


def row(name: str, products: int) -> str:
    """A line of the table."""
    function = LossFunction(load_problem(name))
    truth = hutchinson(function, REFERENCE, seed=10_000)
    plain = [hutchinson(function, products, s) / truth - 1 for s in range(SEEDS)]
    better = [hutch_plus_plus(function, products, s) / truth - 1 for s in range(SEEDS)]
    errors = [float(np.sqrt(np.mean(np.square(e)))) for e in (plain, better)]
    return f"| {name} | {products} | {errors[0]:.2%} | {errors[1]:.2%} | {errors[1] / errors[0]:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="*", default=SAMPLES)
    parser.add_argument("--products", nargs="+", type=int, default=(15, 30, 60))
    chosen = parser.parse_args()
    print("| network | products | Hutchinson | Hutch++ | ratio |\n| --- | --- | --- | --- | --- |")
    for name in chosen.samples:
        for products in chosen.products:
            print(row(name, products), flush=True)


if __name__ == "__main__":
    main()
