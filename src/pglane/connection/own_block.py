"""A transaction block that a client is in and no server connection is.

There are two ways into one. A driver's own BEGIN is answered by us where the tags of the statement
behind it are to say the lane: PostgreSQL hears of it with that statement. Or the block has failed
with us: its statement was refused and not started, or its server connection was taken back while
its client thought. To the client both are what they would be at PostgreSQL: in a failed block each
statement is answered with an error until ROLLBACK or COMMIT, and both of these say ROLLBACK.

What is answered here is what PostgreSQL is sure to answer so. For all else a server connection
is asked for and brought where the client is (`text`), and answers itself: a second BEGIN, a
savepoint, an empty text, COMMIT AND CHAIN, whatever is wrong.

A client that has not been told yet that its block has failed is told at its next statement. Where
that is a COMMIT, the error is its answer and the block is over, as when PostgreSQL fails to
commit: many drivers do not read that a COMMIT was answered with ROLLBACK.
"""

from typing import NamedTuple

from pglane.connection.request_messages import error
from pglane.connection.riding import ENDING, UNCLEAR
from pglane.wire.block_forms import closes_with
from pglane.wire.server_messages import command_complete, ready_for_query
from pglane.wire.statements import Kind, Verdict

ABORTED = error(
    b"25P02", b"current transaction is aborted, commands ignored until end of transaction block"
)
READY_IDLE = ready_for_query(b"I")
READY_FAILED = ready_for_query(b"E")
FAILING = b'BEGIN; ROLLBACK TO SAVEPOINT "pglane has ended this transaction"'
"""No such savepoint can exist, so a block is begun and has failed."""
QUERY, SYNC, FUNCTION = 0x51, 0x53, 0x46
LEFT_TO_SERVER = ENDING | {Kind.EMPTY}
"""Statements that a failed block does not refuse, and those that nobody knows."""


class Reply(NamedTuple):
    """What is answered without a server connection.

    Attributes:
        told: what the client is told.
        drops: the request is not looked at any further; behind it comes ReadyForQuery.
        over: the block is.
    """

    told: bytes
    drops: bool = False
    over: bool = False


class OwnBlock:
    """The block of one client.

    Attributes:
        text: brings a server connection to where the client is.
        failed: whether that is in a failed block.
        untold: the error that the client has not heard of yet; b"": there is none.
    """

    __slots__ = ("failed", "text", "untold")

    def __init__(self, begin: bytes) -> None:
        self.text = begin
        self.failed = False
        self.untold = b""

    def fail(self, untold: bytes = b"") -> None:
        """Nothing can be done in it any more; `untold`: the client has not heard why."""
        self.text = FAILING
        self.failed = True
        self.untold = untold

    def reply(self, kind: int, text: bytes, verdict: Verdict | None) -> Reply | None:
        """The answer to a client's next message; None: a server connection must give it.

        Args:
            kind: type byte of the message.
            text: of the statement in it, where that is known.
            verdict: on that text; None: it is not known.
        """
        tag = closes_with(text) if kind == QUERY else b""
        if tag:
            return Reply(self._ending(tag) + READY_IDLE, over=True)
        if not self.failed:
            return None
        if kind == SYNC:
            return Reply(READY_FAILED)
        if self.untold:
            told, self.untold = self.untold, b""
            return Reply(told, drops=True)
        return Reply(ABORTED, drops=True) if _is_refused(kind, verdict) else None

    def _ending(self, tag: bytes) -> bytes:
        if not self.failed:
            return command_complete(tag)
        if self.untold and tag == b"COMMIT":
            return self.untold
        return command_complete(b"ROLLBACK")


def _is_refused(kind: int, verdict: Verdict | None) -> bool:
    """Whether a failed block is sure to refuse it."""
    if verdict is None:
        return kind == FUNCTION
    return verdict.kinds[0] not in LEFT_TO_SERVER and not verdict.effects & UNCLEAR
