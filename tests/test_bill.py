"""The bill of materials: every package that this one needs, each with a licence that is stated and lets it be passed on."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # where benchmarks lie

from benchmarks.bill_of_materials import UNKNOWN, bill, licence, needed


def test_every_package_is_in_it_with_its_licence() -> None:
    packages = needed()
    assert {"torch", "numpy", "zarr", "streamlit", "h5py", "jinja2"} <= set(
        packages
    )  # the last one streamlit's own need
    said = {name: licence(package) for name, package in packages.items()}
    assert [name for name, text in said.items() if text == UNKNOWN] == []
    assert [name for name, text in said.items() if "Affero" in text or text.startswith(("GPL", "GNU General"))] == []


def test_it_is_cyclonedx_and_the_same_each_time() -> None:
    found = bill(needed())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    assert found == bill(needed())
    torch = next(each for each in found["components"] if each["name"] == "torch")
    assert torch["purl"] == f"pkg:pypi/torch@{version('torch')}"
    assert all(each["licenses"] for each in found["components"])
