"""SCRAM-SHA-256 in PostgreSQL's messages."""

import pytest

from pglane.connection.login_method import ProofMalformed
from pglane.connection.scram_login import ScramLogin, is_length, scram_login
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import SASLInitialResponse
from pglane.wire.login_messages import AuthenticationSASLContinue, decode_authentication
from pglane.wire.scram import MECHANISM, MECHANISM_PLUS, ScramClient, Verifier
from pglane.wire.scram_failure import ScramFailure

NONCE = b"servernonce0123456789"
VERIFIER = Verifier.of_password(b"secret", b"salt" * 4, 4096)


def first(data: bytes | None, mechanism: bytes = MECHANISM) -> bytes:
    return SASLInitialResponse(mechanism, data).encode()[5:]


def test_who_knows_the_password_is_in() -> None:
    made = ScramLogin(VERIFIER, NONCE)
    client = ScramClient(b"secret", b"clientnonce0123456789")
    assert made.keys is None
    challenge = made.take(first(client.first()))
    assert challenge[:1] == b"R"
    assert not made.over
    client.verify(made.take(client.final(challenge[9:]))[9:])
    assert made.over
    assert made.keys is not None
    assert made.client_key == made.keys.client_key


def test_who_does_not_is_not() -> None:
    made = ScramLogin(VERIFIER, NONCE)
    client = ScramClient(b"wrong", b"clientnonce0123456789")
    challenge = made.take(first(client.first()))
    with pytest.raises(ScramFailure):
        made.take(client.final(challenge[9:]))
    assert not made.over
    assert made.keys is None


@pytest.mark.parametrize("bound", [True, False])
def test_inside_tls_a_login_can_be_bound_to_it(bound: bool) -> None:
    made = ScramLogin(VERIFIER, NONCE, b"h" * 32)
    client = ScramClient(
        b"secret", b"clientnonce0123456789", binding=b"h" * 32 if bound else b"", bound=bound
    )
    challenge = made.take(first(client.first(), MECHANISM_PLUS if bound else MECHANISM))
    made.take(client.final(challenge[9:]))
    assert made.over


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (first(b"", b"PLAIN\xff"), ProofMalformed),
        (first(b"p=tls-server-end-point,,n=,r=x", MECHANISM_PLUS), ProofMalformed),
        (first(None), ScramFailure),
        (first(b"nonsense"), ScramFailure),
        (MECHANISM + b"\0", MalformedMessage),
        (MECHANISM + b"\0\0\0\0\x03ab", MalformedMessage),
        (b"", MalformedMessage),
    ],
)
def test_what_is_no_first_message(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        ScramLogin(VERIFIER, NONCE).take(body)


@pytest.mark.parametrize(
    ("data", "length"), [(b"\0\0\0", 0), (b"\1\0\0\0", 0), (b"\0\0\1\0", 1), (b"\0\0\0\2", 1)]
)
def test_what_is_not_that_length(data: bytes, length: int) -> None:
    assert not is_length(data, 0, length)


def test_what_is_that_length() -> None:
    assert is_length(b"x\0\1\2\3", 1, 0x010203)


@pytest.mark.parametrize("nonce_bytes", [21, 300])
def test_one_that_no_class_was_called_for_is_the_same(nonce_bytes: int) -> None:
    made = scram_login(VERIFIER.prepared(), NONCE, b"")
    client = ScramClient(b"secret", b"c" * nonce_bytes)
    challenge = made.take(first(client.first()))
    data = decode_authentication(challenge[5:])
    assert isinstance(data, AuthenticationSASLContinue)
    assert data.encode() == challenge
    client.verify(made.take(client.final(data.data))[9:])
    assert made.over
