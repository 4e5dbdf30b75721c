"""What a server sends, one frozen class per message, and the few that pglane writes itself.

`encode` gives the whole message, `decode` reads the body (the bytes behind the length). Names and
values are bytes in an encoding that is not ours to know; texts of our own refusals are UTF-8.
Rows pass unread in the data path: `DataRow` is for the console, the probe and the tests. Messages
of the login are in `pglane.wire.login_messages`.

The free functions are what the engine calls: they build or read one message without an object.

Source: PostgreSQL manual, "Message Formats", "Error and Notice Message Fields".
"""
# ruff: noqa: D102 -- encode and decode mean the same in every class; the module says what.

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Self

from pglane.errors import Refusal
from pglane.wire import body as b
from pglane.wire.body import BodyReader, MalformedMessage
from pglane.wire.client_messages import CopyData, CopyDone, EmptyMessage
from pglane.wire.login_messages import (
    Authentication,
    BackendKeyData,
    NegotiateProtocolVersion,
    decode_authentication,
)

TRANSACTION_STATUSES = frozenset({b"I", b"T", b"E"})
"""Idle, in a transaction block, in a failed one."""


@dataclass(frozen=True, slots=True)
class ParameterStatus:
    """A setting's value that holds from now on."""

    kind: ClassVar[int] = ord("S")
    name: bytes
    value: bytes

    def encode(self) -> bytes:
        return parameter_status(self.name, self.value)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("ParameterStatus", body)
        status = cls(reader.string("the name"), reader.string("the value"))
        reader.finish()
        return status


@dataclass(frozen=True, slots=True)
class ReadyForQuery:
    """The end of an answer: `status` is one of `TRANSACTION_STATUSES`."""

    kind: ClassVar[int] = ord("Z")
    status: bytes

    def encode(self) -> bytes:
        return ready_for_query(self.status)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        if body not in TRANSACTION_STATUSES:
            raise MalformedMessage(
                "ReadyForQuery", "one byte of I, T, E", f"{len(body)} bytes of something else"
            )
        return cls(body)


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One column of a RowDescription.

    Attributes:
        table_oid: 0 when the column is not a table's.
        column_number: 0 likewise.
        type_size: bytes; negative for types of variable size.
        type_modifier: -1 when there is none.
        format: 0 text, 1 binary; 0 also when it is not yet known (Describe of a statement).
    """

    name: bytes
    table_oid: int
    column_number: int
    type_oid: int
    type_size: int
    type_modifier: int
    format: int

    def encode(self) -> bytes:
        return b"".join(
            (
                b.string(self.name),
                b.oid(self.table_oid),
                b.int16(self.column_number),
                b.oid(self.type_oid),
                b.int16(self.type_size),
                b.int32(self.type_modifier),
                b.int16(self.format),
            )
        )

    @classmethod
    def read(cls, reader: BodyReader) -> Self:
        return cls(
            reader.string("a column's name"),
            reader.oid("its table's oid"),
            reader.int16("its number"),
            reader.oid("its type's oid"),
            reader.int16("its type's size"),
            reader.int32("its type's modifier"),
            reader.int16("its format"),
        )


@dataclass(frozen=True, slots=True)
class RowDescription:
    """The columns of the rows that follow."""

    kind: ClassVar[int] = ord("T")
    fields: tuple[FieldDescription, ...]

    def encode(self) -> bytes:
        parts = [column.encode() for column in self.fields]
        return b.message(self.kind, b.count(len(parts)), *parts)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("RowDescription", body)
        count = reader.count("the number of columns")
        fields = tuple([FieldDescription.read(reader) for _ in range(count)])
        reader.finish()
        return cls(fields)


@dataclass(frozen=True, slots=True)
class DataRow:
    """One row; None is NULL."""

    kind: ClassVar[int] = ord("D")
    values: tuple[bytes | None, ...] = field(repr=False)

    def encode(self) -> bytes:
        return b.message(self.kind, b.count(len(self.values)), *map(b.counted, self.values))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("DataRow", body)
        count = reader.count("the number of columns")
        values = tuple([reader.value("a column") for _ in range(count)])
        reader.finish()
        return cls(values)


@dataclass(frozen=True, slots=True)
class CommandComplete:
    """A statement has ended well: its tag, e.g. b"INSERT 0 1"."""

    kind: ClassVar[int] = ord("C")
    tag: bytes

    def encode(self) -> bytes:
        return command_complete(self.tag)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("CommandComplete", body)
        complete = cls(reader.string("the tag"))
        reader.finish()
        return complete


@dataclass(frozen=True, slots=True)
class EmptyQueryResponse(EmptyMessage):
    """Instead of CommandComplete, for a text without a statement."""

    kind: ClassVar[int] = ord("I")


@dataclass(frozen=True, slots=True)
class ParseComplete(EmptyMessage):
    """The statement exists from now on."""

    kind: ClassVar[int] = ord("1")


@dataclass(frozen=True, slots=True)
class BindComplete(EmptyMessage):
    """The portal exists from now on."""

    kind: ClassVar[int] = ord("2")


@dataclass(frozen=True, slots=True)
class CloseComplete(EmptyMessage):
    """The statement or portal exists no more."""

    kind: ClassVar[int] = ord("3")


@dataclass(frozen=True, slots=True)
class NoData(EmptyMessage):
    """What was described returns no rows."""

    kind: ClassVar[int] = ord("n")


@dataclass(frozen=True, slots=True)
class PortalSuspended(EmptyMessage):
    """Execute has reached its row limit; the portal can go on."""

    kind: ClassVar[int] = ord("s")


@dataclass(frozen=True, slots=True)
class ParameterDescription:
    """The parameter types of a described statement."""

    kind: ClassVar[int] = ord("t")
    types: tuple[int, ...]

    def encode(self) -> bytes:
        return b.message(self.kind, b.count(len(self.types)), b.oids(self.types))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("ParameterDescription", body)
        types = reader.oids(reader.count("the number of parameters"), "parameter types")
        reader.finish()
        return cls(types)


@dataclass(frozen=True, slots=True)
class _ReportedFields:
    """What errors and notices share: fields of a one-letter code and a value, in order."""

    kind: ClassVar[int]
    fields: tuple[tuple[str, bytes], ...]

    def get(self, code: str) -> bytes | None:
        """The value of the first field with this code."""
        return next((value for known, value in self.fields if known == code), None)

    def encode(self) -> bytes:
        return _reported(self.kind, self.fields)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        return cls(tuple(_read_fields(cls.__name__, body)))


@dataclass(frozen=True, slots=True)
class ErrorResponse(_ReportedFields):
    """An error; severity FATAL and PANIC end the connection."""

    kind: ClassVar[int] = ord("E")


@dataclass(frozen=True, slots=True)
class NoticeResponse(_ReportedFields):
    """A notice or warning; it may come at any time."""

    kind: ClassVar[int] = ord("N")


@dataclass(frozen=True, slots=True)
class NotificationResponse:
    """NOTIFY of another session, or of this one; it may come at any time outside a transaction."""

    kind: ClassVar[int] = ord("A")
    process_id: int
    channel: bytes
    payload: bytes

    def encode(self) -> bytes:
        return b.message(
            self.kind, b.int32(self.process_id), b.string(self.channel), b.string(self.payload)
        )

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("NotificationResponse", body)
        process_id = reader.int32("the notifier's process id")
        response = cls(process_id, reader.string("the channel"), reader.string("the payload"))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class _CopyResponse:
    """What the three announcements of a COPY share.

    Attributes:
        format: 0 text, 1 binary, of the whole.
        column_formats: one per column; all 0 when the whole is text.
    """

    kind: ClassVar[int]
    format: int
    column_formats: tuple[int, ...]

    def encode(self) -> bytes:
        return b.message(self.kind, bytes([self.format]), b.formats(self.column_formats))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader(cls.__name__, body)
        response = cls(reader.byte("the format"), reader.formats("column formats"))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class CopyInResponse(_CopyResponse):
    """The server wants COPY data."""

    kind: ClassVar[int] = ord("G")


@dataclass(frozen=True, slots=True)
class CopyOutResponse(_CopyResponse):
    """The server is going to send COPY data."""

    kind: ClassVar[int] = ord("H")


@dataclass(frozen=True, slots=True)
class CopyBothResponse(_CopyResponse):
    """Both directions: streaming replication."""

    kind: ClassVar[int] = ord("W")


@dataclass(frozen=True, slots=True)
class FunctionCallResponse:
    """The result of a FunctionCall; None is NULL."""

    kind: ClassVar[int] = ord("V")
    value: bytes | None = field(repr=False)

    def encode(self) -> bytes:
        return b.message(self.kind, b.counted(self.value))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("FunctionCallResponse", body)
        response = cls(reader.value("the result"))
        reader.finish()
        return response


ServerMessage = (
    Authentication
    | BackendKeyData
    | NegotiateProtocolVersion
    | ParameterStatus
    | ReadyForQuery
    | RowDescription
    | DataRow
    | CommandComplete
    | EmptyQueryResponse
    | ParseComplete
    | BindComplete
    | CloseComplete
    | NoData
    | PortalSuspended
    | ParameterDescription
    | ErrorResponse
    | NoticeResponse
    | NotificationResponse
    | CopyInResponse
    | CopyOutResponse
    | CopyBothResponse
    | CopyData
    | CopyDone
    | FunctionCallResponse
)

_DECODERS: dict[int, Callable[[bytes], ServerMessage]] = {
    ord("R"): decode_authentication,
    BackendKeyData.kind: BackendKeyData.decode,
    NegotiateProtocolVersion.kind: NegotiateProtocolVersion.decode,
    ParameterStatus.kind: ParameterStatus.decode,
    ReadyForQuery.kind: ReadyForQuery.decode,
    RowDescription.kind: RowDescription.decode,
    DataRow.kind: DataRow.decode,
    CommandComplete.kind: CommandComplete.decode,
    EmptyQueryResponse.kind: EmptyQueryResponse.decode,
    ParseComplete.kind: ParseComplete.decode,
    BindComplete.kind: BindComplete.decode,
    CloseComplete.kind: CloseComplete.decode,
    NoData.kind: NoData.decode,
    PortalSuspended.kind: PortalSuspended.decode,
    ParameterDescription.kind: ParameterDescription.decode,
    ErrorResponse.kind: ErrorResponse.decode,
    NoticeResponse.kind: NoticeResponse.decode,
    NotificationResponse.kind: NotificationResponse.decode,
    CopyInResponse.kind: CopyInResponse.decode,
    CopyOutResponse.kind: CopyOutResponse.decode,
    CopyBothResponse.kind: CopyBothResponse.decode,
    CopyData.kind: CopyData.decode,
    CopyDone.kind: CopyDone.decode,
    FunctionCallResponse.kind: FunctionCallResponse.decode,
}

SERVER_KINDS = frozenset(_DECODERS)
"""The type bytes a server may send."""


def decode_server_message(kind: int, body: bytes) -> ServerMessage:
    """The message with this type byte and body.

    Raises:
        MalformedMessage: no message of a server has this type byte, or the body does not fit it.
    """
    decode = _DECODERS.get(kind)
    if decode is None:
        raise MalformedMessage("server", "a type byte of PostgreSQL's protocol", f"byte {kind}")
    return decode(body)


def error_response(refusal: Refusal, *, ends: bool = False) -> bytes:
    """The ErrorResponse that tells a client of a refusal; `ends`: it ends the connection here."""
    return _told(
        ErrorResponse.kind,
        "FATAL" if ends else refusal.severity,
        refusal.sqlstate,
        (refusal.text, refusal.detail_text, refusal.hint_text),
    )


def notice_response(severity: str, sqlstate: str, text: str, detail: str, hint: str) -> bytes:
    """A NoticeResponse; `severity` is PostgreSQL's word (WARNING, NOTICE …).

    An empty detail or hint is left out.
    """
    return _told(NoticeResponse.kind, severity, sqlstate, (text, detail, hint))


def error_fields(body: bytes) -> dict[str, bytes]:
    """The fields of an ErrorResponse's or NoticeResponse's body by their one-letter codes.

    Raises:
        MalformedMessage: a field or the final zero byte is incomplete, or something follows it.
    """
    return dict(_read_fields("ErrorResponse", body))


def parameter_status(name: bytes, value: bytes) -> bytes:
    """A ParameterStatus message."""
    return b.message(ParameterStatus.kind, b.string(name), b.string(value))


def ready_for_query(status: bytes) -> bytes:
    """A ReadyForQuery message.

    Raises:
        ValueError: `status` is none of `TRANSACTION_STATUSES`.
    """
    if status not in TRANSACTION_STATUSES:
        msg = f"a transaction status is b'I', b'T' or b'E', not {status!r}"
        raise ValueError(msg)
    return b.message(ReadyForQuery.kind, status)


def command_complete(tag: bytes) -> bytes:
    """A CommandComplete message."""
    return b.message(CommandComplete.kind, b.string(tag))


def _told(kind: int, severity: str, sqlstate: str, texts: tuple[str, str, str]) -> bytes:
    fields = [("S", severity), ("V", severity), ("C", sqlstate)]
    fields += [(code, text) for code, text in zip("MDH", texts, strict=True) if text]
    return _reported(kind, tuple((code, _our_text(text)) for code, text in fields))


def _our_text(text: str) -> bytes:
    """UTF-8; what it, or a string of the protocol, cannot hold is escaped."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace")


def _reported(kind: int, fields: tuple[tuple[str, bytes], ...]) -> bytes:
    parts = [code.encode("latin-1") + b.string(value) for code, value in fields]
    return b.message(kind, *parts, b"\0")


def _read_fields(message: str, body: bytes) -> list[tuple[str, bytes]]:
    reader = BodyReader(message, body)
    fields = []
    while code := reader.byte("the next field's code, or a zero byte"):
        fields.append((chr(code), reader.string(f"field {chr(code)!r}")))
    reader.finish()
    return fields
