"""Tells the browser, with the page itself, what the page will need: it is fetched while Streamlit starts."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Preload:
    """An ASGI application around another one, whose pages name scripts to fetch early (RFC 8288, `rel=preload`).

    scripts  their paths on this server
    """

    def __init__(self, app: ASGIApp, scripts: Sequence[str]) -> None:
        self.app, self.scripts = app, scripts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and add to its pages."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    for script in self.scripts:
                        headers.append("link", f"<{scope.get('root_path', '')}{script}>; rel=preload; as=script")
            await send(message)

        await self.app(scope, receive, sent if scope["type"] == "http" else send)
