# cython: boundscheck=False, wraparound=False
"""The answers that a server connection owes, in the order in which they were asked for.

For every message that will be answered there is one expectation: its kind and what hangs on it
(see `expectations.py`). They lie between `_head` and `_end` of two lists whose length changes only
where there is no room: most requests use the first place of both, and nothing is made or freed.
What lies outside has no payload.
"""

from pglane.connection.expectations import (
    BIND,
    COPY_END,
    DESCRIBE,
    EXECUTE,
    FUNCTION,
    INTERNAL,
    LOCAL,
    OUTSTANDING_MAX,
    PARSE,
    QUERY,
    SYNC,
    UNWANTED,
    PendingParse,
)
from pglane.wire.framing import HEADER_BYTES

# Compiled, these are C integers that Python code cannot see: to compare with them costs no object.
_QUERY: int = QUERY
_SYNC: int = SYNC
_FUNCTION: int = FUNCTION
_INTERNAL: int = INTERNAL
_UNWANTED: int = UNWANTED
_COPY_END: int = COPY_END
_PARSE: int = PARSE
_BIND: int = BIND
_DESCRIBE: int = DESCRIBE
_EXECUTE: int = EXECUTE
_HEADER_BYTES: int = HEADER_BYTES
_READY_BYTES: int = 6  # of a ReadyForQuery, the shortest message with a body
_OUTSTANDING_MAX: int = OUTSTANDING_MAX
_ROOM: int = (
    16  # for expectations, at first; what a pipeline needed beyond some of it is given back
)
_ROOM_KEPT_MAX: int = 256


class OwedAnswers:
    """Expectations of one server connection.

    Attributes:
        segment: number of Syncs, Queries and function calls asked so far.
        unit_open: messages of the extended protocol were sent and no Sync behind them.
        mixed: a Query came into an open unit: PostgreSQL 18 says idle after the Sync and has a
            transaction open all the same, so nobody else may get this server connection.
    """

    __slots__ = (
        "_close_at",
        "_cycle_at",
        "_end",
        "_head",
        "_kinds",
        "_payloads",
        "mixed",
        "segment",
        "unit_open",
    )

    def __init__(self) -> None:
        self.segment = 0
        self.unit_open = False
        self.mixed = False
        self._kinds = bytearray(_ROOM)
        self._payloads: list[object] = [None] * _ROOM
        self._head = 0
        self._end = 0
        self._cycle_at = -1
        self._close_at = -1

    def expect(self, kind: int, payload: object = None) -> None:
        """One more answer to come."""
        at = self._end
        if at == len(self._kinds):
            self._make_room()
        if kind in (_QUERY, _SYNC, _FUNCTION):
            self._cycle_at = at
            self.segment += 1
            if kind == _QUERY and self.unit_open:
                self.mixed = True
            self.unit_open = False
        elif kind != _COPY_END:
            self.unit_open = kind != _INTERNAL and kind != _UNWANTED
        self._kinds[at] = kind
        if payload is not None:
            self._payloads[at] = payload
        self._end = at + 1

    def _make_room(self) -> None:
        more = self._end + _ROOM
        self._kinds += bytes(more)
        self._payloads += [None] * more

    def expect_unit(self, parse: PendingParse | None, bound: object, described: bool) -> None:
        """A unit of one statement: Parse if it is to come, Bind, Describe if so, Execute, Sync."""
        at = self._end
        if at + 5 > len(self._kinds):
            self._make_room()
        kinds = self._kinds
        if parse is not None:
            kinds[at] = _PARSE
            self._payloads[at] = parse
            at += 1
        kinds[at] = _BIND
        if bound is not None:
            self._payloads[at] = bound
        if described:
            at += 1
            kinds[at] = _DESCRIBE
        kinds[at + 1] = _EXECUTE
        kinds[at + 2] = _SYNC
        self._end = at + 3
        self._cycle_at = at + 2
        self.segment += 1
        self.unit_open = False

    def may_discard(self) -> bool:
        """Whether a Sync is between what may fail and what is asked next."""
        return self._cycle_at >= self._head

    def may_keep_closed(self) -> bool:
        """Whether a Close that was answered by us may be discarded."""
        return self._close_at >= self._head

    def outstanding(self) -> int:
        """How many answers are to come."""
        return self._end - self._head

    def answered_units(self) -> int:
        """How many Syncs, Queries and function calls were answered so far."""
        owed = [kind for kind in self._owed_kinds() if kind in (_QUERY, _SYNC, _FUNCTION)]
        return self.segment - len(owed)

    def is_full(self) -> bool:
        """Too much is outstanding to ask for more."""
        return self._end - self._head >= _OUTSTANDING_MAX

    def is_answered_by(self, data: bytes, size: int) -> bool:
        """Whether these bytes are exactly all that is owed, of kinds that a client gets unread."""
        head = self._head
        asked = self._head_kind()
        at = 0
        while at + _READY_BYTES <= size and asked:
            kind = data[at]
            high = data[
                at + 1
            ]  # in a variable of its own: shifted as C's int it would turn negative
            length = (high << 24) | (data[at + 2] << 16) | (data[at + 3] << 8) | data[at + 4]
            end = at + 1 + length
            if end > size or length + 1 < _HEADER_BYTES:
                return False
            if kind == 0x44:  # DataRow
                if asked not in (_QUERY, _EXECUTE):
                    return False
            elif kind == 0x5A:  # ReadyForQuery
                last = head + 1 == self._end and end == size and length + 1 == _READY_BYTES
                return last and (asked in (_QUERY, _SYNC)) and is_status(data[at + 5])
            elif not self._passes(kind, asked, head, data[at + 5]):
                return False
            elif asked != _QUERY:
                head += 1
                asked = self._kinds[head] if head < self._end else 0
            at = end
        return False

    def _passes(self, kind: int, asked: int, head: int, first: int) -> bool:
        """Whether an answer goes to the client unread; `first` is the byte behind its header."""
        if kind == 0x31:  # ParseComplete
            return asked == _PARSE
        if kind == 0x32:  # BindComplete
            return asked == _BIND
        if self._payloads[head] is not None and not self._destroys_only(asked, head):
            return False
        if kind == 0x43:  # CommandComplete, but for DEALLOCATE, DISCARD and DELETE
            return first != 0x44 and (asked in (_QUERY, _EXECUTE))
        if kind == 0x54:  # RowDescription
            return asked in (_QUERY, _DESCRIBE)
        return kind == 0x6E and asked == _DESCRIBE  # NoData

    def _destroys_only(self, asked: int, head: int) -> bool:
        """Whether what hangs on it is no more than the client's unnamed statement."""
        return asked == _QUERY and type(self._payloads[head]) is PendingParse

    def executes_unanswered(self) -> bool:
        """Whether a statement that may change data was sent and is not answered (fact A7)."""
        return any(kind in (QUERY, EXECUTE, FUNCTION, SYNC) for kind in self._owed_kinds())

    def is_settled(self) -> bool:
        """Whether nothing is outstanding but what is nobody's."""
        return self._head == self._end or self._kinds.count(_UNWANTED, self._head, self._end) == (
            self._end - self._head
        )

    def drops(self) -> bool:
        """Whether something is outstanding that is nobody's."""
        return self._head != self._end and _UNWANTED in self._owed_kinds()

    def owes_clients(self) -> bool:
        """Whether something was asked for a client that waits for the answer here."""
        return any(kind not in (INTERNAL, UNWANTED) for kind in self._owed_kinds())

    def _owed_kinds(self) -> bytearray:
        return self._kinds[self._head : self._end]

    def _head_kind(self) -> int:
        return 0 if self._head == self._end else self._kinds[self._head]

    def _pop(self) -> None:
        """The one at the head is answered."""
        if self._payloads[self._head] is not None:
            self._payloads[self._head] = None
        self._head += 1
        self._trim()

    def _trim(self) -> None:
        """The places are used anew when nothing is owed any more."""
        while self._head < self._end and self._kinds[self._head] == _COPY_END:
            self._head += 1
        if self._head == self._end:
            self._start_anew()

    def _start_anew(self) -> None:
        self._head = 0
        self._end = 0
        self._cycle_at = -1
        self._close_at = -1
        if len(self._kinds) > _ROOM_KEPT_MAX:
            self._kinds = bytearray(_ROOM)
            self._payloads = [None] * _ROOM

    def _insert(self, refusal: object) -> None:
        self._kinds.insert(self._head, LOCAL)
        self._payloads.insert(self._head, refusal)
        self._end += 1
        self._cycle_at += self._cycle_at >= self._head
        self._close_at += self._close_at >= self._head

    def _remove(self, at: int) -> None:
        """One that has no payload will not be answered."""
        del self._kinds[at]
        del self._payloads[at]
        self._kinds.append(0)
        self._payloads.append(None)
        self._end -= 1
        self._cycle_at -= self._cycle_at > at
        self._close_at -= self._close_at > at

    def _drop(self) -> None:
        """What is outstanding was never asked."""
        for at in range(self._head, self._end):
            self._payloads[at] = None
        self._start_anew()


def is_status(status: int) -> bool:
    """Whether a byte is a transaction status: I, T or E."""
    return status == 0x49 or status == 0x54 or status == 0x45
