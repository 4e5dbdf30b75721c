import pytest

from pglane.cli import password_verifiers
from pglane.cli.password_verifiers import PasswordVerifiers
from pglane.config.settings import User
from pglane.wire.scram import Verifier

SECRET = "s" * 32
ANN, BOB = User("ann", password="pw"), User("bob", password="pw")


@pytest.fixture
def computed(monkeypatch):
    """The passwords whose verifiers were computed."""
    seen = []

    class Counting(Verifier):
        @classmethod
        def of_password(cls, password, salt):
            seen.append(password)
            return Verifier.of_password(password, salt)

    monkeypatch.setattr(password_verifiers, "Verifier", Counting)
    return seen


def salt(user):
    return Verifier.parse(user.verifier.encode()).salt


def test_a_password_gets_a_verifier_that_fits():
    (ann,) = PasswordVerifiers().complete([ANN], SECRET)
    kept = Verifier.parse(ann.verifier.encode())
    assert kept == Verifier.of_password(b"pw", kept.salt, 4096)
    assert ann.password == "pw"


def test_the_salt_is_the_one_that_a_user_of_no_existence_has():
    (ann,) = PasswordVerifiers().complete([ANN], SECRET)
    assert salt(ann) == Verifier.mock(b"ann", SECRET.encode()).salt


def test_what_has_a_verifier_or_nothing_stays_as_it_is(computed):
    users = (User("a", verifier="v", password="pw"), User("b"))
    assert PasswordVerifiers().complete(users, SECRET) == users
    assert computed == []


def test_a_verifier_is_computed_once_for_a_name_and_password(computed):
    verifiers = PasswordVerifiers()
    first = verifiers.complete([ANN, BOB], SECRET)
    assert computed == [b"pw", b"pw"]
    assert salt(first[0]) != salt(first[1])
    assert verifiers.complete([ANN, BOB], SECRET) == first
    assert len(computed) == 2
    changed = verifiers.complete([User("ann", password="new"), BOB], SECRET)
    assert computed[2:] == [b"new"]
    assert salt(changed[0]) == salt(first[0])
    assert verifiers.complete([ANN], "t" * 32) != first[:1], "another secret, another salt"


def test_who_is_no_user_any_more_is_forgotten(computed):
    verifiers = PasswordVerifiers()
    verifiers.complete([ANN], SECRET)
    verifiers.complete([], SECRET)
    verifiers.complete([ANN], SECRET)
    assert len(computed) == 2


def test_the_secret_stays_unless_another_is_configured():
    verifiers = PasswordVerifiers()
    assert verifiers.secret("") == verifiers.secret("")
    assert len(verifiers.secret("")) == 64
    assert verifiers.secret("") != PasswordVerifiers().secret("")
    assert verifiers.secret(SECRET) == SECRET
