"""Commands to the worker and their answers, which may be long in coming.

PAUSE is answered when the last server connection is closed. The worker bounds that wait itself;
here is a bound for a worker that does not answer at all. What was told is kept (`held`), so that a
worker that is started anew is told it again.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from pglane.control.actions import Action
from pglane.engine.channel import Message
from pglane.engine.commands import ALL, RESUMED, UNFINISHED, UNKNOWN, WAIT_S_MAX
from pglane.errors import Refusal
from pglane.errors.console import (
    ConsoleCommandUnfinished,
    ConsoleDatabaseUnknown,
    ConsolePauseEnded,
)
from pglane.errors.processes import ConsoleSnapshotUnanswered
from pglane.errors.refused import RefusedError

ANSWER_S_MAX = WAIT_S_MAX + 5.0
COMMANDS_MAX = 64
"""Unanswered ones at a time; each console has at most one."""


class WorkerCommands:
    """Commands that are under way.

    Args:
        send: sends a message to the worker; False when there is none.
    """

    def __init__(self, send: Callable[[Message], bool]) -> None:
        self._send = send
        self._last_id = 0
        self._done: dict[int, asyncio.Future[Message]] = {}
        self._paused: set[str] = set()
        self._disabled: set[str] = set()

    def held(self) -> dict[str, list[str]]:
        """What a new worker must be told: names of paused and of disabled databases."""
        return {"paused": sorted(self._paused), "disabled": sorted(self._disabled)}

    def everything_is_paused(self) -> bool:
        """Whether PAUSE without a database holds."""
        return ALL in self._paused

    async def run(self, action: Action) -> None:
        """Has the worker carry out a command on a database, or on all.

        Raises:
            RefusedError: there is no such database, no worker, or it did not end in time.
        """
        if len(self._done) >= COMMANDS_MAX:
            raise _unanswered(f"{COMMANDS_MAX} commands are under way already")
        self._last_id += 1
        number = self._last_id
        told = {"id": number, "verb": action.verb, "database": action.name}
        if not self._send({"type": "command", **told}):
            raise _unanswered("no worker is running at this moment; it is being restarted")
        done: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._done[number] = done
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                answer = await done
        except TimeoutError as error:
            raise _unanswered(f"no answer within {ANSWER_S_MAX:.0f} s") from error
        finally:
            del self._done[number]
        refusal = _objection(action, answer)
        if refusal is not None:
            raise RefusedError(refusal)

    def answer(self, message: Message) -> None:
        """A `command_done` message; one that comes too late is dropped."""
        done = self._done.get(message["id"])
        if done is not None and not done.done():
            done.set_result(message)

    def took_effect(self, message: Message) -> None:
        """A `command_held` message: what holds from now on, whoever asked and still waits."""
        self._paused = set(message["paused"])
        self._disabled = set(message["disabled"])

    def worker_ended(self) -> None:
        """Nobody will answer what is under way."""
        for done in self._done.values():
            if not done.done():
                done.set_exception(_unanswered("it ended while the command was under way"))


def _objection(action: Action, answer: dict[str, Any]) -> Refusal | None:
    if answer["problem"] == UNKNOWN:
        return ConsoleDatabaseUnknown(name=action.name)
    if answer["problem"] == RESUMED:
        return ConsolePauseEnded()
    if answer["problem"] == UNFINISHED:
        return ConsoleCommandUnfinished(
            verb=action.verb, waited_s=int(WAIT_S_MAX), left=answer["left"]
        )
    return None


def _unanswered(reason: str) -> RefusedError:
    return RefusedError(ConsoleSnapshotUnanswered(reason=reason))
