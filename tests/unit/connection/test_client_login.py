"""Clients that come in, cancel, lie or give up."""

import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, strategies as st

from pglane.connection import client_login as module
from pglane.connection.client_certificates import ClientCertificates
from pglane.connection.client_login import ClientLogin, Stage, client_login
from pglane.connection.role import KnownRole, Role
from pglane.connection.user_list import UserList
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
from pglane.errors.protocol import EncryptionAskedTwice, ForeignProtocol, ProtocolVersion
from pglane.wire.client_messages import (
    PasswordMessage,
    Query,
    SASLInitialResponse,
    SASLResponse,
    Terminate,
)
from pglane.wire.login_messages import (
    AuthenticationCleartextPassword,
    AuthenticationOk,
    AuthenticationSASL,
)
from pglane.wire.scram import MECHANISM, MECHANISM_PLUS, ScramClient, Verifier
from pglane.wire.startup import (
    CancelRequest,
    GSSENCRequest,
    SSLRequest,
    StartupMessage,
)

NONCE = b"servernonce0123456789"
VERIFIER = Verifier.of_password(b"secret", b"salt" * 4, 4096)
STARTUP = StartupMessage(3, 0, {"user": b"u", "database": b"d"}).encode()


def login(*, trust: bool = False, auth: str = "scram", asks: bool = False) -> ClientLogin:
    way = "trust" if trust else auth
    users = UserList({"u": VERIFIER}, auth=way, mock_secret=b"m" * 32, asks=asks)
    return ClientLogin(users, NONCE)


def told(made: ClientLogin) -> bytes:
    answer, made.answer = made.answer, b""
    return answer


def proof_of(made: ClientLogin, password: bytes) -> bytes:
    """Goes through SCRAM up to the client's last message."""
    client = ScramClient(password, b"clientnonce0123456789")
    made.receive(SASLInitialResponse(MECHANISM, client.first()).encode())
    return SASLResponse(client.final(told(made)[9:])).encode()


def test_trust_asks_nothing() -> None:
    made = login(trust=True)
    made.receive(STARTUP + Query(b"SELECT 1").encode())
    assert made.entered
    assert told(made) == AuthenticationOk().encode()
    assert made.take_rest() == Query(b"SELECT 1").encode()
    assert made.user == "u"
    assert made.greeting is not None
    assert made.greeting.startup.parameters["user"] == b"u"


def test_any_split_of_the_startup_packet() -> None:
    made = login(trust=True)
    for byte in STARTUP:
        made.receive(bytes([byte]))
    assert made.entered


def test_encryption_is_declined() -> None:
    made = login(trust=True)
    made.receive(GSSENCRequest().encode())
    assert told(made) == b"N"
    made.receive(SSLRequest().encode())
    assert told(made) == b"N"
    made.receive(STARTUP)
    assert made.entered


def offering(*, trust: bool = True, demands: str = "") -> ClientLogin:
    made = login(trust=trust)
    made.offers_tls = True
    made.demands_tls = demands
    return made


def test_tls_begins_when_it_is_asked_for() -> None:
    made = offering(demands="require")
    made.receive(GSSENCRequest().encode() + SSLRequest().encode())
    assert told(made) == b"NS"
    assert made.begins_tls
    assert made.begin_tls() == b""
    assert not made.begins_tls
    made.receive(STARTUP)
    assert made.entered


def test_tls_begins_without_being_asked_for() -> None:
    made = offering(demands="require")
    made.receive(b"\x16\x03\x01\x02\x00hello")
    assert told(made) == b""
    assert made.begins_tls
    assert made.begin_tls() == b"\x16\x03\x01\x02\x00hello"
    made.receive(STARTUP)
    assert made.entered


def test_tls_is_asked_for_once() -> None:
    made = offering()
    made.receive(SSLRequest().encode())
    made.begin_tls()
    made.receive(SSLRequest().encode())
    assert isinstance(made.refusal, EncryptionAskedTwice)


def test_where_there_is_no_tls_it_does_not_begin() -> None:
    made = login()
    made.receive(b"\x16\x03\x01\x02\x00")
    assert isinstance(made.refusal, ForeignProtocol)
    assert not made.begins_tls


def test_what_came_in_the_clear_behind_the_request_for_tls_is_not_used() -> None:
    made = offering()
    made.receive(SSLRequest().encode() + STARTUP)
    assert isinstance(made.refusal, EarlyPlaintext)
    assert told(made) == b""
    assert not made.begins_tls
    assert not made.entered


def test_tls_may_be_a_must() -> None:
    made = offering(demands="verify-full")
    made.receive(STARTUP)
    assert isinstance(made.refusal, TlsDemanded)
    assert told(made) == b""
    assert not made.entered


def test_a_cancel_request_is_taken_in_the_clear_even_then() -> None:
    made = offering(demands="require")
    made.receive(CancelRequest(7, b"key1").encode())
    assert made.cancel is not None


def test_a_cancel_request_ends_it() -> None:
    made = login()
    made.receive(CancelRequest(7, b"key1").encode())
    assert made.cancel == CancelRequest(7, b"key1")
    assert made.stage is Stage.OVER
    assert not made.entered


def test_the_right_password_comes_in() -> None:
    made = login()
    made.receive(STARTUP)
    assert told(made) == AuthenticationSASL((MECHANISM,)).encode()
    made.receive(proof_of(made, b"secret") + b"rest")
    assert made.entered
    assert made.keys is not None
    assert told(made).endswith(AuthenticationOk().encode())
    assert made.take_rest() == b"rest"


def test_what_a_packet_means_is_worked_out_once() -> None:
    users = UserList({"u": VERIFIER}, auth="scram", mock_secret=b"m" * 32)
    first, second, third = (ClientLogin(users, NONCE) for _ in range(3))
    first.receive(STARTUP)
    second.receive(SSLRequest().encode())
    second.receive(STARTUP)
    third.receive(STARTUP[:9])
    third.receive(STARTUP[9:])
    assert told(second) == b"N" + told(first)
    assert first.greeting is second.greeting
    assert third.greeting is not first.greeting
    second.receive(proof_of(second, b"secret"))
    assert second.entered
    assert not first.entered


def test_packets_that_come_with_something_else_are_not_remembered() -> None:
    users = UserList({"u": VERIFIER}, auth="trust", mock_secret=b"m" * 32)
    made = ClientLogin(users, NONCE)
    made.receive(STARTUP + Query(b"SELECT 1").encode())
    assert made.entered
    assert users.greeting(STARTUP + Query(b"SELECT 1").encode()) is None


def test_what_is_remembered_lets_nobody_in_without_the_tls_it_must_have() -> None:
    users = UserList({"u": VERIFIER}, auth="trust", mock_secret=b"m" * 32)
    ClientLogin(users, NONCE).receive(STARTUP)
    assert users.greeting(STARTUP) is not None
    made = ClientLogin(users, NONCE)
    made.demands_tls = "require"
    made.receive(STARTUP)
    assert isinstance(made.refusal, TlsDemanded)
    assert not made.entered
    assert not told(made)
    encrypted = ClientLogin(users, NONCE)
    encrypted.demands_tls = "require"
    encrypted.encrypted = True
    encrypted.receive(STARTUP)
    assert encrypted.entered


def test_answers_in_pieces_are_put_together() -> None:
    made = login()
    made.receive(STARTUP)
    told(made)
    client = ScramClient(b"secret", b"clientnonce0123456789")
    for byte in SASLInitialResponse(MECHANISM, client.first()).encode():
        made.receive(bytes([byte]))
    made.receive(SASLResponse(client.final(told(made)[9:])).encode() + b"rest")
    assert made.entered
    assert made.client_key
    assert made.take_rest() == b"rest"


def test_who_was_not_asked_has_shown_no_key() -> None:
    made = login(trust=True)
    made.receive(STARTUP)
    assert made.client_key == b""
    assert made.keys is None


@pytest.mark.parametrize("user", [b"u", b"nobody"])
def test_the_wrong_password_does_not(user: bytes) -> None:
    made = login()
    made.receive(StartupMessage(3, 0, {"user": user}).encode())
    told(made)
    made.receive(proof_of(made, b"wrong"))
    assert isinstance(made.refusal, PasswordWrong)
    assert made.stage is Stage.OVER


def hashes_of_a_login(user: bytes, role: Role | None = None) -> Counter[str]:
    """How often each function that hashes is called until a wrong proof is refused."""
    known = None if role is None else KnownRole(role, 0.0)
    called: Counter[str] = Counter()

    def note(_frame: object, event: str, function: Any) -> None:
        if event == "c_call" and function.__module__ in {"_hashlib", "_sha2", None}:
            called[function.__name__] += 1

    startup = StartupMessage(3, 0, {"user": user}).encode()
    rehearsed = login(asks=role is not None)
    rehearsed.receive(startup)
    rehearsed.learn(known)
    told(rehearsed)
    proof = proof_of(rehearsed, b"wrong")
    made = login(asks=role is not None)
    sys.setprofile(note)
    try:
        made.receive(startup)
        made.learn(known)
        made.receive(SASLInitialResponse(MECHANISM, b"n,,n=,r=clientnonce0123456789").encode())
        made.receive(proof)
    finally:
        sys.setprofile(None)
    assert isinstance(made.refusal, PasswordWrong)
    return called


def test_an_unknown_user_costs_as_many_hashes_as_a_known_one() -> None:
    known = hashes_of_a_login(b"u")
    assert known == hashes_of_a_login(b"x")
    if module.__file__.endswith(".py"):
        assert sum(known.values()) > 10, "compiled calls are not seen"


def test_a_role_that_postgresql_knows_costs_as_many_hashes_as_none() -> None:
    known = Role("x", "x", "1", VERIFIER.format().decode())
    assert hashes_of_a_login(b"x", known) == hashes_of_a_login(b"x", Role("x", "x"))


def asking() -> ClientLogin:
    made = login(asks=True)
    made.receive(StartupMessage(3, 0, {"user": b"anna"}).encode())
    return made


ANNA = KnownRole(Role("anna", "anna", "1", VERIFIER.format().decode()), 0.0)


def test_postgresql_is_asked_before_the_client_is() -> None:
    made = asking()
    assert (made.asks, made.user, made.database) == (True, "anna", "anna")
    assert made.stage is Stage.LOOKUP
    assert told(made) == b""
    made.learn(ANNA)
    assert told(made) == AuthenticationSASL((MECHANISM,)).encode()
    made.learn(None)
    assert told(made) == b"", "it learns once"
    made.receive(proof_of(made, b"secret"))
    assert made.entered
    named = login(asks=True)
    named.receive(STARTUP)
    assert (named.user, named.database) == ("u", "d")


def test_without_an_answer_the_list_counts() -> None:
    made = login(asks=True)
    made.receive(STARTUP)
    made.learn(None)
    told(made)
    made.receive(proof_of(made, b"secret"))
    assert made.entered


def test_what_comes_too_early_waits() -> None:
    made = login(asks=True)
    first = SASLInitialResponse(MECHANISM, b"n,,n=,r=clientnonce0123456789").encode()
    made.receive(STARTUP + first[:9])
    made.receive(first[9:])
    made.learn(ANNA)
    assert made.answer.startswith(AuthenticationSASL((MECHANISM,)).encode())
    assert b"r=clientnonce" in told(made)


def test_not_everything_that_comes_too_early_waits() -> None:
    made = asking()
    made.receive(b"p" * module.AUTHENTICATION_BYTES_MAX)
    assert made.refusal is None
    made.receive(b"p")
    assert isinstance(made.refusal, AuthenticationMalformed)
    made.learn(ANNA)
    assert told(made) == b""


def test_what_a_packet_means_is_remembered_while_the_role_is_the_same() -> None:
    users = UserList({}, auth="scram", mock_secret=b"m", asks=True)
    role = KnownRole(Role("u", "d", "1", VERIFIER.format().decode()), 0.0)
    first = ClientLogin(users, NONCE)
    first.receive(STARTUP)
    first.learn(role)
    again = ClientLogin(users, NONCE)
    again.receive(STARTUP)
    assert again.greeting is first.greeting
    role.fresh = False
    late = ClientLogin(users, NONCE)
    late.receive(STARTUP)
    assert late.asks
    late.learn(None)
    assert users.greeting(STARTUP) is first.greeting, "nothing was learned"


def test_a_packet_in_pieces_is_asked_for_and_not_remembered() -> None:
    users = UserList({}, auth="scram", mock_secret=b"m", asks=True)
    made = ClientLogin(users, NONCE)
    made.receive(STARTUP[:9])
    made.receive(STARTUP[9:])
    assert made.asks
    made.learn(KnownRole(Role("u", "d"), 0.0))
    assert made.stage is Stage.ASKED
    assert users.greeting(STARTUP) is None


@pytest.mark.parametrize("cut", [1, len(STARTUP)])
def test_a_request_for_encryption_means_nobodys_startup_packet(cut: int) -> None:
    """Whatever came with or in the pieces behind it: the next who asks is answered N or S."""
    users = UserList({}, auth="scram", mock_secret=b"m", asks=True)
    made = ClientLogin(users, NONCE)
    ask = SSLRequest().encode()
    made.receive(ask)
    packet = STARTUP + b"p"
    made.receive(packet[:cut])
    made.receive(packet[cut:])
    made.learn(KnownRole(Role("u", "d"), 0.0))
    assert users.greeting(ask) is None
    late = ClientLogin(users, NONCE)
    late.receive(ask)
    assert told(late) == b"N"


def test_a_user_is_needed() -> None:
    made = login(trust=True)
    made.receive(StartupMessage(3, 0, {"database": b"d"}).encode())
    assert isinstance(made.refusal, UserMissing)


@pytest.mark.parametrize(
    "first",
    [
        StartupMessage(2, 0, {"user": b"u"}).encode(),
        StartupMessage(4, 0, {"user": b"u"}).encode(),
        StartupMessage(3, 0, {"user": b"u", "_pq_.x": b"1"}).encode()[:-1] + b"x",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_startup_packet_is_refused(first: bytes) -> None:
    made = login(trust=True)
    made.receive(first)
    assert made.refusal is not None
    assert made.stage is Stage.OVER


@pytest.mark.parametrize(
    "answer",
    [
        Terminate().encode(),
        SASLInitialResponse(b"PLAIN\xff", b"").encode(),
        SASLInitialResponse(MECHANISM, None).encode(),
        SASLInitialResponse(MECHANISM, b"nonsense").encode(),
        b"p\0\0\0\x05x",
        b"p\0\0\0\x03",
        b"p\0\x10\0\0",
        b"p\0\0\0\x12SCRAM-SHA-256\0",
        b"p\0\0\0\x18SCRAM-SHA-256\0\0\0\0\x03ab",
    ],
)
def test_malformed_answers_are_refused(answer: bytes) -> None:
    made = login()
    made.receive(STARTUP + answer)
    assert isinstance(made.refusal, AuthenticationMalformed)


def test_a_version_that_cannot_be_negotiated_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = ProtocolVersion(major=4, minor=0)
    monkeypatch.setattr(module, "negotiate", lambda startup: refusal)
    made = login(trust=True)
    made.receive(STARTUP)
    assert made.refusal is refusal
    assert not made.entered


def asked_plainly(made: ClientLogin) -> ClientLogin:
    made.receive(STARTUP)
    return made


def test_a_password_in_the_clear_is_not_asked_for_where_others_hear() -> None:
    made = asked_plainly(login(auth="plain"))
    assert isinstance(made.refusal, PasswordInTheClear)
    assert told(made) == b""


def test_nor_where_the_packet_is_known() -> None:
    users = UserList({"u": VERIFIER}, auth="plain", mock_secret=b"m" * 32)
    inside = ClientLogin(users, NONCE)
    inside.encrypted = True
    assert asked_plainly(inside).refusal is None
    assert users.greeting(STARTUP) is not None
    assert isinstance(asked_plainly(ClientLogin(users, NONCE)).refusal, PasswordInTheClear)


@pytest.mark.parametrize("how", ["private", "encrypted"])
@pytest.mark.parametrize(("password", "comes_in"), [(b"secret", True), (b"wrong", False)])
def test_where_nobody_else_can_hear_it_is(how: str, password: bytes, comes_in: bool) -> None:
    made = login(auth="plain")
    setattr(made, how, True)
    asked_plainly(made)
    assert told(made) == AuthenticationCleartextPassword().encode()
    made.receive(PasswordMessage(password).encode() + Query(b"SELECT 1").encode())
    assert made.entered is comes_in
    assert isinstance(made.refusal, PasswordWrong) is not comes_in
    if comes_in:
        assert told(made) == AuthenticationOk().encode()
        assert made.take_rest() == Query(b"SELECT 1").encode()
        assert made.keys is not None


BINDING = b"h" * 32
BOUND = AuthenticationSASL((MECHANISM_PLUS, MECHANISM)).encode()
UNBOUND = AuthenticationSASL((MECHANISM,)).encode()


def inside_tls(binding: bytes = BINDING, *, encrypted: bool = True) -> ClientLogin:
    made = login()
    made.binding = binding
    made.encrypted = encrypted
    made.receive(STARTUP)
    return made


def bound_proof(made: ClientLogin, binding: bytes) -> None:
    client = ScramClient(b"secret", b"clientnonce0123456789", binding=binding, bound=True)
    made.receive(SASLInitialResponse(MECHANISM_PLUS, client.first()).encode())
    made.receive(SASLResponse(client.final(told(made)[9:])).encode())


def test_binding_to_the_channel_is_offered_inside_tls_only() -> None:
    assert told(inside_tls()) == BOUND
    assert told(inside_tls(b"")) == UNBOUND
    assert told(inside_tls(encrypted=False)) == UNBOUND


def test_who_is_bound_to_this_channel_comes_in() -> None:
    made = inside_tls()
    told(made)
    bound_proof(made, BINDING)
    assert made.entered


def test_who_is_bound_to_another_one_does_not() -> None:
    made = inside_tls()
    told(made)
    bound_proof(made, b"o" * 32)
    assert isinstance(made.refusal, SomebodyBetween)


def test_who_was_not_shown_the_offer_does_not() -> None:
    made = inside_tls()
    made.receive(SASLInitialResponse(MECHANISM, b"y,,n=,r=clientnonce").encode())
    assert isinstance(made.refusal, SomebodyBetween)
    without = inside_tls(encrypted=False)
    without.receive(SASLInitialResponse(MECHANISM, b"y,,n=,r=clientnonce").encode())
    assert without.refusal is None


def test_an_answer_before_the_request_can_be_held_back() -> None:
    made = login(auth="plain")
    made.private = made.holds_back = True
    made.receive(STARTUP + PasswordMessage(b"secret").encode())
    assert made.stage is Stage.ASKED
    assert made.early == PasswordMessage(b"secret").encode()
    made.receive(made.early)
    assert made.entered


def named(name: str, *, only: bool, encrypted: bool = True, user: bytes = b"u") -> ClientLogin:
    """A login with a certificate of this name."""
    certificates = ClientCertificates({"boss": ["chief"]}, only=only)
    auth = "cert" if only else "scram"
    users = UserList({"u": VERIFIER}, auth=auth, mock_secret=b"m" * 32, certificates=certificates)
    made = ClientLogin(users, NONCE)
    made.encrypted = encrypted
    made.certificate_name = name
    made.receive(StartupMessage(3, 0, {"user": user}).encode())
    return made


def test_a_certificate_may_be_all_that_is_asked() -> None:
    assert named("u", only=True).entered
    assert named("chief", only=True, user=b"boss").entered
    for name, user in (("other", b"u"), ("", b"u"), ("u", b"boss"), ("u", b"nobody")):
        made = named(name, only=True, user=user)
        assert isinstance(made.refusal, CertificateOfOther)
        assert told(made) == b""
    refusal = named("", only=True, encrypted=False).refusal
    assert isinstance(refusal, CertificateOfOther)
    assert "On a Unix socket there is no certificate" in refusal.hint_text


def test_beside_a_password_it_must_name_the_user_where_there_is_tls() -> None:
    assert named("u", only=False).stage is Stage.ASKED
    assert isinstance(named("other", only=False).refusal, CertificateOfOther)
    assert named("", only=False, encrypted=False).stage is Stage.ASKED


@given(data=st.binary(max_size=60), kind=st.sampled_from(b"pQX"), stage=st.integers(0, 2))
def test_nothing_raises(data: bytes, kind: int, stage: int) -> None:
    made = login()
    answer = bytes([kind]) + b"\0\0\0" + bytes([len(data) + 4]) + data
    if stage == 0:
        made.receive(data)
        return
    made.receive(STARTUP)
    told(made)
    if stage == 2:
        proof_of(made, b"secret")
    made.receive(answer)
    assert not made.entered


def test_nothing_follows_a_refusal() -> None:
    made: Any = login()
    made.receive(STARTUP + Terminate().encode())
    refusal = made.refusal
    made.receive(SASLInitialResponse(MECHANISM, b"").encode())
    assert made.refusal is refusal


def test_one_that_no_class_was_called_for_is_the_same() -> None:
    users = UserList({}, auth="trust", mock_secret=b"secret")
    made, same = client_login(users, NONCE), ClientLogin(users, NONCE)
    for each in (made, same):
        each.receive(STARTUP)
    assert made.entered
    assert made.answer == same.answer
