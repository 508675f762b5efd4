"""The built wheel, installed where nothing of the checkout can be seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("core", "explorer", "sample_models", "pyproject.toml", "README.md")

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
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("lossnav-*.whl")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, folder=folder)
    # a path in a .pth is searched, but the .pth files in it are not read: dependencies are found, the editable install is not
    (site,) = (folder / "env").glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.rmtree(source)
    return folder


def test_the_wheel_brings_samples_pages_and_words(installed: Path) -> None:
    python, lossnav = installed / "env" / "bin" / "python", installed / "env" / "bin" / "lossnav"
    where = run(python, "-c", "import lossnav.core; print(list(lossnav.core.__path__))", folder=installed)
    assert str(installed) in where
    assert "digits-resnet" in run(lossnav, "samples", folder=installed)
    run(lossnav, "survey", "gaussians-mlp", "--grid", "5", "--out", "land.zarr", folder=installed)
    run(lossnav, "figure", "land.zarr", "-o", "map.pdf", folder=installed)
    run(lossnav, "convert", "land.zarr", "land.nc", folder=installed)
    page = (
        "from streamlit.testing.v1 import AppTest; import lossnav.explorer as e;"
        "app = AppTest.from_file(e.__path__[0] + '/app.py', default_timeout=120).run();"
        "print(app.exception, sum('\"figure\"' in c.proto.json for c in app.get('bidi_component')))"
    )
    assert "ElementList() 2" in run(python, "-c", page, folder=installed)
