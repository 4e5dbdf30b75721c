"""From one client to the next: a server connection is made ready, and put in order after it.

Each step is a query of our own on the server connection. The client may be gone when its answer
comes: then the server connection is nobody's, and `abandoned` decides what it needs before it
goes to somebody else.

Settings that were accepted before go in one packet with the request that needs them: how that is
safe is told in `connection.riding`.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import IDLE_STATUS
from pglane.connection.preparation import Purpose, preparation
from pglane.connection.riding import request_ahead
from pglane.connection.sql_statements import NONE
from pglane.engine.server_link import ServerLink
from pglane.pool.ledger import IDLE
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from collections.abc import Callable

    from pglane.connection.preparation import Step
    from pglane.engine.client_link import ClientLink

SUMS_MAX = 16
"""Settings of a server connection whose hash is remembered."""


def prepare_lease(client: "ClientLink", server: ServerLink) -> None:
    """Makes the client's settings true on the server connection, then lets it go on."""
    if server.client is not client:
        abandoned(server)
        return
    if server.raw:
        client.raw_begins(server)
        return
    if not client.door.REWRITES_NAMES and has_statements(server):
        forget_all(server, lambda _: prepare_lease(client, server))
        return
    if server.exchange.drawn and must_discard_sequences(client, server):
        discard_sequences(client, server)
        return
    alone = client.block is None  # nothing goes between the settings and its request
    if alone and client.settled and not server.suspect and ride(client, server):
        return
    escapes = server.has_encoding()
    steps = preparation(server.vector, server.base, client.vector, escapes=escapes)
    if not steps:
        server.now_holds(client.vector)
        client.lease_ready(server)
        return
    texts = [step.text.encode("utf-8", "surrogateescape") for step in steps]
    server.run_all(texts, lambda _: prepared(client, server, steps))


def ride(client: "ClientLink", server: ServerLink) -> bool:
    """Sends the settings and the client's request in one packet, if that is safe."""
    accepted, requests = server.database.accepted, client.requests
    had, wanted = server.vector, client.vector
    user = server.slot.user
    text = accepted.text(user, had, server.base, wanted, escapes=server.has_encoding())
    request = request_ahead(requests, server.database.watch.verdicts) if text else b""
    if not request:
        return False
    reading = (requests.encoding, requests.standard_strings)

    def answered(succeeded: bool) -> None:
        if succeeded:
            server.now_holds(wanted)
            server.free_cancels(strike=True)
            if server.client is client:
                client.forward()
            return  # the end of the request comes, or has come in the same packet
        accepted.remove(user, wanted)
        server.free_cancels(strike=False)
        requests.encoding, requests.standard_strings = reading
        server.roll_back(lambda fine: _made_anew(client, server, request, fine))

    server.run_guard(text, client, answered)
    return True


def _made_anew(client: "ClientLink", server: ServerLink, request: bytes, fine: bool) -> None:
    """The settings were refused and nothing of the request ran: it waits for them this time."""
    if not fine:
        server.database.lost(server, "a failed transaction could not be rolled back")
    elif server.client is not client:
        abandoned(server)
    else:
        client.takes_back(request)
        prepare_lease(client, server)


def has_statements(server: ServerLink) -> bool:
    """Whether anything is prepared that is not the coming client's; the unnamed one counts."""
    statements = server.exchange.statements
    return len(statements) > 0 or statements.unnamed_left or server.vector.prepared is not NONE


def forget_all(server: ServerLink, then: "Callable[[bool], None]") -> None:
    """Drops everything that is prepared."""

    def forgotten(succeeded: bool) -> None:
        if not succeeded:  # a statement_timeout, or a cancel that came late
            _goes_elsewhere(server)
            return
        server.exchange.statements.clear()
        server.now_holds(server.database.worker.vectors.of(server.vector.items))
        then(succeeded)

    server.run(b"DEALLOCATE ALL", forgotten)


def _goes_elsewhere(server: ServerLink) -> None:
    """What others left is still there; of the client, if it is in, nothing was sent yet."""
    client, database = server.client, server.database
    if client is None or not client.welcomed or client.block is not None:
        database.lost(server, "what others had prepared could not be dropped")
        return
    client.unlease()
    database.close(server)
    client.want()


def must_discard_sequences(client: "ClientLink", server: ServerLink) -> bool:
    """Whether the client could see what others drew from sequences."""
    return not client.rewrites or server.database.asks_sequences


def discard_sequences(client: "ClientLink", server: ServerLink) -> None:
    """To the coming client no value of a sequence is the last one."""

    def discarded(succeeded: bool) -> None:
        server.suspect = server.suspect or not succeeded
        server.exchange.drawn = False
        client.requests.strangers_drew = not succeeded
        prepare_lease(client, server)

    server.run(b"DISCARD SEQUENCES", discarded)


def prepared(client: "ClientLink", server: ServerLink, steps: "list[Step]") -> None:
    """The server connection has taken each of the steps, or not."""
    own = server.exchange.own
    failed = [steps[number] for number in own.failed]
    if any(step.purpose is Purpose.APPLY for step in failed):
        server.suspect = server.suspect or len(steps) > 1  # in which state it is, nobody knows
        if server.client is client:
            client.settings_refused(own.error or {})
        else:
            abandoned(server)
        return
    vectors = server.database.worker.vectors
    lacking = {step.statement for step in failed}
    members = frozenset(client.vector.prepared.by_name.values()) - lacking
    server.now_holds(vectors.of(client.vector.items, vectors.statements(members)))
    server.database.accepted.add(server.slot.user, client.vector)
    if any(step.purpose is Purpose.DROP for step in failed):
        forget_all(server, lambda _: prepare_lease(client, server))
    elif server.client is client:
        client.lease_ready(server)
    else:
        abandoned(server)


def clean_for(client: "ClientLink", server: ServerLink) -> None:
    """Cleans before the lease ends; what the client has is known, what else is here is not its."""
    client.requests.effects = 0
    server.dirty = True

    def cleaned(succeeded: bool) -> None:
        server.suspect = server.suspect or not succeeded
        if server.client is not client:
            abandoned(server)
        else:
            server.dirty = not succeeded
            client.end_lease(server)

    server.clean(cleaned)


def stop_listening(client: "ClientLink", server: ServerLink) -> None:
    """What the client listens to is heard elsewhere; its server connection shall not hear it."""
    client.requests.effects &= ~Effect.LISTEN

    def stopped(succeeded: bool) -> None:
        server.suspect = server.suspect or not succeeded
        server.answered()
        if server.client is client:
            client.forward()

    server.run(b"UNLISTEN *", stopped)


def abandoned(server: ServerLink) -> None:
    """A server connection whose client is gone has nothing outstanding any more.

    Told twice where what the client said last was waiting for the answer that comes now.
    """
    if server.closing or not server.feedable() or server.slot.state == IDLE:
        return
    exchange = server.exchange
    if exchange.outstanding():
        return
    database = server.database
    if exchange.status != IDLE_STATUS:
        server.dirty = True
        database.desk.cleaning(server.slot, database.loop.now)
        server.roll_back(lambda fine: put_in_order(server, fine))
    elif server.dirty or exchange.changed:
        server.dirty = False
        database.desk.cleaning(server.slot, database.loop.now)
        server.clean(lambda fine: put_in_order(server, fine))
    elif database.vacating:
        database.close(server)
    else:
        database.release(server)


def put_in_order(server: ServerLink, succeeded: bool) -> None:
    """One step of it is done."""
    if succeeded:
        abandoned(server)
    else:
        server.database.close(server)


def keep_sum(server: "ServerLink") -> None:
    """The settings that hold are known now, and their hash."""
    if len(server.sums) >= SUMS_MAX:
        server.sums.clear()
    server.sums[server.vector] = server.sum
    server.sum = b""
