# cython: boundscheck=False, wraparound=False
"""A request that came in one piece: a Query, or how drivers send one with parameters.

The latter is a unit of Parse, Bind, Describe, Execute and Sync of the unnamed statement and
portal (libpq's PQexecParams, node-postgres, JDBC), or the same without its Parse of a statement
that was prepared before (libpq's PQexecPrepared, asyncpg, and whoever prepares what comes again);
where the driver knows what is returned, the Describe is left out. Where nothing is under way and
its text asks for no care, it goes on as it came, but for the name: one walk over the chunk, and
all its answers are expected at once. Everything else goes through the reader, message by message
(`requests.py`); so nothing may be done here that is not done there.
"""

from typing import TYPE_CHECKING

from pglane.connection.client_effects import COPIES, UNSEEN
from pglane.connection.client_names import NO_SHAPE
from pglane.connection.exchange import Exchange
from pglane.connection.expectations import PendingParse, pending_parse
from pglane.connection.extended_requests import ExtendedRequests
from pglane.connection.prepared_statements import client_statement
from pglane.connection.request_messages import bind_head, zero_in
from pglane.wire.bound_settings import BOUND
from pglane.wire.framing import HEADER_BYTES
from pglane.wire.recent_texts import is_at
from pglane.wire.tags import may_be_tagged, may_begin_block

if TYPE_CHECKING:
    from pglane.wire.statements import Verdict

# Compiled, these are C integers that Python code cannot see.
_HEADER_BYTES: int = HEADER_BYTES
_BIND_BYTES: int = HEADER_BYTES + 2  # with its two names, which are empty
_DESCRIBE_BYTES: int = HEADER_BYTES + 2  # of a portal without a name
_TEXT_AT: int = HEADER_BYTES + 1  # in a Parse without a name
_LOOKED_AT: int = int(BOUND | COPIES | UNSEEN)  # parameters matter, or the Sync may have to wait
_BIND_KIND: int = 0x42
_OTHERS_FROM: int = 0x40  # 16384 >> 8: smaller numbers are those of initdb
_NAME_AT: int = HEADER_BYTES + 1  # of the statement, in a Bind to the portal without one


def is_whole_request(data: bytes, size: int) -> bool:
    """Whether this is one Query or one such unit and nothing else; `size` is not 0.

    What is in the fields may be malformed.
    """
    kind = data[0]
    if kind == 0x51:
        return data[size - 1] == 0 and _behind(data, 0, size, 0x51) == size
    if kind == 0x50:
        return _is_whole_unit(data, size)
    return kind == 0x42 and _is_bound_unit(data, size)


def _is_whole_unit(data: bytes, size: int) -> bool:
    """One that parses, and binds, what has no name."""
    bind = _behind(data, 0, size, 0x50)
    run = _behind(data, bind, size, 0x42)
    if bind <= _TEXT_AT or run - bind < _BIND_BYTES or not _is_run(data, run, size):
        return False
    begin = bind + _HEADER_BYTES
    return data[_HEADER_BYTES] == 0 and data[begin] == 0 and data[begin + 1] == 0


def _is_bound_unit(data: bytes, size: int) -> bool:
    """One that binds a statement with a name to the portal without one."""
    run = _behind(data, 0, size, 0x42)
    if run <= _BIND_BYTES or not _is_run(data, run, size):
        return False
    return data[_HEADER_BYTES] == 0 and data[_NAME_AT] != 0


def _is_run(data: bytes, at: int, size: int) -> bool:
    """Whether what follows is Execute and Sync, perhaps behind a Describe of the portal."""
    if at < size and data[at] == 0x44:
        execute = _behind(data, at, size, 0x44)
        if execute - at != _DESCRIBE_BYTES or execute > size:
            return False
        if data[at + _HEADER_BYTES] != 0x50 or data[execute - 1] != 0:
            return False
        at = execute
    sync = _behind(data, at, size, 0x45)
    return sync + _HEADER_BYTES == size and _behind(data, sync, size, 0x53) == size


def _are_built_in(types: bytes) -> bool:
    """Whether the types of parameters, as a Parse says them, are PostgreSQL's own or not said.

    Code of others may run when a value of theirs is read.
    """
    at = 2
    while at + 4 <= len(types):
        if types[at] or types[at + 1] or types[at + 2] >= _OTHERS_FROM:
            return False
        at += 4
    return True


def _behind(data: bytes, at: int, size: int, kind: int) -> int:
    """Where the message of this kind ends that lies whole at `at`; beyond `size`: none does."""
    if at + _HEADER_BYTES > size or data[at] != kind:
        return size + 1
    high = data[at + 1]  # in a variable of its own: shifted as C's int it would turn negative
    length = (high << 24) | (data[at + 2] << 16) | (data[at + 3] << 8) | data[at + 4]
    end = at + 1 + length
    return end if end <= size and length + 1 >= _HEADER_BYTES else size + 1


class WholeRequests(ExtendedRequests):
    """The part of `ClientRequests` that takes such units, where nothing is outstanding.

    Attributes:
        repeatable: all that is outstanding is one unit that is a read, and may run twice.
    """

    __slots__ = ("_again", "repeatable")

    def _nothing_again(self) -> None:
        """Begins."""
        self._again: PendingParse | None = None
        self.repeatable = False

    def may_say_a_lane(self, data: bytes, size: int) -> bool:
        """Whether a whole request may hold tags, or be a BEGIN that waits for what is behind it.

        In a unit it does not wait.
        """
        kind = data[0]
        if kind == 0x51:
            last = size - 1
            if may_begin_block(data, _HEADER_BYTES, last):
                return True
            return may_be_tagged(data, _HEADER_BYTES, last)
        if kind == 0x50:
            end = zero_in(data, _TEXT_AT, _behind(data, 0, size, 0x50))
            return end < 0 or may_be_tagged(data, _TEXT_AT, end)
        end = zero_in(data, _NAME_AT, _behind(data, 0, size, 0x42))
        statement = self.statements.get(data[_NAME_AT:end]) if end >= 0 else None
        return statement is None or may_be_tagged(statement.text, 0, len(statement.text))

    def _asks_unit(self, data: bytes, size: int, exchange: Exchange) -> bool:
        """Notes the unit that these bytes are, where nothing is under way; True: send them on.

        False: nothing was noted. `is_whole_request` is true of them.
        """
        if not self._may_go_on(exchange):
            return False
        bind = _behind(data, 0, size, 0x50)
        end = zero_in(data, _TEXT_AT, bind)
        if end < 0:
            return False
        verdict = self._cache.lookup_part(
            data, _TEXT_AT, end, self.encoding, self.standard_strings
        )
        if verdict.effects & (self.apart | _LOOKED_AT):
            return False
        parse = self._parse_again(data, end, bind, verdict, exchange)
        if parse is None:
            text, types = data[_TEXT_AT:end], data[end + 1 : bind]
            statement = client_statement(text, types, verdict, NO_SHAPE)
            parse = self._keep_unnamed(statement, exchange)
        self._note_bound(b"", parse.client_statement, verdict, exchange)
        self.repeatable = verdict.repeatable
        exchange.expect_unit(parse, None, data[_behind(data, bind, size, 0x42)] == 0x44)
        return True

    def _parse_again(
        self, data: bytes, end: int, bind: int, verdict: "Verdict", exchange: Exchange
    ) -> PendingParse | None:
        """The Parse of what the unnamed statement is already; None: it is another one.

        Who sends one text again and again, with other parameters, makes no object by that.
        """
        statement = self.statements.get(b"")
        if statement is None or statement.verdict is not verdict or not statement.settled:
            return None
        if statement.shape is not NO_SHAPE or statement.weight is not None:
            return None
        text, types = statement.text, statement.types
        size, rest = len(text), bind - end - 1
        if end - _TEXT_AT != size or not is_at(text, 0, size, data, _TEXT_AT):
            return None
        if len(types) != rest or not is_at(types, 0, rest, data, end + 1):
            return None
        statement.settled = False
        statement.segment = exchange.segment
        exchange.statements.holds_unnamed(statement, -1)
        if self._again is None:
            self._again = pending_parse(None, self.statements, b"", statement, statement)
        parse = self._again
        parse.client_statement = statement
        parse.before = statement
        return parse

    def rebinds(self, data: bytes, size: int, exchange: Exchange) -> bytes | None:
        """Notes the unit that these bytes are, which begins with a Bind: what to send on for it.

        None: nothing was noted, the reader is to be fed. `is_whole_request` is true of them.
        """
        exchange.names = self.statements
        if self.may_forget or self.moves or not self._may_go_on(exchange):
            return None
        run = _behind(data, 0, size, 0x42)
        end = zero_in(data, _NAME_AT, run)
        if end < 0:
            return None
        statement = self.statements.get(data[_NAME_AT:end])
        if statement is None:
            return None
        verdict: Verdict = statement.verdict  # type: ignore[assignment]
        if verdict.effects & (self.apart | _LOOKED_AT):
            return None
        name = self._name_here(statement, exchange)
        if name is None:
            return None
        self._note_bound(b"", statement, verdict, exchange)
        self.repeatable = verdict.repeatable
        exchange.expect_unit(None, statement, data[run] == 0x44)
        return bind_head(b"", name, run - end - 1) + data[end + 1 : size]

    def following(self, data: bytes, size: int, exchange: Exchange) -> bytes | None:
        """What is sent for these bytes behind what others have in flight; nothing is noted yet.

        None: they are no read that may run twice, or not one that is ready here.
        `is_whole_request` is true of them.
        """
        if data[0] == _BIND_KIND:
            return self._following_bound(data, size, exchange)
        begin, end = _TEXT_AT, _behind(data, 0, size, 0x50)
        if data[0] == 0x51:
            begin, end = _HEADER_BYTES, size - 1
        elif self._may_go_on(exchange):
            end = zero_in(data, begin, end)
        else:
            return None
        if end < 0 or self.changes_channels or not self.virtual:
            return None
        if data[0] == 0x50 and not _are_built_in(data[end + 1 : _behind(data, 0, size, 0x50)]):
            return None
        verdict = self._cache.lookup_part(data, begin, end, self.encoding, self.standard_strings)
        return data[:size] if verdict.repeatable else None

    def _following_bound(self, data: bytes, size: int, exchange: Exchange) -> bytes | None:
        """Likewise, of a statement that was prepared."""
        if self.may_forget or self.moves or not self._may_go_on(exchange):
            return None
        run = _behind(data, 0, size, 0x42)
        end = zero_in(data, _NAME_AT, run)
        statement = self.statements.get(data[_NAME_AT:end]) if end >= 0 else None
        if statement is None:
            return None
        verdict: Verdict = statement.verdict  # type: ignore[assignment]
        if not verdict.repeatable or not _are_built_in(statement.types):
            return None
        name = self._name_here(statement, exchange)
        if name is None:
            return None
        return bind_head(b"", name, run - end - 1) + data[end + 1 : size]

    def _may_go_on(self, exchange: Exchange) -> bool:
        """Whether nothing is under way for which a unit waits, or its messages are looked at."""
        if not self.virtual or self.may_copy or exchange.copy_in:
            return False
        return not self._deallocating and not self.changes_channels
