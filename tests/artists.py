"""What is on a drawn page, read from the figure."""

from matplotlib.figure import Figure
from matplotlib.text import Text


def named(figure: Figure, gid: str) -> list:
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def outside(figure: Figure) -> list[str]:
    """Texts, frames and legends that do not lie on the page as a whole."""
    figure.draw_without_rendering()
    drawn = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    drawn += [axes for axes in figure.axes if axes.name != "3d"] + figure.legends
    page = figure.bbox
    boxes = [(artist, artist.get_window_extent()) for artist in drawn]
    return [
        f"{artist} at {box}"
        for artist, box in boxes
        if box.x0 < 0 or box.y0 < 0 or box.x1 > page.width or box.y1 > page.height
    ]
