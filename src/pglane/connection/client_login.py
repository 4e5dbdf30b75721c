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

Source: PostgreSQL manual, "Message Flow: Start-up".
"""

from collections.abc import Mapping
from enum import Enum

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
    MECHANISM,
    ScramFailure,
    ScramKeys,
    ScramReason,
    ScramServer,
    Verifier,
)
from pglane.wire.startup import (
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


class UserList:
    """Who may come in.

    Args:
        verifiers: by role name.
        trust: nobody is asked for anything.
        mock_secret: random bytes known to nobody.
    """

    def __init__(
        self, verifiers: Mapping[str, Verifier], *, trust: bool, mock_secret: bytes
    ) -> None:
        self._verifiers = dict(verifiers)
        self.trust = trust
        self._mock_secret = mock_secret

    def verifier(self, user: str) -> Verifier:
        """The user's verifier, or one that no password fits."""
        known = self._verifiers.get(user)
        return known or Verifier.mock(user.encode("utf-8", "surrogateescape"), self._mock_secret)


class ClientLogin:
    """One login.

    Attributes:
        stage: where it is.
        answers: what the client is to be sent; the caller takes and clears it.
        startup: the client's startup packet, once it came.
        negotiation: the protocol version and what the client was told of it.
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
        self._startup_reader = StartupReader()
        self._reader = MessageReader(AUTHENTICATION_BYTES_MAX)
        self._scram: ScramServer | None = None
        self.stage = _STARTUP
        self.answers: list[bytes] = []
        self.startup: StartupMessage | None = None
        self.negotiation: Negotiation | None = None
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
    def rest(self) -> bytes:
        """What the client sent beyond its login; asked for once."""
        return self._startup_reader.rest + self._reader.take_all()

    def receive(self, data: bytes) -> None:
        """Takes what the client sent."""
        if self.stage is _STARTUP:
            self._startup_reader.feed(data)
            self._read_startup()
            return
        self._reader.feed(data)
        self._read_answers()

    def begin_tls(self) -> bytes:
        """What came of the handshake already; what is received from now on comes through it."""
        self.begins_tls = False
        self.encrypted = True
        return self._startup_reader.restart()

    def _read_startup(self) -> None:
        while self.stage is _STARTUP and not self.begins_tls:
            packet = self._startup_reader.next()
            match packet:
                case None:
                    return
                case SSLRequest() if self.offers_tls and not self.encrypted:
                    self._accept_tls()
                case SSLRequest() | GSSENCRequest():
                    self._decline_encryption()
                case TlsHello():
                    self._take_hello()
                case CancelRequest():
                    self.cancel = packet
                    self.stage = _OVER
                case StartupMessage():
                    self._begin(packet)
                case _:
                    self._refuse(packet)

    def _decline_encryption(self) -> None:
        self.answers.append(b"N")

    def _accept_tls(self) -> None:
        early = len(self._startup_reader.rest)
        if early:
            self._refuse(EarlyPlaintext(seen=early))
            return
        self.answers.append(b"S")
        self.begins_tls = True

    def _take_hello(self) -> None:
        if self.offers_tls:
            self.begins_tls = True
        else:
            seen = self._startup_reader.rest
            self._refuse(length_refusal(seen, int.from_bytes(seen[:4], "big")))

    def _begin(self, startup: StartupMessage) -> None:
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
        self.startup = startup
        self.negotiation = negotiation
        self.user = user
        self.answers.append(negotiation.encode())
        if self._users.trust:
            self._enter()
            return
        self.answers.append(OFFER)
        self.stage = _SASL_FIRST
        self._reader.feed(self._startup_reader.rest)
        self._startup_reader = StartupReader()
        self._read_answers()

    def _enter(self) -> None:
        self.answers.append(OK)
        self.stage = _ENTERED

    def _refuse(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.stage = _OVER

    def _read_answers(self) -> None:
        try:
            while (self.stage is _SASL_FIRST or self.stage is _SASL_FINAL) and self._reader.next():
                self._take(self._reader.kind, self._reader.body())
        except (MalformedStream, MalformedMessage) as malformed:
            self._malformed(str(malformed))
        except ScramFailure as failure:
            self._scram_failed(failure)

    def _take(self, kind: int, body: bytes) -> None:
        if kind != PASSWORD:
            self._malformed(f"message type {chr(kind)!r}")
        elif self.stage is _SASL_FIRST:
            self._first(body)
        else:
            self._final(body)

    def _first(self, body: bytes) -> None:
        data = body[CHOICE_BYTES:]
        if not body.startswith(CHOICE) or int.from_bytes(
            body[len(CHOICE) : CHOICE_BYTES], "big"
        ) != len(data):
            message = SASLInitialResponse.decode(body)
            if message.mechanism != MECHANISM:
                seen = message.mechanism.decode("ascii", "replace")[:40]
                self._malformed(f"mechanism {seen!r}")
                return
            data = message.data or b""
        self._scram = ScramServer(self._users.verifier(self.user), self._nonce)
        challenge = self._scram.first(data)
        self.answers.append(sasl_request(CONTINUE, challenge))
        self.stage = _SASL_FINAL

    def _final(self, body: bytes) -> None:
        assert self._scram is not None
        self.answers.append(sasl_request(FINAL, self._scram.final(body)))
        self._enter()

    def _malformed(self, seen: str) -> None:
        self._refuse(AuthenticationMalformed(expected="a SCRAM-SHA-256 message", seen=seen))

    def _scram_failed(self, failure: ScramFailure) -> None:
        if failure.reason is ScramReason.WRONG_PASSWORD:
            self._refuse(PasswordWrong(user=self.user))
        else:
            self._malformed(str(failure))
