"""Figures by their digest, and answers that leave at once."""

from __future__ import annotations

import asyncio
import gzip
import socket

import pytest
from lossnav.explorer.delivered import FigureStore, figure_at, figure_path, library_path, routes
from lossnav.explorer.drawing_library import drawing_library
from lossnav.explorer.no_delay import send_at_once
from starlette.applications import Starlette
from streamlit.web.server.starlette import starlette_server


def test_the_same_figure_has_the_same_address_and_another_another() -> None:
    one, same, other = figure_path('{"data": [1]}'), figure_path('{"data": [1]}'), figure_path('{"data": [2]}')
    assert one == same != other
    assert figure_at(one) == '{"data": [1]}'


def test_those_longest_unused_go() -> None:
    store = FigureStore(10)
    first, second = store.put("a" * 4), store.put("b" * 4)
    store.put("a" * 4)  # used again
    third = store.put("c" * 4)
    assert [store.get(digest) for digest in (first, second, third)] == ["a" * 4, None, "c" * 4]
    large = store.put("d" * 100)
    assert store.get(large) == "d" * 100, "one stays, however large"
    assert store.get(first) is store.get(third) is None


def answered(path: str, takes: str = "") -> tuple[int, dict[str, str], str]:
    """Status, headers and text of what the routes answer to a browser that takes this encoding."""
    sent: list[dict] = []

    async def ask() -> None:
        async def receive() -> dict:
            await asyncio.sleep(0)  # a file's answer listens meanwhile for the browser's leaving
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"accept-encoding", takes.encode())]}
        scope["query_string"] = b""
        await Starlette(routes=routes())(scope, receive, send)

    asyncio.run(ask())
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(m.get("body", b"") for m in sent[1:])
    packed = headers.get("content-encoding") == "gzip"
    return sent[0]["status"], headers, (gzip.decompress(body) if packed else body).decode()


def test_the_server_answers_with_the_figure() -> None:
    status, headers, text = answered(figure_path('{"layout": "λ"}'))
    assert (status, text) == (200, '{"layout": "λ"}')
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"].startswith("private"), "no proxy keeps a person's figures"
    assert answered("/lossnav/figures/none")[0] == 404


@pytest.mark.parametrize(("takes", "packed"), [("", None), ("deflate, gzip, br", "gzip")])
def test_what_travels_packed_is_the_same(takes: str, packed: str | None) -> None:
    figure, library = answered(figure_path('{"layout": "λ"}'), takes), answered(library_path(), takes)
    assert [figure[1].get("content-encoding"), library[1].get("content-encoding")] == [packed, packed]
    assert figure[2] == '{"layout": "λ"}'
    assert library[2] == drawing_library().decode()


def test_connections_of_the_server_wait_for_no_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = starlette_server._bind_socket
    monkeypatch.setattr(starlette_server, "_bind_socket", getattr(bind, "__wrapped__", bind))
    send_at_once()
    send_at_once()
    with starlette_server._bind_socket("127.0.0.1", 0, 5) as server:
        server.setblocking(True)
        with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
