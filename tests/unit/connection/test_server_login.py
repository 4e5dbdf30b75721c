"""Logging in at a server that is kind, wrong, or hostile."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from pglane.connection.server_login import QUESTION, Credentials, ServerLogin
from pglane.errors.server import (
    ChannelNotBound,
    Md5HashNotEnough,
    ServerAuthenticationUnsupported,
    ServerMisbehaved,
)
from pglane.wire import login_messages as m, server_messages as s
from pglane.wire.client_messages import PasswordMessage, SASLInitialResponse, SASLResponse
from pglane.wire.md5 import Md5Hash, md5_response, md5_stored
from pglane.wire.scram import MECHANISM, MECHANISM_PLUS, ScramKeys, ScramServer, Verifier
from pglane.wire.startup import StartupMessage

PASSWORD = b"secret"
NONCE = b"clientnonce0123456789"
STARTUP = StartupMessage(3, 0, {"user": b"u"})
READY = s.ReadyForQuery(b"I").encode()
OK = m.AuthenticationOk().encode()
VERIFIER = Verifier.of_password(PASSWORD, b"salt" * 4, 4096)


def login(user: str = "u", **credentials: Any) -> ServerLogin:
    return ServerLogin(user, STARTUP, Credentials(**credentials), NONCE, "127.0.0.1:5432")


def refused(made: ServerLogin) -> str:
    assert made.failed
    assert made.refusal is not None
    return str(made.refusal)


def challenge(made: ServerLogin, verifier: Verifier = VERIFIER) -> tuple[bytes, bytes]:
    """What the server answers to both messages of the client."""
    server = ScramServer(verifier, b"servernonce0123456789")
    sent = made.receive(m.AuthenticationSASL((b"SCRAM-SHA-256-PLUS", MECHANISM)).encode())
    first = SASLInitialResponse.decode(sent[5:])
    assert first.mechanism == MECHANISM
    told = m.AuthenticationSASLContinue(server.first(first.data or b"")).encode()
    sent = made.receive(told)
    return sent, server.final(SASLResponse.decode(sent[5:]).data) if sent else b""


def test_it_begins_with_the_startup_packet() -> None:
    made = login()
    assert made.begin() == STARTUP.encode()
    assert not made.failed
    assert not made.done


HASH = Md5Hash(md5_stored(b"u", PASSWORD))


OFFER = m.AuthenticationSASL((MECHANISM_PLUS, MECHANISM)).encode()
BINDING = b"h" * 32


def bound(
    offer: bytes = OFFER, binding: bytes = BINDING, **more: Any
) -> tuple[ServerLogin, bytes]:
    """A login that may be bound to its channel, and what it answers to an offer."""
    made = login(password=PASSWORD)
    made.binding = binding
    for name, value in more.items():
        setattr(made, name, value)
    return made, made.receive(offer)


def test_a_login_is_bound_to_its_channel_where_it_can_be() -> None:
    made, sent = bound(must_bind=True)
    first = SASLInitialResponse.decode(sent[5:])
    assert first.mechanism == MECHANISM_PLUS
    server = ScramServer(VERIFIER, b"servernonce0123456789", BINDING, bound=True)
    told = m.AuthenticationSASLContinue(server.first(first.data or b"")).encode()
    last = server.final(SASLResponse.decode(made.receive(told)[5:]).data)
    made.receive(m.AuthenticationSASLFinal(last).encode() + OK + READY)
    assert made.done


@pytest.mark.parametrize(
    ("mechanisms", "binding", "header"),
    [
        ((MECHANISM,), BINDING, b"y,,"),  # it could, and the server does not
        ((MECHANISM_PLUS, MECHANISM), b"", b"n,,"),  # it cannot
    ],
)
def test_else_it_is_not(mechanisms: tuple[bytes, ...], binding: bytes, header: bytes) -> None:
    _, sent = bound(m.AuthenticationSASL(mechanisms).encode(), binding)
    first = SASLInitialResponse.decode(sent[5:])
    assert first.mechanism == MECHANISM
    assert first.data is not None
    assert first.data.startswith(header)


@pytest.mark.parametrize(
    ("offer", "binding"),
    [
        (OK, BINDING),
        (m.AuthenticationCleartextPassword().encode(), BINDING),
        (m.AuthenticationMD5Password(b"salt").encode(), BINDING),
        (m.AuthenticationSASL((MECHANISM,)).encode(), BINDING),
        (OFFER, b""),
    ],
)
def test_where_it_must_be_nothing_else_is_answered(offer: bytes, binding: bytes) -> None:
    made, sent = bound(offer, binding, must_bind=True)
    assert sent == b""
    assert "did not bind" in refused(made)


def test_a_login_that_must_be_bound_is_not_over_before_it_is() -> None:
    made, _ = bound(must_bind=True)
    made.receive(OK)
    assert isinstance(made.refusal, ChannelNotBound)


def test_a_hash_logs_in_where_the_server_asks_for_md5() -> None:
    made = login(md5=HASH)
    sent = made.receive(m.AuthenticationMD5Password(b"salt").encode())
    assert sent == PasswordMessage(md5_response(b"u", PASSWORD, b"salt")).encode()


@pytest.mark.parametrize("asked", [m.AuthenticationSASL((MECHANISM,)).encode()])
def test_it_does_not_where_it_asks_for_scram(asked: bytes) -> None:
    made = login(md5=HASH)
    made.receive(asked)
    assert isinstance(made.refusal, Md5HashNotEnough)
    assert "127.0.0.1:5432 asks for SCRAM-SHA-256" in refused(made)


def test_it_does_not_where_it_asks_for_the_password() -> None:
    made = login(md5=HASH, cleartext_allowed=True)
    made.receive(m.AuthenticationCleartextPassword().encode())
    assert "pglane has: an md5 hash" in refused(made)


def test_trust_and_what_the_server_tells() -> None:
    made = login()
    welcome = m.NegotiateProtocolVersion(3, 0, (b"_pq_.x",))
    made.receive(
        welcome.encode()
        + OK
        + s.ParameterStatus(b"TimeZone", b"UTC").encode()
        + m.BackendKeyData(7, b"key1").encode()
        + s.NoticeResponse((("M", b"hello"),)).encode()
        + READY
        + b"rest"
    )
    assert made.done
    assert not made.failed
    assert made.parameters == {"TimeZone": "UTC"}
    assert (made.process_id, made.key) == (7, b"key1")
    assert made.welcome == welcome
    assert made.rest == b"rest"


def asking(**settings: bytes) -> ServerLogin:
    startup = StartupMessage(3, 0, {"user": b"u", **settings})
    return ServerLogin("u", startup, Credentials(), NONCE, "127.0.0.1:5432")


def reported(value: bytes) -> bytes:
    return s.ParameterStatus(b"is_superuser", value).encode()


@pytest.mark.parametrize(("value", "meant"), [(b"on", True), (b"off", False), (b"", True)])
def test_the_server_reports_who_is_a_superuser(value: bytes, meant: bool) -> None:
    made = login()
    made.receive(OK + reported(value) + READY)
    assert made.done
    assert made.superuser is meant


def test_a_server_that_does_not_report_it() -> None:
    made = login()
    made.receive(OK + READY)
    assert made.done
    assert made.superuser is None


@pytest.mark.parametrize("asked", [{"Role": b"other"}, {"options": b"-c ro\\le=other"}])
@pytest.mark.parametrize(("value", "meant"), [(b"t", True), (b"f", False)])
def test_of_a_role_that_asks_for_another_it_is_asked(
    asked: dict[str, bytes], value: bytes, meant: bool
) -> None:
    made = asking(**asked)
    assert made.receive(OK + reported(b"off") + READY) == QUESTION
    assert not made.done
    row = s.RowDescription(()).encode() + s.DataRow((value,)).encode()
    assert made.receive(row + s.CommandComplete(b"SELECT 1").encode() + READY) == b""
    assert made.done
    assert made.superuser is meant
    assert made.parameters["is_superuser"] == "off"


def test_where_that_is_not_answered_it_is_not_known() -> None:
    made = asking(role=b"other")
    made.receive(OK + reported(b"off") + READY)
    made.receive(s.ErrorResponse((("S", b"ERROR"), ("C", b"57014"))).encode() + READY)
    assert made.done
    assert not made.failed
    assert made.superuser is None


@pytest.mark.parametrize("asked", [{"session_authorization": b"o"}, {"options": b"-x"}])
def test_where_another_session_is_asked_for_nothing_is_believed(asked: dict[str, bytes]) -> None:
    made = asking(**asked)
    assert made.receive(OK + reported(b"off") + READY) == b""
    assert made.done
    assert made.superuser is None


def test_any_split_of_what_the_server_sends() -> None:
    made = login()
    for byte in OK + READY:
        made.receive(bytes([byte]))
    assert made.done


@pytest.mark.parametrize("user", ["u", "\udcff"])
def test_md5(user: str) -> None:
    made = login(user, password=PASSWORD)
    sent = made.receive(m.AuthenticationMD5Password(b"salt").encode())
    expected = md5_response(user.encode("utf-8", "surrogateescape"), PASSWORD, b"salt")
    assert sent == PasswordMessage(expected).encode()


def test_cleartext_is_told_only_where_nobody_reads_along() -> None:
    asked = m.AuthenticationCleartextPassword().encode()
    made = login(password=PASSWORD, cleartext_allowed=True)
    assert made.receive(asked) == PasswordMessage(PASSWORD).encode()
    made = login(password=PASSWORD)
    assert made.receive(asked) == b""
    assert "CleartextPassword" in refused(made)


@pytest.mark.parametrize(
    "asked",
    [
        m.AuthenticationMD5Password(b"salt"),
        m.AuthenticationCleartextPassword(),
        m.AuthenticationSASL((MECHANISM,)),
        m.AuthenticationSASL((b"OAUTHBEARER",)),
        m.AuthenticationSASLContinue(b"r=x"),
        m.AuthenticationSASLFinal(b"v=x"),
        m.AuthenticationUnsupported(7, b""),
    ],
)
def test_what_cannot_be_answered_is_said(asked: Any) -> None:
    made = login()
    assert made.receive(asked.encode()) == b""
    assert isinstance(made.refusal, ServerAuthenticationUnsupported)
    assert "nothing" in refused(made)


def test_what_there_is_is_said_in_words() -> None:
    keys = ScramKeys.of_password(PASSWORD, b"salt", 4096)
    assert Credentials(password=PASSWORD).told() == "a password"
    assert "SCRAM" in Credentials(keys=keys).told()
    assert "secret" not in repr(Credentials(password=PASSWORD, keys=keys))


def test_scram_with_a_password() -> None:
    made = login(password=PASSWORD)
    _, proof = challenge(made)
    made.receive(m.AuthenticationSASLFinal(proof).encode() + OK + READY)
    assert made.done
    assert made.keys is not None
    again = login(keys=made.keys)
    _, proof = challenge(again)
    again.receive(m.AuthenticationSASLFinal(proof).encode() + OK + READY)
    assert again.done


def test_keys_that_do_not_fit_any_more_give_way_to_the_password() -> None:
    stale = ScramKeys.of_password(PASSWORD, b"othersalt", 4096)
    made = login(password=PASSWORD, keys=stale)
    _, proof = challenge(made)
    made.receive(m.AuthenticationSASLFinal(proof).encode() + OK + READY)
    assert made.done
    without = login(keys=stale)
    sent, _ = challenge(without)
    assert sent == b""
    assert refused(without)


def test_a_malformed_challenge_is_refused() -> None:
    made = login(password=PASSWORD, keys=ScramKeys.of_password(PASSWORD, b"x", 4096))
    made.receive(m.AuthenticationSASL((MECHANISM,)).encode())
    made.receive(m.AuthenticationSASLContinue(b"nonsense").encode())
    assert refused(made)


def test_an_impostor_is_refused() -> None:
    made = login(password=PASSWORD)
    challenge(made)
    made.receive(m.AuthenticationSASLFinal(b"v=" + b"A" * 43 + b"=").encode() + OK + READY)
    assert refused(made)
    assert not made.done


@pytest.mark.parametrize("steps", [0, 1])
def test_a_server_that_leaves_out_its_proof_is_refused(steps: int) -> None:
    made = login(password=PASSWORD)
    if steps:
        challenge(made)
    else:
        made.receive(m.AuthenticationSASL((MECHANISM,)).encode())
    made.receive(OK + READY)
    assert refused(made)
    assert not made.done


def test_a_proof_before_the_challenge_is_refused() -> None:
    made = login(keys=ScramKeys.of_password(PASSWORD, b"salt", 4096))
    made.receive(m.AuthenticationSASL((MECHANISM,)).encode())
    made.receive(m.AuthenticationSASLFinal(b"v=x").encode())
    assert "out of place" in refused(made)


def test_the_servers_own_refusal_is_kept() -> None:
    error = s.ErrorResponse((("S", b"FATAL"), ("C", b"28P01"), ("M", b"no")))
    made = login(password=PASSWORD)
    made.receive(error.encode() + READY)
    assert made.failed
    assert made.error == error
    assert made.refusal is None


@pytest.mark.parametrize("lie", [READY, b"S\0\0\0\x05a", b"R\0\0\0\x03", b"?\0\0\0\x04"])
def test_a_server_that_lies_is_refused(lie: bytes) -> None:
    made = login()
    made.receive(lie)
    assert isinstance(made.refusal, ServerMisbehaved)


@given(kind=st.sampled_from(b"RSKENvZ"), body=st.binary(max_size=40))
def test_no_answer_raises(kind: int, body: bytes) -> None:
    for steps in range(2):
        made = login(password=PASSWORD, cleartext_allowed=True)
        if steps:
            made.receive(m.AuthenticationSASL((MECHANISM,)).encode())
        made.receive(bytes([kind]) + b"\0\0\0" + bytes([len(body) + 4]) + body)
        made.receive(b"R\0\0\0" + bytes([len(body) + 8]) + b"\0\0\0\x0c" + body)
        assert not made.done


def lacking(made: ServerLogin, iterations: int = 9) -> tuple[ScramServer, bytes]:
    """A server whose challenge asks for more than is computed inline, and what it is answered."""
    server = ScramServer(
        Verifier.of_password(PASSWORD, b"salt" * 4, iterations), b"servernonce0123456789"
    )
    sent = made.receive(m.AuthenticationSASL((MECHANISM,)).encode())
    first = SASLInitialResponse.decode(sent[5:]).data or b""
    return server, made.receive(m.AuthenticationSASLContinue(server.first(first)).encode())


def patient(**credentials: Any) -> ServerLogin:
    return ServerLogin("u", STARTUP, Credentials(**credentials), NONCE, "127.0.0.1:5432", 8)


def test_keys_that_take_long_are_lacked_until_they_are_supplied() -> None:
    made = patient(password=PASSWORD)
    server, sent = lacking(made)
    assert sent == b""
    recipe = made.lacks
    assert recipe is not None
    assert (recipe.password, recipe.salt, recipe.iterations) == (PASSWORD, b"salt" * 4, 9)
    assert "secret" not in repr(recipe)
    sent = made.supply(ScramKeys.of_recipe(recipe))
    assert made.lacks is None
    proof = server.final(SASLResponse.decode(sent[5:]).data)
    made.receive(m.AuthenticationSASLFinal(proof).encode() + OK + READY)
    assert made.done
    assert made.keys == ScramKeys.of_recipe(recipe)


def test_what_a_server_says_meanwhile_is_looked_at_behind_them() -> None:
    made = patient(password=PASSWORD)
    lacking(made)
    assert made.receive(OK) == b""
    assert not made.failed
    assert made.lacks is not None
    made.supply(ScramKeys.of_recipe(made.lacks))
    assert "asks" in refused(made) or "Ok" in refused(made)


def test_as_many_iterations_as_are_allowed_are_computed_inline() -> None:
    made = patient(password=PASSWORD)
    server, sent = lacking(made, 8)
    assert server.final(SASLResponse.decode(sent[5:]).data)
    assert made.lacks is None


def test_keys_that_fit_need_no_computing() -> None:
    made = patient(password=PASSWORD, keys=ScramKeys.of_password(PASSWORD, b"salt" * 4, 9))
    _, sent = lacking(made)
    assert sent
    assert made.lacks is None


def test_keys_of_an_earlier_password_give_way_to_those_that_are_supplied() -> None:
    made = patient(password=PASSWORD, keys=ScramKeys.of_password(b"old", b"tlas" * 4, 9))
    server, sent = lacking(made)
    assert sent == b""
    assert made.lacks is not None
    sent = made.supply(ScramKeys.of_recipe(made.lacks))
    assert server.final(SASLResponse.decode(sent[5:]).data)
