"""The pictures of the README and of the first page, made anew: `python docs/_build/pictures.py`.

From an explorer that is started for it, in Chromium, and by `lossnav figure`; needs Playwright, as the tests with a browser do.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # where what drives a browser lies

from explorer_in_browser import MAP, SURFACE, WAIT, chromium_of, explorer_in  # noqa: E402

INTO = ROOT / "docs" / "images"
WINDOW = {"width": 1280, "height": 720}
WIDEST = 1400  # pixels
COLORS = 128  # of a picture's palette: small, and no difference is seen
CHART = "[data-testid='stMain'] .js-plotly-plot .main-svg"
# name → page, what its address says, what has to be drawn
PAGES = {
    "terrain": ("", {"model": "digits-resnet", "on_viscosity": "true"}, (SURFACE, MAP)),
    "overlays": (
        "",
        {
            "model": "digits-resnet",
            "plane": "trajectory",
            "on_viscosity": "true",
            "on_memory": "true",
            "on_elasticity": "true",
            "color": "viscosity",
        },
        (SURFACE, MAP),
    ),
    "spectrum": ("spectrum", {"model": "gaussians-mlp", "place": "along"}, (".st-key-spectrum_plot .js-plotly-plot",)),
    "density": ("density", {"model": "gaussians-mlp"}, (".st-key-density_map .js-plotly-plot", ".st-key-claim_plot")),
}
PRESSED = ("spectrum",)  # of what did not come with the sample
FIGURE = ("digits-two-tasks.trajectory", "--kind", "map", "--color", "elasticity", "--arrows", "--width", "double")


def shot(page: Page, address: str, name: str) -> None:
    """A page as it is when it is at rest."""
    place, query, drawn = PAGES[name]
    page.goto(f"{address.partition('/?')[0]}/{place}?{urlencode(query)}")
    if name in PRESSED:
        page.locator(".st-key-resume button").click(timeout=WAIT)
    for part in drawn:
        expect(page.locator(part).first).to_be_visible(timeout=4 * WAIT)
    expect(page.locator(".st-key-cancel")).to_have_count(0, timeout=10 * WAIT)
    expect(page.locator("[data-testid='stStatusWidget']")).to_have_count(0, timeout=WAIT)
    page.wait_for_timeout(1500)  # figures fade in
    page.screenshot(path=INTO / f"{name}.png")


def small(path: Path) -> None:
    """The same picture with fewer colours, and no wider than a page."""
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((WIDEST, WIDEST))
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


def main() -> None:
    """All of them, or those that are named."""
    chosen = sys.argv[1:] or [*PAGES, "paper"]
    with tempfile.TemporaryDirectory() as folder, closing(explorer_in(Path(folder), cwd=Path(folder))) as server:
        with closing(chromium_of()) as browsers:
            address = next(server)
            page = next(browsers).new_context(viewport=WINDOW, color_scheme="light").new_page()
            page.goto(address)  # with the token, which the browser keeps
            for name in [name for name in chosen if name in PAGES]:
                shot(page, address, name)
    if "paper" in chosen:
        command = [sys.executable, "-m", "lossnav.explorer.cli", "figure", *FIGURE, "-o", str(INTO / "paper.png")]
        subprocess.run(command, check=True)
    for name in chosen:
        small(INTO / f"{name}.png")


if __name__ == "__main__":
    main()
