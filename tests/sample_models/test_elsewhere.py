"""Samples of other packages, found by their entry points: on the page, in the command, and loaded by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core import load_problem
from lossnav.explorer.cli import app
from lossnav.sample_models import NAMES, card, catalogue, names
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

MODULE = """
import torch
from torch import nn
from lossnav.core import Problem

def problem():
    torch.manual_seed(0)
    return Problem(nn.Linear(3, 2), torch.randn(8, 3), torch.arange(8) % 2)

CARD = {"title": "A line between two heaps", "parameters": 8, "network": "one linear layer"}
"""
ENTRIES = """[lossnav.samples]
two-heaps = their_samples:problem
without-card = their_samples:problem
[lossnav.cards]
two-heaps = their_samples:CARD
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that ships two samples, one with a card."""
    (tmp_path / "their_samples.py").write_text(MODULE)
    facts = tmp_path / "their_samples-1.2.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: their-samples\nVersion: 1.2\n")
    (facts / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue._elsewhere.cache_clear()
    yield
    catalogue._elsewhere.cache_clear()


@pytest.mark.usefixtures("package")
def test_they_are_listed_with_their_cards() -> None:
    assert names() == (*NAMES, "two-heaps", "without-card")
    assert card("two-heaps")["title"] == "A line between two heaps"
    assert card("two-heaps")["summary"] == "A sample of their-samples 1.2."
    assert card("without-card")["title"] == "without-card"
    listed = CliRunner().invoke(app, ["samples"]).output
    assert "A line between two heaps" in listed
    assert load_problem("two-heaps").parameter_count == 8


@pytest.mark.usefixtures("package")
def test_they_are_on_the_page() -> None:
    page = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=120)
    page.run()
    assert "two-heaps" in page.selectbox(key="model").options
    page.switch_page("views/models.py").run()
    assert not page.exception
    assert [box.value for box in page.subheader][-2:] == ["A line between two heaps", "without-card"]


def test_without_other_packages_there_are_those_shipped() -> None:
    catalogue._elsewhere.cache_clear()
    assert names() == NAMES
    with pytest.raises(ValueError, match="no sample is named"):
        card("two-heaps")
