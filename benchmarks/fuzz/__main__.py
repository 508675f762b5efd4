"""`python -m benchmarks.fuzz [READER …] --count 10000 --seed 0`."""

from __future__ import annotations

import argparse
import sys

from .readers import NAMES
from .run import fuzzed


def main() -> int:
    """Fuzz, print a table; 1 where anything but answers and sentences came."""
    parser = argparse.ArgumentParser(description="Read spoilt inputs with every reader.")
    parser.add_argument("readers", nargs="*", default=NAMES, help=f"of {', '.join(NAMES)}; without one, all")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    clean = True
    print(
        f"{'reader':12} {'answers':>8} {'sentences':>9} {'tracebacks':>10} {'hangs':>6} {'deaths':>6} {'outside':>7} {'longest':>8}"
    )
    for name in chosen.readers:
        found = fuzzed(name, chosen.count, chosen.seed, wall=100.0 * 3600)
        counts = [found.kinds[kind] for kind in ("answer", "sentence", "traceback", "hang", "death")]
        widths = (8, 9, 10, 6, 6)
        text = " ".join(f"{count:>{width}}" for count, width in zip(counts, widths, strict=True))
        print(f"{name:12} {text} {len(found.outside):>7} {found.seconds:>6.1f} s", flush=True)
        for what, number in list(found.worst.items())[:12]:
            print(f"    {number}: {what}")
        for what in sorted(set(found.outside))[:5]:
            print(f"    {what}")
        clean &= found.clean
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
