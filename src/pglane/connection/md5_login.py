"""md5 towards clients: one message, md5(hash + salt) of a salt that is used once.

For drivers that know no SCRAM, and for hashes whose passwords nobody has any more. It is weak: who
has read the hash needs no password, and who listens can try passwords at leisure. It is used only
where the configuration says so (`clients.auth = "md5"`), and not for users who have a SCRAM
verifier: as PgBouncer and PostgreSQL do it, these are asked for SCRAM.

Source: PostgreSQL manual, "Message Flow", AuthenticationMD5Password.
"""

from hashlib import sha256
from hmac import compare_digest

from pglane.connection.login_method import LoginMethod, ProofWrong
from pglane.wire.client_messages import PasswordMessage
from pglane.wire.login_messages import AuthenticationMD5Password
from pglane.wire.md5 import Md5Hash

EXPECTED = "an md5 response"
SALT_BYTES = 4


class Md5Login(LoginMethod):
    """One exchange of it; `nonce` is random, and used once."""

    __slots__ = ("_hash", "_salt")

    expected = EXPECTED

    def __init__(self, stored: Md5Hash, nonce: bytes) -> None:
        LoginMethod.__init__(self)
        self._hash = stored
        self._salt = sha256(nonce).digest()[:SALT_BYTES]

    def request(self) -> bytes:
        """The salt."""
        return AuthenticationMD5Password(self._salt).encode()

    def take(self, body: bytes) -> bytes:
        """The response."""
        response = PasswordMessage.decode(body).password
        if not compare_digest(response, self._hash.response(self._salt)):
            raise ProofWrong("the response does not fit the hash")
        self.over = True
        return b""
