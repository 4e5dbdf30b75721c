"""What a client is told when its server connection is lost (fact A7 of the protocol research).

A statement that was sent and not answered, outside an explicit transaction, is *in doubt*: it
may have been committed. Inside one it was rolled back. With nothing sent, nothing happened.

A client of a door that lends, of which nothing is on the server connection, neither a statement
nor what one left behind, hears nothing: it asks for another one. That is so while a server
connection is made ready for it or cleaned after it, and while a cancel is on its way there.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import IDLE_STATUS
from pglane.engine import hearing
from pglane.errors.server import OutcomeUnknown, ServerLost
from pglane.errors.waiting import StoppedAtOnce
from pglane.wire.server_messages import ErrorResponse, error_response
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink
    from pglane.errors import Refusal

OF_A_STANDBY = (b"40001", b"57P04")
"""With these PostgreSQL ends a session for a conflict with recovery only: on a standby, where
nothing can have been committed."""

MOVES_MAX = 10
"""Server connections that a client may lose in a row, unsent, and hear nothing. As many as were
idle may be lost at once; but what is sent to make one ready may also be what ends it."""
LEAVES_NOTHING = ~int(Effect.TRANSACTION | Effect.COPY)
"""Effects after which something may be left behind."""
BEGINS_OR_ENDS = int(Effect.TRANSACTION | Effect.UNKNOWN)
"""Effects of a text that may begin or end a transaction; what cannot be read may be any text."""
COMMITS_ITSELF = int(Effect.OPAQUE | Effect.CATALOG | Effect.DATABASE | Effect.UNKNOWN)
"""Effects of statements that may commit when they run, without a Sync."""
STOPPED = "the gateway was told to stop at once"


def tell_loss(server: "ServerLink", reason: str) -> None:
    """Ends the client that held `server`, if any, with what is true for it."""
    client = server.client
    if client is None:
        return
    if hearing.told_at_once(client, server):
        return
    if _loses_nothing(client, server):
        _asks_anew(client)
    elif server.raw:
        server.unlease()
        client.server = None
        client.leave(polite=True)
    else:
        client.end_without(server, loss_answer(client, server, reason))


def _loses_nothing(client: "ClientLink", server: "ServerLink") -> bool:
    """Whether nothing of the client is on the server connection that it holds."""
    exchange, requests = server.exchange, client.requests
    if server.raw or client.pinned or client.block is not None or client.moves >= MOVES_MAX:
        return False
    if not client.rewrites and client.welcomed:
        return False  # its session is where its statements ran, whether they left anything or not
    if exchange.owes_clients() or exchange.unit_open or exchange.skipping or exchange.held:
        return False
    if exchange.status != IDLE_STATUS or requests.reader.stream_left or requests.changes_channels:
        return False
    return not (requests.effects & LEAVES_NOTHING or exchange.changed)


def _asks_anew(client: "ClientLink") -> None:
    """What it has sent, if anything, waits for another server connection."""
    moves = client.moves + 1
    client.unlease()
    client.moves = moves
    if not client.welcomed:
        client.ask_first()
    elif client.dismissal is not None:
        client.end_dismissed()
    elif client.database.draining:
        client.end_for_drain()
    else:
        client.want()


def end_now(client: "ClientLink", refusal: "Refusal", reason: str) -> None:
    """Ends a client whatever it does, with what is true for it: `reason`, if that is in doubt."""
    server = client.server
    if server is not None and not server.raw and outcome_is_unknown(client, server):
        client.end_with(loss_answer(client, server, reason))
    else:
        client.end_with(error_response(refusal))


def end_at_stop(client: "ClientLink") -> None:
    """The gateway stops at once: ends a client with what is true for it.

    Of a direct door's client nothing is known, for its bytes pass unread: it hears nothing.
    """
    server = client.server
    if server is None or server.raw or client.has_nothing_under_way():
        client.end_for_drain()
    else:
        client.end_with(loss_answer(client, server, STOPPED))


def loss_answer(client: "ClientLink", server: "ServerLink", reason: str) -> bytes:
    """The ErrorResponse that is true for this client."""
    exchange = server.exchange
    if outcome_is_unknown(client, server):
        return error_response(OutcomeUnknown(reason=reason))
    if exchange.ending is not None and exchange.ending.get("C"):
        return ErrorResponse(tuple(exchange.ending.items())).encode()
    explicit = _is_explicit(client, server)
    if reason == STOPPED:
        when = "while a transaction was open" if explicit else "while it worked for you"
        return error_response(StoppedAtOnce(when=when))
    when = "while a transaction was open" if explicit else "while it was yours"
    return error_response(ServerLost(when=when, reason=reason))


def outcome_is_unknown(client: "ClientLink", server: "ServerLink") -> bool:
    """Whether something was sent that may have been committed."""
    exchange = server.exchange
    ending = exchange.ending
    if ending is not None and ending.get("C") in OF_A_STANDBY:
        return False
    open_to_doubt = exchange.executes_unanswered() or _has_ended_its_block(client, server)
    return open_to_doubt and not _is_explicit(client, server)


def _has_ended_its_block(client: "ClientLink", server: "ServerLink") -> bool:
    """Whether all is answered and committed, but for the Sync that would say so.

    A driver takes an error that comes before ReadyForQuery for the answer to its whole unit.
    """
    requests = client.requests
    return server.exchange.unit_open and (
        requests.may_end or requests.effects & COMMITS_ITSELF != 0
    )


def _is_explicit(client: "ClientLink", server: "ServerLink") -> bool:
    """Whether a transaction is open that nothing in flight begins or ends."""
    began = client.requests.unanswered_effects & BEGINS_OR_ENDS
    return server.exchange.status != IDLE_STATUS and not began
