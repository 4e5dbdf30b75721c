"""What must hold inside the worker after each step, and when all clients have gone.

Each client connection is in exactly one place: idle with nothing, waiting once, or holding one
server connection that knows it. The books of the lease desk agree (`desk_invariants`). Nobody at
the transaction door keeps a server connection without a reason.
"""

from collections import Counter
from itertools import islice

from pglane.engine.client_connection import GONE, IDLE, LEASED, WAITING, WELCOME
from pglane.engine.server_link import ServerLink
from pglane.engine.worker import Worker
from pglane.pool.ledger import SlotState
from tests.support.desk_invariants import assert_books_are_kept
from tests.support.sessions.session import Violation

WAITING_MAX = 1000
"""Beyond it a line has no end."""


def check(worker: Worker) -> None:
    """After a step.

    Raises:
        Violation: it is not as it must be.
    """
    if worker.internal_errors:
        raise Violation("an error of the worker's own")
    holders: Counter[int] = Counter()
    for client in worker.clients.values():
        _check_client(client)
        if client.server is not None:
            holders[client.server.number] += 1
    if twice := [number for number, count in holders.items() if count > 1]:
        raise Violation(f"server connections in two hands: {twice}")
    for database in worker.databases.values():
        for lane in database.desk.queue.lanes.values():
            _check_line(lane.arrivals)
        try:
            assert_books_are_kept(database.desk)
        except AssertionError as broken:
            raise Violation(f"the books are not kept: {broken}") from broken
        for slot in database.desk.ledger:
            if isinstance(slot.link, ServerLink):
                _check_server(slot)


def _check_line(arrivals) -> None:
    line = list(islice(arrivals, WAITING_MAX))
    if len(line) != len(set(line)):
        raise Violation("a request stands in line twice")
    for request in line:
        client = request.client
        if client.phase == GONE or client.request is not request:
            raise Violation(f"a request stands in line for nobody: phase {client.phase}")


def _check_client(client) -> None:
    server, phase = client.server, client.phase
    if phase == IDLE and server is not None:
        raise Violation("an idle client holds a server connection")
    if phase == LEASED and server is None:
        raise Violation("a client that has a lease holds no server connection")
    if phase == WAITING and client.request is None:
        raise Violation("a client waits and stands in no line")
    if phase == WELCOME and client.request is None and server is None:
        raise Violation("a client waits for its welcome and for nothing else")
    if phase in (IDLE, LEASED) and client.request is not None:
        raise Violation(f"a client stands in line in phase {phase}")
    if server is None:
        return
    if server.client is not client:
        raise Violation("a client holds a server connection that does not know it")
    if _holds_for_nothing(client, server):
        raise Violation("a lease of the transaction door is held for nothing")


def _holds_for_nothing(client, server: ServerLink) -> bool:
    exchange, requests = server.exchange, client.requests
    return (
        client.rewrites
        and client.phase == LEASED
        and client.asked < 0.0
        and not client.pinned
        and not server.busy
        and not server.cancels
        and not server.closing
        and exchange.is_idle()
        and not exchange.unit_open
        and not exchange.owes_ready
        and not exchange.held
        and not requests.reader.stream_left
        and not requests.reader.buffered_bytes()
    )


def _check_server(slot) -> None:
    link = slot.link
    if link.client is not None:
        if link.client.server is not link:
            raise Violation("a server connection is held by a client that does not know it")
        if slot.state not in (SlotState.LEASED, SlotState.CLOSING):
            raise Violation(f"a server connection with a client is in state {slot.state}")
    if slot.state == SlotState.IDLE:
        exchange = link.exchange
        busy = exchange.outstanding() or exchange.unit_open or link.busy or link.cancels
        if busy or not exchange.is_idle() or exchange.skipping or exchange.held:
            raise Violation("a server connection is idle with something under way on it")


def check_empty(worker: Worker) -> None:
    """When all clients have gone and all is answered.

    Raises:
        Violation: something is left of them.
    """
    if worker.clients or worker.login_count():
        raise Violation(f"clients are left: {len(worker.clients)}, {worker.login_count()}")
    for database in worker.databases.values():
        ledger = database.desk.ledger
        states = [slot.state for slot in ledger]
        if any(state != SlotState.IDLE for state in states):
            raise Violation(f"server connections are left in states {states}")
        if not database.desk.queue.is_empty() or database.desk.debts():
            raise Violation("somebody who is gone stands in line")
        if database.session_state.pinned:
            raise Violation(f"{database.session_state.pinned} are pinned, and nobody is there")
        if busy := {n: lane.busy for n, lane in database.desk.queue.lanes.items() if lane.busy}:
            raise Violation(f"lanes count leases that are over: {busy}")
