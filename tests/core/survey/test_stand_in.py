"""What runs on the stand-in accelerator, in a process of its own: autograd counts devices once, at its first derivative."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).with_name("on_stand_in.py")
COUNT = 8


def test_every_stage_keeps_to_its_device() -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(CASES)]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ended = subprocess.run(words, capture_output=True, text=True, env=outside, cwd=CASES.parents[3])
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert f"{COUNT} passed" in ended.stdout or ended.stdout.count(".") >= COUNT
