"""Transaction blocks that clients are in and no server connection is; see `connection.own_block`.

A BEGIN is answered here only where it changes something: where tags say lanes, at the door that
lends for one transaction, and if it comes alone. A client that has sent more behind it loses
nothing by its lease beginning at the BEGIN, for its tags are here already.

The BEGIN goes to the server connection when the lease begins, and what it is for waits for its
answer: a client's BEGIN and its first statement take as many round trips as they would by
themselves. Rejected: one packet for both. A BEGIN that is cancelled, or that a standby refuses,
leaves no failed block, and what is behind it would run, and be committed, by itself.

A client that listens is not answered here: notifications would come inside its block.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import FAILED_STATUS, IN_TRANSACTION
from pglane.connection.first_tags import text_at_head
from pglane.connection.own_block import QUERY, OwnBlock
from pglane.engine.handover import abandoned
from pglane.wire.block_forms import opens_with
from pglane.wire.server_messages import ErrorResponse, command_complete, ready_for_query

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink
    from pglane.wire.statements import Verdict

READY_IN_BLOCK = ready_for_query(b"T")


def answers(client: "ClientLink") -> bool:
    """Whether the message at the client's head is answered here; it is taken then."""
    requests, block = client.requests, client.block
    reader = requests.reader
    text = text_at_head(reader, requests.statements)
    if block is None:
        return _opens(client, text)
    verdict: Verdict | None = None
    if text and block.failed:
        verdicts = client.database.watch.verdicts
        verdict = verdicts.lookup(text, requests.encoding, requests.standard_strings)
    reply = block.reply(reader.kind, text, verdict)
    if reply is None:
        return False
    client.transport.write(reply.told)
    _note(client)
    if reply.over:
        client.block = None
        client.database.traffic.transactions += 1
    if reply.drops:
        reader.step_back()
        requests.fails_unsent()
        client.discarding = True
    elif reader.kind == QUERY:
        requests.statements.pop(b"", None)  # as every Query does (fact A3)
    return True


def _opens(client: "ClientLink", text: bytes) -> bool:
    reader = client.requests.reader
    if not client.rewrites or reader.kind != QUERY or reader.buffered_bytes():
        return False
    tag = opens_with(text)
    if not tag or client.requests.subscriptions is not None:
        return False
    client.requests.statements.pop(b"", None)  # as every Query does (fact A3)
    client.block = OwnBlock(text)
    client.transport.write(command_complete(tag) + READY_IN_BLOCK)
    _note(client)
    return True


def _note(client: "ClientLink") -> None:
    database = client.database
    database.traffic.queries += 1
    client.requested = database.loop.now
    client.asked = -1.0 - database.loop.now


def take_up(client: "ClientLink", server: "ServerLink") -> None:
    """Brings the server connection to where the client is, then lets it go on."""
    block = client.block
    assert block is not None
    wanted = FAILED_STATUS if block.failed else IN_TRANSACTION

    def begun(succeeded: bool) -> None:
        del succeeded
        if server.client is not client:
            abandoned(server)
        elif server.exchange.status == wanted:
            client.block = None
            client.forward()
        else:
            _refused(client, server, block)

    server.run(block.text, begun)


def _refused(client: "ClientLink", server: "ServerLink", block: OwnBlock) -> None:
    """What PostgreSQL says to the BEGIN is the answer to the statement behind it."""
    error = server.exchange.own.error
    if error is None:
        client.database.lost(server, "a transaction could not be begun")
        return
    block.fail()
    client.unlease()
    client.transport.write(ErrorResponse(tuple(error.items())).encode())
    client.requests.fails_unsent()
    client.discarding = True
    abandoned(server)
    client.want()
