"""The files that paper figures become: whole, the same bytes each time, text as text."""

import hashlib
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import xarray as xr
from lossnav.explorer.figures.paper import draw_map, draw_surface, save
from printed import paper

TESTS = str(Path(__file__).parents[2])
BOTH = [draw_map, draw_surface]


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
@pytest.mark.parametrize("draw", BOTH)
def test_the_same_bytes_twice_and_in_another_process(draw, ending: str, landscape: xr.Dataset, tmp_path: Path) -> None:
    spec = paper(color="elasticity", arrows=True)
    digests = [
        hashlib.sha256(save(draw(landscape, spec), tmp_path / f"{k}.{ending}").read_bytes()).hexdigest()
        for k in range(2)
    ]
    landscape.to_netcdf(tmp_path / "landscape.nc", engine="h5netcdf")
    code = (
        "import hashlib, sys, xarray as xr\n"
        f"sys.path.insert(0, {TESTS!r})\n"
        "from printed import paper\n"
        f"from lossnav.explorer.figures.paper import {draw.__name__} as draw, save\n"
        "landscape = xr.load_dataset(sys.argv[1], engine='h5netcdf')\n"
        "figure = draw(landscape, paper(color='elasticity', arrows=True))\n"
        "print(hashlib.sha256(save(figure, sys.argv[2]).read_bytes()).hexdigest())"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "landscape.nc"), str(tmp_path / f"other.{ending}")]
    other = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()
    assert digests == [other, other]


@pytest.mark.parametrize("draw", BOTH)
def test_pdf_fonts_are_embedded_as_type_42(draw, landscape: xr.Dataset, tmp_path: Path) -> None:
    content = save(draw(landscape, paper(color="elasticity", arrows=True)), tmp_path / "a.pdf").read_bytes()
    assert b"/CIDFontType2" in content
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    assert b"CreationDate" not in content


def test_the_dense_part_of_a_pdf_is_one_picture_of_300_dpi_or_more(landscape: xr.Dataset, tmp_path: Path) -> None:
    content = save(draw_surface(landscape, paper()), tmp_path / "a.pdf").read_bytes()
    widths = [int(width) for width in re.findall(rb"/Width (\d+)", content)]
    assert max(widths) > 300 * 3.25 * 0.6
    assert sum(len(part) for part in streams(content) if part.count(b" l\n") > 1000) < 2_000_000
    assert len(content) < 2_000_000


def streams(pdf: bytes) -> list[bytes]:
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(part) if part[:1] == b"x" else part for part in found]


@pytest.mark.parametrize("draw", BOTH)
def test_svg_text_stays_text(draw, landscape: xr.Dataset, tmp_path: Path) -> None:
    content = save(draw(landscape, paper(color="elasticity")), tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<text" in content
    assert "EWC penalty (nats)</text>" in content
    assert "not-stretchy</text>" in content
    assert "DejaVu Sans" in content
    assert "<dc:date>" not in content
    assert content.count("<image") >= 1


def test_files_appear_whole_and_alone(landscape: xr.Dataset, tmp_path: Path) -> None:
    assert save(draw_map(landscape, paper()), str(tmp_path / "a.PDF")) == tmp_path / "a.PDF"
    assert [path.name for path in tmp_path.iterdir()] == ["a.PDF"]
