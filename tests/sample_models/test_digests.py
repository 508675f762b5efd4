"""A byte that changes in what is shipped with a sample is one sentence when it is read, in a program and on the page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core import InputError, load_problem
from lossnav.sample_models import NAMES, _store, card, catalogue, linear_regression
from lossnav.sample_models.digests import DIGESTS, digest, write_digests
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
SAMPLE = "linear-regression"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sample's folder that may be spoilt."""
    place = tmp_path / SAMPLE
    shutil.copytree(catalogue.folder(SAMPLE), place)
    for module in (catalogue, _store):
        folder = module.folder
        monkeypatch.setattr(module, "folder", lambda name, folder=folder: place if name == SAMPLE else folder(name))
    return place


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_a_sample_has_its_digest(name: str) -> None:
    folder = catalogue.folder(name)
    listed = json.loads((folder / DIGESTS).read_text("utf-8"))
    assert listed == {path.name: digest(path) for path in folder.iterdir() if path.name != DIGESTS}


@pytest.mark.parametrize("name", ["final.safetensors", "trajectory.safetensors"])
def test_a_changed_byte_in_shipped_weights_is_a_sentence(own: Path, name: str) -> None:
    assert linear_regression.problem().example_count > 0
    flipped(own / name)
    with pytest.raises(InputError, match=rf"^'{name}' of the sample '{SAMPLE}' is damaged: .*Install lossnav anew\.$"):
        linear_regression.problem()
    with pytest.raises(InputError, match="is damaged"):
        load_problem(SAMPLE)


def test_files_and_digests_that_are_gone_or_spoilt_are_said_too(own: Path) -> None:
    for spoil in (Path.unlink, lambda path: path.write_text("[]"), lambda path: path.write_text("{")):
        write_digests(own)
        linear_regression.problem()
        spoil(own / DIGESTS)
        with pytest.raises(InputError, match="is damaged"):
            linear_regression.problem()
    (own / "anchor.safetensors").write_bytes(b"")
    write_digests(own)
    (own / "anchor.safetensors").unlink()
    with pytest.raises(InputError, match=r"'anchor.safetensors' .* is damaged"):
        linear_regression.problem()


def test_a_damaged_card_is_a_sentence_on_every_page(own: Path) -> None:
    flipped(own / "card.json")
    with pytest.raises(InputError, match=r"'card.json' of the sample"):
        card(SAMPLE)
    for view in ("terrain", "spectrum", "density", "models", "atlas", "compare"):
        app = AppTest.from_file(APP, default_timeout=120)
        app.query_params["model"] = SAMPLE
        app.switch_page(f"views/{view}.py").run()
        assert not app.exception, view


def test_damaged_weights_do_not_keep_a_page_from_opening(own: Path) -> None:
    flipped(own / "final.safetensors")
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"] = SAMPLE
    assert not app.run().exception
