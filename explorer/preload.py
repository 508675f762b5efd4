"""Has the browser fetch and run, with the page itself, what the page will need: Streamlit starts meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD = b"<head>"
SCRIPT = (
    '<script async src="{}" onerror="this.remove()"></script>'  # one that failed is none: whoever needs it tries again
)


class Preload:
    """An ASGI application around another one, whose pages name scripts that run as soon as they are there.

    A browser waits for Streamlit's many files meanwhile, and has nothing else to do.

    scripts  their paths on this server
    """

    def __init__(self, app: ASGIApp, scripts: Sequence[str]) -> None:
        self.app, self.scripts = app, scripts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and add to its pages."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        tags = "".join(SCRIPT.format(f"{scope.get('root_path', '')}{script}") for script in self.scripts).encode()
        start: Message | None = None
        body = b""

        async def sent(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await send(_as_long(start, whole := body.replace(HEAD, HEAD + tags, 1)))
                    await send({"type": "http.response.body", "body": whole})

        await self.app(scope, receive, sent)


def _is_page(message: Message) -> bool:
    headers = MutableHeaders(scope=message)
    plain = "content-encoding" not in headers
    return message["status"] == 200 and plain and headers.get("content-type", "").startswith("text/html")


def _as_long(start: Message, body: bytes) -> Message:
    headers = MutableHeaders(scope=start)
    if "content-length" in headers:
        headers["content-length"] = str(len(body))
    return start
