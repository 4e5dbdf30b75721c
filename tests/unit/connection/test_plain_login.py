"""The password itself."""

import pytest

from pglane.connection import plain_login
from pglane.connection.login_method import ProofMalformed, ProofWrong
from pglane.connection.plain_login import PASSWORD_BYTES_MAX, PlainLogin, ProvedPasswords
from pglane.wire.client_messages import PasswordMessage
from pglane.wire.login_messages import AuthenticationCleartextPassword
from pglane.wire.md5 import Md5Hash, md5_stored
from pglane.wire.scram import ScramKeys, Verifier

VERIFIER = Verifier.of_password(b"secret", b"salt" * 4, 4096)
HASH = Md5Hash(md5_stored(b"u", b"secret"))
EMPTY = Md5Hash(md5_stored(b"u", b""))


def login(
    secret: Verifier | Md5Hash = VERIFIER, proved: ProvedPasswords | None = None
) -> PlainLogin:
    return PlainLogin("u", secret, proved or ProvedPasswords(b"k" * 32))


def body(password: bytes) -> bytes:
    return PasswordMessage(password).encode()[5:]


def test_it_is_asked_for() -> None:
    assert login().request() == AuthenticationCleartextPassword().encode()


@pytest.mark.parametrize("secret", [VERIFIER, HASH])
def test_who_knows_the_password_is_in(secret: Verifier | Md5Hash) -> None:
    made = login(secret)
    assert made.take(body(b"secret")) == b""
    assert made.over
    assert (made.keys is not None) is (secret is VERIFIER)
    assert bool(made.client_key) is (secret is VERIFIER)


@pytest.mark.parametrize(
    ("secret", "password"), [(VERIFIER, b"wrong"), (HASH, b"wrong"), (VERIFIER, b""), (EMPTY, b"")]
)
def test_who_does_not_is_not(secret: Verifier | Md5Hash, password: bytes) -> None:
    made = login(secret)
    with pytest.raises(ProofWrong):
        made.take(body(password))
    assert not made.over


def test_no_endless_password_is_tried() -> None:
    with pytest.raises(ProofMalformed):
        login().take(body(b"x" * (PASSWORD_BYTES_MAX + 1)))


class Counted:
    """Counts how often the slow part is computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        monkeypatch.setattr(plain_login, "ScramKeys", self)

    def of_password(self, password: bytes, salt: bytes, iterations: int) -> ScramKeys:
        self.times += 1
        return ScramKeys.of_password(password, salt, iterations)


def test_one_that_was_right_is_known_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    proved = ProvedPasswords(b"k" * 32)
    for _ in range(3):
        made = login(proved=proved)
        made.take(body(b"secret"))
        assert made.over
        assert made.keys is not None
        assert made.keys.fit(VERIFIER)
    assert counted.times == 1


def test_one_that_is_wrong_costs_the_same_whoever_it_is_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a user who has logged in, one who has not, and one whom nobody knows."""
    proved = ProvedPasswords(b"k" * 32)
    login(proved=proved).take(body(b"secret"))
    for secret in (VERIFIER, Verifier.of_password(b"x", b"salt"), Verifier.mock(b"n", b"k")):
        counted = Counted(monkeypatch)
        with pytest.raises(ProofWrong):
            login(secret, proved).take(body(b"wrong"))
        assert counted.times == 1


def test_not_more_are_kept_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_login, "PROVED_MAX", 1)
    proved = ProvedPasswords(b"k" * 32)
    other = Verifier.of_password(b"secret", b"other", 1)
    login(VERIFIER, proved).take(body(b"secret"))
    login(other, proved).take(body(b"secret"))
    assert proved.find(VERIFIER, b"secret") is None
    assert proved.find(other, b"secret") is not None
