"""Films on paper's surface: what each picture shows, and what their files are."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from artists import named, outside
from lossnav.core import InputError
from lossnav.explorer.figures.paper import FilmSpec, film_frames, save_film
from lossnav.explorer.figures.paper import film_file as files
from lossnav.explorer.figures.paper.film import HOLD, MOST_PIXELS, DrawnFilm, replace_title
from lossnav.explorer.figures.paper.film_file import ENDINGS, gif_bytes
from lossnav.explorer.figures.paper.surface import PIECES
from PIL import Image
from printed import paper

SMALL = FilmSpec(seconds=1, fps=5, size=320)
CAPTIONS = [f"step {k} of 11" for k in range(12)]


@pytest.fixture
def drawing(landscape: xr.Dataset) -> DrawnFilm:
    return DrawnFilm(landscape, replace_title(paper(title="A bowl"), CAPTIONS[-1]), SMALL)


@pytest.mark.parametrize("count", [1, 2, 7, 12])
def test_the_path_goes_to_its_checkpoint_and_ends_there(drawing: DrawnFilm, landscape: xr.Dataset, count: int) -> None:
    drawing.picture(count, CAPTIONS[count - 1], 0.0)
    place = landscape["path_alpha"].values[count - 1], landscape["path_beta"].values[count - 1]
    for line in drawing.path:
        alpha, beta, _ = line.get_data_3d()
        assert len(alpha) == PIECES * (count - 1) + 1
        assert (alpha[-1], beta[-1]) == pytest.approx(place)
        np.testing.assert_allclose(alpha[::PIECES], landscape["path_alpha"].values[:count], atol=1e-12)
    (end,) = named(drawing.figure, "end")
    assert np.ravel(end.get_data_3d())[:2] == pytest.approx(place)
    (said,) = named(drawing.figure, "caption")
    assert said.get_text() == f"A bowl\nstep {count - 1} of 11"


def test_seen_and_hidden_make_the_whole_path(drawing: DrawnFilm) -> None:
    drawing.picture(12, CAPTIONS[-1], 0.0)
    seen, hidden = (np.isfinite(line.get_data_3d()[2]) for line in drawing.path)
    assert (seen | hidden).all()


def test_pictures_are_as_many_as_are_asked_for_and_grow(landscape: xr.Dataset) -> None:
    film = FilmSpec(seconds=2, fps=10, size=320)
    found = list(film_frames(landscape, paper(), film, CAPTIONS))
    assert len(found) == 12, "one for each checkpoint: the others are the same"
    assert sum(times for _, times in found) == film.count + HOLD * film.fps
    assert len({picture.shape for picture, _ in found}) == 1
    assert found[0][0].shape[1] == film.size
    dark = [(picture.max(-1) < 60).sum() for picture, _ in found]  # the path is black
    assert dark[-1] > dark[0]
    changed = np.abs(found[-1][0].astype(int) - found[0][0]).max(-1) > 0
    assert 0.001 < changed.mean() < 0.2, "the rest stays as it is"


def test_a_gif_opens_and_is_the_same_twice(landscape: xr.Dataset) -> None:
    made = [gif_bytes(film_frames(landscape, paper(), SMALL, CAPTIONS), SMALL.fps) for _ in range(2)]
    assert made[0] == made[1]
    picture = Image.open(io.BytesIO(made[0]))
    assert picture.n_frames == SMALL.count
    assert picture.size[0] == SMALL.size
    lasting = 0
    for k in range(picture.n_frames):
        picture.seek(k)
        lasting += picture.info["duration"]
    assert lasting == 1000 * (SMALL.seconds + HOLD)
    assert picture.info["loop"] == 0


def test_a_turning_camera_keeps_everything_on_the_page(landscape: xr.Dataset) -> None:
    film = FilmSpec(seconds=1, fps=2, size=320, turn=90)
    drawing = DrawnFilm(landscape, replace_title(paper(camera=(-55, 36)), CAPTIONS[-1]), film)
    middle = drawing.axes.get_position()
    for turn in (0.0, 45.0, 90.0):
        drawing.picture(12, CAPTIONS[-1], turn)
        assert drawing.axes.azim == pytest.approx(-55 + turn)
        assert outside(drawing.figure) == []
        assert drawing.axes.get_position().bounds == middle.bounds


def test_a_film_needs_a_path_over_a_surface(landscape: xr.Dataset, make_landscape: Callable[..., xr.Dataset]) -> None:
    bare = landscape.drop_vars([name for name in landscape if str(name).startswith("path_")])
    with pytest.raises(InputError, match="--plane trajectory"):
        list(film_frames(bare, paper(), SMALL, []))
    with pytest.raises(InputError, match="one direction"):
        list(film_frames(make_landscape(nb=1), paper(), SMALL, CAPTIONS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": 0},
        {"seconds": 1e9},
        {"fps": 0.5},
        {"fps": float("nan")},
        {"size": 10},
        {"size": 10**6},
        {"turn": 999},
    ],
)
def test_a_film_is_bounded(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(InputError, match=f"A film's {name} should be from"):
        FilmSpec(**wrong)  # type: ignore[arg-type]


def test_all_pictures_together_are_bounded_too() -> None:
    with pytest.raises(InputError, match=f"{MOST_PIXELS / 1e6:.0f} million"):
        FilmSpec(seconds=60, fps=50, size=1920)
    assert FilmSpec(seconds=60, fps=15, size=800).count == 900


def test_other_endings_and_a_missing_ffmpeg_are_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(".gif, .mp4 or .webm")):
        save_film([], tmp_path / "film.avi", 10)
    monkeypatch.setattr(files, "ffmpeg", lambda: None)
    for ending in ENDINGS[1:]:
        with pytest.raises(InputError, match=r"pip install imageio-ffmpeg, or choose \.gif"):
            save_film([], tmp_path / f"film{ending}", 10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS[1:])
def test_a_video_is_one(landscape: xr.Dataset, tmp_path: Path, ending: str) -> None:
    if files.ffmpeg() is None:
        pytest.skip("there is no ffmpeg here")
    made = save_film(film_frames(landscape, paper(), SMALL, CAPTIONS), tmp_path / f"film{ending}", SMALL.fps)
    content = made.read_bytes()
    assert content[4:8] == b"ftyp" if ending == ".mp4" else content[:4] == b"\x1aE\xdf\xa3"
