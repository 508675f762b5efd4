"""The built wheel, installed where nothing of the checkout can be seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("core", "explorer", "sample_models", "pyproject.toml", "README.md")
USED = """
import lossnav.core, lossnav.explorer
from lossnav.explorer.cli import app
from streamlit.testing.v1 import AppTest

print(*lossnav.core.__path__)
for words in (
    ("survey", "gaussians-mlp", "--grid", "5", "--out", "land.zarr"),
    ("figure", "land.zarr", "-o", "map.pdf"),
    ("convert", "land.zarr", "land.nc"),
):
    app(words, standalone_mode=False)  # in one process: each start takes seconds
page = AppTest.from_file(lossnav.explorer.__path__[0] + "/app.py", default_timeout=120).run()
print(page.exception, sum('"figure"' in c.proto.json for c in page.get("bidi_component")))
"""

pytestmark = pytest.mark.slow


def run(*words: str | Path, folder: Path) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    clean["XDG_CACHE_HOME"] = str(folder / "cache")
    result = subprocess.run([str(w) for w in words], cwd=folder, env=clean, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment that has the wheel, and our dependencies, but not our editable install."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, source / part)
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        source,
        folder=folder,
    )
    venv.create(folder / "env")
    python = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("lossnav-*.whl")
    pip = (sys.executable, "-m", "pip", "--python", python)  # the pip that is there: installing another takes seconds
    run(*pip, "install", "--quiet", "--no-deps", wheel, folder=folder)
    # a path in a .pth is searched, but the .pth files in it are not read: dependencies are found, the editable install is not
    (site,) = (folder / "env").glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")) + "\n")
    shutil.rmtree(source)
    return folder


def test_the_wheel_brings_samples_pages_and_words(installed: Path) -> None:
    python, lossnav = installed / "env" / "bin" / "python", installed / "env" / "bin" / "lossnav"
    assert "digits-resnet" in run(lossnav, "samples", folder=installed)
    said = run(python, "-c", USED, folder=installed)
    assert said.startswith(str(installed / "env"))
    assert "ElementList() 2" in said
    assert (installed / "map.pdf").read_bytes().startswith(b"%PDF")
    assert (installed / "land.nc").exists()
