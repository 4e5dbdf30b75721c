"""Rows for the console that list and count: databases, roles, sockets, traffic.

As in `snapshot`, keys are the console's column names, and nothing is computed that whoever reads
the rows can compute.
"""

import mmap
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pglane.config.hosts import server_hosts
from pglane.config.limits import limit_of, own_limits
from pglane.connection.traffic import Traffic
from pglane.engine.addresses import is_name
from pglane.engine.server_link import ServerLink
from pglane.engine.snapshot import Row, client_row, server_row

if TYPE_CHECKING:
    from pglane.engine.worker import Worker

UNTOUCHED = Traffic()
"""Of a database that nobody has come to yet."""
MICROSECONDS = 1_000_000
NO_POSITIONS = dict.fromkeys(("recv_pos", "pkt_pos", "pkt_remain", "send_pos", "send_remain"), 0)


def names(worker: "Worker") -> list[str]:
    """The databases that somebody came to, and the one that is configured."""
    configured = worker.settings.server_database
    known = list(worker.databases)
    return known if not configured or configured in known else [configured, *known]


def database_rows(worker: "Worker") -> Iterator[Row]:
    """One row for each database."""
    settings = worker.settings
    clients = Counter(client.database.name for client in worker.clients.values())
    own = dict(own_limits(settings, "clients_max"))
    for name in names(worker):
        database = worker.databases.get(name)
        budget = limit_of(settings, "budget", database=name).value
        lifetime = limit_of(settings, "server_lifetime_ms_max", database=name)
        limit = own.get(("database", name))
        yield {
            "name": name,
            "host": settings.server_host,
            "port": settings.server_port,
            "database": name,
            "force_user": None,
            "pool_size": budget,
            "min_pool_size": 0,
            "reserve_pool_size": 0,
            "reserve_pool": 0,
            "server_lifetime": lifetime.value // 1000,
            "pool_mode": None,
            "load_balance_hosts": None,
            "max_connections": budget,
            "current_connections": database.desk.ledger.used if database is not None else 0,
            "max_client_connections": limit.value if limit is not None else 0,
            "current_client_connections": clients[name],
            "paused": int(worker.operating.pauses(name)),
            "disabled": int(name in worker.operating.disabled),
        }


def user_rows(worker: "Worker") -> Iterator[Row]:
    """One row for each role that may come in by its name, or is in."""
    clients = Counter(client.user for client in worker.clients.values())
    servers = Counter(
        slot.user for database in worker.databases.values() for slot in database.desk.ledger
    )
    own = dict(own_limits(worker.settings, "clients_max"))
    known = dict.fromkeys([user.name for user in worker.settings.users] + [*clients, *servers])
    for name in known:
        limit = own.get(("user", name))
        yield {
            "name": name,
            "pool_size": None,
            "reserve_pool_size": None,
            "pool_mode": None,
            "max_user_connections": 0,
            "current_connections": servers[name],
            "max_user_client_connections": limit.value if limit is not None else 0,
            "current_client_connections": clients[name],
        }


def socket_rows(worker: "Worker") -> Iterator[Row]:
    """One row for each connection: clients first, then servers."""
    for client in list(worker.clients.values()):
        row = client_row(worker, client)
        row["state"] = f"cl_{row['state']}"
        waits = client.requests.reader.buffered_bytes()
        yield row | _buffered(waits, client.transport.queued_bytes)
    for database in list(worker.databases.values()):
        for slot in database.desk.ledger:
            row = server_row(worker, database, slot)
            row["state"] = f"sv_{row['state']}"
            link = slot.link if isinstance(slot.link, ServerLink) else None
            queued_bytes = link.transport.queued_bytes if link is not None else 0
            yield row | _buffered(0, queued_bytes)


def _buffered(waits_bytes: int, queued_bytes: int) -> Row:
    return {**NO_POSITIONS, "pkt_avail": waits_bytes, "send_avail": queued_bytes}


def active_socket_rows(worker: "Worker") -> Iterator[Row]:
    """Those that something is going on with."""
    return (row for row in socket_rows(worker) if not str(row["state"]).endswith("_idle"))


def traffic_rows(worker: "Worker") -> Iterator[Row]:
    """What passed through each database; a database that nobody came to has zeros."""
    for name in names(worker):
        database = worker.databases.get(name)
        traffic = database.traffic if database is not None else UNTOUCHED
        yield {
            "database": name,
            "server_assignment_count": traffic.leases,
            "xact_count": traffic.transactions,
            "query_count": traffic.queries,
            "bytes_received": traffic.received_bytes,
            "bytes_sent": traffic.sent_bytes,
            "xact_time": int(traffic.transaction_s * MICROSECONDS),
            "query_time": int(traffic.query_s * MICROSECONDS),
            "wait_time": int(traffic.wait_s * MICROSECONDS),
            "client_parse_count": traffic.parses,
            "server_parse_count": traffic.server_parses,
            "bind_count": traffic.binds,
            "client_login_count": traffic.logins,
            "pipelined_count": traffic.pipelined,
            "fell_back_count": traffic.fell_back,
        }


def memory_rows(worker: "Worker") -> Iterator[Row]:
    """One row: what is counted as held, and what happened for want of memory."""
    memory = worker.loop.memory
    page = mmap.PAGESIZE
    yield {
        "name": "counted",
        "size": page,
        "used": memory.used_bytes // page,
        "free": max(memory.bytes_max - memory.used_bytes, 0) // page,
        "memtotal": memory.used_bytes,
        "bytes_max": memory.bytes_max,
        "ended": worker.relief.ended,
        "refused": worker.relief.refused,
    }


def dns_host_rows(worker: "Worker") -> Iterator[Row]:
    """One row for each server that is told by name."""
    found, fresh_s = worker.known_addresses()
    hosts = server_hosts(worker.settings)
    for host in dict.fromkeys(each.name for each in hosts if is_name(each.name)):
        addresses = [each.address for each in found if len(hosts) == 1 or each.host == host]
        yield {"hostname": host, "ttl": int(fresh_s), "addrs": ",".join(addresses)}
