"""What an installation holds: every sub-package, the type marker, and arrows that point one way."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("core", "explorer", "sample_models")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def packages_in_the_tree() -> set[str]:
    return {
        f"lossnav.{'.'.join(path.parent.relative_to(ROOT).parts)}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("__init__.py")
    }


def test_every_sub_package_is_listed() -> None:
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages_in_the_tree()


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    assert [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_types_are_shipped(folder: str) -> None:
    assert (ROOT / folder / "py.typed").exists()
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"][f"lossnav.{folder}"]


def imports(path: Path) -> Iterator[str]:
    """Absolute names of what a file imports, also inside functions."""
    parts = ("lossnav", *path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


DRAWING = ("streamlit", "plotly", "matplotlib")
FORBIDDEN = {
    "core": (*DRAWING, "lossnav.explorer", "lossnav.sample_models"),
    "sample_models": (*DRAWING, "lossnav.explorer"),
}


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_arrows_point_one_way(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in imports(path)
        if any(name == each or name.startswith(f"{each}.") for each in FORBIDDEN[folder])
    ]
    assert wrong == []


def test_core_alone_needs_no_interface_and_no_store() -> None:
    blocked = ("zarr", "streamlit", "plotly", "matplotlib", "lossnav.explorer", "lossnav.sample_models")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked}))\n"
        "import torch; from torch import nn; from lossnav.core import Plane, Problem, survey\n"
        "problem = Problem(nn.Linear(2, 2), torch.ones(3, 2), torch.tensor([0, 1, 0]))\n"
        "assert survey(problem, Plane.random(problem), (2, 2), overlays=('all',))['loss'].shape == (2, 2)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_entry_points_are_functions_of_sample_modules() -> None:
    for name, target in PROJECT["project"]["entry-points"]["lossnav.samples"].items():
        module, _, function = target.partition(":")
        assert module == f"lossnav.sample_models.{name.replace('-', '_')}"
        path = ROOT.joinpath(*module.removeprefix("lossnav.").split(".")).with_suffix(".py")
        assert path.is_file(), f"{name} has no module {path.name}"
        defined = {n.name for n in ast.parse(path.read_text("utf-8")).body if isinstance(n, ast.FunctionDef)}
        assert function in defined


def test_the_command_is_there() -> None:
    module, _, function = PROJECT["project"]["scripts"]["lossnav"].partition(":")
    path = ROOT.joinpath(*module.removeprefix("lossnav.").split(".")).with_suffix(".py")
    defined = {n.name for n in ast.parse(path.read_text("utf-8")).body if isinstance(n, ast.FunctionDef)}
    assert function in defined
