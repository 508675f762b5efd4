"""The explorer stands on core's public names and on what a short list of core's floors gives; nothing deeper."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EXPLORER = Path(__file__).parent.parent / "explorer"
FLOORS = (
    "alignment",
    "answers",
    "checks",
    "claims",
    "claims.labelled",
    "claims.robustness",
    "cluster",
    "density",
    "engine",
    "formats",
    "full_disk",
    "local",
    "machine",
    "moved",
    "network",
    "parameters",
    "persistence",
    "plane",
    "plane.kinds",
    "problem",
    "profile",
    "properties",
    "sealed",
    "spectrum",
    "survey",
    "walk",
)
GIVEN = {"lossnav.core", *(f"lossnav.core.{name}" for name in FLOORS)}
MODULES = ("checks", "full_disk", "moved", "sealed")  # files, not folders


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of all that a file imports of core, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lossnav.core"):
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.startswith("lossnav.core"))


def test_the_explorer_imports_from_these_floors_alone() -> None:
    used = {(p.name, module) for p in EXPLORER.rglob("*.py") for module, _ in imported(p)}
    assert {each for each in used if each[1] not in GIVEN} == set()
    assert {module for _, module in used} == GIVEN  # and the list holds nothing that is not used


def test_every_name_is_one_that_the_floor_gives() -> None:
    wanted = {each for path in EXPLORER.rglob("*.py") for each in imported(path)}
    private = {
        (module, name)
        for module, name in wanted
        if module.rpartition(".")[2] not in MODULES and name not in importlib.import_module(module).__all__
    }
    assert private == set()


@pytest.mark.parametrize("name", [each for each in FLOORS if each not in MODULES])
def test_what_a_floor_gives_is_there(name: str) -> None:
    module = importlib.import_module(f"lossnav.core.{name}")
    assert all(hasattr(module, each) for each in module.__all__)


def test_help_loads_no_page_no_figure_and_no_file_format() -> None:
    heavy = ("streamlit", "plotly", "matplotlib", "zarr", "h5py", "scipy.stats")
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom lossnav.explorer.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
