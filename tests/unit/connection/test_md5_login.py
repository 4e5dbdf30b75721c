"""md5 towards clients."""

import hashlib

import pytest

from pglane.connection.login_method import ProofWrong
from pglane.connection.md5_login import Md5Login
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import PasswordMessage
from pglane.wire.login_messages import AuthenticationMD5Password
from pglane.wire.md5 import Md5Hash, md5_response, md5_stored

HASH = Md5Hash(md5_stored(b"old", b"secret"))


def salt_of(made: Md5Login) -> bytes:
    request = made.request()
    assert request == AuthenticationMD5Password(request[-4:]).encode()
    return request[-4:]


def response(made: Md5Login, password: bytes) -> bytes:
    return PasswordMessage(md5_response(b"old", password, salt_of(made))).encode()[5:]


def test_who_knows_the_password_is_in() -> None:
    made = Md5Login(HASH, b"nonce")
    assert made.take(response(made, b"secret")) == b""
    assert made.over
    assert (made.keys, made.client_key) == (None, b"")


def test_who_does_not_is_not() -> None:
    made = Md5Login(HASH, b"nonce")
    for body in (response(made, b"wrong"), b"\0", HASH.stored + b"\0"):
        with pytest.raises(ProofWrong):
            made.take(body)
    assert not made.over


def test_an_answer_is_good_once() -> None:
    first, second = Md5Login(HASH, b"nonce"), Md5Login(HASH, b"other")
    assert salt_of(first) == hashlib.sha256(b"nonce").digest()[:4]
    with pytest.raises(ProofWrong):
        second.take(response(first, b"secret"))


def test_what_is_no_answer() -> None:
    with pytest.raises(MalformedMessage):
        Md5Login(HASH, b"nonce").take(b"no zero byte")
