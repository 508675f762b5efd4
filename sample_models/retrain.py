"""Retrain a sample from its seed, and compare with the shipped weights or replace them.

    python -m lossnav.sample_models.retrain digits-plain --check
    python -m lossnav.sample_models.retrain digits-plain --write

Training is deterministic for a given processor type, torch version and thread count (fixed here to two): there the
weights come back to the last bit. Elsewhere rounding differs, long runs drift apart, and the metrics of the card are
what should agree.
"""

import argparse
import importlib
import time

import torch

from ._run import Run
from ._store import final_state, save
from .catalogue import NAMES

THREADS = 2


def retrain(name: str) -> Run:
    """Train the named sample from its seed, deterministically."""
    module = importlib.import_module(f".{name.replace('-', '_')}", __package__)
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    try:
        return module.train()
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)


def largest_difference(name: str, run: Run) -> float:
    """Largest absolute difference between the run's final weights and the shipped ones."""
    shipped = final_state(name)
    if shipped.keys() != run.state.keys():
        raise ValueError(f"the shipped weights of {name} belong to another network; rewrite them with --write")
    return max((run.state[key].double() - shipped[key].double()).abs().max().item() for key in shipped)


def main() -> int:
    """The command line; returns 0 where the weights were reproduced or written."""
    parser = argparse.ArgumentParser(prog="python -m lossnav.sample_models.retrain", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="compare with the shipped weights (the default)")
    action.add_argument("--write", action="store_true", help="replace the shipped weights, trajectory and card")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest difference that still reproduces")
    chosen = parser.parse_args()
    started = time.perf_counter()
    run = retrain(chosen.name)
    print(f"{chosen.name}: trained in {time.perf_counter() - started:.0f} s, loss {run.card.final_train_loss:.6g} nats")
    if chosen.write:
        save(chosen.name, run)
        print("weights, trajectory and card written")
        return 0
    return _report(largest_difference(chosen.name, run), chosen.tolerance)


def _report(difference: float, tolerance: float) -> int:
    same = difference <= tolerance
    print(f"largest absolute difference from the shipped weights: {difference:.3g}")
    print("reproduced" if same else f"not reproduced (tolerance {tolerance:g}): compare the card's metrics instead")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
