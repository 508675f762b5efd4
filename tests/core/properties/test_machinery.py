"""No machinery names a single property: what one needs is on its protocol."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lossnav.core import PROPERTIES

ROOT = Path(__file__).resolve().parents[3]
NAMES = {owner.name for owner in PROPERTIES}
MACHINERY = ("core/adaptive", "core/survey", "core/local", "core/formats", "core/properties", "explorer")

# Files that mean a thing of the same name: the words, and the reason; the list of properties may name any.
ABOUT = {
    "core/properties/registry.py": ("*", "the list of properties"),
    "core/formats/density_map.py": ("density", "the density of inputs, which is a map of its own"),
    "core/local/neighbourhood.py": ("coupling", "coupling of a matrix, a quantity of its spectrum"),
    "core/local/context.py": ("coupling", "coupling of a matrix, a quantity of its spectrum"),
    "core/properties/needs.py": ("probability", "the probability of the data, by which a loss is a likelihood"),
    "core/properties/terrain.py": (
        "viscosity",
        "the terrain, an owner of readouts itself: its shape reads what viscosity measures",
    ),
    "explorer/commands/order.py": ("density", "the floor of the readouts of single examples"),
    "explorer/commands/ship.py": ("density", "the page of input density, whose result comes with a sample"),
    "explorer/commands/survey.py": ("elasticity", "the choice of its anchor, which is the problem's"),
    "explorer/controls/survey.py": ("elasticity", "the choice of its anchor, which is the problem's"),
    "core/survey/intervals.py": ("elasticity", "the draws of the Fisher, over which its error is"),
    "core/survey/cost.py": ("memory", "the machine's memory"),
    "core/formats/__init__.py": ("density", "the density of inputs, which is a map of its own"),
    "core/formats/vtp.py": ("memory", "the machine's memory"),
    "core/formats/hdf5_headers.py": ("memory", "the machine's memory"),
    "core/properties/__init__.py": ("elasticity", "the choice of its anchor, which is the problem's"),
    "explorer/cache.py": ("coupling, density", "the folders of what the pages of spectra and of input density keep"),
    "explorer/summaries/verdict.py": (
        "density, probability, viscosity",
        "what a verdict is of: gradient against its noise, classes, and the sign of the curvature",
    ),
    "explorer/server.py": ("memory", "the machine's memory"),
    "core/survey/footprint.py": ("memory", "the machine's memory"),
    "core/survey/integrity.py": ("memory", "the machine's memory"),
    "core/local/workers.py": ("memory", "the machine's memory"),
    "explorer/summaries/atlas.py": ("perplexity", "an example in words of what follows from the loss by definition"),
    "explorer/app.py": ("density", "the page of input density"),
    "explorer/commands/claim_looks.py": ("memory, viscosity", "the claim memory, whose live run and twins it shows"),
    "explorer/commands/claim_robustness.py": ("coupling, memory", "claims of these names, in its help"),
    "explorer/panels/claim_card.py": ("memory", "the claim of that name, which has a map"),
    "explorer/request/claim.py": ("memory", "the claim of that name, whose live run and twins it keeps"),
    "explorer/panels/answers.py": ("probability", "what a network gives each class"),
    "explorer/panels/coupling_forecast.py": ("coupling", "the coupling of a matrix, whose computation it forecasts"),
    "explorer/panels/density_look.py": ("density", "the page of input density"),
    "explorer/panels/inside.py": ("coupling", "the coupling of a matrix"),
    "explorer/summaries/answers.py": ("probability", "what a network gives each class"),
    "explorer/cli.py": ("coupling, density", "the commands for input density and for the coupling of a matrix"),
    "explorer/commands/coupling.py": ("coupling", "the command for the coupling of a matrix"),
    "explorer/commands/density.py": ("density", "the command for input density"),
    "explorer/controls/density.py": ("density, perplexity", "the page of input density"),
    "explorer/controls/spectrum.py": ("coupling", "the page of spectra, with the coupling of a matrix"),
    "explorer/figures/shared/density_scale.py": (
        "density, perplexity",
        "numbers of single examples on the page of input density",
    ),
    "explorer/figures/shared/marchenko_pastur.py": ("density", "a density of eigenvalues"),
    "explorer/figures/web/claim.py": ("density", "input density"),
    "explorer/figures/web/coupling.py": ("coupling", "the coupling of a matrix"),
    "explorer/figures/web/density.py": (
        "density, perplexity, probability",
        "input density, and numbers of single examples",
    ),
    "explorer/figures/web/spectral_density.py": ("density", "a density of eigenvalues"),
    "explorer/moved.py": ("coupling, density", "names of modules, as they were"),
    "explorer/panels/coupling.py": ("coupling", "the coupling of a matrix"),
    "explorer/panels/density.py": ("density", "the page of input density"),
    "explorer/panels/spectrum.py": ("density", "a density of eigenvalues"),
    "explorer/request/density.py": ("density", "the command for input density"),
    "explorer/request/spectrum.py": ("coupling, density", "densities of eigenvalues, and the coupling of a matrix"),
    "explorer/summaries/coupling.py": ("coupling", "the coupling of a matrix"),
    "explorer/views/density.py": ("density", "the page of input density"),
    "explorer/views/spectrum.py": ("coupling", "the page of spectra, with the coupling of a matrix"),
    "explorer/views/vocabulary.py": ("probability", "what the framework says of all of them"),
}


def words(path: Path) -> Iterator[str]:
    """Identifiers and texts of a file, docstrings apart."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        for name in ("id", "attr", "arg", "name", "asname", "module"):
            if isinstance(found := getattr(node, name, None), str):
                yield found
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def named(path: Path) -> set[str]:
    """The properties that a file names."""
    return {part for word in words(path) for part in re.findall(r"[a-z]+", word.lower()) if part in NAMES}


def files() -> list[str]:
    own = {f"core/properties/{name}.py" for name in NAMES}
    found = (path.relative_to(ROOT).as_posix() for folder in MACHINERY for path in (ROOT / folder).rglob("*.py"))
    return sorted(name for name in found if name not in own)


@pytest.mark.parametrize("name", [name for name in files() if name not in ABOUT])
def test_machinery_names_no_property(name: str) -> None:
    assert named(ROOT / name) == set(), (
        "ask the protocol; where the word means another thing here, give a reason in ABOUT"
    )


@pytest.mark.parametrize("name", ABOUT)
def test_every_exception_is_one_and_no_more(name: str) -> None:
    allowed, reason = ABOUT[name]
    assert reason
    assert named(ROOT / name) == (NAMES if allowed == "*" else set(allowed.split(", ")))


def test_a_name_would_be_found(tmp_path: Path) -> None:
    file = tmp_path / "machinery.py"
    file.write_text('"""Memory is free."""\nif owner.startswith("elasticity_"):\n    own_viscosity = None\n', "utf-8")
    assert named(file) == {"elasticity", "viscosity"}
