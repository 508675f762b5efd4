"""Free memory is the least that the machine, and any group that the process is in, has left."""

from __future__ import annotations

from pathlib import Path

import pytest
from lossnav.core.machine import memory as machine


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 1 GB available, on which the process is in the group /jobs/step."""
    root = tmp_path / "cgroup"
    (root / "jobs" / "step").mkdir(parents=True)
    (tmp_path / "meminfo").write_text("MemTotal: 2000000 kB\nMemAvailable: 1000000 kB\n", "utf-8")
    (tmp_path / "membership").write_text("1:cpu:/elsewhere\n0::/jobs/step\n", "utf-8")
    monkeypatch.setattr(machine, "_CGROUP", root)
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "_MEMBERSHIP", tmp_path / "membership")
    return root


def limit(group: Path, most: str, current: int, cached: int) -> None:
    for name, text in (("max", most), ("current", str(current)), ("stat", f"anon 5\ninactive_file {cached}\n")):
        (group / f"memory.{name}").write_text(text, "utf-8")


def test_without_limits_it_is_what_the_machine_has(groups: Path) -> None:
    assert machine.free_bytes() == 1_024_000_000
    limit(groups / "jobs" / "step", "max", 700, 0)
    assert machine.free_bytes() == 1_024_000_000


@pytest.mark.parametrize("group", [".", "jobs", "jobs/step"])
def test_the_limit_of_any_group_around_the_process_counts(groups: Path, group: str) -> None:
    limit(groups / group, "1000", 700, 200)
    assert machine.free_bytes() == 500


def test_the_tightest_limit_counts_and_never_less_than_nothing(groups: Path) -> None:
    limit(groups / "jobs", "1000", 700, 0)
    limit(groups / "jobs" / "step", "900", 950, 0)
    assert machine.free_bytes() == 0


def test_a_system_that_says_nothing_has_all_its_memory(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_MEMINFO", groups / "none")
    monkeypatch.setattr(machine, "_MEMBERSHIP", groups / "none")
    assert machine.free_bytes() == machine.total_bytes()
