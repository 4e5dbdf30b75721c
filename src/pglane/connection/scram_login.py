"""SCRAM-SHA-256 towards clients: the mechanism is chosen, then two messages of it.

Inside TLS the same is offered bound to the channel (SCRAM-SHA-256-PLUS), and preferred.

What an exchange is, is `wire/scram.py`; here is what PostgreSQL wraps it in.
"""

from pglane.connection.login_method import LoginMethod, ProofMalformed
from pglane.wire.client_messages import SASLInitialResponse
from pglane.wire.login_messages import (
    AuthenticationSASL,
    AuthenticationSASLContinue,
    AuthenticationSASLFinal,
    sasl_request,
)
from pglane.wire.scram import MECHANISM, MECHANISM_PLUS, ScramKeys, ScramServer, Verifier

OFFER_BOUND = AuthenticationSASL((MECHANISM_PLUS, MECHANISM)).encode()
OFFER = AuthenticationSASL((MECHANISM,)).encode()
EXPECTED = "a SCRAM-SHA-256 message"
CHOICE = MECHANISM + b"\0"
CHOICE_BYTES = len(CHOICE) + 4
"""What stands before the first message of the mechanism: its name and the message's length."""
CONTINUE = AuthenticationSASLContinue.code
FINAL = AuthenticationSASLFinal.code
FINAL_BYTES = 46
"""Of the mechanism's last word, v= and 32 bytes in base64."""
FINAL_HEADER = sasl_request(FINAL, b"x" * FINAL_BYTES)[:-FINAL_BYTES]

# Compiled, a C integer: to compare with it costs no object.
_CHOICE_BYTES: int = CHOICE_BYTES


class ScramLogin(LoginMethod):
    """One exchange of it; `binding` is the hash of the channel, if binding to it was offered."""

    __slots__ = ("_binding", "_nonce", "_scram", "_verifier")

    def __init__(self, verifier: Verifier, nonce: bytes, binding: bytes = b"") -> None:
        LoginMethod.__init__(self, EXPECTED)
        self._binding = binding
        self._verifier = verifier
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
        return FINAL_HEADER + word

    def _first(self, body: bytes) -> bytes:
        text = body
        size = len(body)
        data = text[_CHOICE_BYTES:size] if size > _CHOICE_BYTES else b""
        bound = False
        if not body.startswith(CHOICE) or not is_length(body, _CHOICE_BYTES - 4, len(data)):
            message = SASLInitialResponse.decode(body)
            bound = message.mechanism == MECHANISM_PLUS and self._binding != b""
            if message.mechanism != MECHANISM and not bound:
                seen = message.mechanism.decode("ascii", "replace")[:40]
                raise ProofMalformed(f"mechanism {seen!r}")
            data = message.data or b""
        self._scram = ScramServer(self._verifier, self._nonce, self._binding, bound=bound)
        return sasl_request(CONTINUE, self._scram.first(data))


def is_length(data: bytes, at: int, length: int) -> bool:
    """Whether `length`, less than 2^24, is written there."""
    if len(data) < at + 4 or data[at] != 0:
        return False
    return (data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]) == length
