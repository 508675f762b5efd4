"""The installed dependencies: a list of licences, and a bill of materials as CycloneDX 1.5 JSON.

`python -m benchmarks.bill_of_materials [--out sbom.json]`: only what the environment itself says, with no network.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OWN = "lossnav"
UNKNOWN = "not stated"


def needed(name: str = OWN, extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """The installed packages that `name` needs, and what those need, by name; itself left out."""
    found: dict[str, Distribution] = {}
    waiting = [(canonicalize_name(name), extras)]
    while waiting:
        each, wanted = waiting.pop()
        for requirement in _requirements(each, wanted):
            key = canonicalize_name(requirement.name)
            if key not in found and (there := _installed(key)) is not None:
                found[key] = there
                waiting.append((key, frozenset(requirement.extras)))
    return dict(sorted(found.items()))


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except ModuleNotFoundError:
        return None


def _requirements(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    there = _installed(name)
    for text in (there.requires if there is not None else None) or []:
        requirement = Requirement(text)
        environments = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(requirement.marker.evaluate(e) for e in environments):
            yield requirement


def licence(package: Distribution) -> str:
    """A package's licence: the SPDX expression, else its classifier, else its own words in one line."""
    about = package.metadata
    classifiers = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    words = (about.get("License") or "").strip().splitlines()
    return about.get("License-Expression") or ", ".join(classifiers) or (words[0][:60] if words else UNKNOWN)


def bill(packages: dict[str, Distribution]) -> dict[str, Any]:
    """CycloneDX 1.5, the same for the same packages: no serial number, no time."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": OWN, "version": distribution(OWN).version}},
        "components": [_component(name, package) for name, package in packages.items()],
    }


def _component(name: str, package: Distribution) -> dict[str, Any]:
    said = licence(package)
    spdx = re.fullmatch(r"[A-Za-z0-9.+() -]+", package.metadata.get("License-Expression") or "")
    licences = [] if said == UNKNOWN else [{"expression": said}] if spdx else [{"license": {"name": said}}]
    return {
        "type": "library",
        "name": package.metadata["Name"],
        "version": package.version,
        "purl": f"pkg:pypi/{name}@{package.version}",
        "licenses": licences,
    }


def main() -> None:
    """Print the licences; write the bill where it is asked for."""
    parser = argparse.ArgumentParser(
        description="Licences of what is installed beside lossnav, and a CycloneDX bill of materials."
    )
    parser.add_argument("--out", type=Path, help="where the bill goes, as JSON")
    chosen = parser.parse_args()
    packages = needed()
    for name, package in packages.items():
        print(f"{name:24} {package.version:14} {licence(package)}")
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(bill(packages), indent=2) + "\n")


if __name__ == "__main__":
    main()
