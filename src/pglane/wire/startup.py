"""How a connection begins: the packets without a type byte, and what follows from them.

A client may first ask for encryption (SSLRequest, GSSENCRequest, each at most once), then sends
either its StartupMessage or a CancelRequest. `StartupReader` takes the bytes as they come and
gives one packet at a time; bytes behind a packet stay in `rest`. Where the answer to a request for
encryption is yes, `rest` must be empty before the handshake: what came in the clear may have been
put there by somebody else (the class of CVE-2021-23214). A client may also begin TLS without
asking (`sslnegotiation=direct`): no length begins with the byte that such a handshake begins with.

What is wrong with a packet is told as a `Refusal`, not raised: it comes from outside.

Versions, measured on PostgreSQL 18: 3.0, 3.1 and 3.2 are accepted as asked (3.1 was never
published and means 3.0); higher minors are answered with NegotiateProtocolVersion for 3.2, unknown
`_pq_.` options likewise with the version asked for; other majors are refused.

Source: PostgreSQL manual, "Message Formats", "Start-up", and its server's behaviour.
"""

import struct
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, Final

from pglane.errors import Refusal
from pglane.errors.protocol import (
    CancelRequestLayout,
    EncryptionAskedTwice,
    ForeignProtocol,
    ProtocolVersion,
    StartupPacketLayout,
    StartupPacketLength,
)
from pglane.wire import body as b
from pglane.wire.login_messages import CANCEL_KEY_BYTES_MAX, NegotiateProtocolVersion

LENGTH_MIN: Final = 8
LENGTH_MAX: Final = 10_004
"""Bytes, the length field included; PostgreSQL's limit."""
MAJOR: Final = 3
MINOR_MAX: Final = 2
PROTOCOL_OPTION_PREFIX: Final = "_pq_."
STARTUPS_KEPT: Final = 256
"""Packets whose meaning is remembered."""
STARTUP_KEPT_BYTES_MAX: Final = 1024
"""Longer ones are read anew each time: who has not logged in must not fill the memory."""
NAMES_KEPT_MAX: Final = 64

_HEADER: Final = struct.Struct("!II")
_PROCESS_ID: Final = struct.Struct("!i")


def _packet(code: int, content: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(content), code) + content


@dataclass(frozen=True, slots=True)
class StartupMessage:
    """Who wants to talk to which database, in which version, with which settings.

    Attributes:
        parameters: by name, in the order that counts: a name that came twice stands where it came
            last. Names keep bytes that are not UTF-8 as lone surrogates.
    """

    major: int
    minor: int
    parameters: dict[str, bytes]

    def encode(self) -> bytes:
        """The whole packet.

        Raises:
            ValueError: a name is empty, a name or value contains a zero byte, or it is too long.
        """
        if "" in self.parameters:
            raise ValueError("a startup parameter without a name would end the packet")
        content = b"".join(
            b.string(name.encode("utf-8", "surrogateescape")) + b.string(value)
            for name, value in self.parameters.items()
        )
        packet = _packet(self.major << 16 | self.minor, content + b"\0")
        if len(packet) > LENGTH_MAX:
            msg = f"a startup packet may have {LENGTH_MAX} bytes, this one has {len(packet)}"
            raise ValueError(msg)
        return packet


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Asks to cancel what the connection with this process id and key is running."""

    code: ClassVar[int] = 1234 << 16 | 5678
    process_id: int
    key: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The whole packet.

        Raises:
            ValueError: the key has not 4 to 256 bytes.
        """
        if not 4 <= len(self.key) <= CANCEL_KEY_BYTES_MAX:
            msg = f"a cancel key has 4 to {CANCEL_KEY_BYTES_MAX} bytes, not {len(self.key)}"
            raise ValueError(msg)
        return _packet(self.code, _PROCESS_ID.pack(self.process_id) + self.key)


@dataclass(frozen=True, slots=True)
class SSLRequest:
    """Asks for TLS; answered with one byte, S or N."""

    code: ClassVar[int] = 1234 << 16 | 5679

    def encode(self) -> bytes:
        """The whole packet."""
        return _packet(self.code, b"")


@dataclass(frozen=True, slots=True)
class GSSENCRequest:
    """Asks for GSSAPI encryption; answered with one byte, G or N."""

    code: ClassVar[int] = 1234 << 16 | 5680

    def encode(self) -> bytes:
        """The whole packet."""
        return _packet(self.code, b"")


@dataclass(frozen=True, slots=True)
class TlsHello:
    """No packet of ours: a TLS handshake begins; its bytes are what is in `rest`."""

    code: ClassVar[int] = 0x16


StartupPacket = StartupMessage | CancelRequest | SSLRequest | GSSENCRequest | TlsHello


class StartupReader:
    """The incremental reader of a connection's first packets.

    It keeps what it is fed until `next` takes it: call `next` after every `feed`. The last thing
    it gives is a StartupMessage, a CancelRequest or a Refusal. Behind a TlsHello it is told what
    came inside of TLS (`restart`), or fed nothing more.
    """

    __slots__ = ("_asked", "_data", "_ended")

    def __init__(self) -> None:
        self._data = b""
        self._ended = False
        self._asked: frozenset[int] = frozenset()

    @property
    def rest(self) -> bytes:
        """What was fed and belongs to no packet that `next` has given."""
        return self._data

    def feed(self, data: bytes) -> None:
        """Appends what was received."""
        self._data += data

    def next(self) -> StartupPacket | Refusal | None:
        """The next packet; None when it has not arrived whole, or nothing can come any more."""
        if self._ended or len(self._data) < 4:
            return None
        packet = self._next()
        self._ended = not isinstance(packet, SSLRequest | GSSENCRequest | None)
        return packet

    def restart(self) -> bytes:
        """Gives what is in `rest` to somebody else; what is fed from now on comes through TLS."""
        rest, self._data = self._data, b""
        self._asked |= {SSLRequest.code, TlsHello.code}
        self._ended = False
        return rest

    def _next(self) -> StartupPacket | Refusal | None:
        length = int.from_bytes(self._data[:4], "big")
        if not LENGTH_MIN <= length <= LENGTH_MAX:
            if self._data[0] == TlsHello.code and not self._asked:
                return TlsHello()
            return length_refusal(self._data, length)
        if len(self._data) < length:
            return None
        code = int.from_bytes(self._data[4:8], "big")
        content = self._data[8:length]
        self._data = self._data[length:]
        return self._packet(code, content)

    def _packet(self, code: int, content: bytes) -> StartupPacket | Refusal:
        if code == CancelRequest.code:
            return _decode_cancel(content)
        if code in {SSLRequest.code, GSSENCRequest.code}:
            return self._encryption(code, content)
        if len(content) > STARTUP_KEPT_BYTES_MAX:
            return _decode_startup.__wrapped__(code, content)
        return _decode_startup(code, content)

    def _encryption(self, code: int, content: bytes) -> StartupPacket | Refusal:
        request = SSLRequest() if code == SSLRequest.code else GSSENCRequest()
        if content:
            return StartupPacketLength(length=len(content) + _HEADER.size, length_max=LENGTH_MIN)
        if code in self._asked:
            return EncryptionAskedTwice(request=type(request).__name__)
        self._asked |= {code}
        return request


def length_refusal(data: bytes, length: int) -> Refusal:
    """Says what the bytes look like, for people who point the wrong program at the port."""
    if data[0] == TlsHello.code:
        return ForeignProtocol(
            protocol="a TLS handshake",
            remedy="Do not use sslnegotiation=direct here.",
        )
    if data[:4] in {b"GET ", b"HEAD", b"POST", b"PUT ", b"OPTI", b"CONN", b"PRI "}:
        return ForeignProtocol(
            protocol="an HTTP request", remedy="Point HTTP clients and health checks elsewhere."
        )
    return StartupPacketLength(length=length, length_max=LENGTH_MAX)


def _decode_cancel(content: bytes) -> CancelRequest | Refusal:
    if not 8 <= len(content) <= 4 + CANCEL_KEY_BYTES_MAX:
        return CancelRequestLayout(size=len(content), key_bytes_max=CANCEL_KEY_BYTES_MAX)
    return CancelRequest(_PROCESS_ID.unpack(content[:4])[0], content[4:])


@lru_cache(STARTUPS_KEPT)
def _decode_startup(version: int, content: bytes) -> StartupMessage | Refusal:
    """Other majors are not looked into: their layout is not known.

    The connections of one application all begin with the same packet.
    """
    major, minor = version >> 16, version & 0xFFFF
    if major != MAJOR:
        return ProtocolVersion(major=major, minor=minor)
    if content[-1:] != b"\0":
        return StartupPacketLayout(seen="no zero byte at the end")
    if content == b"\0":
        return StartupMessage(major, minor, {})
    if content[-2:-1] != b"\0":
        return StartupPacketLayout(seen="a value or name without its zero byte")
    words = content[:-2].split(b"\0")
    if len(words) % 2:
        return StartupPacketLayout(seen="a name without a value")
    parameters: dict[str, bytes] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        if not name:
            return StartupPacketLayout(seen="bytes behind the terminator")
        text = name.decode("utf-8", "surrogateescape")
        parameters.pop(text, None)
        parameters[text] = value
    return StartupMessage(major, minor, parameters)


@dataclass(frozen=True, slots=True)
class Negotiation:
    """What is spoken with a client.

    Attributes:
        minor: the version is 3.`minor`.
        unknown_options: names beginning with `_pq_.` that pglane does not know; all of them.
        asked_minor: what the client asked for.
    """

    minor: int
    unknown_options: tuple[bytes, ...]
    asked_minor: int

    @property
    def long_keys(self) -> bool:
        """Whether the client can take a cancel key of more than 4 bytes."""
        return self.minor >= 2

    def encode(self) -> bytes:
        """The NegotiateProtocolVersion message; b"" when the client gets what it asked for."""
        if self.minor == self.asked_minor and not self.unknown_options:
            return b""
        return NegotiateProtocolVersion(MAJOR, self.minor, self.unknown_options).encode()


def negotiate(message: StartupMessage) -> Negotiation | Refusal:
    """The version and options that hold for a client.

    `StartupReader` refuses other majors already; here it holds for any `message`.
    """
    if message.major != MAJOR:
        return ProtocolVersion(major=message.major, minor=message.minor)
    names = tuple(message.parameters)
    if len(names) > NAMES_KEPT_MAX:
        return _negotiation.__wrapped__(message.minor, names)
    return _negotiation(message.minor, names)


@lru_cache(STARTUPS_KEPT)
def _negotiation(minor: int, names: tuple[str, ...]) -> Negotiation:
    unknown = tuple(
        name.encode("utf-8", "surrogateescape")
        for name in names
        if name.startswith(PROTOCOL_OPTION_PREFIX)
    )
    return Negotiation(min(minor, MINOR_MAX), unknown, minor)
