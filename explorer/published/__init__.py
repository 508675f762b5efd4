"""One HTML file that shows landscapes without a server and without a network, and still turns."""

from .page import MOST_LANDSCAPES, published_page
from .readouts import in_other_units
from .start import Start

__all__ = ["MOST_LANDSCAPES", "Start", "in_other_units", "published_page"]
