"""Questions to the worker and their answers, which come in chunks.

A worker answers between two turns of its loop; one that is overloaded, hangs or has just crashed
does not. So every question has a deadline, and ends at once when the worker does.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from pglane.engine.channel import Message
from pglane.errors.processes import ConsoleSnapshotUnanswered
from pglane.errors.refused import RefusedError

Row = dict[str, Any]

ANSWER_MS_MAX = 5_000
QUESTIONS_MAX = 64
"""Open ones at a time; each console has at most one."""
ROWS_MAX = 1_000_000


class Snapshots:
    """Open questions by id.

    Args:
        send: sends a message to the worker; False when there is none.
        answer_ms_max: how long an answer may take.
    """

    def __init__(
        self, send: Callable[[Message], bool], answer_ms_max: int = ANSWER_MS_MAX
    ) -> None:
        self._send = send
        self._answer_ms_max = answer_ms_max
        self._last_id = 0
        self._rows: dict[int, list[Row]] = {}
        self._done: dict[int, asyncio.Future[list[Row]]] = {}

    async def ask(self, what: str) -> list[Row]:
        """The worker's rows for `what`, a word of `engine.questions.MAKERS`.

        Raises:
            RefusedError: there is no worker, it ended, or it did not answer in time.
        """
        if len(self._done) >= QUESTIONS_MAX:
            raise _unanswered(f"{QUESTIONS_MAX} questions to it are already open")
        self._last_id += 1
        number = self._last_id
        if not self._send({"type": "snapshot", "id": number, "what": what}):
            raise _unanswered("no worker is running at this moment; it is being restarted")
        done: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        self._done[number] = done
        self._rows[number] = []
        try:
            async with asyncio.timeout(self._answer_ms_max / 1000):
                return await done
        except TimeoutError as error:
            raise _unanswered(f"no answer within {self._answer_ms_max} ms") from error
        finally:
            del self._done[number]
            del self._rows[number]

    def answer(self, message: Message) -> None:
        """A `snapshot_rows` message; one that comes too late is dropped."""
        number = message["id"]
        done = self._done.get(number)
        if done is None or done.done():
            return
        rows = self._rows[number]
        rows += message["rows"]
        if len(rows) > ROWS_MAX:
            done.set_exception(_unanswered(f"its answer has more than {ROWS_MAX} rows"))
        elif message["last"]:
            done.set_result(rows)

    def worker_ended(self) -> None:
        """Nobody will answer the open questions."""
        for done in self._done.values():
            if not done.done():
                done.set_exception(_unanswered("it ended while it was asked"))


def _unanswered(reason: str) -> RefusedError:
    return RefusedError(ConsoleSnapshotUnanswered(reason=reason))
