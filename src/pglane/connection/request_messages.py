"""The messages that we put in the place of a client's, and those that are too long to be read.

`message` does what `pglane.wire.body.message` does, compiled and without a check: nothing that
is rewritten is longer than what was received and a name of ours.
"""

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
