"""Which way each user goes, and what a name that nobody has meets."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from pglane.connection.client_certificates import ClientCertificates
from pglane.connection.md5_login import Md5Login
from pglane.connection.plain_login import PlainLogin
from pglane.connection.role import KnownRole, Role
from pglane.connection.scram_login import OFFER, ScramLogin
from pglane.connection.user_list import (
    MD5,
    NOTHING,
    OK,
    PLAIN,
    SCRAM,
    Greeting,
    UserList,
    secret_of,
)
from pglane.wire.client_messages import SASLInitialResponse
from pglane.wire.md5 import Md5Hash, md5_stored
from pglane.wire.scram import MECHANISM, Verifier
from pglane.wire.startup import STARTUP_KEPT_BYTES_MAX, STARTUPS_KEPT, StartupMessage, negotiate

NONCE = b"servernonce0123456789"
VERIFIER = Verifier.of_password(b"secret", b"salt" * 4, 4096)
HASH = Md5Hash(md5_stored(b"old", b"secret"))
KNOWN = {"new": VERIFIER, "old": HASH}


def users(auth: str = "scram", known: object = None) -> UserList:
    secrets = KNOWN if known is None else known
    return UserList(secrets, auth=auth, mock_secret=b"m" * 32)  # type: ignore[arg-type]


def greeting(user: str, auth: str, known: object = None) -> Greeting:
    packet = StartupMessage(3, 0, {"user": user.encode(), "database": b"d"})
    negotiation = negotiate(packet)
    return Greeting(packet, negotiation, user, users(auth, known))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("auth", "user", "way"),
    [
        ("scram", "new", SCRAM),
        ("scram", "old", SCRAM),
        ("scram", "nobody", SCRAM),
        ("md5", "new", SCRAM),
        ("md5", "old", MD5),
        ("md5", "nobody", SCRAM),
        ("plain", "new", PLAIN),
        ("plain", "old", PLAIN),
        ("plain", "nobody", PLAIN),
        ("trust", "new", NOTHING),
        ("trust", "nobody", NOTHING),
    ],
)
def test_which_way(auth: str, user: str, way: int) -> None:
    made = greeting(user, auth)
    assert made.way == way
    assert made.told == {SCRAM: OFFER, NOTHING: OK}.get(way, b"")
    if way != NOTHING:
        kinds = {SCRAM: ScramLogin, MD5: Md5Login, PLAIN: PlainLogin}
        assert type(made.method(NONCE, b"")) is kinds[way]


def test_where_a_certificate_is_enough_nothing_is_asked() -> None:
    only = ClientCertificates({}, only=True)
    listed = UserList(KNOWN, auth="cert", mock_secret=b"m" * 32, certificates=only)
    assert listed.way(listed.secret("new")) == NOTHING
    beside = ClientCertificates({}, only=False)
    listed = UserList(KNOWN, auth="scram", mock_secret=b"m" * 32, certificates=beside)
    assert listed.way(listed.secret("new")) == SCRAM


def test_a_hash_lets_nobody_in_by_scram() -> None:
    assert users("scram").secret("old") != HASH
    assert users("md5").secret("old") is HASH
    assert users("plain").secret("old") is HASH


def test_nobody_goes_the_way_that_most_go() -> None:
    hashes = {str(number): HASH for number in range(2)}
    assert greeting("nobody", "md5", hashes | {"x": VERIFIER}).way == MD5
    assert greeting("nobody", "md5", {"x": VERIFIER}).way == SCRAM
    assert isinstance(users("plain", hashes).secret("nobody"), Md5Hash)
    assert isinstance(users("scram", hashes).secret("nobody"), Verifier)


@pytest.mark.parametrize("auth", ["scram", "md5"])
def test_an_unknown_user_sees_what_a_known_one_sees(auth: str) -> None:
    known = {} if auth == "scram" else {"old": HASH}
    listed = users(auth, known)
    assert listed.secret("nobody") == listed.secret("nobody")
    assert listed.secret("nobody") != listed.secret("\udcff")


@pytest.mark.parametrize(("counts", "usual"), [((), 4096), ((8192,), 8192), ((1, 7, 7), 7)])
def test_an_unknown_user_is_asked_for_the_usual_iterations(
    counts: tuple[int, ...], usual: int
) -> None:
    known = {str(number): Verifier(count, b"s", b"", b"") for number, count in enumerate(counts)}
    mock = users("scram", known).secret("nobody")
    assert isinstance(mock, Verifier)
    assert mock.iterations == usual


def test_no_more_packets_are_remembered_than_allowed() -> None:
    listed = users("trust")
    made = greeting("new", "trust")
    for number in range(STARTUPS_KEPT + 1):
        listed.keep(b"%d" % number, made)
    assert listed.greeting(b"0") is None
    assert listed.greeting(b"%d" % STARTUPS_KEPT) is made


def test_what_packets_led_to_can_be_forgotten() -> None:
    listed = users("trust")
    listed.keep(b"x", greeting("new", "trust"))
    listed.forget()
    assert listed.greeting(b"x") is None


def test_packets_that_take_turns_lead_each_to_its_own_until_it_is_kept_anew() -> None:
    listed, one, other = users("trust"), greeting("new", "trust"), greeting("old", "trust")
    listed.keep(b"one", one)
    listed.keep(b"other", other)
    assert [listed.greeting(b"one"), listed.greeting(b"other"), listed.greeting(b"one")] == [
        one, other, one,
    ]  # fmt: skip
    listed.keep(b"one", other)
    assert listed.greeting(b"one") is other
    listed.forget()
    assert listed.greeting(b"one") is None


def test_a_long_packet_is_not_remembered() -> None:
    listed = users("trust")
    listed.keep(b"x" * (STARTUP_KEPT_BYTES_MAX + 1), greeting("new", "trust"))
    assert listed.greeting(b"x" * (STARTUP_KEPT_BYTES_MAX + 1)) is None


def test_what_settings_it_asks_for_is_read_once() -> None:
    made = greeting("new", "trust")
    wanted = made.wanted()
    assert wanted is made.wanted()
    assert getattr(wanted, "database", "") == "d"


def test_what_is_kept_of_a_password_is_of_two_forms() -> None:
    assert secret_of(VERIFIER.format()) == VERIFIER
    assert secret_of(HASH.stored) == HASH
    for text in (b"md5", b"", b"secret"):
        with pytest.raises(ValueError, match=r"looks like|hexadecimal"):
            secret_of(text)


def asked(role: Role | None, user: str = "anna", auth: str = "scram") -> Greeting:
    packet = StartupMessage(3, 0, {"user": user.encode()})
    negotiation: Any = negotiate(packet)
    known = None if role is None else KnownRole(role, 0.0)
    return Greeting(packet, negotiation, user, users(auth), known)


def test_each_exchange_is_its_own() -> None:
    made = asked(ANNA)
    one, other = made.method(NONCE, b""), made.method(NONCE, b"")
    first = SASLInitialResponse(MECHANISM, b"n,,n=,r=clientnonce0123456789").encode()[5:]
    assert one.take(first) == other.take(first)
    assert one is not other


def salt_shown(made: Greeting) -> bytes:
    exchange: Any = made.method(NONCE, b"")
    first = SASLInitialResponse(MECHANISM, b"n,,n=,r=clientnonce0123456789").encode()[5:]
    return bytes(exchange.take(first).split(b"s=")[1].split(b",")[0])


ANNA = Role("anna", "d", "1", VERIFIER.format().decode())


def test_what_postgresql_keeps_counts_where_the_list_has_nothing() -> None:
    nobody = salt_shown(asked(None))
    assert salt_shown(asked(ANNA)) == b64encode(VERIFIER.salt)
    assert salt_shown(asked(Role("anna", "d"))) == nobody
    assert salt_shown(asked(replace(ANNA, expired=True))) == nobody
    assert salt_shown(asked(replace(ANNA, secret="nonsense"))) == nobody
    other = Verifier.of_password(b"other", b"pepper" * 2, 4096).format().decode()
    kept = replace(ANNA, user="new", secret=other)
    assert salt_shown(asked(kept, "new")) == b64encode(VERIFIER.salt), "the list's own"


@pytest.mark.parametrize(("iterations", "usable"), [(65_536, True), (65_537, False)])
def test_no_role_makes_everybody_wait_for_its_iterations(iterations: int, usable: bool) -> None:
    """Its owner may give it a verifier that takes hours to try a password on."""
    secret = Verifier(iterations, b"salt", b"k" * 32, b"s" * 32)
    role = Role("u", "d", "1", secret.format().decode())
    assert (users("plain", {}).secret("u", role) == secret) is usable
    assert users("scram", {}).secret("u", role) == secret


def test_an_md5_hash_of_postgresql_counts_where_md5_does() -> None:
    role = replace(ANNA, secret=md5_stored(b"old", b"secret").decode())
    assert asked(role, auth="md5").way == MD5
    assert salt_shown(asked(role)) == salt_shown(asked(None))


def test_a_greeting_holds_as_long_as_the_role_is_the_same() -> None:
    assert asked(None).holds()
    made = asked(ANNA)
    assert made.role is not None
    assert made.seen is ANNA
    assert made.holds()
    made.role.fresh = False
    assert not made.holds()
    made.role.learn(replace(ANNA), 1.0)
    assert made.holds()
    made.role.learn(replace(ANNA, oid="2"), 2.0)
    assert not made.holds()


def test_nobody_is_asked_where_nothing_is_asked() -> None:
    for auth, asks in (("scram", True), ("trust", False)):
        assert UserList(KNOWN, auth=auth, mock_secret=b"m", asks=True).asks == asks
    assert not UserList(KNOWN, auth="scram", mock_secret=b"m").asks
    assert users().knows("new")
    assert not users().knows("anna")
