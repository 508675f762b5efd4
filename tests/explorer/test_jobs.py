"""Work belongs to somebody: it is done once, in its turn, is found again after its server, can be ended, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core import Plane, load_problem, survey
from lossnav.explorer import cache
from lossnav.explorer.jobs import ENDED, FAILED, QUEUED, RUNNING, STOPPED, Again, Jobs, queue
from lossnav.explorer.jobs.job import Job
from lossnav.explorer.jobs.record import records
from lossnav.explorer.panels import work
from lossnav.explorer.request.survey import SurveyRequest
from platformdirs import user_cache_path
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
WAIT = 60.0
# A command that does as its first word says: goes on until it is ended, ends well, or fails with a sentence.
COMMAND = """
import sys, time
word, out = sys.argv[1], sys.argv[sys.argv.index("--out") + 1]
if word == "fail":
    sys.exit("lossnav: There is no such thing.")
while word == "run":
    time.sleep(0.05)
open(out, "w").write("done")
"""
SERVER = """
import sys, time
from pathlib import Path
from lossnav.explorer.jobs import Again, Jobs, queue
queue.COMMAND = (sys.executable, "-c", sys.argv[1])
jobs = Jobs(most=1)
for name in ("first", "second"):
    jobs.start(Again(["run"], Path(sys.argv[2]) / f"{name}.txt"))
print("started", flush=True)
time.sleep(1000)
"""
WRITER = """
import sys, time
from lossnav.core.survey.store import LandscapeStore
with LandscapeStore(sys.argv[1]).writing():
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Jobs]]:
    """Makes queues of one server each, all in the same cache."""
    monkeypatch.setattr(queue, "COMMAND", (sys.executable, "-c", COMMAND))
    made: list[Jobs] = []

    def make(most: int = 2) -> Jobs:
        made.append(Jobs(most))
        return made[-1]

    yield make
    for each in made:
        each.close()


def answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_has_ended_is_reaped_though_nobody_looks(jobs: Callable[..., Jobs], tmp_path: Path) -> None:
    job = jobs().start(Again(["end"], tmp_path / "a.txt"))
    assert job.process is not None
    until(lambda: not answers(job.process.pid))  # a zombie still does
    until(lambda: records()[0].code == 0)
    assert job.state == ENDED
    assert (tmp_path / "a.txt").read_text() == "done"


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="Windows has no such steps")
def test_work_gives_way_to_the_server_that_answers_people(jobs: Callable[..., Jobs], tmp_path: Path) -> None:
    job = jobs().start(Again(["run"], tmp_path / "a.txt"))
    assert job.process is not None
    assert os.getpriority(os.PRIO_PROCESS, job.process.pid) == queue.NICE
    job.cancel()


def test_one_request_has_one_job_however_many_ask(jobs: Callable[..., Jobs], tmp_path: Path) -> None:
    servers, request, found = [jobs(8), jobs(8)], Again(["run"], tmp_path / "a.txt"), []
    asking = [threading.Thread(target=lambda k=k: found.append(servers[k % 2].start(request))) for k in range(12)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    until(lambda: all(job.state == RUNNING and job.record.pid for job in found))
    assert len({job.record.pid for job in found}) == 1
    assert len(records()) == 1


def test_what_another_server_begins_meanwhile_is_not_begun_again(
    jobs: Callable[..., Jobs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, request = jobs(8), jobs(8), Again(["run"], tmp_path / "a.txt")
    look, begun = two.of, list[Job]()

    def looking(request: Again) -> Job | None:
        found = look(request)
        begun[:] = begun or [one.start(request)]  # just after the first look
        return found

    monkeypatch.setattr(two, "of", looking)
    job = two.start(request)
    until(lambda: job.state == RUNNING and job.record.pid)
    assert job.record.pid == begun[0].record.pid
    assert len(records()) == 1


def test_some_run_and_the_others_wait_their_turn_in_order(jobs: Callable[..., Jobs], tmp_path: Path) -> None:
    ours = jobs(most=2)
    made = [ours.start(Again(["run"], tmp_path / f"{name}.txt")) for name in "abcd"]
    assert [job.state for job in made] == [RUNNING, RUNNING, QUEUED, QUEUED]
    made[2].cancel()  # it never comes to its turn
    made[0].cancel()
    until(lambda: made[3].process is not None)
    assert [job.state for job in made] == [STOPPED, RUNNING, STOPPED, RUNNING]
    assert [made[k].process is None for k in (2, 3)] == [True, False]


def test_what_another_server_runs_counts_and_is_shown_and_ended_here(jobs: Callable[..., Jobs], tmp_path: Path) -> None:
    one, other = jobs(most=1), jobs(most=1)
    theirs = one.start(Again(["run"], tmp_path / "a.txt"))
    ours = other.start(Again(["run"], tmp_path / "b.txt"))
    assert (ours.state, {job.state for job in one.all()}) == (QUEUED, {RUNNING, QUEUED})
    seen = other.of(Again(["run"], tmp_path / "a.txt"))
    assert seen is not None
    seen.cancel()
    until(lambda: ours.state == RUNNING)
    assert theirs.state == STOPPED


def test_a_failure_is_its_sentence_also_for_those_who_did_not_start_it(
    jobs: Callable[..., Jobs], tmp_path: Path
) -> None:
    job = jobs().start(Again(["fail"], tmp_path / "a.txt"))
    until(lambda: job.state == FAILED)
    assert job.failure == "There is no such thing."
    until(lambda: records()[0].code is not None)
    assert [(found.state, found.failure) for found in jobs().all()] == [(FAILED, "There is no such thing.")]


@pytest.fixture
def killed_server(tmp_path: Path) -> Iterator[Path]:
    """A server that was killed while one piece of work ran and another waited."""
    command = [sys.executable, "-c", SERVER, COMMAND, str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == b"started\n"
    server.kill()
    server.wait()
    server.stdout.close()
    yield tmp_path
    for record in records():
        if record.at_work and record.pid:
            os.kill(record.pid, signal.SIGKILL)


def test_a_killed_server_leaves_nothing_unknown(killed_server: Path, jobs: Callable[..., Jobs]) -> None:
    ours = jobs()
    first = ours.of(Again(["run"], killed_server / "first.txt"))
    assert first is not None
    assert (first.state, first.process) == (RUNNING, None)
    assert ours.start(Again(["run"], killed_server / "first.txt")) is first, "it is not started twice"
    states = {job.record.path.name: job.state for job in ours.all()}
    assert states == {"first.txt": RUNNING, "second.txt": STOPPED}
    first.cancel()
    assert first.state == STOPPED
    again = ours.start(Again(["end"], killed_server / "second.txt"))
    until(lambda: again.state == ENDED)


def test_a_server_that_ends_in_good_order_ends_its_work(jobs: Callable[..., Jobs], tmp_path: Path) -> None:
    ours = jobs(most=1)
    running, waiting = (ours.start(Again(["run"], tmp_path / f"{name}.txt")) for name in "ab")
    ours.close()
    assert (running.state, running.process.poll() is None) == (STOPPED, False)
    assert waiting.process is None


def test_a_survey_that_a_terminal_runs_is_found_by_its_stores_lock(jobs: Callable[..., Jobs]) -> None:
    request, ours = SurveyRequest("linear-regression", seed=8), jobs()
    assert ours.of(request) is None
    command = [sys.executable, "-c", WRITER, str(request.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"held\n"
        job = ours.of(request)
        assert job is not None
        assert (job.state, job.outside) == (RUNNING, True)
        assert ours.start(request) is job, "no second process is set on it"
        assert [found.record.path for found in ours.all()] == [request.path]
        app = AppTest.from_file(APP, default_timeout=120).switch_page("views/work.py").run()
        assert app.button(key=f"end_{request.path.name}").disabled
    assert ours.of(request) is None


def test_a_page_shows_each_state_and_what_can_be_done(
    jobs: Callable[..., Jobs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = jobs(most=1)
    monkeypatch.setattr(work, "jobs", lambda: ours)
    page = AppTest.from_file(APP, default_timeout=120).switch_page("views/work.py").run()
    assert any("Nothing is being computed" in box.value for box in page.info)
    failed = ours.start(Again(["fail"], tmp_path / "f.txt"))
    until(lambda: failed.state == FAILED)
    ended = ours.start(Again(["end"], tmp_path / "e.txt"))
    until(lambda: ended.state == ENDED)
    running, waiting = (ours.start(Again(["run"], tmp_path / f"{name}.txt")) for name in "rw")
    page.run()
    assert not page.exception
    shown = {button.key: button.label for button in page.button}
    assert shown == {
        "end_r.txt": "End",
        "end_w.txt": "End",
        "again_f.txt": "Go on",
        "forget_all": "Take what is over off this list",
    }
    assert any("There is no such thing." in text.value for text in page.markdown)
    page.button(key="end_w.txt").click().run()
    page.button(key="end_r.txt").click().run()
    assert (running.state, waiting.state) == (STOPPED, STOPPED)
    page.button(key="forget_all").click().run()
    assert records() == []
    assert (tmp_path / "e.txt").exists(), "what was computed stays"


def kept_landscape(seed: int, used: float) -> Path:
    """A small landscape in the cache that was used last at a time."""
    problem = load_problem("linear-regression")
    path = user_cache_path("lossnav") / "landscapes" / f"linear-regression-random-{seed}.zarr"
    survey(problem, Plane.random(problem, seed=seed), (3, 3), store=path, fidelity=False)
    os.utime(path, (used, used))
    return path


def test_the_cache_offers_what_was_longest_unused_and_removes_nothing_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time()
    old, newer, newest = (kept_landscape(seed, now - age) for seed, age in ((1, 3e6), (2, 2e6), (3, 1e6)))
    found = cache.cache_entries()
    assert [each.path for each in found] == [old, newer, newest]
    assert found[0].bytes == sum(file.stat().st_size for file in old.rglob("*") if file.is_file())
    monkeypatch.setattr(cache, "BOUND", float(sum(each.bytes for each in found) - 1))
    page = AppTest.from_file(APP, default_timeout=120).switch_page("views/work.py").run()
    assert not page.exception
    assert any("More is kept than" in box.value for box in page.warning)
    assert all(path.exists() for path in (old, newer, newest))
    page.button(key="really_offered").click().run()
    assert [path.exists() for path in (old, newer, newest)] == [False, True, True]
    assert not page.warning


def test_looking_at_a_result_makes_it_the_last_one_used_and_changes_nothing_else() -> None:
    path = kept_landscape(1, time.time() - 1e6)
    written = path.stat().st_mtime_ns
    assert cache.cache_entries()[0].used == pytest.approx(time.time() - 1e6, abs=60)
    cache.touch(path)
    assert cache.cache_entries()[0].used == pytest.approx(time.time(), abs=60)
    assert path.stat().st_mtime_ns == written


def test_what_is_being_written_is_not_removed() -> None:
    path = kept_landscape(1, time.time())
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"held\n"
        with pytest.raises(Exception, match="Another process is writing"):
            cache.remove(cache.cache_entries()[0])
    assert path.exists()


def test_how_many_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(queue.JOBS_VARIABLE, raising=False)
    for cores, most in ((1, 2), (2, 2), (8, 2), (16, 4), (64, 16)):
        monkeypatch.setattr(queue.os, "cpu_count", lambda cores=cores: cores)
        assert queue.most_at_once() == most
    monkeypatch.setenv(queue.JOBS_VARIABLE, "3")
    assert queue.most_at_once() == 3


def test_where_nothing_can_be_written_work_says_so_and_can_be_begun_later(
    jobs: Callable[..., Jobs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the cache's folder should be")
    request = Again(["end"], tmp_path / "done.txt")
    ours = jobs()
    with monkeypatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(blocked))
        job = ours.start(request)
        assert (job.state, job.open) == (FAILED, False)
        assert str(job.failure).startswith("It cannot be begun, as nothing can be written in")
        assert ours.of(request) is job, "so that the page shows it"
        assert ours.all() == []
    later = ours.start(request)
    until(lambda: not later.open)
    assert (later.state, ours.of(request)) == (ENDED, later)
    assert request.path.read_text() == "done"


def test_a_press_where_nothing_can_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"] = "gaussians-mlp"
    app.query_params["seed"] = "77"
    app.run()
    next(b for b in app.button if b.label == "Measure").click().run()
    assert not app.exception
    assert any("nothing can be written in" in e.value for e in app.error)
    assert any(b.label == "Measure" for b in app.button), "to try again"
