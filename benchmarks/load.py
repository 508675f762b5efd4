"""Sessions that click while a survey runs: errors, how long each answer takes, the server's memory and descriptors.

    python -m benchmarks.load                                  # 20 sessions, 10 minutes
    python -m benchmarks.load --sessions 3 --minutes 1         # a trial

A server is started as a person starts it, on the loopback and with a cache of its own; a survey of the sample is measured into
that cache, so that every session shows a picture that grows. A session speaks Streamlit's protocol over a WebSocket with the
token in its cookie, as the page's own script does, and draws nothing: it turns a widget that the page has shown it (a list, a
switch, a choice, a slider), waits until the server says that the run is over and has sent the figures that are new, and thinks for a
second or two, in which the page's own timers go on. So times are the server's, without the browser's drawing. An error is an exception on the page, a run
that ended otherwise than in success, or a connection that broke.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from lossnav.explorer.jobs.queue import behind
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

TARGET = "gaussians-mlp"
THINKING = (1.0, 2.0)  # seconds between two clicks
PATIENCE = 60.0  # seconds for one answer, after which it counts as an error
GOOD = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
KINDS = ("selectbox", "checkbox", "radio", "slider")


@dataclass
class Notes:
    """What all sessions saw: seconds of each opening, click and timer's run, errors by their words."""

    opened: list[float] = field(default_factory=list)
    clicks: list[float] = field(default_factory=list)
    timers: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    slow: list[tuple[float, float, str]] = field(default_factory=list)  # when, seconds, what it was: every click
    sampled: list[tuple[float, float, int, int]] = field(default_factory=list)  # seconds, MB, descriptors, children

    def failed(self, why: str) -> None:
        self.errors[why] = self.errors.get(why, 0) + 1


class Figures:
    """The figures that a page wishes for, each fetched once, as a browser does."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.wire, self.headers = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE), headers
        self.there, self.wished = set[str](), set[str]()

    def wish(self, data: str) -> None:
        """Note the figure that a chart's data name, if they name one."""
        found = json.loads(data).get("figure") if data else None
        if found and found not in self.there:
            self.wished.add(found)

    async def fetched(self) -> list[str]:
        """Fetch what is wished for; what went wrong."""
        faults = [await asyncio.to_thread(self._fetch, path) for path in self.wished]
        self.there |= self.wished
        self.wished.clear()
        return [fault for fault in faults if fault]

    def _fetch(self, path: str) -> str:
        try:
            answer = self._answer(path)
        except (http.client.RemoteDisconnected, ConnectionError):  # the server closes idle connections
            self.wire.close()
            answer = self._answer(path)
        return "" if answer.read() and answer.status == 200 else f"a figure was answered with status {answer.status}"

    def _answer(self, path: str) -> http.client.HTTPResponse:
        self.wire.request("GET", path, headers=self.headers)
        return self.wire.getresponse()


class Session:
    """One page of one browser."""

    def __init__(self, wire: ClientConnection, figures: Figures, seed: int, notes: Notes) -> None:
        self.wire, self.figures, self.chance, self.notes = wire, figures, random.Random(seed), notes
        self.widgets: dict[str, tuple[str, Any, str]] = {}  # id → kind, element, fragment
        self.states: dict[str, WidgetState] = {}
        self.seen: set[str] = set()  # since the last run ended
        self.timers: dict[str, tuple[float, float]] = {}  # fragment → interval, when it is due
        self.query, self.doing = f"?model={TARGET}", "opening the page"

    async def run(self, until: float) -> None:
        """Open the page, and click until then."""
        await self._asked("", self.notes.clicks)
        self.notes.opened.append(self.notes.clicks.pop())
        while time.monotonic() < until:
            await self._think(time.monotonic() + self.chance.uniform(*THINKING))
            await self._click()

    async def _think(self, until: float) -> None:
        while (now := time.monotonic()) < until:
            due = [fragment for fragment, (_, at) in self.timers.items() if at <= now]
            for fragment in due:
                interval, _ = self.timers[fragment]
                self.timers[fragment] = interval, now + interval
                self.doing = "a timer"
                await self._asked(fragment, self.notes.timers, timer=True)
            if not due:
                await asyncio.sleep(0.05)

    async def _click(self) -> None:
        able = [key for key, (kind, element, _) in self.widgets.items() if kind in KINDS and not element.disabled]
        if not able:
            await self._asked("", self.notes.clicks)
            return
        key = self.chance.choice(able)
        kind, element, fragment = self.widgets[key]
        self.doing = f"turning the {kind} '{element.label}'"
        self.states[key] = self._turned(key, kind, element)
        began = time.time()
        await self._asked(fragment, self.notes.clicks)
        self.notes.slow.append((began, self.notes.clicks[-1], self.doing + (" (a part)" if fragment else "")))

    def _turned(self, key: str, kind: str, element: Any) -> WidgetState:
        state = WidgetState(id=key)
        if kind == "checkbox":
            before = self.states[key].bool_value if key in self.states else element.default
            state.bool_value = not before
        elif kind == "selectbox" or kind == "radio":
            state.string_value = self.chance.choice(list(element.options))
        elif len(element.options) > 0:
            state.string_array_value.data[:] = [self.chance.choice(list(element.options)) for _ in element.default]
        else:
            steps = max(1, round((element.max - element.min) / (element.step or 1)))
            values = sorted(element.min + element.step * self.chance.randint(0, steps) for _ in element.default)
            state.double_array_value.data[:] = values
        return state

    async def _asked(self, fragment: str, seconds: list[float], timer: bool = False) -> None:
        """Have the page, or a fragment of it, run, and note how long that takes."""
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.fragment_id, asked.is_auto_rerun = self.query, fragment, timer
        asked.widget_states.widgets.extend(self.states.values())
        started = time.perf_counter()
        await self.wire.send(message.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = ForwardMsg.FromString(await self.wire.recv(decode=False))
                if answer.WhichOneof("type") == "script_finished":
                    if answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                        self._forget_the_rest()
                    self.seen.clear()
                    if answer.script_finished in GOOD:
                        break
                    if answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                        self.notes.failed(f"a run ended with status {answer.script_finished}")
                        break
                self._see(answer)
            for fault in await self.figures.fetched():
                self.notes.failed(fault)
        seconds.append(time.perf_counter() - started)

    def _forget_the_rest(self) -> None:
        """After a run of the whole page, what it has not shown again is no longer there."""
        self.widgets = {key: each for key, each in self.widgets.items() if key in self.seen}
        self.timers = {key: each for key, each in self.timers.items() if key in self.seen}
        self.states = {key: each for key, each in self.states.items() if key in self.seen}

    def _see(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "auto_rerun":
            interval = message.auto_rerun.interval
            self.seen.add(message.auto_rerun.fragment_id)
            self.timers[message.auto_rerun.fragment_id] = interval, time.monotonic() + interval
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self.timers.pop(fragment, None)
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            named = element.WhichOneof("type")
            if named == "exception":
                self.notes.failed(f"{element.exception.type}: {element.exception.message}"[:200])
            elif named == "bidi_component":
                self.figures.wish(element.bidi_component.json)
            elif named in KINDS:
                own = getattr(element, named)
                self.widgets[own.id] = named, own, message.delta.fragment_id
                self.seen.add(own.id)


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, str, psutil.Process]]:
    """A server as a person starts it: its port, its token, its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "lossnav.explorer.cli", "explore", "--port", str(port)]
    log = folder / "server.log"
    with log.open("wb") as out, subprocess.Popen(words, cwd=folder, stdout=out, stderr=out, env=_own(folder)) as one:
        try:
            while not (found := re.search(r"token=([\w-]+)", log.read_text(encoding="utf-8"))):
                if one.poll() is not None:
                    raise SystemExit(f"The server did not start: {log.read_text(encoding='utf-8')}")
                time.sleep(0.2)
            yield port, found[1], psutil.Process(one.pid)
        finally:
            one.send_signal(signal.SIGTERM)
            one.wait(60)


@contextmanager
def running_survey(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A survey of what the sessions show, large enough to outlast them, as the page's own run."""
    code = (
        "import sys; from lossnav.explorer.request.survey import SurveyRequest\n"
        f"asked = SurveyRequest({TARGET!r}, grid=201, effort='full', every=1, tolerance=0.0)\n"
        "sys.argv[1:] = [*asked.arguments, '--out', str(asked.path)]\n"
        "from lossnav.explorer.cli import main; main()"
    )
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=_own(folder), stdout=quiet, stderr=quiet
    ) as one:
        behind(one.pid)
        try:
            yield one
        finally:
            one.terminate()


def _own(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "GOMP_SPINCOUNT": "10000"}


async def sampled(process: psutil.Process, notes: Notes, began: float) -> None:
    """The server's memory and descriptors, every few seconds."""
    while True:
        with contextlib.suppress(psutil.NoSuchProcess):  # a child that ends while it is counted
            size, count = process.memory_info().rss / 2**20, len(process.children())
            notes.sampled.append((time.monotonic() - began, size, process.num_fds(), count))
        await asyncio.sleep(5)


async def clicked(port: int, token: str, process: psutil.Process, sessions: int, minutes: float, after: float) -> Notes:
    """What `sessions` saw in so many minutes, and the server `after` so many seconds without them."""
    notes, began = Notes(), time.monotonic()
    watch = asyncio.create_task(sampled(process, notes, began))

    async def one(number: int) -> None:
        session: Session | None = None
        try:
            cookie = {"Cookie": f"lossnav-{port}={token}", "Origin": f"http://127.0.0.1:{port}"}
            place = f"ws://127.0.0.1:{port}/_stcore/stream"
            options: Any = {"subprotocols": ["streamlit"], "additional_headers": cookie, "max_size": None}
            async with connect(place, **options, open_timeout=PATIENCE, ping_timeout=None) as wire:
                session = Session(wire, Figures(port, cookie), number, notes)
                await session.run(began + 60 * minutes)
        except Exception as error:  # whatever it is, it is what the load brought about
            doing = "connecting" if session is None else session.doing
            notes.failed(f"a session broke while {doing}: {type(error).__name__} {error}"[:200])

    await asyncio.gather(*(one(number) for number in range(sessions)))
    await asyncio.sleep(after)
    watch.cancel()
    return notes


def told(notes: Notes, minutes: float) -> dict[str, Any]:
    """The figures, ready for JSON. The first fifth of the time is for warming up."""
    times = np.array(notes.sampled)
    open_ones = times[times[:, 0] <= 60 * minutes]
    warm = open_ones[open_ones[:, 0] > 12 * minutes] if open_ones[-1, 0] > 12 * minutes else open_ones[-1:]
    closed = times[-1]
    clicks, timers = np.array(notes.clicks or [np.nan]), np.array(notes.timers or [np.nan])
    slope = np.polyfit(warm[:, 0] / 60, warm[:, 1], 1)[0] if len(warm) > 2 else float("nan")
    return {
        "errors": notes.errors,
        "opened": len(notes.opened),
        "opening_longest_s": max(notes.opened, default=float("nan")),
        "clicks": len(notes.clicks),
        "slowest": [
            f"{seconds:.1f} s: {what}" for _, seconds, what in sorted(notes.slow, key=lambda each: -each[1])[:10]
        ],
        "click_median_s": float(np.median(clicks)),
        "click_p99_s": float(np.quantile(clicks, 0.99)),
        "click_longest_s": float(clicks.max()),
        "timer_runs": len(notes.timers),
        "timer_median_s": float(np.median(timers)),
        "memory_mb": {"warm": warm[0, 1], "end": warm[-1, 1], "closed": closed[1], "per_minute": float(slope)},
        "descriptors": {"warm": int(warm[0, 2]), "end": int(warm[-1, 2]), "closed": int(closed[2])},
        "children": int(closed[3]),
    }


def main() -> None:
    """Run it, print the figures, and end with status 1 where there were errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--after", type=float, default=30, help="seconds without sessions, before the last look")
    parser.add_argument("--out", type=Path, help="the figures as JSON, with every sample of memory and descriptors")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place)
        with running_survey(folder) as survey, server(folder) as (port, token, process):
            notes = asyncio.run(clicked(port, token, process, asked.sessions, asked.minutes, asked.after))
            ran = survey.poll() is None
    figures = {
        "sessions": asked.sessions,
        "minutes": asked.minutes,
        "survey_ran_to_the_end": ran,
        "load_average": os.getloadavg()[0],
        "cores": os.cpu_count(),
        **told(notes, asked.minutes),
    }
    print(json.dumps(figures, indent=1))
    if asked.out is not None:
        asked.out.write_text(json.dumps({**figures, "samples": notes.sampled}), encoding="utf-8")
    sys.exit(1 if notes.errors else 0)


if __name__ == "__main__":
    main()
