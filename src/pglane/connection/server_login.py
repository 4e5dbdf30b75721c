"""Logging in at a PostgreSQL server, as the client's own role.

A small state machine without I/O: bytes in, bytes to send out, until it is `done` or `failed`.
SCRAM-SHA-256, md5 and cleartext are answered from the role's password; SCRAM also from the keys
that fell out of the client's own login, md5 also from the hash. The server's demand to read a
password in clear text is obeyed only where the caller allows it (a Unix socket or loopback: the
network must not see it).

Keys of a password can take long to compute: the server says how often is iterated. Beyond what the
caller allows the login stops and says what it lacks; the caller computes that beside whatever else
it does, and supplies it.

Whether the role is a superuser PostgreSQL reports with each login. Where the packet asks for
another role, that one's rights are reported, so it is asked about the first; where the packet asks
for another session authorization, nothing is believed.

Source: PostgreSQL manual, "Message Flow: Start-up".
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pglane.connection.startup_settings import named_settings, octets
from pglane.errors.server import (
    ChannelNotBound,
    Md5HashNotEnough,
    ServerAuthenticationUnsupported,
    ServerMisbehaved,
)
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import (
    PasswordMessage,
    Query,
    SASLInitialResponse,
    SASLResponse,
)
from pglane.wire.framing import MalformedStream, MessageReader
from pglane.wire.key_recipe import KeyRecipe, KeysLacking
from pglane.wire.login_messages import (
    AuthenticationCleartextPassword,
    AuthenticationMD5Password,
    AuthenticationOk,
    AuthenticationSASL,
    AuthenticationSASLContinue,
    AuthenticationSASLFinal,
    BackendKeyData,
    NegotiateProtocolVersion,
    decode_authentication,
)
from pglane.wire.md5 import Md5Hash, md5_response
from pglane.wire.scram import ITERATIONS_MAX, MECHANISM, MECHANISM_PLUS, ScramClient, ScramKeys
from pglane.wire.scram_failure import ScramFailure, ScramReason
from pglane.wire.server_messages import (
    DataRow,
    ErrorResponse,
    ParameterStatus,
    decode_server_message,
)
from pglane.wire.startup import StartupMessage

if TYPE_CHECKING:
    from pglane.errors import Refusal

LOGIN_BYTES_MAX = 64 * 1024
"""Longest message of a server before it is ready."""

AUTHENTICATION = 0x52
ERROR = 0x45
READY = 0x5A

SUPERUSER = "is_superuser"
"""Reported by PostgreSQL."""
QUESTION = Query(
    b"SELECT r.rolsuper FROM pg_catalog.pg_roles AS r "
    b"WHERE r.rolname OPERATOR(pg_catalog.=) SESSION_USER"
).encode()
"""What is reported is said of the role that was asked for, not of the one that logged in."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What we can prove for a role.

    Attributes:
        password: in clear; empty if unknown.
        keys: SCRAM keys, from the password or from the client's own login; None if unknown.
        cleartext_allowed: nobody but the server can read what we send.
        md5: what is known of the password where it is an md5 hash; it logs in by md5 only.
    """

    password: bytes = field(default=b"", repr=False)
    keys: ScramKeys | None = field(default=None, repr=False)
    cleartext_allowed: bool = False
    md5: Md5Hash | None = field(default=None, repr=False)

    def told(self) -> str:
        """What there is, in words."""
        if self.password:
            return "a password"
        if self.keys:
            return "SCRAM keys from the client's login"
        return "an md5 hash" if self.md5 else "nothing"


class ServerLogin:
    """One login.

    Args:
        inline_max: SCRAM keys that take more iterations are not computed here but lacked.

    Attributes:
        lacks: what the SCRAM keys are to be computed from that it waits for; None: it does not.
        done: ReadyForQuery came.
        asked: the server asked for a proof, or for none: it would let us in.
        refusal: why it failed, in our words; None if it did not or the server said why.
        error: the ErrorResponse with which the server refused; None if it did not.
        parameters: reported settings.
        superuser: the role that logged in is one; None: that is not known.
        process_id: of the backend; 0 if the server did not say.
        key: with which a query of it is cancelled.
        keys: SCRAM keys that worked here; keep them, they save the next login's computing.
        binding: the hash of the channel that the login may be bound to; b"": none.
        must_bind: it is to be bound to it.
        welcome: NegotiateProtocolVersion of the server, for a door that shows it to the client.
    """

    def __init__(
        self,
        user: str,
        startup: StartupMessage,
        credentials: Credentials,
        nonce: bytes,
        address: str,
        inline_max: int = ITERATIONS_MAX,
    ) -> None:
        self._user = user
        self._startup = startup
        self._credentials = credentials
        self._nonce = nonce
        self._address = address
        self._reader = MessageReader(LOGIN_BYTES_MAX)
        self._scram: ScramClient | None = None
        self._challenge = b""
        self._inline_max = inline_max
        self.lacks: KeyRecipe | None = None
        self._admitted = False
        self.done = False
        self.asked = False
        self.refusal: Refusal | None = None
        self.error: ErrorResponse | None = None
        self.parameters: dict[str, str] = {}
        self.superuser: bool | None = None
        self._questioned = False
        self.process_id = 0
        self.key = b""
        self.keys: ScramKeys | None = None
        self.welcome: NegotiateProtocolVersion | None = None
        self.binding = b""
        self.must_bind = False
        self._bound = False

    @property
    def failed(self) -> bool:
        """It is over and nobody is logged in."""
        return self.refusal is not None or self.error is not None

    @property
    def rest(self) -> bytes:
        """What came behind ReadyForQuery, normally nothing; asked for once."""
        return self._reader.take_all()

    def begin(self) -> bytes:
        """The startup packet."""
        return self._startup.encode()

    def receive(self, data: bytes) -> bytes:
        """Takes what the server sent; returns what it is to be sent."""
        reader = self._reader
        reader.feed(data)
        answers: list[bytes] = []
        try:
            while self._goes_on() and reader.next():
                answers.append(self._take(reader.kind, reader.body()))
        except (MalformedStream, MalformedMessage) as malformed:
            self.refusal = ServerMisbehaved(seen=malformed, address=self._address)
        return b"".join(answers)

    def _goes_on(self) -> bool:
        return not self.done and not self.failed and self.lacks is None

    def supply(self, keys: ScramKeys) -> bytes:
        """Takes the keys that it lacks; returns what the server is to be sent."""
        self.lacks = None
        self._scram = self._begun(keys)
        answer = self._scram_final(self._challenge)
        return answer + self.receive(b"")

    def _take(self, kind: int, body: bytes) -> bytes:
        if kind == AUTHENTICATION:
            return self._authenticate(body)
        if kind == READY:
            if not self._admitted:
                raise MalformedMessage("ReadyForQuery", "AuthenticationOk before it", "none")
            return self._ready()
        if self._questioned and kind in (DataRow.kind, ERROR):
            # An answer that is none leaves it unknown; after a fatal one the server closes.
            self.superuser = DataRow.decode(body).values != (b"f",) if kind != ERROR else None
            return b""
        self._note(decode_server_message(kind, body))
        return b""

    def _ready(self) -> bytes:
        """It is over, unless the server is to be asked something."""
        named = named_settings(self._startup)
        if named is not None and "role" in named and "session_authorization" not in named:
            if not self._questioned:
                self._questioned = True
                return QUESTION
        elif named is not None and "session_authorization" not in named:
            reported = self.parameters.get(SUPERUSER)
            self.superuser = None if reported is None else reported != "off"
        self.done = True
        return b""

    def _note(self, message: object) -> None:
        match message:
            case ParameterStatus(name, value):
                spelled = name.decode("utf-8", "replace")
                self.parameters[spelled] = value.decode("utf-8", "replace")
            case BackendKeyData(process_id, key):
                self.process_id = process_id
                self.key = key
            case ErrorResponse():
                self.error = message
            case NegotiateProtocolVersion():
                self.welcome = message
            case _:
                pass

    def _authenticate(self, body: bytes) -> bytes:
        self.asked = True
        message = decode_authentication(body)
        if self.must_bind and not self._may_go_on(message):
            seen = type(message).__name__.removeprefix("Authentication")
            self.refusal = ChannelNotBound(address=self._address, seen=seen)
            return b""
        password = self._credentials.password
        match message:
            case AuthenticationOk() if self._scram is None or self._scram.verified:
                self._admitted = True
                return b""
            case AuthenticationMD5Password(salt) if password:
                return PasswordMessage(md5_response(octets(self._user), password, salt)).encode()
            case AuthenticationMD5Password(salt) if self._credentials.md5 is not None:
                return PasswordMessage(self._credentials.md5.response(salt)).encode()
            case AuthenticationCleartextPassword() if password and self._clear():
                return PasswordMessage(password).encode()
            case AuthenticationSASL(mechanisms) if self._chosen(mechanisms):
                return self._scram_first()
            case AuthenticationSASLContinue(challenge):
                return self._scram_final(challenge)
            case AuthenticationSASLFinal(proof):
                return self._scram_verify(proof)
            case _:
                pass
        return self._unsupported(type(message).__name__.removeprefix("Authentication"))

    def _may_go_on(self, message: object) -> bool:
        """Whether what the server says leads to a login that is bound to its channel."""
        match message:
            case AuthenticationSASL(mechanisms):
                return bool(self.binding) and MECHANISM_PLUS in mechanisms
            case AuthenticationSASLContinue() | AuthenticationSASLFinal():
                return True
            case AuthenticationOk():
                return self._bound and self._scram is not None and self._scram.verified
            case _:
                return False

    def _chosen(self, mechanisms: tuple[bytes, ...]) -> bool:
        """Whether one of them is ours; the one that is bound to its channel, if it can be."""
        self._bound = bool(self.binding) and MECHANISM_PLUS in mechanisms
        return self._bound or MECHANISM in mechanisms

    def _clear(self) -> bool:
        return self._credentials.cleartext_allowed

    def _scram_first(self) -> bytes:
        secret = self._credentials.keys or self._credentials.password
        if not secret and self._credentials.md5 is not None:
            self.refusal = Md5HashNotEnough(user=self._user, address=self._address)
            return b""
        if not secret:
            return self._unsupported("SASL")
        self._scram = self._client(secret)
        mechanism = MECHANISM_PLUS if self._bound else MECHANISM
        return SASLInitialResponse(mechanism, self._scram.first()).encode()

    def _client(self, secret: bytes | ScramKeys) -> ScramClient:
        return ScramClient(
            secret,
            self._nonce,
            binding=self.binding,
            bound=self._bound,
            inline_max=self._inline_max,
        )

    def _begun(self, secret: bytes | ScramKeys) -> ScramClient:
        """One that has sent its first message, the same as was sent."""
        begun = self._client(secret)
        begun.first()
        return begun

    def _scram_final(self, challenge: bytes) -> bytes:
        if self._scram is None:
            return self._unsupported("SASLContinue out of place")
        self._challenge = challenge
        try:
            return SASLResponse(self._final(challenge)).encode()
        except ScramFailure as failure:
            return self._unsupported(str(failure))
        except KeysLacking as lacking:
            self.lacks = lacking.recipe
            return b""

    def _final(self, challenge: bytes) -> bytes:
        """Keys that do not fit any more (the password was set anew) give way to the password."""
        assert self._scram is not None
        try:
            return self._scram.final(challenge)
        except ScramFailure as failure:
            if failure.reason is not ScramReason.OTHER_VERIFIER or not self._credentials.password:
                raise
        self._scram = self._begun(self._credentials.password)
        return self._scram.final(challenge)

    def _scram_verify(self, proof: bytes) -> bytes:
        if self._scram is None or not self._challenge:
            return self._unsupported("SASLFinal out of place")
        try:
            self._scram.verify(proof)
        except ScramFailure as failure:
            return self._unsupported(str(failure))
        self.keys = self._scram.keys
        return b""

    def _unsupported(self, asked: str) -> bytes:
        self.refusal = ServerAuthenticationUnsupported(
            user=self._user, asked=asked, has=self._credentials.told()
        )
        return b""
