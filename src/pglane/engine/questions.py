"""What the supervisor may ask a worker, and which rows answer it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pglane.engine.holding_rows import holder_rows, holding_rows, queue_rows
from pglane.engine.inventory import (
    active_socket_rows,
    database_rows,
    dns_host_rows,
    memory_rows,
    socket_rows,
    traffic_rows,
    user_rows,
)
from pglane.engine.snapshot import (
    Row,
    client_rows,
    list_rows,
    monitor_rows,
    pool_rows,
    server_rows,
)

if TYPE_CHECKING:
    from pglane.engine.worker import Worker

MAKERS: dict[str, Callable[["Worker"], Iterator[Row]]] = {
    "clients": client_rows,
    "servers": server_rows,
    "pools": pool_rows,
    "lists": list_rows,
    "monitors": monitor_rows,
    "databases": database_rows,
    "users": user_rows,
    "sockets": socket_rows,
    "active_sockets": active_socket_rows,
    "traffic": traffic_rows,
    "dns_hosts": dns_host_rows,
    "memory": memory_rows,
    "holders": holder_rows,
    "queue": queue_rows,
    "holding": holding_rows,
}


def snapshot_rows(worker: "Worker", what: str) -> Iterator[Row]:
    """The rows of `what` (a key of `MAKERS`); nothing for anything else."""
    maker = MAKERS.get(what)
    return maker(worker) if maker is not None else iter(())
