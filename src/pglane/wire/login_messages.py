"""What a server sends between the startup packet and the first ReadyForQuery, and nowhere else.

All authentication requests share the type byte 'R' and differ by a code behind it. Those that
pglane cannot answer (GSSAPI, SSPI, Kerberos, SCM, whatever comes) are `AuthenticationUnsupported`:
the caller refuses them by name.

Source: PostgreSQL manual, "Message Formats"; NegotiateProtocolVersion carries the whole version
(major in the high half), whatever the manual of PostgreSQL 18 says: measured there, 3.9999 is
answered with 196610.
"""
# ruff: noqa: D102 -- encode and decode mean the same in every class; the module says what.

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Self

from pglane.wire import body as b
from pglane.wire.body import BodyReader

CANCEL_KEY_BYTES_MAX = 256
"""Protocol 3.2: a key has 4 to 256 bytes; before it had 4."""

_LENGTH_AND_CODE = struct.Struct("!Ii")
_KEY_DATA = struct.Struct("!cIi")
_METHODS = {
    2: "Kerberos 5",
    6: "SCM credentials",
    7: "GSSAPI",
    8: "GSSAPI",
    9: "SSPI",
}


@dataclass(frozen=True, slots=True)
class _Request:
    """An authentication request that says no more than its code."""

    kind: ClassVar[int] = ord("R")
    code: ClassVar[int]

    def encode(self) -> bytes:
        return b.message(self.kind, b.int32(self.code))

    @classmethod
    def read(cls, reader: BodyReader) -> Self:
        reader.finish()
        return cls()


@dataclass(frozen=True, slots=True)
class AuthenticationOk(_Request):
    """The client is in."""

    code: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class AuthenticationCleartextPassword(_Request):
    """The server wants the password itself."""

    code: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class AuthenticationMD5Password:
    """The server wants the md5 response to a salt of 4 bytes."""

    kind: ClassVar[int] = ord("R")
    code: ClassVar[int] = 5
    salt: bytes

    def encode(self) -> bytes:
        if len(self.salt) != 4:
            msg = f"an md5 salt has 4 bytes, not {len(self.salt)}"
            raise ValueError(msg)
        return b.message(self.kind, b.int32(self.code), self.salt)

    @classmethod
    def read(cls, reader: BodyReader) -> Self:
        if reader.left() != 4:
            raise reader.malformed("a salt of 4 bytes", f"{reader.left()} bytes")
        return cls(reader.rest())


@dataclass(frozen=True, slots=True)
class AuthenticationSASL:
    """The server offers SASL mechanisms, the preferred one first."""

    kind: ClassVar[int] = ord("R")
    code: ClassVar[int] = 10
    mechanisms: tuple[bytes, ...]

    def encode(self) -> bytes:
        if b"" in self.mechanisms:
            raise ValueError("an empty mechanism would end the list")
        return b.message(self.kind, b.int32(self.code), *map(b.string, self.mechanisms), b"\0")

    @classmethod
    def read(cls, reader: BodyReader) -> Self:
        mechanisms = []
        while mechanism := reader.string("a mechanism or the end of the list"):
            mechanisms.append(mechanism)
        reader.finish()
        return cls(tuple(mechanisms))


@dataclass(frozen=True, slots=True)
class _SASLData:
    """A message of the mechanism; only the mechanism knows its form."""

    kind: ClassVar[int] = ord("R")
    code: ClassVar[int]
    data: bytes = field(repr=False)

    def encode(self) -> bytes:
        return sasl_request(self.code, self.data)

    @classmethod
    def read(cls, reader: BodyReader) -> Self:
        return cls(reader.rest())


def sasl_request(code: int, data: bytes) -> bytes:
    """A message of the mechanism, made without an object: a login should cost little."""
    return b"R%b%b" % (_LENGTH_AND_CODE.pack(len(data) + 8, code), data)


@dataclass(frozen=True, slots=True)
class AuthenticationSASLContinue(_SASLData):
    """The server's challenge."""

    code: ClassVar[int] = 11


@dataclass(frozen=True, slots=True)
class AuthenticationSASLFinal(_SASLData):
    """The server's last word: for SCRAM its signature."""

    code: ClassVar[int] = 12


@dataclass(frozen=True, slots=True)
class AuthenticationUnsupported:
    """A request pglane has no answer to.

    Attributes:
        code: the protocol's number of the method.
        data: what came with it.
    """

    kind: ClassVar[int] = ord("R")
    code: int
    data: bytes = field(repr=False)

    @property
    def method(self) -> str:
        """Its name, for a person."""
        return _METHODS.get(self.code, f"method {self.code}")

    def encode(self) -> bytes:
        return b.message(self.kind, b.int32(self.code), self.data)


Authentication = (
    AuthenticationOk
    | AuthenticationCleartextPassword
    | AuthenticationMD5Password
    | AuthenticationSASL
    | AuthenticationSASLContinue
    | AuthenticationSASLFinal
    | AuthenticationUnsupported
)

_READERS: dict[int, Callable[[BodyReader], Authentication]] = {
    AuthenticationOk.code: AuthenticationOk.read,
    AuthenticationCleartextPassword.code: AuthenticationCleartextPassword.read,
    AuthenticationMD5Password.code: AuthenticationMD5Password.read,
    AuthenticationSASL.code: AuthenticationSASL.read,
    AuthenticationSASLContinue.code: AuthenticationSASLContinue.read,
    AuthenticationSASLFinal.code: AuthenticationSASLFinal.read,
}


def decode_authentication(body: bytes) -> Authentication:
    """The authentication request with this body.

    Raises:
        MalformedMessage: the body does not fit its code.
    """
    reader = BodyReader("Authentication", body)
    code = reader.int32("the method")
    read = _READERS.get(code)
    if read is None:
        return AuthenticationUnsupported(code, reader.rest())
    return read(reader)


@dataclass(frozen=True, slots=True)
class BackendKeyData:
    """What a CancelRequest for this connection has to carry."""

    kind: ClassVar[int] = ord("K")
    process_id: int
    key: bytes = field(repr=False)

    def encode(self) -> bytes:
        if not 4 <= len(self.key) <= CANCEL_KEY_BYTES_MAX:
            msg = f"a cancel key has 4 to {CANCEL_KEY_BYTES_MAX} bytes, not {len(self.key)}"
            raise ValueError(msg)
        return _KEY_DATA.pack(b"K", len(self.key) + 8, self.process_id) + self.key

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("BackendKeyData", body)
        process_id = reader.int32("the process id")
        if not 4 <= reader.left() <= CANCEL_KEY_BYTES_MAX:
            raise reader.malformed(
                f"a key of 4 to {CANCEL_KEY_BYTES_MAX} bytes", f"{reader.left()} bytes"
            )
        return cls(process_id, reader.rest())


@dataclass(frozen=True, slots=True)
class NegotiateProtocolVersion:
    """The version that is spoken instead of the wanted one, and the options not understood."""

    kind: ClassVar[int] = ord("v")
    major: int
    minor: int
    unknown_options: tuple[bytes, ...]

    def encode(self) -> bytes:
        return b.message(
            self.kind,
            b.oid(self.major << 16 | self.minor),
            b.oid(len(self.unknown_options)),
            *map(b.string, self.unknown_options),
        )

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = BodyReader("NegotiateProtocolVersion", body)
        version = reader.oid("the version")
        count = reader.oid("the number of options")
        if count > reader.left():
            raise reader.malformed(f"{count} options", f"{reader.left()} bytes")
        options = tuple([reader.string("an option") for _ in range(count)])
        reader.finish()
        return cls(version >> 16, version & 0xFFFF, options)
