"""The surface on paper: hidden parts, heights, the camera."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from artists import named, outside
from lossnav.explorer.figures.paper import draw_surface
from lossnav.explorer.figures.paper.camera import angles
from lossnav.explorer.figures.shared.scales import Scale
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from printed import paper

WIDTHS = ("single", "double", "slide")


def test_the_surface_is_rasterised_and_the_rest_is_not(landscape: xr.Dataset) -> None:
    figure = draw_surface(landscape, paper(color="density", contours=("loss", "memory")))
    (surface,) = named(figure, "surface")
    assert isinstance(surface, Poly3DCollection)
    assert surface.get_rasterized()
    assert figure.dpi >= 300
    for gid in ("contour-loss", "contour-memory", "path"):
        assert named(figure, gid)
        assert not any(artist.get_rasterized() for artist in named(figure, gid))


def test_gaps_are_holes_in_the_surface(landscape: xr.Dataset, make_landscape: Callable[..., xr.Dataset]) -> None:
    holed, whole = (
        named(draw_surface(data, paper()), "surface")[0] for data in (landscape, make_landscape(gaps=False))
    )
    assert len(holed._faces) < len(whole._faces)
    assert np.isfinite(holed._faces).all()
    # The colours next to a hole are colours, not the black of a missing number.
    assert holed.get_facecolor()[:, :3].sum(axis=1).min() > 0.2


def test_height_has_ticks_in_original_units(landscape: xr.Dataset) -> None:
    axes = draw_surface(landscape, paper(elevation_scale=Scale("log"))).axes[0]
    ticks = dict(zip(axes.get_zticks(), [t.get_text() for t in axes.get_zticklabels()], strict=True))
    assert ticks[0.0] == "1"
    assert ticks[1.0] == "10"
    assert axes.get_zlabel() == "loss (nats)"


def test_the_camera_is_that_of_the_page(landscape: xr.Dataset) -> None:
    axes = draw_surface(landscape, paper(camera={"x": 1.25, "y": 1.25, "z": 1.25})).axes[0]
    assert axes.azim == pytest.approx(45)
    assert axes.elev == pytest.approx(np.degrees(np.arctan(1 / np.sqrt(2))))
    assert angles((30, 60)) == (30, 60)


@pytest.mark.parametrize("eye", [{"x": 1, "y": 2}, {"x": 0, "y": 0, "z": 0}])
def test_an_eye_that_sees_nothing_is_refused(eye: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="camera's eye"):
        angles(eye)


@pytest.mark.parametrize("camera", [(-55, 36), (45, 5), (200, 80), (10, -30)])
@pytest.mark.parametrize("width", WIDTHS)
def test_labels_stay_on_the_page_from_everywhere(
    camera: tuple[float, float], width: str, landscape: xr.Dataset
) -> None:
    assert outside(draw_surface(landscape, paper(width=width, camera=camera))) == []


def test_a_path_behind_a_hill_is_dotted(landscape: xr.Dataset) -> None:
    a, b = xr.broadcast(landscape["alpha"], landscape["beta"])
    landscape["loss"] = landscape["loss"].copy(data=0.01 + 5 * np.exp(-(b**2) / 0.02) + 0 * a)
    landscape["path_alpha"][:] = 0.0
    landscape["path_beta"][:] = np.linspace(-0.7, 0.8, 12)
    spec = paper(camera=(-90, 50), elevation_scale=Scale())
    seen, hidden = named(draw_surface(landscape, spec), "path")
    assert np.isfinite(seen.get_data_3d()[2][0])
    assert np.isnan(hidden.get_data_3d()[2][0])
    behind = np.asarray(hidden.get_data_3d()[1])[np.isfinite(hidden.get_data_3d()[2])]
    assert 0 < behind.min() < behind.max() < 0.75
