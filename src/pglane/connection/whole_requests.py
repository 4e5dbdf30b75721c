# cython: boundscheck=False, wraparound=False
"""A request that came in one piece: a Query, or how most drivers send one with parameters.

The latter is a unit of Parse, Bind, Describe, Execute and Sync of the unnamed statement and
portal (libpq's PQexecParams, node-postgres, JDBC). Where nothing is under way and its text asks
for no care, it goes on as it came: one walk over the chunk, and all its answers are expected at
once. Everything else goes through the reader, message by message (`requests.py`); so nothing may
be done here that is not done there.
"""

from pglane.connection.client_names import NO_SHAPE
from pglane.connection.exchange import Exchange
from pglane.connection.extended_requests import ExtendedRequests
from pglane.connection.prepared_statements import client_statement
from pglane.connection.request_messages import zero_in
from pglane.wire.framing import HEADER_BYTES

# Compiled, these are C integers that Python code cannot see.
_HEADER_BYTES: int = HEADER_BYTES
_BIND_BYTES: int = HEADER_BYTES + 2  # with its two names, which are empty
_DESCRIBE_BYTES: int = HEADER_BYTES + 2  # of a portal without a name
_TEXT_AT: int = HEADER_BYTES + 1  # in a Parse without a name


def is_whole_request(data: bytes, size: int) -> bool:
    """Whether this is one Query or one such unit and nothing else; `size` is not 0.

    What is in the fields may be malformed.
    """
    if data[0] == 0x51:
        return data[size - 1] == 0 and _behind(data, 0, size, 0x51) == size
    return data[0] == 0x50 and _is_whole_unit(data, size)


def _is_whole_unit(data: bytes, size: int) -> bool:
    bind = _behind(data, 0, size, 0x50)
    describe = _behind(data, bind, size, 0x42)
    execute = _behind(data, describe, size, 0x44)
    sync = _behind(data, execute, size, 0x45)
    if sync + _HEADER_BYTES != size or _behind(data, sync, size, 0x53) != size:
        return False
    if bind <= _TEXT_AT or describe - bind < _BIND_BYTES or execute - describe != _DESCRIBE_BYTES:
        return False
    begin = bind + _HEADER_BYTES
    return (
        data[_HEADER_BYTES] == 0
        and data[begin] == 0
        and data[begin + 1] == 0
        and data[describe + _HEADER_BYTES] == 0x50
        and data[execute - 1] == 0
    )


def _behind(data: bytes, at: int, size: int, kind: int) -> int:
    """Where the message of this kind ends that lies whole at `at`; beyond `size`: none does."""
    if at + _HEADER_BYTES > size or data[at] != kind:
        return size + 1
    high = data[at + 1]  # in a variable of its own: shifted as C's int it would turn negative
    length = (high << 24) | (data[at + 2] << 16) | (data[at + 3] << 8) | data[at + 4]
    end = at + 1 + length
    return end if end <= size and length + 1 >= _HEADER_BYTES else size + 1


class WholeRequests(ExtendedRequests):
    """The part of `ClientRequests` that takes such units."""

    __slots__ = ()

    def _asks_unit(self, data: bytes, size: int, exchange: Exchange) -> bool:
        """Notes the unit that these bytes are, where nothing is under way; True: send them on.

        False: nothing was noted. `is_whole_request` is true of them.
        """
        if not self.virtual or self.may_copy or exchange.copy_in:
            return False
        if self._deallocating or self.changes_channels:
            return False
        bind = _behind(data, 0, size, 0x50)
        end = zero_in(data, _TEXT_AT, bind)
        if end < 0:
            return False
        verdict = self._cache.lookup_part(
            data, _TEXT_AT, end, self.encoding, self.standard_strings
        )
        if verdict.effects:
            return False
        text, types = data[_TEXT_AT:end], data[end + 1 : bind]
        statement = client_statement(text, types, verdict, NO_SHAPE)
        parse = self._keep_unnamed(statement, exchange)
        if verdict.may_draw:
            self._note_drawing(verdict, exchange)
        exchange.expect_unit(parse)
        return True
