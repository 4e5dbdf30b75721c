"""The password itself, as clients of the plain method send it.

Only inside TLS or through a Unix socket, where nobody can listen (`ClientLogin` looks at that
before it asks). What it is compared with is a verifier or a hash; there is no password to steal
here that was not there before.

A verifier is made to be slow to try: some milliseconds for 4096 iterations, in which the worker
serves nobody else. A password that was right once is known again by a keyed hash of it in memory
(`ProvedPasswords`), and costs nothing then. One that is wrong costs the same for a user whom
nobody knows, for one whom somebody knows, and for one who has logged in before.
"""

from hmac import compare_digest, digest

from pglane.connection.login_method import LoginMethod, ProofMalformed, ProofWrong
from pglane.wire.client_messages import PasswordMessage
from pglane.wire.login_messages import AuthenticationCleartextPassword
from pglane.wire.md5 import Md5Hash
from pglane.wire.scram import ScramKeys, Verifier

EXPECTED = "a password"
PASSWORD_BYTES_MAX = 1024
PROVED_MAX = 10_000
REQUEST = AuthenticationCleartextPassword().encode()


class ProvedPasswords:
    """Passwords that were right, as keyed hashes; `secret` is random and known to nobody."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._proved: dict[bytes, tuple[bytes, ScramKeys]] = {}

    def find(self, verifier: Verifier, password: bytes) -> ScramKeys | None:
        """What was computed from it when it was right."""
        known = self._proved.get(verifier.stored_key)
        mark = self._mark(password)
        if known is None or not compare_digest(known[0], mark):
            return None
        return known[1]

    def keep(self, verifier: Verifier, password: bytes, keys: ScramKeys) -> None:
        """It was right."""
        if len(self._proved) >= PROVED_MAX:
            self._proved.clear()
        self._proved[verifier.stored_key] = self._mark(password), keys

    def _mark(self, password: bytes) -> bytes:
        return digest(self._secret, password, "sha256")


class PlainLogin(LoginMethod):
    """One exchange of it."""

    __slots__ = ("_keys", "_proved", "_secret", "_user")

    expected = EXPECTED

    def __init__(self, user: str, secret: Verifier | Md5Hash, proved: ProvedPasswords) -> None:
        LoginMethod.__init__(self)
        self._user = user.encode("utf-8", "surrogateescape")
        self._secret = secret
        self._proved = proved
        self._keys: ScramKeys | None = None

    @property
    def keys(self) -> ScramKeys | None:
        """Known when it is over, if the user has a SCRAM verifier."""
        return self._keys

    def request(self) -> bytes:
        """Asks for the password."""
        return REQUEST

    def take(self, body: bytes) -> bytes:
        """The password."""
        password = PasswordMessage.decode(body).password
        if len(password) > PASSWORD_BYTES_MAX:
            seen = f"{len(password)} bytes, a password has at most {PASSWORD_BYTES_MAX}"
            raise ProofMalformed(seen)
        secret = self._secret
        fits = (
            secret.fits(self._user, password)
            if isinstance(secret, Md5Hash)
            else self._fits(secret, password)
        )
        if not fits or not password:
            raise ProofWrong("the password is another one")
        self.over = True
        return b""

    def _fits(self, verifier: Verifier, password: bytes) -> bool:
        proved = self._proved.find(verifier, password)
        if proved is None:
            keys = ScramKeys.of_password(password, verifier.salt, verifier.iterations)
            if not keys.fit(verifier):
                return False
            self._proved.keep(verifier, password, keys)
            proved = keys
        self._keys = proved
        self.client_key = proved.client_key
        return True
