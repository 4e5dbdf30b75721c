"""Expected values come from PostgreSQL's `md5()`, not from the code under test."""

import pytest

from pglane.wire.md5 import Md5Hash, is_md5_stored, md5_response, md5_response_of, md5_stored

STORED = b"md520eb1b22a92b5c573dc1eb4331fc49ee"


def test_what_a_server_stores() -> None:
    assert md5_stored(b"user", b"secret") == STORED


def test_the_response_is_the_same_from_password_and_from_what_is_stored() -> None:
    expected = b"md5fccef98e4f1cf6cbe96b743fad4e8bd0"
    assert md5_response(b"user", b"secret", b"\1\2\3\4") == expected
    assert md5_response_of(STORED, b"\1\2\3\4") == expected


@pytest.mark.parametrize(
    "text", [b"", b"md5", STORED[:-1], STORED + b"0", b"MD5" + STORED[3:], b"md5" + b"g" * 32]
)
def test_a_password_is_not_mistaken_for_what_is_stored(text: bytes) -> None:
    assert is_md5_stored(STORED)
    assert not is_md5_stored(text)
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        md5_response_of(text, b"salt")


def test_a_hash_answers_for_its_password():
    kept = Md5Hash.parse(md5_stored(b"user", b"password"))
    assert kept.response(b"salt") == md5_response(b"user", b"password", b"salt")
    assert kept.fits(b"user", b"password")
    assert not kept.fits(b"user", b"other")
    assert not kept.fits(b"other", b"password")
    assert "md5" not in repr(kept)


def test_what_is_no_hash():
    with pytest.raises(ValueError, match="hexadecimal"):
        Md5Hash.parse(b"md5")


def test_a_hash_of_nobody_is_always_the_same():
    mock = Md5Hash.mock(b"nobody", b"secret")
    assert mock == Md5Hash.mock(b"nobody", b"secret") == Md5Hash.parse(mock.stored)
    assert mock != Md5Hash.mock(b"nobody else", b"secret")
    assert mock != Md5Hash.mock(b"nobody", b"other secret")
