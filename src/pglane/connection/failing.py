# cython: boundscheck=False, wraparound=False
"""What becomes of the answers that a server connection owes when one of them is an error.

After an error in the extended protocol the server discards everything until Sync: what was asked
in between meant nothing, and is taken back, last first. A copy belongs here too: its end is
expected only if it runs, and a client that is gone cannot end it.
"""

from pglane.connection.answer_events import BROKEN, ENDING, ROLELESS, TO_SERVER
from pglane.connection.expectations import (
    BIND,
    CLOSE_SILENT,
    COPY_END,
    DESCRIBE,
    DESCRIBE_SILENT,
    FUNCTION,
    PARSE,
    PARSE_SILENT,
    QUERY,
    REFUSED,
    SYNC,
    PendingDeallocation,
    PendingParse,
    PendingRefusal,
    first_changes,
)
from pglane.connection.prepared_statements import (
    ClientStatement,
    ServerStatement,
    ServerStatements,
)
from pglane.connection.relayed import RelayedAnswers
from pglane.connection.request_messages import COPY_FAIL, FAILING_PARSE, SYNC_MESSAGE
from pglane.wire.framing import MessageReader
from pglane.wire.server_messages import error_fields

# Compiled, this is a C integer that Python code cannot see.
_SYNC: int = SYNC

CANCELLED = b"57014"
OF_A_CANCEL = b"ProcessInterrupts"
"""Routine of PostgreSQL that cancels what runs. Others say 57014 too: a COPY that its client has
failed (CopyFail), PL/pgSQL that raises it, a foreign server whose query was cancelled."""
UNDEFINED_OBJECT = b"42704"
OF_THE_ROLE = (b"GetUserNameFromId", b"shdepLockAndCheckObject")
"""Routines of PostgreSQL that say it of a session's own role; messages are translated.

The second also says it of another role, rarely: of one that is dropped at that moment.
"""


class FailingAnswers(RelayedAnswers):
    """The part of an `Exchange` that this takes; see there for the attributes."""

    __slots__ = ("attached", "ending", "instead", "statements", "to_server")

    def __init__(self, length_max: int, statements: ServerStatements) -> None:
        RelayedAnswers.__init__(self, length_max)
        self.statements = statements
        self.to_server: list[bytes] = []
        self.attached = False
        self.ending: dict[str, bytes] | None = None
        self.instead = b""

    def _misfit(self, kind: int) -> int:
        """An answer to nothing that was asked, whose it is cannot be known: that is the end."""
        self.ending = {"M": b"message of type %d that nothing asked for" % kind}
        return -1 - BROKEN

    def _error(self, reader: MessageReader) -> int:
        fields = error_fields(reader.buffer[reader.begin + 5 : reader.end])
        if fields.get("V", fields.get("S")) in (b"FATAL", b"PANIC"):
            self.ending = fields
            return -1 - ENDING
        head = self._head_kind()
        if head == 0 and not self.attached:
            return self._misfit(0x45)
        if self.subscriptions is not None:
            self.subscriptions.failed()
        refusal = self._refusal() if head in (REFUSED, QUERY) else None
        if self.instead and _was_cancelled(fields):
            refusal, self.instead = self.instead, b""
        payload = self._payloads[self._head] if head in (BIND, DESCRIBE) else None
        if isinstance(payload, ClientStatement):
            self.statements.distrust(payload.shape, fields)
        self.copy_in = False
        events = ROLELESS if _says_role_is_gone(fields) else 0
        if head != QUERY and head != FUNCTION and head != SYNC:
            self._skip_to_sync()
            if self.skipping and not self.attached:
                self.to_server.append(SYNC_MESSAGE)  # its client is gone: nobody else sends it
                self.syncs()
                events |= TO_SERVER
        if refusal is not None:
            self._insert(refusal)
            return -1 - events
        return events

    def _refusal(self) -> bytes | None:
        """What the client is told, where we made the server fail (A9)."""
        told = self._payloads[self._head]
        if isinstance(told, PendingRefusal):
            return told.answer
        return told if isinstance(told, bytes) else None

    def _skip_to_sync(self) -> None:
        """The server discards until Sync; what it will not answer is taken back, last first."""
        end = self._head
        while end < self._end and self._kinds[end] != SYNC:
            end += 1
        standing = first_changes(self._payloads[end : self._end])
        for at in range(end - 1, self._head - 1, -1):
            self._undo(at, standing)
            self._payloads[at] = None
        self.skipping = end == self._end
        self._head = end
        self._trim()

    def _undo(self, at: int, standing: dict[bytes, PendingParse]) -> None:
        """Takes back what a message meant: the first one failed, the others are not looked at.

        `standing`: the first change of each name that is not taken back.
        """
        kind = self._kinds[at]
        payload = self._payloads[at]
        if isinstance(payload, PendingParse):
            failed = at == self._head and kind in (PARSE, REFUSED)
            payload.undo(standing.get(payload.name), failed=failed)
            if kind == PARSE:
                self._take_back(payload.server_statement)
        elif kind == PARSE_SILENT:
            self._take_back(payload)
        elif kind == CLOSE_SILENT and isinstance(payload, ServerStatement):
            self.statements.unclosed.append(payload)
        elif kind == DESCRIBE_SILENT:
            self.held = 0
        else:
            self._undo_deallocation(at)

    def _undo_deallocation(self, at: int) -> None:
        """It did not happen: the empty statement is still there, to be closed some time."""
        payload = self._payloads[at]
        if isinstance(payload, PendingDeallocation):
            self.statements.unclosed.append(payload.server_statement)

    def _take_back(self, statement: object) -> None:
        if isinstance(statement, ServerStatement):
            self.statements.forget(statement)
        else:
            self.statements.unnamed = None

    def _copy_in_begins(self) -> int:
        """A copy whose end was sent ahead is not waited for; a Sync sent ahead cannot be.

        If the client that was to send the data is gone nothing else would end it: a cancel does
        not reach a server that waits for copy data.
        """
        at = self._head + 1
        following = self._kinds[at] if at < self._end else 0
        if following == SYNC:
            return self._misfit(0x47)
        if following == COPY_END:
            self._remove(at)
        elif self.attached:
            self.copy_in = True
        else:
            self.to_server.append(COPY_FAIL)
            return -1 - TO_SERVER
        return 0

    def copy_ends(self) -> None:
        """The client sent CopyDone or CopyFail."""
        if self.copy_in:
            self.copy_in = False
        elif self._head < self._end:
            self.expect(COPY_END)

    def syncs(self) -> None:
        """The client sent Sync; never called while a copy runs."""
        self.skipping = False
        self.expect(_SYNC)

    def abandon(self) -> None:
        """Its client is gone: brings the server to ReadyForQuery without ending a unit well.

        A unit without its Sync is not committed when a private connection ends, so it must fail
        here too. What it said next is dropped, whatever that waited for.
        """
        self.held = 0
        self.statements.unlike = None
        if self.copy_in:
            self.to_server.append(COPY_FAIL)
            self.copy_ends()
        if not self.unit_open and not self.skipping:
            return
        if not self.skipping:
            self.to_server.append(FAILING_PARSE)
            self.expect(REFUSED, b"")
        self.to_server.append(SYNC_MESSAGE)
        self.syncs()


def _was_cancelled(fields: dict[str, bytes]) -> bool:
    """Whether a cancel request did it; who does not name routines is believed."""
    return fields.get("C") == CANCELLED and fields.get("R", OF_A_CANCEL) == OF_A_CANCEL


def _says_role_is_gone(fields: dict[str, bytes]) -> bool:
    """Whether the role that a session logged in as was dropped meanwhile."""
    return fields.get("C") == UNDEFINED_OBJECT and fields.get("R") in OF_THE_ROLE
