"""A client's way in: first packets, protocol version, authentication.

A state machine without I/O. It is fed what the client sent and collects what the client is to be
sent in `answers`; it ends by being `entered`, by a `refusal`, by a `cancel` (this connection was
only made to cancel another one's query), or by the client's going away.

SCRAM-SHA-256 goes against the verifiers of the user list. An unknown user gets a mock verifier,
so that the exchange shows nothing (RFC 5802, section 9; PostgreSQL does the same). `trust` asks
nothing; the configuration allows it on loopback and Unix sockets only.

Where TLS begins, after the client's request or without one, the caller does the handshake
(`begins_tls`) and feeds what comes through it. A request to cancel is taken in the clear even
where TLS is demanded: libpq before version 17 knows no other, and it tells nothing but a key.

The connections of one application all begin with the same packet. What one means is worked out
once (`Greeting`) and kept with the user list: when that is another, so is what packets mean.

Source: PostgreSQL manual, "Message Flow: Start-up".
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from pglane.connection.startup_settings import StartupSettings, startup_settings
from pglane.errors import Refusal
from pglane.errors.entering import (
    AuthenticationMalformed,
    EarlyPlaintext,
    PasswordWrong,
    TlsDemanded,
    UserMissing,
)
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import SASLInitialResponse
from pglane.wire.framing import MalformedStream, MessageReader
from pglane.wire.login_messages import (
    AuthenticationOk,
    AuthenticationSASL,
    AuthenticationSASLContinue,
    AuthenticationSASLFinal,
    sasl_request,
)
from pglane.wire.scram import (
    ITERATIONS_DEFAULT,
    MECHANISM,
    ScramFailure,
    ScramKeys,
    ScramReason,
    ScramServer,
    Verifier,
)
from pglane.wire.startup import (
    STARTUPS_KEPT,
    CancelRequest,
    GSSENCRequest,
    Negotiation,
    SSLRequest,
    StartupMessage,
    StartupReader,
    TlsHello,
    length_refusal,
    negotiate,
)

AUTHENTICATION_BYTES_MAX = 64 * 1024
"""Longest message of a client that is not logged in."""
PASSWORD = 0x70
OK = AuthenticationOk().encode()
OFFER = AuthenticationSASL((MECHANISM,)).encode()
CHOICE = MECHANISM + b"\0"
CHOICE_BYTES = len(CHOICE) + 4
"""What stands before the first message of the mechanism: its name and the message's length."""
CONTINUE = AuthenticationSASLContinue.code
FINAL = AuthenticationSASLFinal.code
FINAL_BYTES = 46
"""Of the mechanism's last word, v= and 32 bytes in base64."""
FINAL_HEADER = sasl_request(FINAL, b"x" * FINAL_BYTES)[:-FINAL_BYTES]

# Compiled, these are C integers: to compare with them costs no object.
_CHOICE_BYTES: int = CHOICE_BYTES
_PASSWORD: int = PASSWORD
_AUTHENTICATION_BYTES_MAX: int = AUTHENTICATION_BYTES_MAX


class Stage(Enum):
    """Where a login is."""

    STARTUP = "startup"
    SASL_FIRST = "sasl_first"
    SASL_FINAL = "sasl_final"
    ENTERED = "entered"
    OVER = "over"


# An Enum's members are looked up by name each time.
_STARTUP = Stage.STARTUP
_SASL_FIRST = Stage.SASL_FIRST
_SASL_FINAL = Stage.SASL_FINAL
_ENTERED = Stage.ENTERED
_OVER = Stage.OVER


class Greeting:
    """What one startup packet means, for every client that sends it.

    Attributes:
        startup: the packet.
        negotiation: the protocol version and what the client is told of it.
        user: the role it asks for.
        told: what is answered.
        verifier: of the user; None if nothing is asked.
        by_door: what the caller made of it for each door, kept with it.
    """

    __slots__ = ("_wanted", "by_door", "negotiation", "startup", "told", "user", "verifier")

    def __init__(
        self, startup: StartupMessage, negotiation: Negotiation, user: str, users: "UserList"
    ) -> None:
        self.startup = startup
        self.negotiation = negotiation
        self.user = user
        self.verifier = None if users.trust else users.verifier(user)
        self.told = negotiation.encode() + (OK if users.trust else OFFER)
        self.by_door: dict[Any, Any] = {}
        self._wanted: StartupSettings | Refusal | None = None

    def wanted(self) -> StartupSettings | Refusal:
        """The settings it asks for, or why they cannot be; for those that have logged in."""
        if self._wanted is None:
            self._wanted = startup_settings(self.startup, self.user)
        return self._wanted


class UserList:
    """Who may come in.

    Args:
        verifiers: by role name.
        trust: nobody is asked for anything.
        mock_secret: what salts are made from, known to nobody; the same as long as the gateway
            runs, for a salt that changes tells as much as one that is missing.

    An unknown user is asked for as many iterations as most known ones are: another number would
    tell who is known. So would time: as much is computed for a known one.
    """

    def __init__(
        self, verifiers: Mapping[str, Verifier], *, trust: bool, mock_secret: bytes
    ) -> None:
        self._verifiers = dict(verifiers)
        self.trust = trust
        self._mock_secret = mock_secret
        self._mock_iterations = _usual_iterations(self._verifiers.values())
        self._greetings: dict[bytes, Greeting] = {}

    def greeting(self, packet: bytes) -> Greeting | None:
        """What this packet meant the last time it came."""
        return self._greetings.get(packet)

    def keep(self, packet: bytes, greeting: Greeting) -> None:
        """Remembers what it means."""
        if len(self._greetings) >= STARTUPS_KEPT:
            self._greetings.clear()
        self._greetings[packet] = greeting

    def verifier(self, user: str) -> Verifier:
        """The user's verifier, or one that no password fits; both cost the same."""
        name = user.encode("utf-8", "surrogateescape")
        mock = Verifier.mock(name, self._mock_secret, self._mock_iterations)
        return self._verifiers.get(user, mock).unprepared()


def _usual_iterations(verifiers: Iterable[Verifier]) -> int:
    """What most of them have; PostgreSQL's default if there are none."""
    counted = Counter(verifier.iterations for verifier in verifiers).most_common(1)
    return counted[0][0] if counted else ITERATIONS_DEFAULT


class ClientLogin:
    """One login.

    Attributes:
        stage: where it is.
        answers: what the client is to be sent; the caller takes and clears it.
        greeting: what the client's startup packet means, once it came.
        user: the role it asked for.
        cancel: set if all it wanted was to cancel another connection's query.
        refusal: why it may not come in.
        offers_tls: TLS can be had here.
        demands_tls: the mode of TLS that makes it a must; empty if it is none.
        begins_tls: now the handshake begins; the caller takes that away.
        encrypted: what is received comes through TLS.
    """

    def __init__(self, users: UserList, nonce: bytes) -> None:
        self._users = users
        self._nonce = nonce
        self._startup_reader: StartupReader | None = None
        self._reader: MessageReader | None = None
        self._scram: ScramServer | None = None
        self.stage = _STARTUP
        self.answers: list[bytes] = []
        self.greeting: Greeting | None = None
        self.user = ""
        self.cancel: CancelRequest | None = None
        self.refusal: Refusal | None = None
        self.offers_tls = False
        self.demands_tls = ""
        self.begins_tls = False
        self.encrypted = False

    @property
    def entered(self) -> bool:
        """The client is who it says."""
        return self.stage is _ENTERED

    @property
    def keys(self) -> ScramKeys | None:
        """SCRAM keys of the role, good for a server with the same verifier."""
        return None if self._scram is None else self._scram.keys

    @property
    def client_key(self) -> bytes:
        """What the client knows; b"" if it was not asked."""
        return b"" if self._scram is None else self._scram.client_key

    @property
    def rest(self) -> bytes:
        """What the client sent beyond its login; asked for once."""
        rest = b"" if self._startup_reader is None else self._startup_reader.rest
        return rest if self._reader is None else rest + self._reader.take_all()

    def receive(self, data: bytes) -> None:
        """Takes what the client sent."""
        if self.stage is not _STARTUP:
            self._receive_answer(data)
            return
        reader = self._startup_reader
        if reader is not None and reader.rest:
            reader.feed(data)
            self._read_startup(reader)
            return
        known = self._users.greeting(data)
        if known is not None and (self.encrypted or not self.demands_tls):
            self._startup_reader = None
            self._greeted(known)
            return
        if reader is None:
            reader = self._startup_reader = StartupReader()
        reader.feed(data)
        self._read_startup(reader)
        if self.greeting is not None and int.from_bytes(data[:4], "big") == len(data):
            self._users.keep(data, self.greeting)

    def begin_tls(self) -> bytes:
        """What came of the handshake already; what is received from now on comes through it."""
        assert self._startup_reader is not None
        self.begins_tls = False
        self.encrypted = True
        return self._startup_reader.restart()

    def _receive_answer(self, data: bytes) -> None:
        """Most clients send one whole message: that needs no reader."""
        try:
            if self._reader is None and self._is_asked() and _is_whole_answer(data):
                text = data
                self._take(_PASSWORD, text[5 : len(data)])
            else:
                self._read_answers(data)
        except (MalformedStream, MalformedMessage) as malformed:
            self._malformed(str(malformed))
        except ScramFailure as failure:
            self._scram_failed(failure)

    def _is_asked(self) -> bool:
        return self.stage is _SASL_FIRST or self.stage is _SASL_FINAL

    def _read_startup(self, reader: StartupReader) -> None:
        while self.stage is _STARTUP and not self.begins_tls:
            packet = reader.next()
            match packet:
                case None:
                    return
                case SSLRequest() if self.offers_tls and not self.encrypted:
                    self._accept_tls(reader)
                case SSLRequest() | GSSENCRequest():
                    self._decline_encryption()
                case TlsHello():
                    self._take_hello(reader)
                case CancelRequest():
                    self.cancel = packet
                    self.stage = _OVER
                case StartupMessage():
                    self._begin(packet, reader.rest)
                case _:
                    self._refuse(packet)

    def _decline_encryption(self) -> None:
        self.answers.append(b"N")

    def _accept_tls(self, reader: StartupReader) -> None:
        early = len(reader.rest)
        if early:
            self._refuse(EarlyPlaintext(seen=early))
            return
        self.answers.append(b"S")
        self.begins_tls = True

    def _take_hello(self, reader: StartupReader) -> None:
        if self.offers_tls:
            self.begins_tls = True
        else:
            seen = reader.rest
            self._refuse(length_refusal(seen, int.from_bytes(seen[:4], "big")))

    def _begin(self, startup: StartupMessage, rest: bytes) -> None:
        negotiation = negotiate(startup)
        user = startup.parameters.get("user", b"").decode("utf-8", "surrogateescape")
        if isinstance(negotiation, Refusal):
            self._refuse(negotiation)
            return
        if not user:
            self._refuse(UserMissing())
            return
        if self.demands_tls and not self.encrypted:
            self._refuse(TlsDemanded(mode=self.demands_tls))
            return
        self._greeted(Greeting(startup, negotiation, user, self._users))
        if self.stage is _SASL_FIRST and rest:
            self._startup_reader = None
            self._receive_answer(rest)

    def _greeted(self, greeting: Greeting) -> None:
        self.greeting = greeting
        self.user = greeting.user
        self.answers.append(greeting.told)
        self.stage = _ENTERED if greeting.verifier is None else _SASL_FIRST

    def _refuse(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.stage = _OVER

    def _read_answers(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            reader = self._reader = MessageReader(AUTHENTICATION_BYTES_MAX)
        reader.feed(data)
        while self._is_asked() and reader.next():
            self._take(reader.kind, reader.body())

    def _take(self, kind: int, body: bytes) -> None:
        if kind != _PASSWORD:
            self._malformed(f"message type {chr(kind)!r}")
        elif self.stage is _SASL_FIRST:
            self._first(body)
        else:
            self._final(body)

    def _first(self, body: bytes) -> None:
        text = body
        size = len(body)
        data = text[_CHOICE_BYTES:size] if size > _CHOICE_BYTES else b""
        if not body.startswith(CHOICE) or not _is_length(body, _CHOICE_BYTES - 4, len(data)):
            message = SASLInitialResponse.decode(body)
            if message.mechanism != MECHANISM:
                seen = message.mechanism.decode("ascii", "replace")[:40]
                self._malformed(f"mechanism {seen!r}")
                return
            data = message.data or b""
        assert self.greeting is not None
        assert self.greeting.verifier is not None
        self._scram = ScramServer(self.greeting.verifier, self._nonce)
        challenge = self._scram.first(data)
        self.answers.append(sasl_request(CONTINUE, challenge))
        self.stage = _SASL_FINAL

    def _final(self, body: bytes) -> None:
        assert self._scram is not None
        self.answers.append(FINAL_HEADER + self._scram.final(body) + OK)
        self.stage = _ENTERED

    def _malformed(self, seen: str) -> None:
        self._refuse(AuthenticationMalformed(expected="a SCRAM-SHA-256 message", seen=seen))

    def _scram_failed(self, failure: ScramFailure) -> None:
        if failure.reason is ScramReason.WRONG_PASSWORD:
            self._refuse(PasswordWrong(user=self.user))
        else:
            self._malformed(str(failure))


def _is_whole_answer(data: bytes) -> bool:
    size = len(data)
    fits = 5 <= size <= _AUTHENTICATION_BYTES_MAX
    return fits and data[0] == _PASSWORD and _is_length(data, 1, size - 1)


def _is_length(data: bytes, at: int, length: int) -> bool:
    """Whether `length`, less than 2^24, is written there."""
    if len(data) < at + 4 or data[at] != 0:
        return False
    return (data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]) == length
