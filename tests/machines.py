"""Runs tests as on other machines; a table in Markdown says of each how many passed, failed and were skipped, and why.

    python tests/machines.py                                     every row below, each with its own tests
    python tests/machines.py "without AVX-512" -- tests/core     this row, with other tests
    python tests/machines.py -- tests                            every row with the whole suite: hours

A row that this machine cannot play is said, not left out in silence.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
# patterns of paths: where numbers, ways of running and their fallbacks are tested
NUMBERS = (
    "test_capabilities.py",
    "engine/test_*.py",
    "test_precision_page.py",
    "test_worth.py",
    "test_cost.py",
    "test_survey.py",
    "test_rules.py",
    "test_spectrum.py",
)
# where processes, files, folders and sentences are
PLACES = (
    "test_capabilities.py",
    "test_bad_input.py",
    "test_store.py",
    "test_formats.py",
    "test_requests.py",
    "test_saving.py",
    "test_cli.py",
    "test_packaging.py",
    "test_wheel.py",
)


@dataclass(frozen=True)
class Row:
    """A machine.

    tests        patterns of the paths of test files: what runs on it, unless something else is asked for
    environment  variables that make this machine into it
    flag         of /proc/cpuinfo: what this machine's processor must have for that
    workers      processes that share the test files
    elsewhere    a copy of the tree is installed in a folder with a space, and a plain user runs its tests
    busy         another process uses a core meanwhile
    """

    tests: Sequence[str] = NUMBERS
    environment: Mapping[str, str] = field(default_factory=dict)
    flag: str = ""
    workers: int = 2
    elsewhere: bool = False
    busy: bool = False


INSTRUCTIONS = {"avx2": "AVX2", "avx512bw": "AVX-512", "avx512_bf16": "AVX-512 BF16", "amx_tile": "AMX"}
ROWS = {
    "this machine": Row(),
    "AVX-512 without AMX": Row(environment={"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_FP16"}, flag="amx_tile"),
    "without AVX-512": Row(environment={"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}, flag="avx2"),
    "without AVX": Row(environment={"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}),
    "one thread": Row(environment={"OMP_NUM_THREADS": "1"}),
    "two threads": Row(environment={"OMP_NUM_THREADS": "2"}, workers=1),
    "a busy core": Row(busy=True),
    "plain user, folder with a space, LC_ALL=C, Kathmandu": Row(
        PLACES, {"LC_ALL": "C", "TZ": "Asia/Kathmandu"}, elsewhere=True
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a row: counts of "passed", "failed", "skipped", and reason → how many were skipped for it."""

    counts: Counter[str]
    reasons: Counter[str]
    seconds: float
    code: int


def main(words: Sequence[str]) -> int:
    """Play the rows named before `--`, or all of them, with the tests after it, or their own; 1 where one failed."""
    names, tests = _split(words)
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        print(f"No such machine: {', '.join(unknown)}. There are: {'; '.join(ROWS)}.")
        return 2
    outcomes, flags = {}, _flags()
    rows = {name: ROWS[name] for name in names or ROWS}
    lacking = {name: row.flag for name, row in rows.items() if row.flag and row.flag not in flags}
    for name, row in rows.items():
        if name not in lacking:
            print(f"— {name}", flush=True)
            outcomes[name] = played(row, tests or _files(row.tests))
    print(f"\n{_processor(flags)}\n\n{table(outcomes)}")
    for name, flag in lacking.items():
        print(f"\n{name}: not played, as the processor has no {flag}.")
    return int(any(outcome.code for outcome in outcomes.values()))


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    cut = list(words).index("--") if "--" in words else len(words)
    return list(words[:cut]), list(words[cut + 1 :])


def _flags() -> set[str]:
    """What the processor says that it can do; nothing where the system is not Linux."""
    information = Path("/proc/cpuinfo")
    found = re.search(r"^flags\s*:(.*)$", information.read_text(), re.MULTILINE) if information.exists() else None
    return set(found[1].split()) if found else set()


def _processor(flags: set[str]) -> str:
    has = ", ".join(f"{title} {'yes' if flag in flags else 'no'}" for flag, title in INSTRUCTIONS.items())
    return f"This machine: {os.cpu_count()} cores; {has}."


def _files(patterns: Sequence[str]) -> list[str]:
    """Test files by their names, wherever they lie under tests."""
    found = {pattern: sorted((ROOT / "tests").rglob(pattern)) for pattern in patterns}
    lost = [pattern for pattern, files in found.items() if not files]
    if lost:
        raise SystemExit(f"No test files are called {', '.join(lost)}: mend the patterns in tests/machines.py.")
    return [str(file.relative_to(ROOT)) for files in found.values() for file in files]


def played(row: Row, tests: Sequence[str]) -> Outcome:
    """Run tests on one of the machines."""
    with ExitStack() as stack:
        folder, python = ROOT, Path(sys.executable)
        if row.elsewhere:
            folder, python = stack.enter_context(_installed_elsewhere())
        if row.busy:
            stack.enter_context(_busy())
        report = Path(stack.enter_context(_shared_folder())) / "report.xml"
        own = _as_plain_user(python) if row.elsewhere else []
        how = ["-p", "no:cacheprovider", f"--junitxml={report}", "--dist", "loadfile", "-n", str(row.workers)]
        command = [*own, str(python), "-m", "pytest", *how, *tests]
        started = time.monotonic()
        done = subprocess.run(command, cwd=folder, env={**os.environ, **row.environment})
        seconds = time.monotonic() - started
        return read(report, seconds, done.returncode) if report.exists() else _unread(seconds, done.returncode)


def read(report: Path, seconds: float, code: int) -> Outcome:
    """Counts and reasons from pytest's report."""
    counts, reasons = Counter[str](), Counter[str]()
    for case in ElementTree.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        failed = case.find("failure") is not None or case.find("error") is not None
        counts["failed" if failed else "passed" if skipped is None else "skipped"] += 1
        if skipped is not None:
            reasons[skipped.get("message", "no reason")] += 1
    return Outcome(counts, reasons, seconds, code)


def _unread(seconds: float, code: int) -> Outcome:
    return Outcome(Counter(failed=1), Counter(), seconds, code or 1)


def table(outcomes: Mapping[str, Outcome]) -> str:
    """Rows and counts in Markdown, and below them each reason for skipping."""
    kinds = ("passed", "failed", "skipped")
    lines = [f"| machine | {' | '.join(kinds)} | minutes |", "| --- |" + " ---: |" * 4]
    for name, outcome in outcomes.items():
        counts = " | ".join(f"{outcome.counts[kind]:,}" for kind in kinds)
        lines.append(f"| {name} | {counts} | {outcome.seconds / 60:.1f} |")
    skipped: dict[str, list[str]] = {}
    for name, outcome in outcomes.items():
        for reason, count in outcome.reasons.most_common():
            skipped.setdefault(reason, []).append(f"{name}: {count}")
    lines += ["", "Skipped:", ""] if skipped else []
    return "\n".join([*lines, *(f"- {reason} ({'; '.join(names)})" for reason, names in skipped.items())])


@contextmanager
def _shared_folder() -> Iterator[str]:
    """A folder that any user may write to."""
    with tempfile.TemporaryDirectory(prefix="machines ") as folder:
        os.chmod(folder, 0o777)
        yield folder


@contextmanager
def _busy() -> Iterator[None]:
    """A process that does nothing but use a core."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _installed_elsewhere() -> Iterator[tuple[Path, Path]]:
    """A copy of the tree in a folder with a space, and the Python of an environment in which it is installed."""
    with tempfile.TemporaryDirectory(prefix="a folder ") as place:
        folder = Path(place) / "lossnav copy"
        for name in _tracked():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
        venv.create(folder / ".venv")  # pip is the one of this environment
        python = folder / ".venv" / "bin" / "python"
        (site,) = (folder / ".venv").glob("lib/python*/site-packages")
        # a path in a .pth is searched, but the .pth files in it are not read: dependencies are found, the install of ROOT is not
        (site / "dependencies.pth").write_text("\n".join(_dependencies()) + "\n")
        install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", "."]
        subprocess.run([python, *install], cwd=folder, check=True)
        _open_to_all(Path(place))
        yield folder, python


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in listed.stdout.split("\0") if name and os.path.lexists(ROOT / name)]


def _dependencies() -> list[str]:
    """Where this environment's own packages are, and those that it takes from others."""
    own = sysconfig.get_path("purelib")
    return [own, *(path for path in sys.path if path.endswith("site-packages") and path != own)]


def _open_to_all(place: Path) -> None:
    for folder, _, files in os.walk(place):
        os.chmod(folder, 0o777)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o666)


def _as_plain_user(python: Path) -> list[str]:
    """What comes before a command to run it without root's powers; nothing where there are none to give up.

    As another user where that one may run this Python, else as root stripped of all capabilities: permissions then hold.
    """
    if os.geteuid() != 0:
        return []
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*nobody, str(python), "-c", "import torch"], capture_output=True, cwd="/").returncode == 0:
        return nobody
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
