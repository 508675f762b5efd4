"""A job's record that is damaged is a sentence on the page of work, with a way on; nothing is ended by a number that nobody wrote."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core.sealed import write_json
from lossnav.explorer.jobs import FAILED, RUNNING, Again, Jobs, damaged, queue
from lossnav.explorer.jobs.lock import hold
from lossnav.explorer.jobs.record import Record, folder, records
from platformdirs import user_cache_path
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
WRONG = {
    "pid": 10**30,
    "asked": "yesterday",
    "started": float("inf"),
    "arguments": [1],
    "code": "0",
    "cancelled": "no",
    "path": "elsewhere",
}


def kept_record(**fields: object) -> Path:
    """A record of work that ended, with its log; where it lies."""
    path = user_cache_path("lossnav") / "spectra" / "digits-0123.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".log").write_text("lossnav: There is no such thing.\n")
    Record(path, ("spectrum", "digits-plain"), time.time(), folder() / "server-gone.lock").write()
    place = next(folder().glob("*.json"))
    if fields:
        content = json.loads(place.read_text())
        content.pop("sealed")
        write_json(place, {**content, **fields})
    return place


def flipped(place: Path) -> None:
    content = bytearray(place.read_bytes())
    content[content.index(b"digits-plain")] ^= 1
    place.write_bytes(content)


def test_a_damaged_record_is_a_sentence_and_can_be_removed() -> None:
    place = kept_record()
    flipped(place)
    page = AppTest.from_file(APP, default_timeout=120).switch_page("views/work.py").run()
    assert not page.exception
    said = [box.value for box in page.error]
    assert len(said) == 1
    assert "digits-0123.json" in said[0]
    assert "is damaged" in said[0]
    assert any("There is no such thing" in code.value for code in page.code), "its log is found by the record's name"
    assert not any("Nothing is being computed" in box.value for box in page.info)
    page.button(key=f"forget_{place.stem}").click().run()
    assert not place.exists()
    assert not page.error
    assert (user_cache_path("lossnav") / "spectra" / "digits-0123.log").exists()


@pytest.mark.parametrize("field", WRONG)
def test_a_field_that_means_nothing_is_damage(field: str) -> None:
    kept_record(**{field: WRONG[field]})
    assert records() == []
    assert len(damaged()) == 1


def test_a_record_without_its_digest_is_damage() -> None:
    place = kept_record()
    content = json.loads(place.read_text())
    content.pop("sealed")
    place.write_text(json.dumps(content))
    assert (records(), [each.place for each in damaged()]) == ([], [place])


def test_what_is_at_work_is_said_to_be_and_is_not_started_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "COMMAND", (sys.executable, "-c", "raise SystemExit('lossnav: It was started.')"))
    place = kept_record()
    flipped(place)
    lock = hold(place.with_suffix(".lock"))
    assert lock is not None
    found = damaged()[0]
    assert found.at_work
    jobs, path = Jobs(most=2), found.path
    assert path == user_cache_path("lossnav") / "spectra" / "digits-0123.json", "its log is there, and is named like it"
    job = jobs.start(Again(["spectrum", "digits-plain"], path))
    assert (job.state, job.process) == (RUNNING, None), "another process is at it"
    os.close(lock)
    deadline = time.monotonic() + 30
    while job.open and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (job.state, job.failure) == (FAILED, "It was started.")
    jobs.close()
