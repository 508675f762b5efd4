"""docs/adding-a-plane.md carried out: its own example in a copy of the tree, surveyed, drawn and shown without another touch."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECIPE = (ROOT / "docs" / "adding-a-plane.md").read_text(encoding="utf-8")
FACES = """
import json, sys
from pathlib import Path
import lossnav.core, lossnav.explorer
assert lossnav.core.__file__.startswith(sys.argv[1]), lossnav.core.__file__
from streamlit.testing.v1 import AppTest
from lossnav.core import Plane, load_problem, read_landscape
from lossnav.core.plane.identity import plane_recipe
from lossnav.explorer.figures.paper import PaperSpec, draw_map
from lossnav.explorer.figures.shared.picture import axis_titles
from lossnav.explorer.state import Drawing, View
import typed_command

commands = [vars(typed_command.lossnav(*words)) for words in json.loads(sys.argv[3])]  # all in this process: each start takes seconds
problem = load_problem("gaussians-mlp")
planes = [Plane.make("shrinking", problem, strength=s) for s in (0.5, 0.25)]
land = read_landscape(sys.argv[2])
printed = draw_map(land, PaperSpec(View(Drawing("loss")).picture(land))).axes[0]
app = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=120).run()
app.selectbox(key="plane").set_value("shrinking").run()
print(json.dumps({
    "commands": commands,
    "moved": all(bool((planes[0].at(1.0)[n] == 0.5 * t).all()) for n, t in problem.parameters.items()),
    "recipes": [plane_recipe(plane) for plane in planes],
    "page": axis_titles(land), "print": (printed.get_xlabel(), printed.get_ylabel()), "plane": json.loads(land.attrs["plane"]),
    "offered": app.selectbox(key="plane").options, "default": app.number_input(key="strength").value,
    "live": app.toggle(key="live").disabled, "errors": [str(e.value) for e in app.exception],
}))
"""


def block(number: int) -> str:
    return re.findall(r"```python\n(.*?)```", RECIPE, re.S)[number]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `lossnav` with the three tops in it and one kind of plane more: a file and a line (and its import)."""
    top = tmp_path_factory.mktemp("copy") / "lossnav"
    for folder in ("core", "explorer", "sample_models"):
        shutil.copytree(ROOT / folder, top / folder, ignore=shutil.ignore_patterns("__pycache__"))
    kinds = top / "core" / "plane" / "kinds"
    (kinds / "shrinking.py").write_text(block(0), encoding="utf-8")
    (list_file := kinds / "__init__.py").write_text(
        list_file.read_text(encoding="utf-8")
        .replace("from .through", f"{block(1).splitlines()[0]}\nfrom .through")
        .replace("    THROUGH,\n", "    THROUGH,\n    SHRINKING,\n"),
        encoding="utf-8",
    )
    return top.parent


def python(tree: Path, *words: str) -> str:
    """What a Python process prints that sees the copy in place of this tree."""
    # -S keeps the editable installation's own finder of `lossnav` out; what it would add is put back by hand
    paths = os.pathsep.join([str(tree), str(ROOT / "tests"), *(p for p in sys.path if p.endswith("site-packages"))])
    run = subprocess.run(
        [sys.executable, "-S", *words],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(tree)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
def test_a_kind_of_plane_is_its_file_and_its_line(tree: Path) -> None:
    out = str(tree / "out.zarr")
    survey, shrinking = ("survey", "gaussians-mlp"), ("--plane", "shrinking", "--strength")
    commands = (
        (*survey, *shrinking, "0.5", "--grid", "5", "--overlay", "forward", "--turn", "20", "--out", out),
        (*survey, *shrinking, "99", "--out", out),
        (*survey, "--strength", "0.5", "--out", out),
        ("survey", "--help"),
    )
    faces = json.loads(python(tree, "-c", FACES, str(tree), out, json.dumps(commands)).splitlines()[-1])
    made, wrong, other, helped = faces["commands"]
    assert [each["returncode"] for each in faces["commands"]] == [0, 2, 2, 0], made["stderr"]
    assert "strength should be from 0 to 10, but is 99.0" in wrong["stderr"]
    assert "--strength is of --plane shrinking" in other["stderr"]
    assert "--strength" in helped["stdout"]
    assert "shrinking" in helped["stdout"]

    assert faces["moved"]
    assert faces["recipes"][0] != faces["recipes"][1]
    assert faces["page"] == faces["print"] == ["α · weights towards zero", "β · biases, turned by 20°"]
    assert faces["plane"]["strength"] == 0.5
    assert "Weights towards zero" in faces["offered"]
    assert (faces["default"], faces["live"], faces["errors"]) == (1.0, False, [])
