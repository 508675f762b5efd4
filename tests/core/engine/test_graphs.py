"""The course of a capture, on a stand-in for torch.cuda: what is run on which stream, and what happens where it fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from lossnav.core.engine import cuda_graph as graphs
from lossnav.core.engine.cuda_graph import Replay


class Cuda:
    """As much of torch.cuda as a capture needs; `seen` holds (stream, mode, whether a capture is under way) of each run."""

    def __init__(self) -> None:
        self.present, self.mode, self.capturing = "own", "warn", False
        self.seen: list[tuple[str, str, bool]] = []
        self.replays = 0

    def run(self) -> torch.Tensor:
        self.seen.append((self.present, self.mode, self.capturing))
        return torch.ones(1)

    @contextlib.contextmanager
    def on(self, stream: Any) -> Iterator[None]:
        before, self.present = self.present, stream.name
        yield
        self.present = before

    @contextlib.contextmanager
    def graph(self, graph: Any, stream: Any) -> Iterator[None]:
        self.capturing = True
        with self.on(stream):
            yield
        self.capturing = False

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cuda = self

        class Stream:
            def __init__(self, device: torch.device | None = None) -> None:
                self.name = "own" if device is None else "aside"

            def wait_stream(self, other: Stream) -> None:
                assert {self.name, other.name} == {"own", "aside"}

        class Graph:
            def replay(self) -> None:
                cuda.replays += 1

        def set_mode(mode: str) -> None:
            cuda.mode = mode

        stand_ins: dict[str, Any] = {
            "device": lambda device: contextlib.nullcontext(),
            "Stream": Stream,
            "current_stream": Stream,
            "stream": self.on,
            "CUDAGraph": Graph,
            "graph": self.graph,
            "get_sync_debug_mode": lambda: self.mode,
            "set_sync_debug_mode": set_mode,
        }
        for name, stand_in in stand_ins.items():
            monkeypatch.setattr(torch.cuda, name, stand_in)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cuda]:
    graphs._stream.cache_clear()
    found = Cuda()
    found.install(monkeypatch)
    yield found
    graphs._stream.cache_clear()


def test_a_capture_is_warmed_up_on_its_own_stream_and_must_not_wait(cuda: Cuda) -> None:
    replay = Replay(cuda.run, torch.device("cuda:1"))
    assert cuda.seen == [("aside", "warn", False)] * 2 + [("aside", "error", False), ("aside", "warn", True)]
    assert (cuda.present, cuda.mode) == ("own", "warn")
    assert replay() is replay()
    assert (len(cuda.seen), cuda.replays) == (4, 2)


def test_what_waits_for_the_gpu_is_never_captured(cuda: Cuda) -> None:
    def waiting() -> torch.Tensor:
        cuda.run()
        if cuda.mode == "error":
            raise RuntimeError("called a synchronizing CUDA operation")
        return torch.ones(1)

    with pytest.raises(RuntimeError, match="synchronizing"):
        Replay(waiting, torch.device("cuda:0"))
    assert cuda.mode == "warn"
    assert not any(capturing for _, _, capturing in cuda.seen)


def test_one_stream_serves_all_captures_of_a_device(cuda: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    real: Callable[..., Any] = torch.cuda.Stream

    def counted(device: torch.device | None = None) -> Any:
        made.append(str(device))
        return real(device)

    monkeypatch.setattr(torch.cuda, "Stream", counted)
    for device in ("cuda:0", "cuda:1", "cuda:0"):
        Replay(cuda.run, torch.device(device))
    assert made == ["cuda:0", "cuda:1"]
