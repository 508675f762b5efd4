"""Starts the browser application, on 127.0.0.1 unless told otherwise, and prints its address."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import socket
import sys
import tomllib
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lossnav.core import InputError
from lossnav.core.machine import give_back_freed_memory

from .workspace import FOLDER_VARIABLE

# how the command hands its target to the page's script, and how many checkpoints that one's training path has
TARGET_VARIABLE, CHECKPOINTS_VARIABLE = "LOSSNAV_TARGET", "LOSSNAV_CHECKPOINTS"
LAST_PORT = 65535
LOOPBACK = ("localhost", "127.0.0.1", "::1")
JOBS_VARIABLE = "LOSSNAV_JOBS"  # how many surveys run at once
LANDSCAPE_VARIABLE = "LOSSNAV_LANDSCAPE"  # a landscape file that is looked at without its network


@dataclass(frozen=True)
class Access:
    """Where the server listens, and whom it lets in.

    host          the address it listens on
    allowed       names it answers to, besides those of this machine for itself (localhost, 127.0.0.1) and `host`
    token         whether a browser must know the token in the printed address
    certificate   files of a TLS certificate and its key, PEM; None: connections are not encrypted
    """

    port: int = 8501
    host: str = "127.0.0.1"
    allowed: tuple[str, ...] = ()
    token: bool = True
    certificate: tuple[Path, Path] | None = None

    @property
    def names(self) -> list[str]:
        """Names allowed in a request's Host."""
        return list(dict.fromkeys([*LOOPBACK, *self.allowed, *([] if self.host in WILDCARDS else [self.host])]))

    @property
    def warning(self) -> str | None:
        """The warning about listening to other machines, in plain words; None: this one alone can reach it."""
        if self.host in LOOPBACK:
            return None
        who = "who has the printed address" if self.token else "without any password"
        said = f"Warning: every machine that can reach this one on port {self.port} can use lossnav, {who}:"
        said += " look at your networks and have this machine compute."
        if self.certificate is None:
            said += " The connection is not encrypted: what is sent can be read on the way (--tls-cert and --tls-key encrypt it)."
        return said

    def address(self, token: str | None) -> str:
        """The address for the browser."""
        name = "127.0.0.1" if self.host in WILDCARDS else f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.certificate else ''}://{name}:{self.port}/" + (f"?token={token}" if token else "")


WILDCARDS = ("0.0.0.0", "::")  # every address of this machine
Begun = Callable[[], None]


def _nothing() -> None:
    pass


def serve(target: str | None, checkpoints: int, access: Access, open_browser: bool, begun: Begun = _nothing) -> None:
    """Run the explorer until interrupted.

    Parameters
    ----------
    target       what is explored besides the samples
    checkpoints  of its training path; 0: there is none
    begun        called once the server can be reached

    Raises
    ------
    InputError  the port is taken
    """
    if target is not None:
        os.environ |= {TARGET_VARIABLE: target, CHECKPOINTS_VARIABLE: str(checkpoints)}
    _run(access, open_browser, begun)


def serve_folder(folder: Path, access: Access, open_browser: bool, begun: Begun = _nothing) -> None:
    """Run the explorer on the samples and on what a folder holds, of which nothing runs until somebody presses.

    Raises
    ------
    InputError  the port is taken
    """
    os.environ[FOLDER_VARIABLE] = str(folder)
    _run(access, open_browser, begun)


def serve_landscape(path: Path, access: Access, open_browser: bool, begun: Begun = _nothing) -> None:
    """Run the explorer on a landscape file, without its network, until interrupted.

    Raises
    ------
    InputError  the port is taken
    """
    os.environ[LANDSCAPE_VARIABLE] = str(path.absolute())
    _run(access, open_browser, begun)


def _run(access: Access, open_browser: bool, begun: Begun) -> None:
    from .own_settings import read_no_settings_of_the_folder

    read_no_settings_of_the_folder()
    from starlette.middleware import Middleware
    from streamlit.starlette import App

    from .collector import search_seldom
    from .delivered import library_path, routes
    from .delivery import keep_what_a_whole_run_wrote
    from .guard import Guard
    from .no_delay import send_at_once
    from .preload import Preload

    _check_free(access)
    _check_certificate(access)
    give_back_freed_memory()
    keep_what_a_whole_run_wrote()
    search_seldom()
    send_at_once()
    token = secrets.token_urlsafe(32) if access.token else None
    address = access.address(token)
    around = [
        Middleware(Guard, token=token, cookie=f"lossnav-{access.port}"),
        Middleware(Preload, scripts=[library_path()]),
    ]
    script = Path(__file__).parent / "app.py"
    greeting = partial(_greeting, access, address, open_browser, begun)
    app = App(script, routes=routes(), middleware=around, lifespan=greeting)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the server stops in good order, then asks to be ended so
    with suppress(KeyboardInterrupt):
        app.run(config=_look() | _options(access))


@asynccontextmanager
async def _greeting(
    access: Access, address: str, open_browser: bool, begun: Begun, _app: object
) -> AsyncIterator[None]:
    """Say where it is, once it can be reached there."""
    if access.warning:
        print(access.warning, file=sys.stderr, flush=True)
    print(f"lossnav explorer: {address}   (Ctrl-C ends it)", flush=True)
    if open_browser:
        webbrowser.open(address)
    begun()
    yield


def _options(access: Access) -> dict[str, object]:
    encrypted = access.certificate or (None, None)
    options = {
        "server.address": access.host,
        "server.port": access.port,
        "server.headless": True,
        "server.allowedHosts": access.names,
        "server.sslCertFile": encrypted[0] and str(encrypted[0]),
        "server.sslKeyFile": encrypted[1] and str(encrypted[1]),
        # otherwise Streamlit asks a machine on the internet for the address of this one
        "browser.serverAddress": "127.0.0.1" if access.host in WILDCARDS else access.host,
        "logger.hideWelcomeMessage": True,  # its address has no token
    }
    return {name: value for name, value in options.items() if value is not None}


def _look(section: dict[str, object] | None = None, prefix: str = "") -> dict[str, object]:
    """The options of our config.toml as dotted names: Streamlit itself reads it only from the folder it is run in."""
    if section is None:
        path = Path(__file__).parent / ".streamlit" / "config.toml"
        section = tomllib.loads(path.read_text(encoding="utf-8"))
    options: dict[str, object] = {}
    for name, value in section.items():
        options |= _look(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return options


def _check_free(access: Access) -> None:
    if not 1 <= access.port <= LAST_PORT:
        raise InputError(f"--port should be from 1 to {LAST_PORT}, but is {access.port}.")
    with socket.socket(socket.AF_INET6 if ":" in access.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((access.host, access.port))
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise InputError(
                    f"--host should be a name or address of this machine, but '{access.host}' is none ({error.strerror}): leave it out "
                    "to listen to this machine alone, or give 0.0.0.0 to listen to all."
                ) from error
            raise InputError(
                f"Port {access.port} on {access.host} cannot be used ({error}): choose another one, "
                f"as in `lossnav explore --port {access.port + 1 if access.port < LAST_PORT else 8501}`."
            ) from error


def _check_certificate(access: Access) -> None:
    for path in access.certificate or ():
        if not path.is_file():
            raise InputError(f"There is no file '{path}': --tls-cert and --tls-key are the PEM files of a certificate.")
