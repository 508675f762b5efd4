"""Small answers leave at once.

Streamlit (1.67, `_bind_socket`) binds its socket without naming TCP, so that asyncio does not turn Nagle's algorithm off: the second
part of an answer waits until the browser has acknowledged the first, which browsers put off for 40 ms (RFC 896, RFC 1122 4.2.3.2).
"""

from __future__ import annotations

import socket
from functools import wraps
from typing import Any

from streamlit.web.server.starlette import starlette_server


def send_at_once() -> None:
    """Have this process's servers wait for no acknowledgement; a second call changes nothing."""
    bind = getattr(starlette_server, "_bind_socket", None)
    if bind is None or hasattr(bind, "__wrapped__"):
        return

    @wraps(bind)
    def bound(*arguments: Any, **options: Any) -> socket.socket:
        found: socket.socket = bind(*arguments, **options)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the sockets of its connections are like it
        return found

    starlette_server._bind_socket = bound
