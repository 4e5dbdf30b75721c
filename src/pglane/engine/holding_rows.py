"""Rows for the console and the metrics: who holds server connections, and who waits behind them.

As in `snapshot`, keys are the console's column names.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pglane.engine.holding import DOING, Holder, holders_of, told
from pglane.engine.snapshot import Row, endpoint, lane_name, link_name, wall
from pglane.engine.syscalls import peer_text
from pglane.scheduler.reasons import WaitReason

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.engine.worker import Worker
    from pglane.scheduler.request import Request

MICROSECONDS = 1e6
FOLLOWS = 0
"""The place of who waits in no line, for its read was sent on."""


def holder_rows(worker: "Worker") -> Iterator[Row]:
    """SHOW HOLDERS: one row for each server connection that somebody holds."""
    for database in list(worker.databases.values()):
        for holder in holders_of(database):
            yield holder_row(worker, database, holder)


def holder_row(worker: "Worker", database: "Database", holder: Holder) -> Row:
    """One of them."""
    now = worker.loop.now
    return _whose(database, holder.client) | {
        "lane": holder.lane,
        "doing": holder.doing,
        "since": wall(worker, holder.since),
        "doing_time": _us(now - holder.since),
        "held_time": _us(now - holder.slot.since),
        "remote_pid": holder.server.process_id,
        "server": link_name(holder.server),
        "waiting": len(database.desk.queue),
    }


def queue_rows(worker: "Worker") -> Iterator[Row]:
    """SHOW QUEUE: one row for each request that waits, in the order of each lane's arrivals.

    Before them come those that were sent on behind reads of others.
    """
    for database in list(worker.databases.values()):
        waiting = _in_line(database)
        held_by = told(database) if waiting else ""
        for place, request in waiting:
            client: ClientLink = request.client  # type: ignore[assignment]
            if client.request is request:  # it has not got one since
                row = {"place": place, "held_by": held_by}
                yield _whose(database, client) | _waiting(database, request) | row


def _in_line(database: "Database") -> "list[tuple[int, Request]]":
    """Who waits, each with its place in its lane's line; 0: it follows in a pipeline."""
    followers = [(FOLLOWS, request) for request in database.pipelines.requests()]
    return followers + [
        (place, request)
        for lane in database.desk.queue.lanes.values()
        for place, request in enumerate(lane.arrivals, 1)
    ]


def _waiting(database: "Database", request: "Request") -> Row:
    now = database.loop.now
    follows = request.client.follows is not None  # type: ignore[attr-defined]
    reason = WaitReason.BEHIND_IN_PIPELINE if follows else database.desk.reason_of(request)
    return {
        "lane": lane_name(request),
        "wait": _us(now - request.arrived),
        "wait_max": _us(request.deadline - request.arrived),
        "reason": reason.value,
    }


def _whose(database: "Database", client: "ClientLink") -> Row:
    host, port = endpoint(peer_text(client.peer))
    return {
        "database": database.name,
        "door": client.door.NAME,
        "user": client.user,
        "application_name": client.vector.items.get("application_name", ""),
        "addr": host,
        "port": port,
        "client": f"c{client.number}",
    }


def holding_rows(worker: "Worker") -> Iterator[Row]:
    """For the metrics: of each lane, how many hold a server connection and do what, how long."""
    now = worker.loop.now
    for database in list(worker.databases.values()):
        by_lane: dict[str, list[Holder]] = {}
        for holder in holders_of(database):
            by_lane.setdefault(holder.lane, []).append(holder)
        for lane, holders in by_lane.items():
            yield {
                "database": database.name,
                "lane": lane,
                **{doing: sum(each.doing == doing for each in holders) for doing in DOING},
                "thinks_s_max": max(
                    (now - each.since for each in holders if each.thinks), default=0.0
                ),
            }


def _us(seconds: float) -> int:
    return round(seconds * MICROSECONDS)
