"""Reaching Dask: what is wrong is one sentence, within a bounded time."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from lossnav.core import InputError
from lossnav.core.cluster import connected, share_threads
from lossnav.core.cluster import connection as connecting
from lossnav.core.cluster.identity import refuse_another
from lossnav.core.cluster.recipe import Recipe

pytest.importorskip("distributed")


@contextmanager
def silent_service() -> Iterator[int]:
    """A port at which something takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []
        threading.Thread(target=lambda: held.extend(_accepted(server)), daemon=True).start()
        yield server.getsockname()[1]
        for each in held:
            each.close()


def _accepted(server: socket.socket) -> Iterator[socket.socket]:
    while True:
        try:
            yield server.accept()[0]
        except OSError:
            return


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "tcp://127.0.0.1:1",
        "tcp://127.0.0.1:{port}",
        "http://x",
        "tcp://",
        "",
        "absent.json",
        "{folder}/other.json",
    ],
)
def test_a_bad_address_is_one_sentence_within_a_bounded_time(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.json").write_text("[1, 2]")
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 1)
    with (
        silent_service() as port,
        pytest.raises(InputError, match=r"No Dask scheduler answers at .*: give the address"),
        connected(address=address.format(port=port, folder=tmp_path)),
    ):
        pass


@pytest.mark.parametrize(("workers", "address"), [(None, None), (2, "tcp://127.0.0.1:1")])
def test_one_place_is_asked_for(workers: int | None, address: str | None) -> None:
    with pytest.raises(InputError, match="give one of them"), connected(workers, address):
        pass


@pytest.mark.parametrize("missing", ["distributed", "cryptography"])
def test_what_is_not_installed_is_named_with_its_remedy(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=r"which is not installed .*pip install 'lossnav\[cluster\]'"), connected(1):
        pass


def test_no_workers_are_no_workers() -> None:
    with pytest.raises(InputError, match="--workers should be a whole number, 1 or more, but is 0"), connected(0):
        pass


def test_threads_are_shared() -> None:
    torch.set_num_threads(7)  # which the fixture of every test sets back
    assert [share_threads(3), torch.get_num_threads(), share_threads(None), share_threads(9)] == [2, 2, 2, 1]


def test_a_recipe_names_what_can_be_imported() -> None:
    for build in ("nowhere:at_all", "math:nothing", "math", ":"):
        with pytest.raises(InputError, match="importable on every worker, but is not"):
            Recipe(build, {}).specification()
    with pytest.raises(InputError, match="should make a Specification, but makes a float"):
        Recipe("math:fsum", [1, 2]).specification()  # type: ignore[arg-type]


def test_the_same_is_not_refused() -> None:
    refuse_another({"problem": "a", "more": "b"}, {"problem": "a"})
