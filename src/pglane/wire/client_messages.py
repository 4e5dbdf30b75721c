"""What a client sends after its startup packet, one frozen class per message.

`encode` gives the whole message, `decode` reads the body (the bytes behind the length). Names, SQL
and values are bytes: their encoding is the client's `client_encoding`, which is not ours to know.
Passwords and proofs are left out of `repr`. Copy messages travel both ways; they live here.

The type byte 'p' stands for four messages; which one depends on what the server asked for, so
`decode_client_message` gives an `AuthenticationResponse` whose data the class that fits decodes.

Source: PostgreSQL manual, "Message Formats".
"""
# ruff: noqa: D102 -- encode and decode mean the same in every class; the module says what.

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Self

from pglane.wire import body as b
from pglane.wire.body import BodyReader, MalformedMessage


@dataclass(frozen=True, slots=True)
class EmptyMessage:
    """A message without a body; the base of all of them."""

    kind: ClassVar[int]

    def encode(self) -> bytes:
        return b.message(self.kind)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        BodyReader(cls.__name__, body).finish()
        return cls()


@dataclass(frozen=True, slots=True)
class Query:
    """The simple protocol: one text, any number of statements."""

    kind: ClassVar[int] = ord("Q")
    text: bytes

    def encode(self) -> bytes:
        return b.message(self.kind, b.string(self.text))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("Query", body)
        query = cls(reader.string("the text"))
        reader.finish()
        return query


@dataclass(frozen=True, slots=True)
class Parse:
    """Makes a prepared statement; b"" is the unnamed one. A parameter type of 0 is not given."""

    kind: ClassVar[int] = ord("P")
    name: bytes
    text: bytes
    parameter_types: tuple[int, ...] = ()

    def encode(self) -> bytes:
        return b.message(
            self.kind,
            b.string(self.name),
            b.string(self.text),
            b.count(len(self.parameter_types)),
            b.oids(self.parameter_types),
        )

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("Parse", body)
        name = reader.string("the statement's name")
        text = reader.string("the text")
        types = reader.oids(reader.count("the number of parameter types"), "parameter types")
        reader.finish()
        return cls(name, text, types)


@dataclass(frozen=True, slots=True)
class Bind:
    """Makes a portal from a prepared statement and parameters; None is NULL."""

    kind: ClassVar[int] = ord("B")
    portal: bytes
    statement: bytes
    parameter_formats: tuple[int, ...] = ()
    parameters: tuple[bytes | None, ...] = field(default=(), repr=False)
    result_formats: tuple[int, ...] = ()

    def encode(self) -> bytes:
        return b.message(
            self.kind,
            b.string(self.portal),
            b.string(self.statement),
            b.formats(self.parameter_formats),
            b.count(len(self.parameters)),
            *map(b.counted, self.parameters),
            b.formats(self.result_formats),
        )

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("Bind", body)
        portal = reader.string("the portal's name")
        statement = reader.string("the statement's name")
        parameter_formats = reader.formats("parameter formats")
        parameters_count = reader.count("the number of parameters")
        parameters = tuple([reader.value("a parameter") for _ in range(parameters_count)])
        result_formats = reader.formats("result formats")
        reader.finish()
        return cls(portal, statement, parameter_formats, parameters, result_formats)


@dataclass(frozen=True, slots=True)
class NamedObject:
    """What Describe and Close share: a statement's name (`what` b"S") or a portal's (b"P")."""

    kind: ClassVar[int]
    what: bytes
    name: bytes

    def encode(self) -> bytes:
        if self.what not in {b"S", b"P"}:
            msg = f"what is described or closed is b'S' or b'P', not {self.what!r}"
            raise ValueError(msg)
        return b.message(self.kind, self.what, b.string(self.name))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader(cls.__name__, body)
        what = reader.byte("what it is about")
        if what not in b"SP":
            raise reader.malformed("'S' or 'P'", f"byte {what}")
        name = reader.string("the name")
        reader.finish()
        return cls(bytes([what]), name)


@dataclass(frozen=True, slots=True)
class Describe(NamedObject):
    """Asks for the shape of a statement or portal."""

    kind: ClassVar[int] = ord("D")


@dataclass(frozen=True, slots=True)
class Close(NamedObject):
    """Drops a statement or portal; one that does not exist is no error."""

    kind: ClassVar[int] = ord("C")


@dataclass(frozen=True, slots=True)
class Execute:
    """Runs a portal; a row limit of 0 is none."""

    kind: ClassVar[int] = ord("E")
    portal: bytes
    row_limit: int = 0

    def encode(self) -> bytes:
        return b.message(self.kind, b.string(self.portal), b.int32(self.row_limit))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("Execute", body)
        execute = cls(reader.string("the portal's name"), reader.int32("the row limit"))
        reader.finish()
        return execute


@dataclass(frozen=True, slots=True)
class Sync(EmptyMessage):
    """Ends a pipeline segment; the server answers ReadyForQuery."""

    kind: ClassVar[int] = ord("S")


@dataclass(frozen=True, slots=True)
class Flush(EmptyMessage):
    """Asks for what is ready, without ending anything."""

    kind: ClassVar[int] = ord("H")


@dataclass(frozen=True, slots=True)
class Terminate(EmptyMessage):
    """The client says goodbye."""

    kind: ClassVar[int] = ord("X")


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """Calls one function by its oid: a request of its own, outside both query protocols."""

    kind: ClassVar[int] = ord("F")
    function: int
    argument_formats: tuple[int, ...] = ()
    arguments: tuple[bytes | None, ...] = field(default=(), repr=False)
    result_format: int = 0

    def encode(self) -> bytes:
        return b.message(
            self.kind,
            b.oid(self.function),
            b.formats(self.argument_formats),
            b.count(len(self.arguments)),
            *map(b.counted, self.arguments),
            b.int16(self.result_format),
        )

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("FunctionCall", body)
        function = reader.oid("the function's oid")
        argument_formats = reader.formats("argument formats")
        arguments_count = reader.count("the number of arguments")
        arguments = tuple([reader.value("an argument") for _ in range(arguments_count)])
        result_format = reader.int16("the result's format")
        reader.finish()
        return cls(function, argument_formats, arguments, result_format)


@dataclass(frozen=True, slots=True)
class CopyData:
    """A piece of COPY data, both ways; its borders mean nothing from a client."""

    kind: ClassVar[int] = ord("d")
    data: bytes = field(repr=False)

    def encode(self) -> bytes:
        return b.message(self.kind, self.data)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        return cls(body)


@dataclass(frozen=True, slots=True)
class CopyDone(EmptyMessage):
    """The COPY data is complete, both ways."""

    kind: ClassVar[int] = ord("c")


@dataclass(frozen=True, slots=True)
class CopyFail:
    """The client gives up its COPY; the server answers with an error that quotes the reason."""

    kind: ClassVar[int] = ord("f")
    reason: bytes

    def encode(self) -> bytes:
        return b.message(self.kind, b.string(self.reason))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("CopyFail", body)
        copy_fail = cls(reader.string("the reason"))
        reader.finish()
        return copy_fail


@dataclass(frozen=True, slots=True)
class AuthenticationResponse:
    """Any message of type 'p', undecoded: what it is depends on what the server asked for."""

    kind: ClassVar[int] = ord("p")
    data: bytes = field(repr=False)

    def encode(self) -> bytes:
        return b.message(self.kind, self.data)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        return cls(body)


@dataclass(frozen=True, slots=True)
class PasswordMessage:
    """A password in the clear, or its md5 response."""

    kind: ClassVar[int] = ord("p")
    password: bytes = field(repr=False)

    def encode(self) -> bytes:
        return b.message(self.kind, b.string(self.password))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("PasswordMessage", body)
        password = cls(reader.string("the password"))
        reader.finish()
        return password


@dataclass(frozen=True, slots=True)
class SASLInitialResponse:
    """The mechanism chosen and the first message of its exchange; None when there is none yet."""

    kind: ClassVar[int] = ord("p")
    mechanism: bytes
    data: bytes | None = field(repr=False)

    def encode(self) -> bytes:
        return b.message(self.kind, b.string(self.mechanism), b.counted(self.data))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("SASLInitialResponse", body)
        response = cls(reader.string("the mechanism"), reader.value("the first message"))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class SASLResponse:
    """A later message of the exchange; the mechanism knows its form."""

    kind: ClassVar[int] = ord("p")
    data: bytes = field(repr=False)

    def encode(self) -> bytes:
        return b.message(self.kind, self.data)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        return cls(body)


ClientMessage = (
    Query
    | Parse
    | Bind
    | Describe
    | Execute
    | Close
    | Sync
    | Flush
    | Terminate
    | FunctionCall
    | CopyData
    | CopyDone
    | CopyFail
    | AuthenticationResponse
)

_DECODERS: dict[int, Callable[[bytes], ClientMessage]] = {
    Query.kind: Query.decode,
    Parse.kind: Parse.decode,
    Bind.kind: Bind.decode,
    Describe.kind: Describe.decode,
    Execute.kind: Execute.decode,
    Close.kind: Close.decode,
    Sync.kind: Sync.decode,
    Flush.kind: Flush.decode,
    Terminate.kind: Terminate.decode,
    FunctionCall.kind: FunctionCall.decode,
    CopyData.kind: CopyData.decode,
    CopyDone.kind: CopyDone.decode,
    CopyFail.kind: CopyFail.decode,
    AuthenticationResponse.kind: AuthenticationResponse.decode,
}

CLIENT_KINDS = frozenset(_DECODERS)
"""The type bytes a client may send."""


def decode_client_message(kind: int, body: bytes) -> ClientMessage:
    """The message with this type byte and body.

    Raises:
        MalformedMessage: no message of a client has this type byte, or the body does not fit it.
    """
    decode = _DECODERS.get(kind)
    if decode is None:
        raise MalformedMessage("client", "a type byte of PostgreSQL's protocol", f"byte {kind}")
    return decode(body)
