"""The documentation: the site builds, names what is public, and its code blocks run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import documents
import pytest
from lossnav import core

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
RUN = ("films-and-meshes.md", "gallery.md", "tutorials/deadline.md", "tutorials/lesson.md", "tutorials/words.md")


def test_the_site_builds_with_every_link_of_it_leading_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    asked = [
        address
        for page in tmp_path.rglob("*.html")
        for address in re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text("utf-8"))
    ]
    assert asked == []  # a page loads nothing from elsewhere
    assert "A trained network with the data and loss" in (tmp_path / "api.html").read_text("utf-8")


def test_the_reference_has_every_public_name_once() -> None:
    named = re.findall(r"^::: lossnav\.core\.(\w+)$", (DOCS / "api.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(core.__all__)


def test_every_picture_of_the_gallery_is_made_by_a_command_on_it() -> None:
    page = DOCS / "gallery.md"
    shown = re.findall(r"!\[[^\]]{20,}\]\(gallery/(\w+)\.webp\)", page.read_text("utf-8"))
    made = [name for block in documents.blocks(page) for name in re.findall(r"-o (\w+)\.png", block.code)]
    assert shown == made
    assert {path.stem for path in (DOCS / "gallery").iterdir()} == set(shown)


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_the_code_on_a_page_runs_as_it_stands(page: str, tmp_path: Path) -> None:
    documents.run(DOCS / page, tmp_path)


def test_a_block_that_fails_is_named_by_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```sh\ntrue\n```\n\n```text\nnot run\n```\n\n```sh\nls nothing-here\ntrue\n```\n")
    assert [(block.language, block.line) for block in documents.blocks(page)] == [("sh", 3), ("sh", 11)]
    with pytest.raises(AssertionError, match=r"page\.md:11\n.*nothing-here"):
        documents.run(page, tmp_path)
