"""One HTML file that shows landscapes without a server and without a network, and still turns."""

from .page import MOST_LANDSCAPES, published_page
from .start import Start

__all__ = ["MOST_LANDSCAPES", "Start", "published_page"]
