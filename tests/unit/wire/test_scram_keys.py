"""Vectors of RFC 4231 and 4648; any input against the standard library, with and without it."""

import hashlib
import hmac
import sys
from base64 import b64encode
from binascii import Error as BinasciiError, a2b_base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from pglane.wire import scram_keys
from pglane.wire.scram_keys import (
    BLOCK_BYTES,
    KEY_BYTES,
    KeyedHash,
    from_base64,
    hash_directly,
    hash_of,
    mix,
    proven_key,
    to_base64,
)

keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
COMPILED = not str(scram_keys.__file__).endswith(".py")


@pytest.fixture(params=[True, False], ids=["direct", "hashlib"], scope="module")
def _hashing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both ways, where there are both."""
    if hash_directly(request.param) is not request.param:
        pytest.skip("this form, or this machine, has only hashlib")
    yield
    hash_directly(True)


@pytest.mark.usefixtures("_hashing")
@given(data=st.binary(max_size=300))
@example(data=b"")
@example(data=b"x" * 55)
@example(data=b"x" * 64)
def test_a_hash_is_that_of_hashlib(data: bytes) -> None:
    assert hash_of(data) == hashlib.sha256(data).digest()


@pytest.mark.usefixtures("_hashing")
@given(key=st.binary(max_size=BLOCK_BYTES), message=st.binary(max_size=300))
def test_a_keyed_hash_is_an_hmac_time_after_time(key: bytes, message: bytes) -> None:
    keyed = KeyedHash(key)
    assert keyed.of(message) == keyed.of(message) == hmac.digest(key, message, "sha256")


@pytest.mark.usefixtures("_hashing")
def test_a_keyed_hash_is_that_of_the_standard() -> None:
    told = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert KeyedHash(b"Jefe").of(b"what do ya want for nothing?").hex() == told


def test_what_was_keyed_one_way_goes_on_when_the_other_is_chosen() -> None:
    kept = KeyedHash(b"key")
    hash_directly(False)
    try:
        also = KeyedHash(b"key")
        told = hmac.digest(b"key", b"message", "sha256")
        assert kept.of(b"message") == also.of(b"message") == told
    finally:
        hash_directly(True)
    assert kept.of(b"message") == also.of(b"message")


def test_a_key_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="65 bytes, at most 64"):
        KeyedHash(b"x" * (BLOCK_BYTES + 1))


@given(left=keys, right=keys)
def test_keys_are_mixed_bit_by_bit(left: bytes, right: bytes) -> None:
    assert mix(left, right) == bytes(one ^ other for one, other in zip(left, right, strict=True))


@pytest.mark.usefixtures("_hashing")
@given(key=keys, signed=st.binary(max_size=300), bit=st.integers(0, 8 * KEY_BYTES - 1))
def test_a_proof_shows_its_key_and_one_bit_makes_it_wrong(
    key: bytes, signed: bytes, bit: int
) -> None:
    stored = hashlib.sha256(key).digest()
    stored_key = KeyedHash(stored)
    proof = mix(key, hmac.digest(stored, signed, "sha256"))
    assert proven_key(stored_key, stored, signed, proof) == key
    flip = (1 << bit).to_bytes(KEY_BYTES, "big")
    assert proven_key(stored_key, stored, signed, mix(proof, flip)) == b""
    assert proven_key(stored_key, mix(stored, flip), signed, proof) == b""
    assert proven_key(stored_key, stored, signed + b"x", proof) == b""


@pytest.mark.usefixtures("_hashing")
@pytest.mark.parametrize("size", [0, 31, 33])
def test_what_is_stored_in_another_length_fits_no_proof(size: int) -> None:
    stored = hashlib.sha256(b"k" * KEY_BYTES).digest()
    proof = mix(b"k" * KEY_BYTES, hmac.digest(stored, b"signed", "sha256"))
    assert proven_key(KeyedHash(stored), (stored * 2)[:size], b"signed", proof) == b""


@given(key=keys)
@example(key=bytes(32))
@example(key=b"\xff" * 32)
def test_a_key_is_written_and_read_as_base64(key: bytes) -> None:
    assert to_base64(key) == b64encode(key)
    assert from_base64(b64encode(key)) == key


@given(
    key=keys,
    at=st.integers(0, 43),
    byte=st.integers(0, 255),
    cut=st.integers(0, 44),
)
def test_what_is_read_is_what_the_standard_library_reads(
    key: bytes, at: int, byte: int, cut: int
) -> None:
    text = bytearray(b64encode(key))
    text[at] = byte
    for tried in (bytes(text), bytes(text[:cut]), bytes(text) + b"="):
        try:
            expected: bytes | None = a2b_base64(tried, strict_mode=True)
        except BinasciiError:
            expected = None
        assert from_base64(tried) == expected


@pytest.mark.skipif(
    not (COMPILED and sys.platform == "linux"),
    reason="only compiled code hashes without hashlib",
)
def test_openssl_is_found_where_hashlib_has_it() -> None:
    loaded = Path("/proc/self/maps").read_text("utf-8", "replace")
    assert hash_directly(True) is ("libcrypto.so.3" in loaded or "libcrypto.so.1.1" in loaded)
