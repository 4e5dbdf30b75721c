"""What an operator tells a worker at the console: PAUSE, RESUME, RECONNECT, KILL and the rest.

A paused database gives nobody a server connection: those that are free are closed, the others when
their lease ends, and whoever asks waits with the reason `paused`, within its own limits. Databases
that come later are paused too if all are. What is told stays true when the supervisor starts
another worker: it keeps it and tells it again.

PAUSE and WAIT_CLOSE are answered when what they wait for is true. That is looked at every
`LOOK_S`, only while somebody waits, and given up after `WAIT_S_MAX`; a PAUSE also when somebody
says RESUME.

Connections that listen for clients of the transaction door, and the monitor's, are not paused:
they hold nothing that anybody waits for.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pglane.engine.commands import ALL, RESUMED, UNFINISHED, UNKNOWN, WAIT_S_MAX
from pglane.engine.inventory import names
from pglane.engine.loss import end_now
from pglane.engine.replacing import close_idle, links, reconnect
from pglane.errors.waiting import Killed

if TYPE_CHECKING:
    from pglane.engine.database import Database
    from pglane.engine.worker import Worker

LOOK_S = 0.02
KILLED = "all connections to this database were killed at the console"


class Operating:
    """The operator's hand on one worker.

    Attributes:
        paused: names of paused databases; `ALL` among them: every one.
        disabled: names of databases that no new client is let into.
    """

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self.paused: set[str] = set()
        self.disabled: set[str] = set()
        self._verbs: dict[str, Callable[[str], Callable[[], str] | None]] = {
            "PAUSE": self._pause,
            "RESUME": self._resume,
            "RECONNECT": self._reconnect,
            "WAIT_CLOSE": self._wait_close,
            "KILL": self._kill,
            "DISABLE": self._disable,
            "ENABLE": self._enable,
        }

    def begin(self, held: dict[str, Any]) -> None:
        """What holds from the start: an earlier worker was told."""
        self.paused.update(held.get("paused", ()))
        self.disabled.update(held.get("disabled", ()))

    def pauses(self, name: str) -> bool:
        """Whether a database is paused, or will be when somebody comes to it."""
        return ALL in self.paused or name in self.paused

    def applies(self, database: "Database") -> None:
        """A database that has just come."""
        if self.pauses(database.name):
            pause(database)
        database.disabled = database.name in self.disabled

    def take(self, message: dict[str, Any]) -> None:
        """One command: {id, verb, database}; its answer is sent now or when it is true."""
        name = message["database"]
        if name != ALL and name not in self._known():
            self._answer(message, UNKNOWN, "")
            return
        left = self._verbs[message["verb"]](name)
        held = {"paused": sorted(self.paused), "disabled": sorted(self.disabled)}
        self._worker.tell_supervisor({"type": "command_held", **held})
        if left is None:
            self._answer(message, "", "")
        else:
            self._look(message, left, self._worker.loop.now + WAIT_S_MAX)

    def _known(self) -> set[str]:
        return {*names(self._worker), *self.paused, *self.disabled}

    def _look(self, message: dict[str, Any], left: Callable[[], str], until: float) -> None:
        """Answers when nothing is left that is waited for."""
        what = left()
        if message["verb"] == "PAUSE" and not self.pauses(message["database"]):
            self._answer(message, RESUMED, "")
        elif not what:
            self._answer(message, "", "")
        elif self._worker.loop.now >= until:
            self._answer(message, UNFINISHED, what)
        else:
            self._worker.loop.call_later(LOOK_S, lambda: self._look(message, left, until))

    def _answer(self, message: dict[str, Any], problem: str, left: str) -> None:
        told = {"type": "command_done", "id": message["id"], "problem": problem, "left": left}
        self._worker.tell_supervisor(told)

    def _databases(self, name: str) -> "list[Database]":
        known = self._worker.databases
        return [one for one in known.values() if name in (ALL, one.name)]

    # Verbs ---------------------------------------------------------------------------------

    def _pause(self, name: str) -> Callable[[], str]:
        self.paused.add(name)
        for database in self._databases(name):
            pause(database)
        return lambda: _in_use(self._databases(name))

    def _resume(self, name: str) -> None:
        """RESUME of one database that all were paused with leaves the others paused."""
        if name == ALL:
            self.paused.clear()
        elif ALL in self.paused:
            self.paused.remove(ALL)
            self.paused.update(names(self._worker))
        self.paused.discard(name)
        for database in self._databases(name):
            resume(database)

    def _reconnect(self, name: str) -> None:
        for database in self._databases(name):
            reconnect(database)

    def _wait_close(self, name: str) -> Callable[[], str]:
        return lambda: _to_be_replaced(self._databases(name))

    def _kill(self, name: str) -> None:
        self.paused.add(name)
        for database in self._databases(name):
            pause(database)
            kill(database)

    def _disable(self, name: str) -> None:
        self.disabled.add(name)
        for database in self._databases(name):
            database.disabled = True

    def _enable(self, name: str) -> None:
        self.disabled.discard(name)
        for database in self._databases(name):
            database.disabled = False


def pause(database: "Database") -> None:
    """Nobody gets a server connection; what is free is closed, the rest when it is released."""
    database.paused = True
    database.desk.paused = True
    close_idle(database)


def resume(database: "Database") -> None:
    """Whoever waits has its turn again."""
    database.paused = False
    database.desk.paused = False
    database.perform(database.desk.tick(database.loop.now))
    database.arm_tick()


def kill(database: "Database") -> None:
    """Ends all clients and server connections."""
    for client in list(database.worker.clients.values()):
        if client.database is database:
            end_now(client, Killed(), KILLED)
    for link in links(database):
        database.close(link)


def _in_use(databases: "Iterable[Database]") -> str:
    """Server connections that a paused database still has, in words; empty: none."""
    return _told("are still there", sum(one.desk.ledger.used for one in databases))


def _to_be_replaced(databases: "Iterable[Database]") -> str:
    known = [link for one in databases for link in links(one)]
    return _told("are still to be replaced", sum(link.suspect or link.closing for link in known))


def _told(what: str, count: int) -> str:
    return f"{count} server connections {what}" if count else ""
