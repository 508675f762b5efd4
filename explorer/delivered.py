"""What the browser fetches beside Streamlit's messages: plotly.js, and figures by their digest.

A figure is sent when it is first drawn and not with every click, and no session keeps a copy of it: Streamlit keeps for each
session the last messages that were sent to it.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import plotly

from .drawing_library import drawing_library

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

PREFIX = "/lossnav"
BOUND = 60e6  # characters of figures; most are shared with `shared.PICTURES`
UNCHANGING = {"cache-control": "private, max-age=604800, immutable"}  # what changes has another address
PACKED = {"content-encoding": "gzip", "vary": "Accept-Encoding"}
QUICKLY = 1  # gzip's level: two thirds of the time of 5, which Streamlit takes, for 7 % more bytes of a figure
NO_FIGURE = "This figure is no longer here: reload the page."


class FigureStore:
    """Texts by their digest, of which those longest unused go when all have more than `bound` characters; one stays.

    >>> store = FigureStore(5)
    >>> first, second = store.put("abc"), store.put("def")
    >>> store.get(first) is None, store.get(second)
    (True, 'def')
    """

    def __init__(self, bound: float = BOUND) -> None:
        self.bound, self.texts, self.lock = bound, OrderedDict[str, str](), Lock()

    def put(self, text: str) -> str:
        """The digest under which the text is to be had from now on."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        with self.lock:
            self.texts[digest] = text
            self.texts.move_to_end(digest)
            excess = sum(map(len, self.texts.values())) - self.bound
            while excess > 0 and len(self.texts) > 1:
                excess -= len(self.texts.popitem(last=False)[1])
        return digest

    def get(self, digest: str) -> str | None:
        """The text; None where it has gone."""
        with self.lock:
            return self.texts.get(digest)


FIGURES = FigureStore()


def library_path() -> str:
    """Where the server has plotly.js; another version has another address."""
    return f"{PREFIX}/plotly-{plotly.__version__}.min.js"


@lru_cache(maxsize=1)
def packed_library() -> bytes:
    """plotly.js as it travels, packed once: Streamlit would pack it anew for every browser, 0.1 to 0.2 s of the processor each."""
    return gzip.compress(drawing_library())


def _takes_packed(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def figure_path(text: str) -> str:
    """Where the server has this figure, its JSON text, from now on."""
    return f"{PREFIX}/figures/{FIGURES.put(text)}"


def figure_at(path: str) -> str | None:
    """The figure's text; None where it has gone."""
    return FIGURES.get(path.rpartition("/")[2])


def routes() -> list[Route]:
    """Routes of the server for plotly.js and figures."""
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    async def script(request: Request) -> Response:
        if not _takes_packed(request):
            return Response(drawing_library(), media_type="text/javascript", headers=UNCHANGING)
        return Response(packed_library(), media_type="text/javascript", headers=UNCHANGING | PACKED)

    async def figure(request: Request) -> Response:
        text = FIGURES.get(request.path_params["digest"])
        if text is None:
            return PlainTextResponse(NO_FIGURE, 404)
        if not _takes_packed(request):
            return Response(text, media_type="application/json", headers=UNCHANGING)
        packed = gzip.compress(text.encode(), QUICKLY)
        return Response(packed, media_type="application/json", headers=UNCHANGING | PACKED)

    return [Route(library_path(), script), Route(PREFIX + "/figures/{digest}", figure)]
