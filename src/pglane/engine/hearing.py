"""Notifications on their way to one client, and what its requests wait for because of them.

A client that listens gets what comes at once if it holds no server connection, and else when its
transaction is over, just before it is told so: PostgreSQL does the same. For that the last
ReadyForQuery of a lease is kept back until a barrier (see `listening`) is passed, so that also
what the client has just notified itself has come.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import HELD_FOR_CHANNELS, IDLE_STATUS
from pglane.engine.handover import abandoned
from pglane.errors.notifications import NotificationsUnread
from pglane.wire.server_messages import ready_for_query
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from pglane.connection.subscriptions import Subscriptions
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink

WAITING_BYTES_MAX = 1_048_576
"""Notifications of one client that it has not taken, with all else that is queued for it."""
STAYS = ~int(Effect.LISTEN | Effect.UNLISTEN | Effect.NOTIFY | Effect.TRANSACTION)
"""Effects that may leave something on the server connection which the client would miss."""
READY_IDLE = ready_for_query(b"I")


def ask(client: "ClientLink", server: "ServerLink") -> None:
    """The client's next message waits until its channels are heard."""
    requests = client.requests
    wanted, requests.channels_wanted = requests.channels_wanted, None
    if wanted is None:
        return

    def heard(error: bytes) -> None:
        if client.server is not server:
            return
        server.exchange.held = 0
        requests.channels_refused = error
        requests.channels_heard = not error
        if requests.subscriptions is not None:
            requests.subscriptions.forget_early()
            if error:
                client.database.listening.settle(client, requests.subscriptions.active)
        server.notifier = client.process_id
        client.forward()

    client.database.listening.ask(client, wanted, heard)


def end_transaction(client: "ClientLink", server: "ServerLink") -> None:
    """All is answered, but for ReadyForQuery: what was notified until now goes before it."""
    if server.busy:
        return
    server.busy = True

    def come(error: bytes) -> None:
        del error
        server.busy = False
        if server.client is not client:
            abandoned(server)
            return
        _tell_ready(client, server)

    client.database.listening.ask(client, [], come)


def told_at_once(client: "ClientLink", server: "ServerLink") -> bool:
    """The server connection is lost; a client that waits to be told of its last answer is.

    True if it loses nothing by the loss, and stays.
    """
    if not server.exchange.owes_ready:
        return False
    server.busy = False
    stays = not client.pinned and not client.requests.effects & STAYS
    _tell(client, server)
    if stays:
        client.unlease()
        client.want()
    return stays


def _tell_ready(client: "ClientLink", server: "ServerLink") -> None:
    _tell(client, server)
    server.answered()
    if client.server is server:
        client.forward()


def _tell(client: "ClientLink", server: "ServerLink") -> None:
    server.exchange.owes_ready = False
    requests = client.requests
    subscriptions = requests.subscriptions
    if subscriptions is not None:
        for message in subscriptions.take():
            client.transport.write(message)
        if server.exchange.held != HELD_FOR_CHANNELS and not requests.channels_heard:
            _settle(client, server, subscriptions)  # else what needs them is on its way already
    client.transport.write(READY_IDLE)


def _settle(client: "ClientLink", server: "ServerLink", subscriptions: "Subscriptions") -> None:
    """From now on it listens to what its transaction has committed, and to nothing else."""
    client.database.listening.settle(client, subscriptions.active)
    client.requests.changes_channels = False
    if not subscriptions.active:
        client.requests.stop_listening()
        server.exchange.subscriptions = None


def notified(client: "ClientLink", channel: bytes, message: bytes) -> None:
    """Somebody notified a channel that the client listens to, or is about to."""
    subscriptions = client.requests.subscriptions
    if subscriptions is None:
        return
    if not _is_between_transactions(client):
        subscriptions.keep(channel, message)
    elif channel in subscriptions.active:
        client.transport.write(message)
    _limit(client)


def warned(client: "ClientLink", message: bytes) -> None:
    """Something else it is to be told between transactions."""
    subscriptions = client.requests.subscriptions
    if subscriptions is None or _is_between_transactions(client):
        client.transport.write(message)
    else:
        subscriptions.keep(None, message)
    _limit(client)


def by_itself(client: "ClientLink", server: "ServerLink") -> None:
    """The client keeps this server connection, and hears what comes there.

    Its own notifications carry the process id that it was told. Who listens through the shared
    connection already goes on doing so, and hears here what only a function listens to.
    """

    def renumber(process_id: int) -> int:
        if process_id == server.process_id:
            return client.process_id
        return client.database.listening.notifier(process_id)

    server.exchange.deaf = False
    server.exchange.renumber = renumber
    client.requests.hears_itself = client.requests.subscriptions is None


def left(client: "ClientLink", server: "ServerLink | None") -> None:
    """The client is gone."""
    client.database.listening.settle(client, set())
    if client.requests.subscriptions is not None:
        client.requests.subscriptions.discard()
    if server is not None:
        exchange = server.exchange
        exchange.subscriptions = None
        exchange.owes_ready = False
        if exchange.held == HELD_FOR_CHANNELS:
            exchange.held = 0


def _is_between_transactions(client: "ClientLink") -> bool:
    server = client.server
    if server is None:
        return True
    exchange = server.exchange
    if exchange.owes_ready or exchange.unit_open or exchange.status != IDLE_STATUS:
        return False
    return server.busy or exchange.is_idle()  # while it is busy nothing of the client's runs


def _limit(client: "ClientLink") -> None:
    subscriptions = client.requests.subscriptions
    waiting_bytes = client.transport.queued_bytes
    if subscriptions is not None:
        waiting_bytes += subscriptions.waiting_bytes
    if waiting_bytes > WAITING_BYTES_MAX:
        client.refuse(NotificationsUnread(waiting_bytes=waiting_bytes, allowed=WAITING_BYTES_MAX))
