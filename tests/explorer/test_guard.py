"""Who may talk to the server: its own pages in a browser that knows the token, and nobody else; a real server is asked."""

from __future__ import annotations

import http.client
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lossnav.core import InputError
from lossnav.explorer import app as application
from lossnav.explorer import workspace
from lossnav.explorer.delivered import NO_FIGURE, library_path
from lossnav.explorer.drawing_library import drawing_library
from lossnav.explorer.server import Access, _check_certificate, _check_free
from streamlit.testing.v1 import AppTest

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
PATHS = (
    "/",
    "/?seed=3",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/stream",
    "/static/x.js",
    "/media/x",
    "/lossnav/figures/x",
)


@dataclass
class Running:
    """A server that was started as a person starts it, and a socket that stands for the internet."""

    port: int
    token: str
    internet: socket.socket

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"lossnav-{self.port}={self.token}"}

    def ask(self, path: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        if answer.status != 101:
            answer.text = answer.read().decode()  # type: ignore[attr-defined]
        connection.close()
        return answer

    @property
    def asked_the_internet(self) -> bool:
        return bool(select.select([self.internet], [], [], 0)[0])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from started(tmp_path_factory.mktemp("server"))


def started(folder: Path, *words: str, within: Path | None = None) -> Iterator[Running]:
    with socket.socket() as probe, socket.socket() as internet:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        internet.bind(("127.0.0.1", 0))
        internet.listen()
        proxy = f"http://127.0.0.1:{internet.getsockname()[1]}"
        names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy")
        env = {**os.environ, "XDG_CACHE_HOME": str(folder), **dict.fromkeys(names, proxy)}
        command = [sys.executable, "-m", "lossnav.explorer.cli", "explore", "--port", str(port), *words]
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, text=True, cwd=within
        )
        try:
            assert server.stdout is not None
            lines = iter(server.stdout.readline, "")
            line = next(line for line in lines if line.startswith("lossnav explorer: "))
            found = re.search(r"token=([\w-]+)", line)
            yield Running(port, found[1] if found else "", internet)
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=30) == 0
            server.stdout.close()


def test_the_printed_address_lets_a_browser_in_and_hides_the_token(running: Running) -> None:
    answer = running.ask(f"/?model=digits-resnet&token={running.token}&seed=3")
    assert (answer.status, answer.headers["location"]) == (303, "/?model=digits-resnet&seed=3")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie.lower() for word in ("httponly", "samesite=lax"))
    page = running.ask("/?seed=3", {"Cookie": cookie.partition(";")[0]})
    assert page.status == 200
    assert page.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert page.headers["referrer-policy"] == "no-referrer"
    origin = {"Origin": f"http://127.0.0.1:{running.port}"}
    assert running.ask("/_stcore/stream", {**UPGRADE, **running.cookie, **origin}).status == 101


@pytest.mark.parametrize("config", ['[server]\nbaseUrlPath = "elsewhere"\n', "[[[no settings"])
def test_a_folder_that_is_looked_at_configures_nothing_and_may_go(tmp_path: Path, config: str) -> None:
    """Its `.streamlit` is somebody's data. Once it is removed, pages still come, and say so."""
    folder = tmp_path / "theirs"
    (folder / ".streamlit").mkdir(parents=True)
    for name in ("config.toml", "secrets.toml"):
        (folder / ".streamlit" / name).write_text(config)
    for running in started(tmp_path, within=folder):
        assert running.ask("/", running.cookie).status == 200
        shutil.rmtree(folder)
        origin = {"Origin": f"http://127.0.0.1:{running.port}"}
        assert running.ask("/_stcore/stream", {**UPGRADE, **running.cookie, **origin}).status == 101


def test_a_folder_that_is_gone_is_a_sentence_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not workspace.is_gone()
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        tmp_path.rmdir()
        assert workspace.is_gone()
    monkeypatch.setattr(workspace, "is_gone", lambda: True)
    app = AppTest.from_file(str(Path(application.__file__)), default_timeout=60).run()
    assert not app.exception
    assert [e.value.partition(" is gone")[0] for e in app.error] == ["The folder that lossnav was started in"]


def test_the_page_names_its_drawing_library_and_the_server_has_it(running: Running) -> None:
    page = running.ask("/", running.cookie)
    tag = f'<head><script async src="{library_path()}" onerror="this.remove()"></script>'
    assert page.text.count(tag) == 1  # type: ignore[attr-defined]
    assert int(page.headers["content-length"]) == len(page.text.encode())  # type: ignore[attr-defined]
    library = running.ask(library_path(), running.cookie)
    assert (library.status, library.headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    assert "immutable" in library.headers["cache-control"]
    assert library.text == drawing_library().decode()  # type: ignore[attr-defined]
    assert running.ask(library_path()).status == 403


def test_a_figure_that_is_gone_is_a_sentence(running: Running) -> None:
    answer = running.ask("/lossnav/figures/" + "0" * 64, running.cookie)
    assert (answer.status, answer.text) == (404, NO_FIGURE)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_served(running: Running, path: str) -> None:
    asked = UPGRADE if "stream" in path else {}
    assert running.ask(path, asked).status == 403
    assert running.ask(path, {**asked, "Cookie": f"lossnav-{running.port}={running.token[:-1]}"}).status == 403


def test_a_token_in_the_address_opens_no_socket(running: Running) -> None:
    assert running.ask(f"/_stcore/stream?token={running.token}", UPGRADE).status == 403


def test_a_redirect_leads_nowhere_else(running: Running) -> None:
    for path in ("//evil.example/", "/\\evil.example/"):
        answer = running.ask(f"{path}?token={running.token}")
        assert not answer.headers.get("location", "/").startswith(("//", "/\\", "http"))


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "10.0.0.1"])
@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_host_is_refused(running: Running, path: str, host: str) -> None:
    headers = {**(UPGRADE if "stream" in path else {}), **running.cookie, "Host": host}
    answer = running.ask(path, headers)
    assert answer.status in (400, 403)
    assert not running.asked_the_internet


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:1", "http://127.0.0.1:1", "null", "file://", "http://[bad"]
)
@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_origin_is_refused_before_the_internet_is_asked(running: Running, path: str, origin: str) -> None:
    headers = {**(UPGRADE if "stream" in path else {}), **running.cookie, "Origin": origin}
    assert running.ask(path, headers).headers["content-security-policy"] == "frame-ancestors 'none'"
    assert running.ask(path, headers).status == 403
    assert not running.asked_the_internet


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_elsewhere_may_be_followed_but_not_framed_or_fetched(running: Running, site: str) -> None:
    def asked(mode: str, what: str) -> int:
        fetch = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": what}
        return running.ask("/?seed=3", {**running.cookie, **fetch}).status

    assert asked("navigate", "document") == 200
    assert {asked("navigate", "iframe"), asked("no-cors", "image"), asked("no-cors", "empty")} == {403}


def test_a_name_that_was_allowed_is_answered_to_and_the_token_can_be_left_out(tmp_path: Path) -> None:
    for running in started(tmp_path, "--no-token", "--allow-host", "lab.example", "--allow-host", "other.example"):
        assert running.token == ""
        for name in ("lab.example", "other.example:443", f"localhost:{running.port}"):
            assert running.ask("/", {"Host": name}).status == 200
            assert running.ask("/", {"Host": name, "Origin": f"https://{name}"}).status == 200
        assert running.ask("/", {"Host": "evil.example"}).status == 403
        assert running.ask("/_stcore/stream", {**UPGRADE, "Origin": "http://evil.example"}).status == 403


def test_listening_to_other_machines_is_warned_of() -> None:
    assert Access().warning is None
    told = Access(host="0.0.0.0").warning or ""
    assert "has the printed address" in told
    assert "not encrypted" in told
    assert "without any password" in (Access(host="10.0.0.1", token=False).warning or "")
    secret = Path("cert.pem"), Path("key.pem")
    assert "not encrypted" not in (Access(host="10.0.0.1", certificate=secret).warning or "")


def test_the_address_names_the_host() -> None:
    assert Access(8501, "::1").address("x") == "http://[::1]:8501/?token=x"
    assert Access(8501, "0.0.0.0").address(None) == "http://127.0.0.1:8501/"
    assert Access(8501, "10.0.0.1", ("lab",)).names == ["localhost", "127.0.0.1", "::1", "lab", "10.0.0.1"]


def test_a_certificate_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--tls-cert"):
        _check_certificate(Access(certificate=(tmp_path / "no.pem", tmp_path / "no.key")))


@pytest.mark.parametrize(
    ("access", "words"),
    [
        (Access(99_999_999), "from 1 to 65535"),
        (Access(-1), "from 1 to 65535"),
        (
            Access(host="203.0.113.7"),
            "--host should be a name or address of this machine",
        ),  # of documentation, nobody's
        (Access(host="999.1.1.1"), "--host should be a name or address of this machine"),
    ],
)
def test_a_place_that_cannot_be_listened_on_is_said_with_what_helps(access: Access, words: str) -> None:
    with pytest.raises(InputError, match=words):
        _check_free(access)


def test_a_taken_port_has_a_remedy_that_can_be_followed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"--port {port + 1 if port < 65535 else 8501}`"):
            _check_free(Access(port))
