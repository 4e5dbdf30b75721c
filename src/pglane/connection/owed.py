# cython: boundscheck=False, wraparound=False
"""The answers that a server connection owes, in the order in which they were asked for.

For every message that will be answered there is one expectation: its kind and what hangs on it
(see `expectations.py`). What is answered is passed over and stays in the lists until there are
some dozens of it: to clear two lists for each request would cost more than the request's own
bookkeeping.
"""

from pglane.connection.expectations import (
    COPY_END,
    EXECUTE,
    FUNCTION,
    INTERNAL,
    LOCAL,
    OUTSTANDING_MAX,
    QUERY,
    SYNC,
)

# Compiled, these are C integers that Python code cannot see: to compare with them costs no object.
_QUERY: int = QUERY
_SYNC: int = SYNC
_FUNCTION: int = FUNCTION
_INTERNAL: int = INTERNAL
_COPY_END: int = COPY_END
_OUTSTANDING_MAX: int = OUTSTANDING_MAX
_ANSWERED_MAX: int = 64  # how many answered expectations are kept


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
        self._kinds: list[int] = []
        self._payloads: list[object] = []
        self._head = 0
        self._cycle_at = -1
        self._close_at = -1

    def expect(self, kind: int, payload: object = None) -> None:
        """One more answer to come."""
        if kind in (_QUERY, _SYNC, _FUNCTION):
            self._cycle_at = len(self._kinds)
            self.segment += 1
            if kind == _QUERY and self.unit_open:
                self.mixed = True
            self.unit_open = False
        elif kind != _COPY_END:
            self.unit_open = kind != _INTERNAL
        self._kinds.append(kind)
        self._payloads.append(payload)

    def may_discard(self) -> bool:
        """Whether a Sync is between what may fail and what is asked next."""
        return self._cycle_at >= self._head

    def may_keep_closed(self) -> bool:
        """Whether a Close that was answered by us may be discarded."""
        return self._close_at >= self._head

    def outstanding(self) -> int:
        """How many answers are to come."""
        return len(self._kinds) - self._head

    def is_full(self) -> bool:
        """Too much is outstanding to ask for more."""
        return len(self._kinds) - self._head >= _OUTSTANDING_MAX

    def executes_unanswered(self) -> bool:
        """Whether a statement that may change data was sent and is not answered (fact A7)."""
        return any(kind in (QUERY, EXECUTE, FUNCTION, SYNC) for kind in self._kinds[self._head :])

    def _head_kind(self) -> int:
        return 0 if self._head == len(self._kinds) else self._kinds[self._head]

    def _pop(self) -> None:
        """What is answered stays in the lists, up to a few: to clear them each time costs more."""
        if self._payloads[self._head] is not None:
            self._payloads[self._head] = None
        self._head += 1
        self._trim()

    def _trim(self) -> None:
        while self._head_kind() == _COPY_END:
            self._head += 1
        if self._head >= _ANSWERED_MAX and self._head == len(self._kinds):
            self._kinds = []
            self._payloads = []
            self._head = 0
            self._cycle_at = -1
            self._close_at = -1

    def _insert(self, refusal: object) -> None:
        self._kinds.insert(self._head, LOCAL)
        self._payloads.insert(self._head, refusal)
        self._cycle_at += self._cycle_at >= self._head
        self._close_at += self._close_at >= self._head

    def _drop(self) -> None:
        """What is outstanding was never asked."""
        del self._kinds[self._head :]
        del self._payloads[self._head :]
        self._cycle_at = -1
        self._close_at = -1
