"""What a whole run of the page wrote reaches the browser, though a fragment runs again before it was sent."""

from __future__ import annotations

import pytest
from lossnav.explorer.delivery import keep_what_a_whole_run_wrote
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

OVER = ForwardMsg.ScriptFinishedStatus


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit as it is, and again after the test."""
    clear = ForwardMsgQueue.clear
    monkeypatch.setattr(ForwardMsgQueue, "clear", getattr(clear, "__wrapped__", clear))


def element(place: int, fragment: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path[:] = [0, place]
    message.delta.fragment_id = fragment
    message.delta.new_element.text.body = f"{place}"
    return message


def started() -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.name = "run"
    return message


def over(how: int) -> ForwardMsg:
    return ForwardMsg(script_finished=how)


def left(*messages: ForwardMsg, fragments: list[str] | None) -> list[str]:
    """What is still to be sent when a run begins."""
    queue = ForwardMsgQueue()
    for message in messages:
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=fragments)
    return [m.delta.new_element.text.body for m in queue.flush() if m.HasField("delta")]


WHOLE = (started(), element(1), element(2, "scene"), element(3, "bar"), over(OVER.FINISHED_SUCCESSFULLY))


@pytest.mark.usefixtures("plain")
def test_a_fragments_elements_of_a_whole_run_are_kept() -> None:
    assert left(*WHOLE, fragments=["scene"]) == ["1", "3"], (
        "Streamlit does so itself by now: explorer/delivery.py can go"
    )
    keep_what_a_whole_run_wrote()
    assert left(*WHOLE, fragments=["scene"]) == ["1", "2", "3"]


@pytest.mark.usefixtures("plain")
def test_everything_else_is_dropped_as_before() -> None:
    alone = (started(), element(2, "scene"), element(3, "bar"), over(OVER.FINISHED_FRAGMENT_RUN_SUCCESSFULLY))
    cases = [(WHOLE, None), (alone, ["scene"]), (alone, None)]
    before = [left(*messages, fragments=fragments) for messages, fragments in cases]
    keep_what_a_whole_run_wrote()
    keep_what_a_whole_run_wrote()
    assert [left(*messages, fragments=fragments) for messages, fragments in cases] == before == [[], ["3"], []]
