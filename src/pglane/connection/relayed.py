# cython: boundscheck=False, wraparound=False
"""An answer that is exactly all that is owed is relayed as it came.

Most answers arrive in one chunk, hold nothing that means anything to us, and end what was asked:
one walk over the chunk compares it with the expectations, and then all of them are done at once.
Everything else goes through the reader, message by message (`exchange.py`); so nothing may be
done here that is not done there.
"""

from typing import TYPE_CHECKING

from pglane.connection.expectations import BIND, PARSE, PendingParse
from pglane.connection.owed import OwedAnswers
from pglane.connection.prepared_statements import ServerStatement
from pglane.connection.traffic import Traffic
from pglane.wire.framing import MessageReader

if TYPE_CHECKING:
    from pglane.connection.subscriptions import Subscriptions

# Compiled, these are C integers that Python code cannot see: to compare with them costs no object.
_PARSE: int = PARSE
_BIND: int = BIND
_IDLE_STATUS: int = 0x49


class RelayedAnswers(OwedAnswers):
    """The part of an `Exchange` that this takes; see there for the attributes."""

    __slots__ = (
        "copy_in",
        "held",
        "reader",
        "skipping",
        "status",
        "subscriptions",
        "traffic",
    )

    def __init__(self, length_max: int) -> None:
        OwedAnswers.__init__(self)
        self.reader = MessageReader(length_max)
        self.status = _IDLE_STATUS
        self.skipping = False
        self.copy_in = False
        self.held = 0
        self.subscriptions: Subscriptions | None = None
        self.traffic = Traffic()

    def relays(self, data: bytes, size: int) -> bool:
        """Takes `size` bytes that are exactly all that is owed, with nothing in them to look at.

        `data` is for the client as it is, and nothing is outstanding then. False: nothing was
        taken, `receive` is to have it.
        """
        reader = self.reader
        if self.held or self.skipping or self.subscriptions is not None:
            return False
        if reader.stream_left or reader.buffered_bytes() or not self.is_answered_by(data, size):
            return False
        self.status = data[size - 1]
        self._unit_ended()
        for at in range(self._head, self._end):
            kind = self._kinds[at]
            if kind == _PARSE:
                self._parsed(self._payloads[at])
                self.traffic.parses += 1
            elif kind == _BIND:
                self.traffic.binds += 1
            if self._payloads[at] is not None:
                self._payloads[at] = None
        self._start_anew()
        return True

    def _unit_ended(self) -> None:
        """ReadyForQuery came."""
        self.copy_in = False
        self.traffic.queries += 1
        if self.status == _IDLE_STATUS:
            self.traffic.transactions += 1

    def _parsed(self, payload: object) -> None:
        """ParseComplete came."""
        self.traffic.server_parses += 1
        if isinstance(payload, PendingParse):
            parse: PendingParse = payload
            parse.settle()
            if parse.server_statement is not None:
                parse.server_statement.complete = True
        elif isinstance(payload, ServerStatement):
            payload.complete = True
