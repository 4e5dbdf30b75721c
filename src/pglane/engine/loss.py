"""What a client is told when its server connection is lost (fact A7 of the protocol research).

A statement that was sent and not answered, outside an explicit transaction, is *in doubt*: it
may have been committed. Inside one it was rolled back. With nothing sent, nothing happened.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import IDLE_STATUS
from pglane.engine import hearing
from pglane.errors.server import OutcomeUnknown, ServerLost
from pglane.wire.server_messages import ErrorResponse, error_response
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink
    from pglane.errors import Refusal

OF_A_STANDBY = (b"40001", b"57P04")
"""With these PostgreSQL ends a session for a conflict with recovery only: on a standby, where
nothing can have been committed."""

STOPPED = "the gateway was told to stop at once"


def tell_loss(server: "ServerLink", reason: str) -> None:
    """Ends the client that held `server`, if any, with what is true for it."""
    client = server.client
    if client is None:
        return
    if hearing.told_at_once(client, server):
        return
    if server.raw:
        server.unlease()
        client.server = None
        client.leave(polite=True)
    else:
        client.end_without(server, loss_answer(client, server, reason))


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
    when = "while a transaction was open" if explicit else "while it was yours"
    return error_response(ServerLost(when=when, reason=reason))


def outcome_is_unknown(client: "ClientLink", server: "ServerLink") -> bool:
    """Whether something was sent that may have been committed."""
    ending = server.exchange.ending
    if ending is not None and ending.get("C") in OF_A_STANDBY:
        return False
    return server.exchange.executes_unanswered() and not _is_explicit(client, server)


def _is_explicit(client: "ClientLink", server: "ServerLink") -> bool:
    """Whether a transaction is open that nothing in flight begins or ends."""
    began = client.requests.unanswered_effects & Effect.TRANSACTION
    return server.exchange.status != IDLE_STATUS and not began
