"""What `make` installs: every package by its hash but torch, in the versions of constraints.txt."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def locked() -> dict[str, tuple[Requirement, list[str]]]:
    """Name → the requirement and its hashes."""
    found = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text(encoding="utf-8").strip()):
        requirement, *hashes = re.split(r"\s*\\\n\s*--hash=", entry)
        found[canonicalize_name(Requirement(requirement).name)] = Requirement(requirement), hashes
    return found


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def test_the_lock_has_the_versions_of_the_constraints_and_nothing_else() -> None:
    ours = {name: str(requirement.specifier).removeprefix("==") for name, (requirement, _) in locked().items()}
    ours.pop("httpx2-jsfetch", None)  # of browsers that run Python
    assert {**ours, "torch": pinned()["torch"]} == pinned()


def test_every_entry_has_hashes() -> None:
    wrong = {
        name for name, (_, hashes) in locked().items() if not hashes or any(not is_sha256(each) for each in hashes)
    }
    assert wrong == set()


def is_sha256(text: str) -> bool:
    return re.fullmatch(r"sha256:[0-9a-f]{64}", text) is not None


def test_the_lock_holds_all_that_the_project_and_its_development_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    there = locked()
    for text in (*project["dependencies"], *optional["dev"]):
        requirement = Requirement(text)
        if requirement.name != "torch":
            (pin,) = there[canonicalize_name(requirement.name)][0].specifier
            assert requirement.specifier.contains(pin.version), text
    assert set(optional["cluster"]) <= set(optional["dev"])


def test_the_lock_is_for_every_python_and_system_that_is_meant() -> None:
    systems = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
    for version in ("3.11.5", "3.12.0", "3.13.0", "3.14.0"):
        for system, machine in systems:
            here = {
                "python_full_version": version,
                "python_version": ".".join(version.split(".")[:2]),
                "sys_platform": system,
                "platform_machine": machine,
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
            }
            needed = {name for name, (r, _) in locked().items() if r.marker is None or r.marker.evaluate(here)}
            assert {"numpy", "scipy", "zarr", "streamlit", "setuptools", "distributed"} <= needed
            assert not any(name.startswith(("nvidia", "cuda", "triton", "torch")) for name in needed)


def test_make_asks_for_the_hashes() -> None:
    rule = MAKEFILE[MAKEFILE.index("$(READY):") : MAKEFILE.index("# requirements.lock anew")]
    assert "--require-hashes --no-deps --requirement requirements.lock" in rule
    assert "--no-deps --no-build-isolation --editable ." in rule
    assert rule.count("pip install") == 3
