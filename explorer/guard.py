"""Who may talk to the server: refuses foreign hosts, foreign origins and frames, and asks for the token, before Streamlit sees anything."""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

SECONDS_KEPT = 30 * 24 * 3600  # a browser that was let in stays so for a month, or until the server is started anew
REFUSAL = "websocket.http.response"  # how servers let a WebSocket be refused with an answer in words
POLICY = {
    "content-security-policy": "frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",  # the token in the address goes nowhere
}

FOREIGN_HOST = (
    "lossnav answers only under the names that it was started for: open the address that it printed, "
    "or start it with --allow-host for this name."
)
FOREIGN_ORIGIN = "lossnav answers only to its own pages: open the address that it printed."
NO_TOKEN = "lossnav needs its token: open the address that it printed, which ends in ?token=…"


class Guard:
    """An ASGI application around another one, for its own pages in browsers that know the token, and nobody else.

    Host     under one of the names in Streamlit's `server.allowedHosts`, on any port: a tunnel may lead there
    Origin   the one that the host is, port and all: another program's page on this machine is foreign
    token    in the address once, then in a cookie of this browser; None: not asked for
    cookie   the cookie's name; browsers do not keep those of several ports apart
    """

    def __init__(self, app: ASGIApp, token: str | None, cookie: str) -> None:
        self.app, self.token, self.cookie = app, token, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let the application answer."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        answer = self._answer(HTTPConnection(scope))
        if answer is not None and scope["type"] == "websocket" and REFUSAL not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the browser sees a 403
            return
        await (answer or self.app)(scope, receive, _with_policy(send))

    def _answer(self, asked: HTTPConnection) -> Response | None:
        """The answer in the application's place; None: let it answer."""
        if not is_host_allowed(asked.headers.get("host")):
            return PlainTextResponse(FOREIGN_HOST, 403)
        if not _is_own(asked.headers):
            return PlainTextResponse(FOREIGN_ORIGIN, 403)
        if self.token is None or self._equal(asked.cookies.get(self.cookie, "")):
            return None
        if asked.scope["type"] == "http" and self._equal(asked.query_params.get("token", "")):
            return self._let_in(asked.url)
        return PlainTextResponse(NO_TOKEN, 403)

    def _equal(self, given: str) -> bool:
        assert self.token is not None
        return secrets.compare_digest(given.encode(), self.token.encode())

    def _let_in(self, url: URL) -> Response:
        """The same address without the token, which from now on is in the cookie."""
        bare = url.remove_query_params("token")
        # a path alone, and one slash before it: "//elsewhere" would be another host
        place = f"/{bare.path.lstrip('/')}" + (f"?{bare.query}" if bare.query else "")
        answer, secure = RedirectResponse(place, 303), url.scheme == "https"
        assert self.token is not None
        answer.set_cookie(self.cookie, self.token, SECONDS_KEPT, httponly=True, samesite="lax", secure=secure)
        return answer


def _is_own(headers: Headers) -> bool:
    """Whether a request comes from one of our own pages, from the address bar, or from a program that is no browser."""
    origin = headers.get("origin")
    if origin is not None and _place(origin) != headers.get("host"):
        return False
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return True
    # a link elsewhere that a person followed; not a frame, a picture or a script of that page
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _place(origin: str) -> str:
    """Host and port of an origin; nothing, which no host is, where it is no address.

    >>> _place("http://localhost:8501"), _place("http://[bad"), _place("null")
    ('localhost:8501', '', '')
    """
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _with_policy(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] in ("http.response.start", f"{REFUSAL}.start"):
            _add_policy(message)
        await send(message)

    return sent


def _add_policy(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in POLICY.items():
        headers[name] = value
