"""Who may come in, how each shows who it is, and what the first packet of a client means.

Which way a user goes depends on the configuration (`clients.auth`) and on what is known of its
password, as with PgBouncer:

    auth      a SCRAM verifier is known      an md5 hash is known
    scram     SCRAM-SHA-256                  nobody comes in
    md5       SCRAM-SHA-256                  md5
    plain     the password itself            the password itself
    cert      a certificate was enough       a certificate was enough
    trust     nothing is asked               nothing is asked

A user that nobody knows goes the way that most go, against a verifier that no password fits, so
that the exchange shows nothing (RFC 5802, section 9; PostgreSQL does the same).

The connections of one application all begin with the same packet. What one means is worked out
once (`Greeting`) and kept with the user list: when that is another, so is what packets mean.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pglane.connection.client_certificates import ClientCertificates
from pglane.connection.login_method import LoginMethod
from pglane.connection.md5_login import Md5Login
from pglane.connection.plain_login import PlainLogin, ProvedPasswords
from pglane.connection.role import KnownRole, Role
from pglane.connection.scram_login import OFFER, OFFER_BOUND, scram_login
from pglane.connection.startup_settings import StartupSettings, startup_settings
from pglane.errors import Refusal
from pglane.wire.login_messages import AuthenticationOk
from pglane.wire.md5 import Md5Hash
from pglane.wire.scram import ITERATIONS_DEFAULT, PreparedVerifier, Verifier
from pglane.wire.startup import (
    STARTUP_KEPT_BYTES_MAX,
    STARTUPS_KEPT,
    Negotiation,
    StartupMessage,
)

OK = AuthenticationOk().encode()
NO_SECRET = Verifier(ITERATIONS_DEFAULT, bytes(16), bytes(32), bytes(32)).format().decode()
"""Read where there is nothing to read, for that takes time too."""

ITERATIONS_PLAIN_MAX = 65_536
"""Of a verifier that a role has given itself: to try a password on it holds up everybody."""

NOTHING = 0
SCRAM = 1
MD5 = 2
PLAIN = 3

# Compiled, these are C integers: to compare with them costs no object.
_NOTHING: int = NOTHING
_SCRAM: int = SCRAM
_MD5: int = MD5
_PLAIN: int = PLAIN


class Greeting:
    """What one startup packet means, for every client that sends it.

    Attributes:
        startup: the packet.
        negotiation: the protocol version and what the client is told of it.
        user: the role it asks for.
        told: what is answered, up to what differs with each exchange.
        told_bound: the same, where logins can be bound to their channel.
        way: how it shows who it is, one of the numbers above.
        role: what PostgreSQL says of the role; None: it was not asked.
        seen: that, when the greeting was made.
        by_door: what the caller made of it for each door, kept with it.
    """

    __slots__ = (
        "_prepared",
        "_secret",
        "_users",
        "_wanted",
        "by_door",
        "negotiation",
        "role",
        "seen",
        "startup",
        "told",
        "told_bound",
        "user",
        "way",
    )

    def __init__(
        self,
        startup: StartupMessage,
        negotiation: Negotiation,
        user: str,
        users: "UserList",
        role: KnownRole | None = None,
    ) -> None:
        self.startup = startup
        self.negotiation = negotiation
        self.user = user
        self._users = users
        self.role = role
        self.seen = None if role is None else role.role
        self._secret = users.secret(user, self.seen)
        self._prepared: PreparedVerifier | None = None
        self.way = users.way(self._secret)
        self.told = self.told_bound = negotiation.encode()
        if self.way == _NOTHING:
            self.told += OK
            self.told_bound += OK
        elif self.way == _SCRAM:
            self.told += OFFER
            self.told_bound += OFFER_BOUND
        self.by_door: dict[Any, Any] = {}
        self._wanted: StartupSettings | Refusal | None = None

    def holds(self) -> bool:
        """Whether the role is what it was, as far as is known."""
        role = self.role
        return role is None or (role.fresh and role.role is self.seen)

    def wanted(self) -> StartupSettings | Refusal:
        """The settings it asks for, or why they cannot be; for those that have logged in."""
        if self._wanted is None:
            self._wanted = startup_settings(self.startup, self.user)
        return self._wanted

    def method(self, nonce: bytes, binding: bytes) -> LoginMethod:
        """The exchange by which a client shows who it is; something is asked.

        Args:
            nonce: random, used once.
            binding: the hash of the channel that the login may be bound to.
        """
        if self._prepared is not None:
            return scram_login(self._prepared, nonce, binding)
        secret = self._secret
        if self.way == _PLAIN:
            return PlainLogin(self.user, secret, self._users.proved)
        if isinstance(secret, Md5Hash):
            return Md5Login(secret, nonce)
        self._prepared = secret.prepared()
        return scram_login(self._prepared, nonce, binding)


class UserList:
    """Who may come in.

    Args:
        secrets: what is known of their passwords, by role name.
        auth: `clients.auth`.
        certificates: which certificate must name whom; None: none has to.
        asks: PostgreSQL is asked for each user, those in the list too.
        mock_secret: what salts are made from, known to nobody; the same as long as the gateway
            runs, for a salt that changes tells as much as one that is missing.

    An unknown user is asked for as many iterations as most known ones are: another number would
    tell who is known.
    """

    def __init__(
        self,
        secrets: Mapping[str, Verifier | Md5Hash],
        *,
        auth: str,
        mock_secret: bytes,
        asks: bool = False,
        certificates: ClientCertificates | None = None,
    ) -> None:
        self._secrets = dict(secrets)
        self.trust = auth == "trust"
        self.certificates = certificates
        self.asks = asks and not self.trust
        self._md5 = auth == "md5"
        self._plain = auth == "plain"
        self._mock_secret = mock_secret
        self._mock_iterations = _usual_iterations(self._secrets.values())
        self._mocks_md5 = auth != "scram" and _is_mostly_md5(self._secrets.values())
        self.proved = ProvedPasswords(mock_secret)
        self._greetings: dict[bytes, Greeting] = {}
        self._latest_packet = b""  # mostly one application connects
        self._latest: Greeting | None = None

    def greeting(self, packet: bytes) -> Greeting | None:
        """What this packet meant the last time it came."""
        if packet == self._latest_packet:
            return self._latest
        greeting = self._greetings.get(packet)
        if greeting is not None:
            self._latest_packet, self._latest = packet, greeting
        return greeting

    def keep(self, packet: bytes, greeting: Greeting) -> None:
        """Remembers what it means, unless it is long (`STARTUP_KEPT_BYTES_MAX`)."""
        if len(packet) > STARTUP_KEPT_BYTES_MAX:
            return
        if len(self._greetings) >= STARTUPS_KEPT:
            self._greetings.clear()
        self._greetings[packet] = greeting
        self._latest_packet, self._latest = packet, greeting

    def forget(self) -> None:
        """What packets lead to is another thing now: each is read anew."""
        self._greetings.clear()
        self._latest_packet, self._latest = b"", None

    def knows(self, user: str) -> bool:
        """Whether the user is in the list itself."""
        return user in self._secrets

    def secret(self, user: str, role: Role | None = None) -> Verifier | Md5Hash:
        """What is known of the user's password, or something that no password fits.

        All of it is computed for everybody, each time: time must not tell who is known.
        """
        name = user.encode("utf-8", "surrogateescape")
        mock = Verifier.mock(name, self._mock_secret, self._mock_iterations)
        other = Md5Hash.mock(name, self._mock_secret)
        asked = _parsed(role.usable_secret() if role is not None else "")
        if self._plain and isinstance(asked, Verifier) and asked.iterations > ITERATIONS_PLAIN_MAX:
            asked = None
        known = self._secrets.get(user) or asked or (other if self._mocks_md5 else mock)
        if isinstance(known, Md5Hash) and not (self._md5 or self._plain):
            known = mock
        return known if isinstance(known, Md5Hash) else known.unprepared()

    def way(self, secret: Verifier | Md5Hash) -> int:
        """How somebody shows to know the password of it."""
        if self.trust or (self.certificates is not None and self.certificates.only):
            return _NOTHING
        if self._plain:
            return _PLAIN
        return _MD5 if isinstance(secret, Md5Hash) else _SCRAM


def secret_of(text: bytes) -> Verifier | Md5Hash:
    """Reads what is kept of a password.

    Raises:
        ValueError: it is of neither form.
    """
    return Md5Hash.parse(text) if text.startswith(b"md5") else Verifier.parse(text)


def _parsed(text: str) -> Verifier | Md5Hash | None:
    """What PostgreSQL keeps of a password; None if it is nothing that can be used."""
    try:
        secret = secret_of((text or NO_SECRET).encode())
    except ValueError:
        return None
    return secret if text else None


def _usual_iterations(secrets: Iterable[Verifier | Md5Hash]) -> int:
    """What most verifiers have; PostgreSQL's default if there are none."""
    counted = Counter(
        secret.iterations for secret in secrets if isinstance(secret, Verifier)
    ).most_common(1)
    return counted[0][0] if counted else ITERATIONS_DEFAULT


def _is_mostly_md5(secrets: Iterable[Verifier | Md5Hash]) -> bool:
    """Whether more of them are hashes than verifiers."""
    return sum(1 if isinstance(secret, Md5Hash) else -1 for secret in secrets) > 0
