"""What message bodies are made of: integers, strings that end in a zero byte, counted values.

`BodyReader` walks one body and names, in the one exception it raises, the message, the field, what
was seen and what was expected. It never puts contents into that text: a body may hold a password,
a row or SQL. The functions below it write the same parts.

Counts are unsigned, as the server reads them: a Bind may carry 65535 parameters.

Source: PostgreSQL manual, "Message Data Types" and "Message Formats".

Rejected: one `struct` format per message. Most bodies hold strings, so that the formats would end
after the first field, and a mismatch would say "unpack requires a buffer of 4 bytes".
"""

import struct
from typing import Final

NULL_LENGTH: Final = -1
LENGTH_MAX: Final = 0x7FFF_FFFF
"""Largest value of a length field, in bytes: PostgreSQL reads it as a signed number."""

_UINT16: Final = struct.Struct("!H")
_INT16: Final = struct.Struct("!h")
_UINT32: Final = struct.Struct("!I")
_INT32: Final = struct.Struct("!i")


class MalformedMessage(Exception):
    """A message whose body is not what its type byte promises.

    Attributes:
        message: name of the message, e.g. "Bind".
        expected: what had to be there.
        seen: what was there, never its contents.
    """

    def __init__(self, message: str, expected: str, seen: str) -> None:
        super().__init__(f"malformed {message} message: expected {expected}, seen {seen}")
        self.message = message
        self.expected = expected
        self.seen = seen


class BodyReader:
    """Reads one body from front to back; every method raises `MalformedMessage`."""

    __slots__ = ("_at", "_body", "_message")

    def __init__(self, message: str, body: bytes) -> None:
        self._message = message
        self._body = body
        self._at = 0

    def malformed(self, expected: str, seen: str) -> MalformedMessage:
        """The exception for something only the caller can judge."""
        return MalformedMessage(self._message, expected, seen)

    def byte(self, field: str) -> int:
        """An unsigned 8-bit integer."""
        return self._take(1, field)[0]

    def int16(self, field: str) -> int:
        """A signed 16-bit integer."""
        return int(_INT16.unpack(self._take(2, field))[0])

    def count(self, field: str) -> int:
        """An unsigned 16-bit integer: how many of something follow."""
        return int(_UINT16.unpack(self._take(2, field))[0])

    def int32(self, field: str) -> int:
        """A signed 32-bit integer."""
        return int(_INT32.unpack(self._take(4, field))[0])

    def oid(self, field: str) -> int:
        """An unsigned 32-bit integer."""
        return int(_UINT32.unpack(self._take(4, field))[0])

    def string(self, field: str) -> bytes:
        """The bytes before the next zero byte, which is skipped."""
        zero = self._body.find(b"\0", self._at)
        if zero < 0:
            raise self.malformed(
                f"a zero byte behind {field}", f"none in the last {self.left()} bytes"
            )
        value = self._body[self._at : zero]
        self._at = zero + 1
        return value

    def value(self, field: str) -> bytes | None:
        """Bytes with their 32-bit length in front; None for NULL, whose length is -1."""
        length = self.int32(f"the length of {field}")
        if length == NULL_LENGTH:
            return None
        if length < 0:
            raise self.malformed(f"a length of {field} of -1 or more", str(length))
        return self._take(length, field)

    def formats(self, field: str) -> tuple[int, ...]:
        """A count and as many 16-bit format codes (0 text, 1 binary)."""
        count = self.count(f"the number of {field}")
        return struct.unpack(f"!{count}h", self._take(2 * count, field))

    def oids(self, count: int, field: str) -> tuple[int, ...]:
        """As many unsigned 32-bit integers."""
        return struct.unpack(f"!{count}I", self._take(4 * count, field))

    def rest(self) -> bytes:
        """Everything that was not read."""
        return self._take(self.left(), "the rest")

    def left(self) -> int:
        """How many bytes were not read."""
        return len(self._body) - self._at

    def finish(self) -> None:
        """Nothing may be left."""
        if self.left():
            raise self.malformed("the end of the message", f"{self.left()} more bytes")

    def _take(self, size: int, field: str) -> bytes:
        end = self._at + size
        if end > len(self._body):
            raise self.malformed(f"{size} bytes of {field}", f"{self.left()} bytes")
        taken = self._body[self._at : end]
        self._at = end
        return taken


def message(kind: int, *parts: bytes) -> bytes:
    """A whole message.

    Raises:
        ValueError: it would be longer than its length field can say.
    """
    body = b"".join(parts)
    length = len(body) + 4
    if length > LENGTH_MAX:
        msg = f"a message may have {LENGTH_MAX} bytes, this one has {length}"
        raise ValueError(msg)
    return b"%c%b%b" % (kind, _UINT32.pack(length), body)


def string(value: bytes) -> bytes:
    """`value` and the zero byte that ends it.

    Raises:
        ValueError: it has a zero byte inside; what follows would become another field.
    """
    if b"\0" in value:
        raise ValueError("a string of the protocol cannot contain a zero byte")
    return value + b"\0"


def counted(value: bytes | None) -> bytes:
    """A value with its length in front; None becomes NULL."""
    if value is None:
        return _INT32.pack(NULL_LENGTH)
    return _INT32.pack(len(value)) + value


def int16(value: int) -> bytes:
    """A signed 16-bit integer."""
    return _INT16.pack(value)


def count(value: int) -> bytes:
    """How many of something follow, unsigned 16 bits.

    Raises:
        ValueError: above 65535.
    """
    if value > 0xFFFF:
        msg = f"the protocol can count to 65535 here, not to {value}"
        raise ValueError(msg)
    return _UINT16.pack(value)


def int32(value: int) -> bytes:
    """A signed 32-bit integer."""
    return _INT32.pack(value)


def oid(value: int) -> bytes:
    """An unsigned 32-bit integer."""
    return _UINT32.pack(value)


def formats(values: tuple[int, ...]) -> bytes:
    """A count and the format codes."""
    return count(len(values)) + struct.pack(f"!{len(values)}h", *values)


def oids(values: tuple[int, ...]) -> bytes:
    """The numbers alone, without a count."""
    return struct.pack(f"!{len(values)}I", *values)
