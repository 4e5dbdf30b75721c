"""Looks for works that wait for each other while any work waits, and tells one of them.

Whether there are any is proved by `scheduler.standstill`; what it cannot know is what a lease does
right now. Through the direct door bytes pass unread, so nothing is proved with leases of it.

Who says no work pays nothing for this: the timer runs while a request of a work waits.
"""

from typing import TYPE_CHECKING

from pglane.engine import holding
from pglane.errors.waiting import PoolDeadlock
from pglane.pool.ledger import LEASED

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.engine.loop import Timer
    from pglane.errors import Refusal
    from pglane.scheduler.lane import Lane
    from pglane.scheduler.request import Lease, Request
    from pglane.scheduler.work import Work

QUIET_S = 0.05
"""So long nothing may have happened in a place: longer than code takes between two statements."""
OTHERS_TOLD_MAX = 3


class Standstills:
    """Of one database."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._timer: Timer | None = None
        self._works: list[Work] = []

    def begin(self) -> None:
        """A request of a work waits."""
        if self._timer is None:
            self._timer = self._database.loop.call_later(QUIET_S, self._look)

    def _look(self) -> None:
        database = self._database
        desk = database.desk
        self._timer = None
        works, decisions = desk.break_standstill(self._is_quiet, database.loop.now)
        self._works = works
        database.perform(decisions)
        if desk.queue.works.waiting:
            self.begin()

    def _is_quiet(self, lease: "Lease") -> bool:
        """Whether nothing happens in a lease, and nothing did for a while."""
        client: ClientLink = lease.client  # type: ignore[assignment]
        server = getattr(client, "server", None)
        if server is None or server.raw or server.slot.lease is not lease:
            return False
        if server.slot.state != LEASED or client.asked >= 0 or server.exchange.outstanding():
            return False
        quiet_since = max(holding.quiet_since(client), lease.since)
        return not server.busy and self._database.loop.now - quiet_since >= QUIET_S

    def refusal(self, request: "Request") -> "Refusal":
        """What the client of the newest request is told."""
        database = self._database
        client: ClientLink = request.client  # type: ignore[assignment]
        lane: Lane = request.lane  # type: ignore[assignment]
        stamp = request.stamp or ("", "")
        others = [work for work in self._works if work.stamp != stamp]
        own = next((work for work in self._works if work.stamp == stamp), None)
        return PoolDeadlock(
            lane=lane.name,
            door=client.door.NAME,
            database=database.name,
            user=client.user,
            held=sum(len(work.held) for work in self._works),
            budget=database.desk.ledger.budget,
            works=len(self._works),
            work=_shown(stamp[1]),
            has=_has(own),
            asking=_name(client),
            others=_others(others, client.user),
            waited_ms=(database.loop.now - request.arrived) * 1000,
            nested=(len(own.held) if own is not None else 1) + 1,
        )


def _others(works: "list[Work]", user: str) -> str:
    """Those of the same user by name, strangers as a number."""
    known = [work for work in works if work.stamp[0] == user][:OTHERS_TOLD_MAX]
    told = [f"{_shown(work.stamp[1])} has {_has(work)}" for work in known]
    if len(works) > len(known):
        told.append(f"{len(works) - len(known)} more")
    return "; ".join(told) or "no other"


def _has(work: "Work | None") -> str:
    """How many places, and in whose hands."""
    if work is None:
        return "0"
    names = ", ".join(_name(lease.client) for lease in list(work.held)[:OTHERS_TOLD_MAX])
    return f"{len(work.held)} ({names})"


def _name(client: object) -> str:
    items: dict[str, str] = client.vector.items  # type: ignore[attr-defined]
    return (
        _shown(items.get("application_name", "")) if items.get("application_name") else "no name"
    )


def _shown(name: str) -> str:
    """A name that a stranger chose, cut, without what a terminal would obey."""
    cut = name[: holding.NAME_CHARACTERS_MAX]
    return '"' + "".join(each if each.isprintable() else "?" for each in cut) + '"'
