"""Rows for the console: what this worker's clients, server connections and pools are doing.

The keys are the console's column names (`control/columns.py`). Rows are made one by one as they
are asked for, so that a worker with many clients can do other work in between.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pglane.config.hosts import server_hosts
from pglane.connection.startup_settings import startup_settings
from pglane.engine.addresses import is_name
from pglane.engine.client_connection import GONE, IDLE, LEASED, WAITING, WELCOME
from pglane.engine.client_link import ClientLink
from pglane.engine.server_link import ServerLink
from pglane.engine.shared_listener import APPLICATION_NAME, SharedListener
from pglane.engine.syscalls import peer_text
from pglane.errors.catalogue import Refusal
from pglane.pool.ledger import Slot, SlotState

if TYPE_CHECKING:
    from pglane.engine.database import Database
    from pglane.engine.worker import Worker

Row = dict[str, object]

CLIENT_STATES: dict[int, str] = {
    WELCOME: "waiting",
    IDLE: "idle",
    WAITING: "waiting",
    LEASED: "active",
    GONE: "idle",
}
SEVERAL = "several"
SLOT_STATES: dict[int, str] = {
    SlotState.OPENING: "new",
    SlotState.IDLE: "idle",
    SlotState.LEASED: "active",
    SlotState.CLEANING: "tested",
    SlotState.CLOSING: "closing",
}


def client_rows(worker: "Worker") -> Iterator[Row]:
    """One row for each client that is logged in."""
    for client in list(worker.clients.values()):
        yield client_row(worker, client)


def client_row(worker: "Worker", client: ClientLink) -> Row:
    """One client."""
    host, port = endpoint(peer_text(client.peer))
    local_host, local_port = client.transport.local_address()
    request = client.request
    waited_us = int((worker.loop.now - request.arrived) * 1e6) if request is not None else 0
    return {
        "type": "C",
        "user": client.user,
        "database": client.database.name,
        "replication": replication_of(client),
        "state": CLIENT_STATES[client.phase],
        "addr": host,
        "port": port,
        "local_addr": local_host,
        "local_port": local_port,
        "connect_time": wall(worker, client.connected),
        "request_time": wall(worker, client.requested),
        "wait": waited_us // 1_000_000,
        "wait_us": waited_us % 1_000_000,
        "close_needed": int(worker.draining),
        "ptr": f"c{client.number}",
        "link": link_name(client.server),
        "remote_pid": 0,
        "tls": client.transport.tls_text(),
        "application_name": client.vector.items.get("application_name", ""),
        "prepared_statements": len(client.requests.statements),
        "id": client.number,
        "door": client.door.NAME,
        "lane": lane_name(client.lease),
        "wait_reason": waits_for(client),
        "pinned": pinned_by(client),
    }


def replication_of(client: ClientLink) -> str:
    """PgBouncer's word for what its startup packet asked for."""
    asked = startup_settings(client.login_startup, client.user)
    if isinstance(asked, Refusal) or not asked.replication:
        return "none"
    return "logical" if asked.replication == "database" else "physical"


def waits_for(client: ClientLink) -> str:
    """Why it waits; "" if it does not."""
    if client.request is None:
        return ""
    return client.database.desk.reason_of(client.request).value


def lane_name(lease: object) -> str:
    """Of the lane that a lease belongs to; "" if there is none."""
    return str(lease.lane.name) if lease is not None else ""  # type: ignore[attr-defined]


def pinned_by(client: ClientLink) -> str:
    """What keeps the client on its server connection; "" if nothing does."""
    state = client.session_state
    return (state.reasons() or "session state") if client.pinned and state is not None else ""


def server_rows(worker: "Worker") -> Iterator[Row]:
    """One row for each slot in use."""
    for database in list(worker.databases.values()):
        for slot in database.desk.ledger:
            yield server_row(worker, database, slot)
        for listener in database.listening:
            yield listener_row(worker, database, listener)


def server_row(worker: "Worker", database: "Database", slot: Slot) -> Row:
    """One server connection, or one that is being opened."""
    link = slot.link if isinstance(slot.link, ServerLink) else None
    client = link.client if link is not None else None
    host, port = server_endpoint(link)
    local_host, local_port = link.transport.local_address() if link is not None else ("", 0)
    return {
        "type": "S",
        "user": slot.user,
        "database": database.name,
        "replication": replication_of(client) if client is not None else "none",
        "state": "being_canceled"
        if link is not None and link.cancels
        else SLOT_STATES[slot.state],
        "addr": host,
        "port": port,
        "local_addr": local_host,
        "local_port": local_port,
        "connect_time": wall(worker, slot.opened),
        "request_time": wall(worker, slot.since),
        "wait": 0,
        "wait_us": 0,
        "close_needed": int(link is not None and link.suspect),
        "ptr": link_name(link),
        "link": f"c{client.number}" if client is not None else "",
        "remote_pid": link.process_id if link is not None else 0,
        "tls": link.transport.tls_text() if link is not None else "",
        "application_name": client.vector.items.get("application_name", "") if client else "",
        "prepared_statements": len(link.exchange.statements) if link is not None else 0,
        "id": link.number if link is not None else 0,
        "door": client.door.NAME if client is not None else "",
        "lane": lane_name(slot.lease),
        "wait_reason": "cancel on its way" if link is not None and link.cancels else "",
        "pinned": pinned_by(client) if client is not None else "",
    }


def listener_row(worker: "Worker", database: "Database", listener: SharedListener) -> Row:
    """A connection that listens for clients of the transaction door; beside the budget."""
    address, transport = listener.address, listener.transport
    local_host, local_port = transport.local_address() if transport is not None else ("", 0)
    host, port = ("", 0) if address is None else (address.address, address.port)
    return {
        "type": "S",
        "user": listener.user,
        "database": database.name,
        "replication": "none",
        "state": "new" if transport is None else "listening",
        "addr": "unix" if address is not None and address.family == "unix" else host,
        "port": port,
        "local_addr": local_host,
        "local_port": local_port,
        "connect_time": wall(worker, listener.opened),
        "request_time": wall(worker, listener.opened),
        "wait": 0,
        "wait_us": 0,
        "close_needed": 0,
        "ptr": f"s{listener.number}",
        "link": "",
        "remote_pid": listener.process_id,
        "tls": transport.tls_text() if transport is not None else "",
        "application_name": APPLICATION_NAME,
        "prepared_statements": 0,
        "id": listener.number,
        "door": "transaction",
        "lane": "transaction",
        "wait_reason": "",
        "pinned": "",
    }


def pool_rows(worker: "Worker") -> Iterator[Row]:
    """One row for each database, role and door."""
    pools: dict[tuple[str, str, str], Row] = {}
    for client in list(worker.clients.values()):
        row = pool(worker, pools, client.database, client.user, client.door.NAME)
        waiting = client.phase in (WAITING, WELCOME)
        count(row, "cl_waiting" if waiting else "cl_active")
        if client.pinned:
            count(row, "cl_pinned")
        lane = lane_name(client.lease)
        row["lane"] = lane if row["lane"] in ("", lane) else SEVERAL
        if client.request is not None:
            longest(row, int((worker.loop.now - client.request.arrived) * 1e6))
    for database in list(worker.databases.values()):
        for slot in database.desk.ledger:
            link = slot.link if isinstance(slot.link, ServerLink) else None
            client_of = link.client if link is not None else None
            door = client_of.door.NAME if client_of is not None else "transaction"
            count(pool(worker, pools, database, slot.user, door), SLOT_COLUMNS[slot.state])
    yield from pools.values()


SLOT_COLUMNS: dict[int, str] = {
    SlotState.OPENING: "sv_login",
    SlotState.IDLE: "sv_idle",
    SlotState.LEASED: "sv_active",
    SlotState.CLEANING: "sv_tested",
    SlotState.CLOSING: "sv_closing",
}
POOL_COUNTS = (
    "cl_active",
    "cl_waiting",
    "cl_active_cancel_req",
    "cl_waiting_cancel_req",
    "sv_active",
    "sv_active_cancel",
    "sv_being_canceled",
    "sv_idle",
    "sv_used",
    "sv_tested",
    "sv_login",
    "maxwait",
    "maxwait_us",
    "sv_closing",
    "cl_pinned",
)


def pool(
    worker: "Worker",
    pools: dict[tuple[str, str, str], Row],
    database: "Database",
    user: str,
    door: str,
) -> Row:
    """The row of a pool, made when first counted."""
    key = (database.name, user, door)
    if key not in pools:
        pools[key] = {
            "database": database.name,
            "user": user,
            **dict.fromkeys(POOL_COUNTS, 0),
            "pool_mode": "transaction" if door == "transaction" else "session",
            "load_balance_hosts": None,
            "door": door,
            "lane": "",
            "budget": worker.settings.budget,
        }
    return pools[key]


def count(row: Row, column: str) -> None:
    """One more."""
    row[column] = int(str(row[column])) + 1


def longest(row: Row, waited_us: int) -> None:
    """The longest wait of the pool."""
    known_us = int(str(row["maxwait"])) * 1_000_000 + int(str(row["maxwait_us"]))
    if waited_us > known_us:
        row["maxwait"], row["maxwait_us"] = divmod(waited_us, 1_000_000)


def list_rows(worker: "Worker") -> Iterator[Row]:
    """How many there are of everything."""
    settings = worker.settings
    slots = sum(database.desk.ledger.used for database in worker.databases.values())
    counts = {
        "databases": len(worker.databases),
        "users": len({client.user for client in worker.clients.values()}),
        "peers": 0,
        "pools": sum(1 for _ in pool_rows(worker)),
        "peer_pools": 0,
        "free_clients": max(settings.clients_max - len(worker.clients), 0),
        "used_clients": len(worker.clients),
        "login_clients": worker.login_count(),
        "free_servers": max(len(worker.databases) * settings.budget - slots, 0),
        "used_servers": slots,
        "dns_names": sum(is_name(host.name) for host in server_hosts(settings)),
        "dns_zones": 0,
        "dns_queries": worker.lookup_count(),
        "dns_pending": 0,
        "internal_errors": worker.internal_errors,
    }
    for name, items in counts.items():
        yield {"list": name, "items": items}


def monitor_rows(worker: "Worker") -> Iterator[Row]:
    """One row for each database."""
    for database in list(worker.databases.values()):
        watch = database.watch
        yield {
            "database": database.name,
            "state": watch.state,
            "defaults_epoch": watch.defaults_epoch,
            "defaults_changes": watch.generation,
            "catalog_epoch": watch.catalog_epoch,
            "unproved_names": len(watch.sight.names.reads) + len(watch.sight.names.writes),
            "unprovable": watch.unprovable,
            "unprinted": watch.unprinted,
            "probes": watch.probes,
            "harmless_fingerprints": len(watch.sight.harmless),
            "stateful_fingerprints": len(watch.sight.stateful),
        }


def link_name(link: ServerLink | None) -> str:
    """A server connection's name in links."""
    return f"s{link.number}" if link is not None else ""


def endpoint(address: str) -> tuple[str, int]:
    """Host and port of "host:port", "[host]:port" or a Unix socket."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return "unix", 0
    return host.strip("[]"), int(port)


def server_endpoint(link: ServerLink | None) -> tuple[str, int]:
    """Where a server connection leads to."""
    if link is None or link.dialled is None:
        return "", 0
    dialled = link.dialled
    return ("unix" if dialled.family == "unix" else dialled.address), dialled.port


def wall(worker: "Worker", moment_s: float) -> str:
    """A moment of the worker's clock as date and time, UTC."""
    seconds = worker.started_wall_s + moment_s
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
