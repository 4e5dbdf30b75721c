"""PostgreSQL's protocol 3 as tests speak it: bytes made and read without the product's code.

An encoder of its own is the point: a mistake in `pglane.wire` cannot hide behind itself.
Source: PostgreSQL manual, chapter "Frontend/Backend Protocol", "Message Formats".
"""

import struct
from dataclasses import dataclass

PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = (3 << 16) | 2
CANCEL_CODE = (1234 << 16) | 5678
SSL_CODE = (1234 << 16) | 5679
GSSENC_CODE = (1234 << 16) | 5680


def _text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return raw + b"\0"


def message(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def header(kind: bytes, length: int) -> bytes:
    """A type byte and any 32-bit length, honest or not."""
    return kind + struct.pack("!I", length & 0xFFFFFFFF)


def untyped(code: int, body: bytes = b"") -> bytes:
    """A message of the time before the login: length, code, body."""
    return struct.pack("!II", len(body) + 8, code) + body


def startup(parameters: dict[str, str], version: int = PROTOCOL_3_0) -> bytes:
    pairs = b"".join(_text(name) + _text(value) for name, value in parameters.items())
    return untyped(version, pairs + b"\0")


def cancel_request(pid: int, key: bytes) -> bytes:
    return untyped(CANCEL_CODE, struct.pack("!I", pid) + key)


def ssl_request() -> bytes:
    return untyped(SSL_CODE)


def gssenc_request() -> bytes:
    return untyped(GSSENC_CODE)


def query(sql: str | bytes) -> bytes:
    return message("Q", _text(sql))


def parse(sql: str | bytes, name: str = "", types: tuple[int, ...] = ()) -> bytes:
    oids = struct.pack(f"!H{len(types)}I", len(types), *types)
    return message("P", _text(name) + _text(sql) + oids)


def bind(
    values: tuple[bytes | None, ...] = (),
    statement: str = "",
    portal: str = "",
    formats: tuple[int, ...] = (),
    result_formats: tuple[int, ...] = (),
) -> bytes:
    """Bind; `formats` and `result_formats` hold 0 for text and 1 for binary."""
    body = _text(portal) + _text(statement)
    body += struct.pack(f"!H{len(formats)}H", len(formats), *formats)
    body += struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!I", len(value)) + value
    body += struct.pack(f"!H{len(result_formats)}H", len(result_formats), *result_formats)
    return message("B", body)


def describe(kind: str, name: str = "") -> bytes:
    """Describe a statement ("S") or a portal ("P")."""
    return message("D", kind.encode() + _text(name))


def execute(portal: str = "", rows_max: int = 0) -> bytes:
    return message("E", _text(portal) + struct.pack("!I", rows_max))


def close(kind: str, name: str = "") -> bytes:
    """Close a statement ("S") or a portal ("P")."""
    return message("C", kind.encode() + _text(name))


def sync() -> bytes:
    return message("S")


def flush() -> bytes:
    return message("H")


def copy_data(data: bytes) -> bytes:
    return message("d", data)


def copy_done() -> bytes:
    return message("c")


def copy_fail(reason: str) -> bytes:
    return message("f", _text(reason))


def terminate() -> bytes:
    return message("X")


def function_call(oid: int, values: tuple[bytes, ...], result_format: int = 0) -> bytes:
    """The old function call, all arguments as text."""
    body = struct.pack("!IHH", oid, 0, len(values))
    for value in values:
        body += struct.pack("!I", len(value)) + value
    return message("F", body + struct.pack("!H", result_format))


@dataclass(frozen=True)
class Message:
    """One message from the server: its type letter and its body."""

    kind: str
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """The fields of an ErrorResponse or a NoticeResponse by their letters."""
        parts = self.body.rstrip(b"\0").split(b"\0")
        return {chr(part[0]): part[1:].decode(errors="replace") for part in parts if part}

    @property
    def sqlstate(self) -> str:
        return self.fields["C"]

    @property
    def tag(self) -> str:
        """The tag of a CommandComplete."""
        return self.body.rstrip(b"\0").decode()

    @property
    def values(self) -> tuple[bytes | None, ...]:
        """The columns of a DataRow."""
        (count,) = struct.unpack_from("!H", self.body)
        at = 2
        row: list[bytes | None] = []
        for _ in range(count):
            (size,) = struct.unpack_from("!i", self.body, at)
            at += 4
            row.append(None if size < 0 else self.body[at : at + size])
            at += max(size, 0)
        return tuple(row)

    @property
    def columns(self) -> tuple[tuple[str, int, int], ...]:
        """(name, type OID, format) of each column of a RowDescription."""
        (count,) = struct.unpack_from("!H", self.body)
        at = 2
        found = []
        for _ in range(count):
            end = self.body.index(b"\0", at)
            oid = struct.unpack_from("!I", self.body, end + 7)[0]
            form = struct.unpack_from("!H", self.body, end + 17)[0]
            found.append((self.body[at:end].decode(), oid, form))
            at = end + 19
        return tuple(found)

    @property
    def parameter(self) -> tuple[str, str]:
        """Name and value of a ParameterStatus."""
        name, value, _ = self.body.split(b"\0")
        return name.decode(), value.decode()

    @property
    def status(self) -> str:
        """Transaction status of a ReadyForQuery: I, T or E."""
        return self.body.decode()

    def __repr__(self) -> str:
        if self.kind in "EN":
            return f"{self.kind}{self.fields}"
        return f"{self.kind}({self.body[:60]!r})"


def kinds(messages: list[Message]) -> str:
    """The type letters in a row, the readable shape of an answer."""
    return "".join(one.kind for one in messages)


def rows(messages: list[Message]) -> list[tuple[str | None, ...]]:
    """The DataRows as text."""
    return [
        tuple(None if value is None else value.decode() for value in one.values)
        for one in messages
        if one.kind == "D"
    ]


def errors(messages: list[Message]) -> list[str]:
    """The SQLSTATEs of the ErrorResponses."""
    return [one.sqlstate for one in messages if one.kind == "E"]


def tags(messages: list[Message]) -> list[str]:
    return [one.tag for one in messages if one.kind == "C"]
