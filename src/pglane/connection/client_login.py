"""A client's way in: first packets, protocol version, authentication.

A state machine without I/O. It is fed what the client sent and collects what the client is to be
sent in `answer`; it ends by being `entered`, by a `refusal`, by a `cancel` (this connection was
only made to cancel another one's query), or by the client's going away.

Whether a client is asked for something, and what for, the user list says (`user_list`); what is
asked and answered then is a `LoginMethod`'s. A password in the clear is asked for only where
nobody else can hear it (`private`, `encrypted`).

Where TLS begins, after the client's request or without one, the caller does the handshake
(`begins_tls`) and feeds what comes through it. A request to cancel is taken in the clear even
where TLS is demanded: libpq before version 17 knows no other, and it tells nothing but a key.

Source: PostgreSQL manual, "Message Flow: Start-up".
"""

from enum import Enum

from pglane.connection.login_method import LoginMethod, ProofMalformed, ProofWrong
from pglane.connection.role import KnownRole
from pglane.connection.scram_login import is_length
from pglane.connection.user_list import NOTHING, OK, PLAIN, Greeting, UserList
from pglane.errors import Refusal
from pglane.errors.entering import (
    AuthenticationMalformed,
    CertificateOfOther,
    EarlyPlaintext,
    PasswordInTheClear,
    PasswordWrong,
    SomebodyBetween,
    TlsDemanded,
    UserMissing,
)
from pglane.wire.body import MalformedMessage
from pglane.wire.framing import MalformedStream, MessageReader
from pglane.wire.joining import joined
from pglane.wire.scram import ScramKeys
from pglane.wire.scram_failure import ScramFailure, ScramReason
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
BETWEEN_US = (ScramReason.DOWNGRADED, ScramReason.OTHER_CHANNEL)

# Compiled, these are C integers: to compare with them costs no object.
_PASSWORD: int = PASSWORD
_NOTHING: int = NOTHING
_PLAIN: int = PLAIN
_OK: bytes = OK
_AUTHENTICATION_BYTES_MAX: int = AUTHENTICATION_BYTES_MAX


class Stage(Enum):
    """Where a login is."""

    STARTUP = "startup"
    LOOKUP = "lookup"
    ASKED = "asked"
    ENTERED = "entered"
    OVER = "over"


# An Enum's members are looked up by name each time.
_STARTUP = Stage.STARTUP
_LOOKUP = Stage.LOOKUP
_ASKED = Stage.ASKED
_ENTERED = Stage.ENTERED
_OVER = Stage.OVER


class ClientLogin:
    """One login.

    Attributes:
        stage: where it is.
        entered: the client is who it says.
        answer: what the client is to be sent; the caller takes and clears it.
        greeting: what the client's startup packet means, once it came.
        user: the role it asked for.
        cancel: set if all it wanted was to cancel another connection's query.
        refusal: why it may not come in.
        offers_tls: TLS can be had here.
        demands_tls: the mode of TLS that makes it a must; empty if it is none.
        begins_tls: now the handshake begins; the caller takes that away.
        encrypted: what is received comes through TLS.
        binding: the hash of the channel, once it is encrypted; b"": logins cannot be bound to it.
        certificate_name: what the client's certificate names; "": there is none.
        private: what is received cannot be heard by anybody else even so.
        holds_back: what the client sends before it is asked is not looked at, but kept in `early`.
        early: that; the caller takes it away and feeds it when it may.
        asks: now PostgreSQL is to be asked for the role; the caller takes that away and calls
            `learn` with the answer.
        database: the one it asked for, where it asks.
    """

    def __init__(self, users: UserList, nonce: bytes) -> None:
        self._set_up(users, nonce)

    def _set_up(self, users: UserList, nonce: bytes) -> None:
        self._users = users
        self._nonce = nonce
        self._startup_reader: StartupReader | None = None
        self._reader: MessageReader | None = None
        self._method: LoginMethod | None = None
        self.stage = _STARTUP
        self.entered = False
        self.answer = b""
        self.greeting: Greeting | None = None
        self.user = ""
        self.cancel: CancelRequest | None = None
        self.refusal: Refusal | None = None
        self.offers_tls = False
        self.demands_tls = ""
        self.begins_tls = False
        self.encrypted = False
        self.private = False
        self.binding = b""
        self.certificate_name = ""
        self.holds_back = False
        self.early = b""
        self.asks = False
        self.database = ""
        self._packet = b""
        self._held = b""
        self._negotiation: Negotiation | None = None
        self._startup: StartupMessage | None = None

    @property
    def keys(self) -> ScramKeys | None:
        """SCRAM keys of the role, good for a server with the same verifier."""
        return None if self._method is None else self._method.keys

    @property
    def client_key(self) -> bytes:
        """What the client knows; b"" if it was not asked."""
        return b"" if self._method is None else self._method.client_key

    def take_rest(self) -> bytes:
        """What the client sent beyond its login; asked for once."""
        rest = b"" if self._startup_reader is None else self._startup_reader.rest
        return rest if self._reader is None else rest + self._reader.take_all()

    def receive(self, data: bytes) -> None:
        """Takes what the client sent."""
        if self.stage is not _STARTUP:
            if self.stage is _LOOKUP:
                self._hold(data)
            else:
                self._receive_answer(data)
            return
        reader = self._startup_reader
        if reader is not None and reader.rest:
            self._packet = b""
            reader.feed(data)
            self._read_startup(reader)
            return
        known = self._users.greeting(data)
        if known is not None and (self.encrypted or not self.demands_tls) and known.holds():
            self._startup_reader = None
            self._greeted(known)
            return
        if reader is None:
            reader = self._startup_reader = StartupReader()
        # Of several packets the last one counts: what is kept is a startup packet that came alone.
        self._packet = data if int.from_bytes(data[:4], "big") == len(data) else b""
        reader.feed(data)
        self._read_startup(reader)
        if self._packet and self.greeting is not None:
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
            if self._reader is None and self.stage is _ASKED and _is_whole_answer(data):
                text = data
                self._take(_PASSWORD, text[5 : len(data)])
            else:
                self._read_answers(data)
        except (MalformedStream, MalformedMessage, ProofMalformed) as malformed:
            self._malformed(str(malformed))
        except ProofWrong:
            self._refuse(PasswordWrong(user=self.user))
        except ScramFailure as failure:
            self._scram_failed(failure)

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
        self._say(b"N")

    def _accept_tls(self, reader: StartupReader) -> None:
        early = len(reader.rest)
        if early:
            self._refuse(EarlyPlaintext(seen=early))
            return
        self._say(b"S")
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
        if self._users.asks:
            self._look_up(startup, negotiation, user, rest)
            return
        self._greeted(Greeting(startup, negotiation, user, self._users))
        if self.stage is _ASKED and rest:
            self._startup_reader = None
            self._answered_early(rest)

    def _answered_early(self, data: bytes) -> None:
        if self.holds_back:
            self.early = data
        else:
            self._receive_answer(data)

    def _look_up(
        self, startup: StartupMessage, negotiation: Negotiation, user: str, rest: bytes
    ) -> None:
        """What the packet means depends on what PostgreSQL says of the role."""
        self._startup, self._negotiation, self.user = startup, negotiation, user
        database = startup.parameters.get("database", b"").decode("utf-8", "surrogateescape")
        self.database = database or user
        self._startup_reader = None
        self._held = rest
        self.asks = True
        self.stage = _LOOKUP

    def _hold(self, data: bytes) -> None:
        """It was asked for nothing yet."""
        self._held += data
        if len(self._held) > AUTHENTICATION_BYTES_MAX:
            seen = f"more than {AUTHENTICATION_BYTES_MAX} bytes"
            self._refuse(AuthenticationMalformed(expected="nothing before the request", seen=seen))

    def learn(self, role: KnownRole | None) -> None:
        """What PostgreSQL says of the role; None: it did not answer, the user list is enough."""
        if self.stage is not _LOOKUP:
            return
        assert self._startup is not None
        assert self._negotiation is not None
        greeting = Greeting(self._startup, self._negotiation, self.user, self._users, role)
        if role is not None and self._packet:
            self._users.keep(self._packet, greeting)
        self._greeted(greeting)
        held, self._held = self._held, b""
        if self.stage is _ASKED and held:
            self._answered_early(held)

    def _greeted(self, greeting: Greeting) -> None:
        self.greeting = greeting
        self.user = greeting.user
        if self._users.certificates is not None and not self._is_named():
            return
        if greeting.way == _PLAIN and not (self.encrypted or self.private):
            self._refuse(PasswordInTheClear())
            return
        binding = self.binding if self.encrypted else b""
        told = greeting.told_bound if binding else greeting.told
        if told:
            self._say(told)
        if greeting.way == _NOTHING:
            self._enter()
            return
        method = self._method = greeting.method(self._nonce, binding)
        request = method.request()
        if request:
            self._say(request)
        self.stage = _ASKED

    def _is_named(self) -> bool:
        """Whether its certificate is for the user; without TLS only if it is all that counts."""
        certificates, name = self._users.certificates, self.certificate_name
        assert certificates is not None
        asked = self.encrypted or certificates.only
        if not asked or certificates.fit(self.user, name):
            return True
        seen = f"a certificate that names {name[:100]!r}" if name else "no certificate with a name"
        self._refuse(CertificateOfOther(user=self.user, seen=seen))
        return False

    def _refuse(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.stage = _OVER

    def _read_answers(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            reader = self._reader = MessageReader(AUTHENTICATION_BYTES_MAX)
        reader.feed(data)
        while self.stage is _ASKED and reader.next():
            self._take(reader.kind, reader.body())

    def _take(self, kind: int, body: bytes) -> None:
        if kind != _PASSWORD:
            raise ProofMalformed(f"message type {chr(kind)!r}")
        method = self._method
        assert method is not None
        answer = method.take(body)
        if method.over:
            answer = joined(answer, _OK)
            self._enter()
        self._say(answer)

    def _say(self, data: bytes) -> None:
        self.answer = joined(self.answer, data) if self.answer else data

    def _enter(self) -> None:
        self.stage = _ENTERED
        self.entered = True

    def _malformed(self, seen: str) -> None:
        assert self._method is not None
        self._refuse(AuthenticationMalformed(expected=self._method.expected, seen=seen))

    def _scram_failed(self, failure: ScramFailure) -> None:
        if failure.reason is ScramReason.WRONG_PASSWORD:
            self._refuse(PasswordWrong(user=self.user))
        elif failure.reason in BETWEEN_US:
            self._refuse(SomebodyBetween(seen=failure))
        else:
            self._malformed(str(failure))


def client_login(users: UserList, nonce: bytes) -> ClientLogin:
    """One, made without what it costs to call a class."""
    made = ClientLogin.__new__(ClientLogin)
    made._set_up(users, nonce)
    return made


def _is_whole_answer(data: bytes) -> bool:
    size = len(data)
    fits = 5 <= size <= _AUTHENTICATION_BYTES_MAX
    return fits and data[0] == _PASSWORD and is_length(data, 1, size - 1)
