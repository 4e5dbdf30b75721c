# ruff: noqa: F821 -- the C names are declared in the .pxd
# cython: boundscheck=False, wraparound=False
"""The messages that we put in the place of a client's, and those that are too long to be read.

`message` does what `pglane.wire.body.message` does, compiled and without a check: nothing that
is rewritten is longer than what was received and a name of ours.
"""

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython

from pglane.errors import Refusal
from pglane.errors.protocol import MessageTooLarge, StreamMalformed
from pglane.wire.framing import MalformedStream
from pglane.wire.server_messages import ErrorResponse

COPY_FAIL = b"f\x00\x00\x00\x1cthe client disconnected\x00"
FAILING_PARSE = b"P\x00\x00\x00\x16\x00pglane refuses\x00\x00\x00"
"""No statement begins like this: the server answers with a syntax error in any state."""
SYNC_MESSAGE = b"S\x00\x00\x00\x04"
FLUSH = b"H\x00\x00\x00\x04"
MESSAGE_BYTES_POSSIBLE = 0x3FFFFFFF
"""PostgreSQL itself takes no longer message (1 GB)."""
_NAMES_BYTES_MAX: int = 200
"""Longer names are rare: they may cost a few objects."""
REQUEST_KINDS = frozenset(b"QPBF")


class MalformedRequest(Exception):
    """A client's message has a body that the protocol does not allow."""

    def __init__(self, kind: str, seen: str) -> None:
        super().__init__(f"message {kind}: {seen}")
        self.kind = kind
        self.seen = seen


def message(kind: bytes, body: bytes) -> bytes:
    """One message with its length."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def bind_head(portal: bytes, statement: bytes, rest_bytes: int) -> bytes:
    """A Bind up to its parameters: so many bytes of it are to follow."""
    length = 6 + len(portal) + len(statement) + rest_bytes
    if cython.compiled:  # no object is made but the one that is returned
        at = 5
        if len(portal) + len(statement) <= _NAMES_BYTES_MAX:
            _head[0] = 0x42  # type: ignore[name-defined]
            for place in range(4):
                _head[1 + place] = (length >> (24 - 8 * place)) & 0xFF  # type: ignore[name-defined]
            for name in (portal, statement):
                for place in range(len(name)):
                    _head[at + place] = name[place]  # type: ignore[name-defined]
                at += len(name)
                _head[at] = 0  # type: ignore[name-defined]
                at += 1
            return _head[:at]  # type: ignore[name-defined,no-any-return]
    return b"B%b%b\x00%b\x00" % (length.to_bytes(4, "big"), portal, statement)


def zero_in(data: bytes, begin: int, end: int) -> int:
    """Index of the first zero byte of a part of `data`; -1 if there is none."""
    if cython.compiled:
        return c_zero_at(data, begin, end)  # type: ignore[name-defined,no-any-return]
    return data.find(b"\x00", begin, end)


def error(sqlstate: bytes, text: bytes, routine: bytes = b"") -> bytes:
    """An ErrorResponse as PostgreSQL itself would word it.

    Args:
        sqlstate: its code.
        text: its words.
        routine: the function of the server that raises it, where drivers go by that.
    """
    fields = [("S", b"ERROR"), ("V", b"ERROR"), ("C", sqlstate), ("M", text)]
    if routine:
        fields.append(("R", routine))
    return ErrorResponse(tuple(fields)).encode()


def stream_malformed(malformed: MalformedStream) -> Refusal:
    """The refusal for a length that cannot be, or is not allowed."""
    kind = repr(chr(malformed.kind))
    length, length_max = malformed.length, malformed.length_max
    if length_max < length <= MESSAGE_BYTES_POSSIBLE and malformed.kind in REQUEST_KINDS:
        return MessageTooLarge(kind=kind, length=length, length_max=length_max)
    return StreamMalformed(kind=kind, length=length, length_max=length_max)
