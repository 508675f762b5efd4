"""Nothing that a whole run of the page has written is lost to a fragment's run that begins before it was sent.

Streamlit (1.67, `ForwardMsgQueue.clear`) drops a fragment's unsent elements when that fragment runs again, because it writes
them anew. Where they were written by a whole run whose end is unsent too, the browser is then told that this run is over and
that it had none of them: it takes them away, and builds them again a moment later. An open menu, a text being typed and a
slider under the hand go with them.
"""

from __future__ import annotations

from functools import wraps

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

WHOLE_RUN_IS_OVER = ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY


def keep_what_a_whole_run_wrote() -> None:
    """Have a fragment's run drop nothing that a whole run wrote, for this process; a second call changes nothing."""
    clear = ForwardMsgQueue.clear
    if hasattr(clear, "__wrapped__"):
        return

    @wraps(clear)
    def cleared(
        queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
    ) -> None:
        if fragment_ids_this_run and retain_lifecycle_msgs and any(map(_ends_whole_run, queue._queue)):
            queue._delta_index_map = {}  # what comes now goes behind that end, not into what was written before it
        else:
            clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)

    ForwardMsgQueue.clear = cleared  # type: ignore[assignment,method-assign]


def _ends_whole_run(message: ForwardMsg) -> bool:
    return message.WhichOneof("type") == "script_finished" and message.script_finished == WHOLE_RUN_IS_OVER
