"""Starts the browser application on 127.0.0.1 and prints its address."""

from __future__ import annotations

import os
import socket
import tomllib
from pathlib import Path

from lossnav.core import InputError

# how the command hands its target to the page's script, and how many checkpoints that one's training path has
TARGET_VARIABLE, CHECKPOINTS_VARIABLE = "LOSSNAV_TARGET", "LOSSNAV_CHECKPOINTS"
LANDSCAPE_VARIABLE = "LOSSNAV_LANDSCAPE"  # a landscape file that is looked at without its network


def serve(target: str | None, checkpoints: int, port: int, open_browser: bool) -> None:
    """Run the explorer until interrupted.

    Parameters
    ----------
    target       what is explored besides the samples
    checkpoints  of its training path; 0: there is none

    Raises
    ------
    InputError  the port is taken
    """
    if target is not None:
        os.environ |= {TARGET_VARIABLE: target, CHECKPOINTS_VARIABLE: str(checkpoints)}
    _run(port, open_browser)


def serve_landscape(path: Path, port: int, open_browser: bool) -> None:
    """Run the explorer on a landscape file, without its network, until interrupted.

    Raises
    ------
    InputError  the port is taken
    """
    os.environ[LANDSCAPE_VARIABLE] = str(path.absolute())
    _run(port, open_browser)


def _run(port: int, open_browser: bool) -> None:
    from streamlit.web import bootstrap

    _check_free(port)
    script = str(Path(__file__).parent / "app.py")
    options = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": not open_browser,
        "browser.serverAddress": "127.0.0.1",
    }
    flags = {name.replace(".", "_"): value for name, value in (_look() | options).items()}
    print(f"lossnav explorer: http://127.0.0.1:{port}   (Ctrl-C ends it)", flush=True)
    bootstrap.load_config_options(flags)
    bootstrap.run(script, False, [], flags)


def _look(section: dict[str, object] | None = None, prefix: str = "") -> dict[str, object]:
    """The options of our config.toml as dotted names: Streamlit itself reads it only from the folder it is run in."""
    if section is None:
        path = Path(__file__).parent / ".streamlit" / "config.toml"
        section = tomllib.loads(path.read_text(encoding="utf-8"))
    options: dict[str, object] = {}
    for name, value in section.items():
        options |= _look(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return options


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise InputError(
                f"Port {port} on 127.0.0.1 cannot be used ({error}): choose another one, as in `lossnav explore --port {port + 1}`."
            ) from error
