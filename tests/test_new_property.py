"""docs/adding-a-property.md, followed to the letter in a copy of the tree: the property is everywhere at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lossnav.core import Plane, load_problem, read_landscape, survey

ROOT = Path(__file__).resolve().parent.parent
RECIPE = (ROOT / "docs" / "adding-a-property.md").read_text("utf-8")
CODE = ("core", "explorer", "sample_models", "tests")
GRID = ("--grid", "5", "--every", "4", "--no-fidelity")

pytestmark = pytest.mark.slow


def blocks(language: str) -> list[str]:
    """The recipe's blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", RECIPE, re.DOTALL)


def with_line(text: str, diff: str) -> str:
    """`text` with the recipe's new line after the line that it stands under there."""
    before, after = (line[1:] for line in diff.splitlines())
    assert text.count(f"{before}\n") == 1
    return text.replace(f"{before}\n", f"{before}\n{after}\n")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the recipe's file and its line, and nothing else."""
    folder = tmp_path_factory.mktemp("new") / "tree"
    heavy = shutil.ignore_patterns("__pycache__", "weights", "landscapes")
    for part in CODE:
        shutil.copytree(ROOT / part, folder / part, ignore=heavy)
    for part in ("weights", "landscapes"):
        (folder / "sample_models" / part).symlink_to(ROOT / "sample_models" / part)
    for part in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / part, folder / part)
    (folder / ".source" / "lossnav").mkdir(parents=True)
    for part in CODE[:-1]:
        (folder / ".source" / "lossnav" / part).symlink_to(folder / part)
    (folder / "core" / "properties" / "surprise.py").write_text(blocks("python")[0], "utf-8")
    registry = folder / "core" / "properties" / "registry.py"
    for diff in blocks("diff"):
        registry.write_text(with_line(registry.read_text("utf-8"), diff), "utf-8")
    return folder


def run(tree: Path, *words: str, cache: Path | None = None) -> str:
    """What a Python process says that sees the copy in place of this tree."""
    clean = {
        "PYTHONPATH": str(tree / ".source"),
        "XDG_CACHE_HOME": str(cache or tree / ".cache"),
        "OMP_NUM_THREADS": "1",
    }
    result = subprocess.run(
        [sys.executable, *words], cwd=tree, env=os.environ | clean, capture_output=True, text=True, timeout=900
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


TYPED = """
import json, sys
from lossnav.explorer.cli import app
for words in json.loads(sys.argv[1]):
    app(words, standalone_mode=False)
"""


def lossnav(tree: Path, *commands: tuple[str | Path, ...]) -> None:
    """Commands, one after the other in one process."""
    run(tree, "-c", TYPED, json.dumps([list(map(str, words)) for words in commands]))


def test_the_copy_is_what_runs(tree: Path) -> None:
    said = run(
        tree,
        "-c",
        "import importlib.util as u; print(*(u.find_spec(f'lossnav.{p}').origin for p in ('core', 'sample_models')))",
    )
    assert all(Path(each).resolve().is_relative_to(tree.resolve()) for each in said.split())


def test_it_is_clean_code_and_passes_every_contract(tree: Path) -> None:
    run(tree, "-m", "ruff", "check", "core")
    run(tree, "-m", "ruff", "format", "--check", "core")
    elsewhere = ("core/properties/test_machinery", "explorer/figures/test_style", "core/properties/test_selection")
    files = [f"tests/{name}.py" for name in ("core/properties/test_properties", *elsewhere)]
    chosen = " or ".join(("surprise", "names_knobs", *(Path(name).name for name in elsewhere)))
    said = run(tree, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", chosen, *files)
    assert all(Path(file).name in said for file in files)


def test_the_readme_gets_its_row(tree: Path) -> None:
    run(tree, "-m", "lossnav.core.properties.table", "README.md")
    assert "| surprise | `surprise` Surprise |\n" in (tree / "README.md").read_text("utf-8")


def test_the_command_measures_it_and_draws_it(tree: Path) -> None:
    land = tree / "one.zarr"
    lossnav(
        tree,
        ("survey", "gaussians-mlp", "--overlay", "surprise", *GRID, "--out", land),
        ("convert", land, tree / "one.csv"),
        *(("figure", land, "--kind", k, "--color", "surprise", "-o", tree / f"{k}.svg") for k in ("map", "surface")),
    )
    names, *rows = (tree / "one.csv").read_text("utf-8").splitlines()
    bits, loss = (
        np.array([float(row.split(",")[names.split(",").index(name)]) for row in rows]) for name in ("surprise", "loss")
    )
    np.testing.assert_allclose(bits, loss / np.log(2), rtol=1e-6)
    for kind in ("map", "surface"):
        assert "Surprise (bits)" in (tree / f"{kind}.svg").read_text("utf-8")


def test_a_survey_that_was_stored_before_is_drawn_and_goes_on(tree: Path) -> None:
    problem, path = load_problem("gaussians-mlp"), tree / "before.zarr"
    plane = Plane.random(problem)
    before = survey(problem, plane, (5, 5), overlays=("all",), every=4, store=path)
    kept = tree / "kept.zarr"
    shutil.copytree(path, kept)
    again = ("survey", "gaussians-mlp", *GRID, "--out", path)
    drawn = ("figure", path, "--color", "surprise", "--contours", "surprise", "-o", tree / "before.pdf")
    lossnav(tree, drawn, again, ("convert", path, tree / "after.nc"))
    assert (tree / "before.pdf").read_bytes().startswith(b"%PDF")
    after = read_landscape(path)
    for name in map(str, before.data_vars):
        np.testing.assert_array_equal(after[name].values, before[name].values)
    stored = json.loads((path / "zarr.json").read_text("utf-8"))["attributes"]
    old = json.loads((kept / "zarr.json").read_text("utf-8"))["attributes"]
    assert set(stored["overlays"]) - set(old["overlays"]) == {"surprise"}
    assert stored["about"]["provenance"] == old["about"]["provenance"]  # nothing had to be measured
    assert stored["columns"] == old["columns"]
    lossnav(tree, again)  # and once more: now it is the same survey
    assert json.loads((path / "zarr.json").read_text("utf-8"))["attributes"]["spec"] == stored["spec"]


PAGE = """
import json, sys
from pathlib import Path
import lossnav.explorer
from lossnav.core.survey import unmeasured
from lossnav.explorer.delivered import figure_at
from lossnav.explorer.landscapes import exact_match
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.sample_models import NAMES
from streamlit.testing.v1 import AppTest

def drawn(app, kind):
    places = [json.loads(chart.proto.json)["figure"] for chart in app.get("bidi_component") if '"figure"' in chart.proto.json]
    figures = [json.loads(figure_at(place)) for place in places]
    return next(f for f in figures if f["data"][0]["type"] == kind)

def fine(app):
    assert not app.exception, app.exception
    assert not app.error, [box.value for box in app.error]

app = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=300).run()
fine(app)
plain = drawn(app, "surface")["data"][0]["colorscale"]
assert not app.toggle(key="on_surprise").disabled
app.toggle(key="on_surprise").set_value(True).run()
fine(app)
surface, flat = drawn(app, "surface"), drawn(app, "heatmap")
assert "Surprise" in surface["data"][0]["colorbar"]["title"]["text"]
assert surface["data"][0]["colorscale"] != plain
assert "Surprise (bits)" in flat["data"][0]["hovertemplate"]
assert app.selectbox(key="readout_surprise").options == ["Surprise"]
table = next(box.proto.body for box in app.get("html") if "Readouts at the picked point" in box.proto.body)
assert "<dt>Surprise</dt>" in table and "<small>bits</small>" in table
values = [box.proto.body for box in app.get("html") if "class='value'" in box.proto.body]
assert len(values) == sum(toggle.key.startswith("on_") for toggle in app.toggle)
app.toggle(key="on_probability").set_value(True).run()
fine(app)
app.segmented_control(key="color_probability_surprise").set_value("probability").run()
fine(app)
assert any((trace.get("line") or {}).get("color") == "#6A7B2B" for trace in drawn(app, "heatmap")["data"])
assert any("Surprise (bits), low … high" in box.proto.body for box in app.get("html"))
for name in NAMES:
    for plane in ("random", "trajectory"):
        app.selectbox(key="model").set_value(name)
        app.selectbox(key="plane").set_value(plane).run()
        fine(app)
        assert not app.toggle(key="on_surprise").disabled, name
        assert any("<dt>Surprise</dt>" in box.proto.body for box in app.get("html")), name
        request = SurveyRequest(name, plane)
        found = exact_match(request)
        assert found.drawable and "surprise" not in unmeasured(found.points), name  # it follows from what is stored
        said = [box.value for box in app.caption]
        assert found.complete(request) or found.older(request) in said, (name, said)
app.switch_page("views/vocabulary.py").run()
fine(app)
assert app.title[0].value == "The eight navigator properties"
assert "Five readouts derived from them" in [box.value for box in app.subheader]
texts = " ".join(box.value for box in app.markdown)
assert "**Surprise** · low … high · *derived*" in texts and "The mean loss in bits." in texts
assert any(r"-\\log_2 P(x_i)" in box.value for box in app.latex)
print("fine")
"""

EXPORT = """
import numpy as np
from lossnav.core import Settings
from lossnav.core.survey import unmeasured
from lossnav.explorer.export import Export, exported
from lossnav.explorer.landscapes import exact_match
from lossnav.explorer.panels.inspector import inspected
from lossnav.explorer.request.point import PointRequest
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.state import Drawing, View

request = SurveyRequest("gaussians-mlp")
found = exact_match(request)
assert found.done == found.total and "surprise" not in unmeasured(found.points)
land = found.landscape(Settings())
np.testing.assert_array_equal(land["surprise"].values, land["loss"].values / np.log(2))
assert ("Surprise", "bits") in [(name, unit) for name, _, unit in inspected(land, (0, 0))]
picture = View(Drawing("loss"), {"surprise": Drawing("surprise")}, "surprise").picture(land)
for kind in ("map", "surface"):
    for file_format in ("pdf", "html", "csv", "nc"):
        assert len(exported(land, picture, Export(kind, file_format, "single"))) > 1000
assert b",surprise" in exported(land, picture, Export("map", "csv", "single")).splitlines()[0]
assert "surprise" in PointRequest(request, (0.0, 0.0)).arguments
print("fine")
"""


def test_the_pages_show_it(tree: Path, tmp_path: Path) -> None:
    assert run(tree, "-c", PAGE, cache=tmp_path).endswith("fine\n")


def test_exports_the_inspector_and_one_point_in_full_have_it(tree: Path, tmp_path: Path) -> None:
    assert run(tree, "-c", EXPORT, cache=tmp_path).endswith("fine\n")
