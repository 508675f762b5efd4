"""Records the battery, or compares with what was recorded."""

from __future__ import annotations

import json
import sys
import time
import traceback
from pathlib import Path

import torch

from . import outputs, spectra, surveys
from .digests import parts

SECTIONS = (
    *(surveys.samples, surveys.planes, surveys.settings, surveys.own, surveys.adaptive, surveys.resumed, surveys.ways),
    *(spectra.spectra, spectra.density),
    *(outputs.shipped, outputs.figures, outputs.exports, outputs.commands, outputs.pages),
)


def battery(chosen: list[str]) -> tuple[dict[str, str], bool]:
    """Entry → digest of the chosen sections, and whether all of them ran to their end."""
    torch.set_num_threads(1)
    found: dict[str, str] = {}
    whole = True
    for section in (each for each in SECTIONS if each.__name__ in chosen or not chosen):
        started, before = time.process_time(), len(found)
        try:
            for what, content in section():
                named = {
                    f"{section.__name__}, {what}{' · ' if part else ''}{part}": d for part, d in parts(content).items()
                }
                found |= named
        except Exception:
            traceback.print_exc()
            whole = False
        print(
            f"{section.__name__}: {len(found) - before} entries, {time.process_time() - started:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    return found, whole


def main(action: str, file: str, *chosen: str) -> int:
    """Record or compare; 1 where anything differs or a section broke off."""
    found, whole = battery(list(chosen))
    if action == "record":
        Path(file).write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
        return not whole
    before = json.loads(Path(file).read_text("utf-8"))
    expected = {name: d for name, d in before.items() if not chosen or name.partition(",")[0] in chosen}
    differing = [name for name in dict.fromkeys([*expected, *found]) if expected.get(name) != found.get(name)]
    print("\n".join(differing) or f"{len(found)} entries, all equal")
    return bool(differing) or not whole


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
