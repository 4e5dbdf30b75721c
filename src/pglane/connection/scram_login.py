"""SCRAM-SHA-256 towards clients: the mechanism is chosen, then two messages of it.

Inside TLS the same is offered bound to the channel (SCRAM-SHA-256-PLUS), and preferred.

What an exchange is, is `wire/scram.py`; here is what PostgreSQL wraps it in.
"""

from pglane.connection.login_method import LoginMethod, ProofMalformed
from pglane.wire.client_messages import SASLInitialResponse
from pglane.wire.joining import joined
from pglane.wire.login_messages import (
    AuthenticationSASL,
    AuthenticationSASLContinue,
    AuthenticationSASLFinal,
    sasl_request,
)
from pglane.wire.scram import (
    MECHANISM,
    MECHANISM_PLUS,
    PreparedVerifier,
    ScramKeys,
    ScramServer,
    Verifier,
    scram_server,
)

OFFER_BOUND = AuthenticationSASL((MECHANISM_PLUS, MECHANISM)).encode()
OFFER = AuthenticationSASL((MECHANISM,)).encode()
EXPECTED = "a SCRAM-SHA-256 message"
CHOICE = MECHANISM + b"\0"
CHOICE_BYTES = len(CHOICE) + 4
"""What stands before the first message of the mechanism: its name and the message's length."""
FINAL_BYTES = 46
"""Of the mechanism's last word, v= and 32 bytes in base64."""
FINAL_HEADER = sasl_request(AuthenticationSASLFinal.code, b"x" * FINAL_BYTES)[:-FINAL_BYTES]

HEADERS_KEPT = 256
"""The server's first word is shorter, unless the client's nonce is long."""
CONTINUE_HEADERS = [
    sasl_request(AuthenticationSASLContinue.code, bytes(size))[:9] for size in range(HEADERS_KEPT)
]

# Compiled, these have C types: to read them costs no object.
_CHOICE_BYTES: int = CHOICE_BYTES
_FINAL_HEADER: bytes = FINAL_HEADER
_CHOICE: bytes = CHOICE
_HEADERS_KEPT: int = HEADERS_KEPT
_CONTINUE_HEADERS: list[bytes] = CONTINUE_HEADERS


class ScramLogin(LoginMethod):
    """One exchange of it; `binding` is the hash of the channel, if binding to it was offered."""

    __slots__ = ("_binding", "_nonce", "_prepared", "_scram")

    expected = EXPECTED

    def __init__(self, verifier: Verifier, nonce: bytes, binding: bytes = b"") -> None:
        self._set_up(verifier.prepared(), nonce, binding)

    def _set_up(self, prepared: PreparedVerifier, nonce: bytes, binding: bytes) -> None:
        self._set_up_method()
        self._binding = binding
        self._prepared = prepared
        self._nonce = nonce
        self._scram: ScramServer | None = None

    @property
    def keys(self) -> ScramKeys | None:
        """Known when it is over."""
        return None if self._scram is None else self._scram.keys

    def take(self, body: bytes) -> bytes:
        """The mechanism's name and its first message, then its last."""
        if self._scram is None:
            return self._first(body)
        scram = self._scram
        word = scram.final(body)
        self.client_key = scram.client_key
        self.over = True
        return joined(_FINAL_HEADER, word)

    def _first(self, body: bytes) -> bytes:
        text = body
        size = len(body)
        data = text[_CHOICE_BYTES:size] if size > _CHOICE_BYTES else b""
        bound = False
        if not body.startswith(_CHOICE) or not is_length(body, _CHOICE_BYTES - 4, len(data)):
            message = SASLInitialResponse.decode(body)
            bound = message.mechanism == MECHANISM_PLUS and self._binding != b""
            if message.mechanism != MECHANISM and not bound:
                seen = message.mechanism.decode("ascii", "replace")[:40]
                raise ProofMalformed(f"mechanism {seen!r}")
            data = message.data or b""
        self._scram = scram_server(self._prepared, self._nonce, self._binding, bound)
        return _continue(self._scram.first(data))


def scram_login(prepared: PreparedVerifier, nonce: bytes, binding: bytes) -> ScramLogin:
    """One, without what it costs to call a class."""
    made = ScramLogin.__new__(ScramLogin)
    made._set_up(prepared, nonce, binding)
    return made


def _continue(word: bytes) -> bytes:
    """`AuthenticationSASLContinue`, of which no object is made."""
    size = len(word)
    if size < _HEADERS_KEPT:
        return joined(_CONTINUE_HEADERS[size], word)
    return sasl_request(AuthenticationSASLContinue.code, word)


def is_length(data: bytes, at: int, length: int) -> bool:
    """Whether `length`, less than 2^24, is written there."""
    if len(data) < at + 4 or data[at] != 0:
        return False
    return (data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]) == length
