"""Random bytes are handed out once."""

import string

from pglane.engine import randomness
from pglane.engine.randomness import POOL_BYTES, RandomBytes, RandomText


def test_nothing_is_given_twice(monkeypatch) -> None:
    fetched: list[bytes] = []

    def fetch(count: int) -> bytes:
        fetched.append(bytes([len(fetched) + 1]) * count)
        return fetched[-1]

    monkeypatch.setattr(randomness.secrets, "token_bytes", fetch)
    source = RandomBytes()
    assert source.take(POOL_BYTES - 1) == b"\1" * (POOL_BYTES - 1)
    assert source.take(2) == b"\2\2", "what is left over is too little"
    assert source.take(POOL_BYTES + 1) == b"\3" * (POOL_BYTES + 1)
    assert source.take(1) == b"\4"


def test_a_number_is_of_four_bytes_that_nobody_was_given(monkeypatch) -> None:
    monkeypatch.setattr(
        randomness.secrets, "token_bytes", lambda count: bytes(at & 0xFF for at in range(count))
    )
    source = RandomBytes()
    assert source.take_number() == 0x00010203
    assert source.take(1) == b"\4"
    assert source.take_number() == 0x05060708
    source.take(POOL_BYTES - 12)
    assert source.take_number() == 0x00010203, "what is left over is too little"


def test_they_are_random() -> None:
    source = RandomBytes()
    assert len({source.take(16) for _ in range(1000)}) == 1000


def test_text_has_no_padding_and_nothing_that_scram_forbids() -> None:
    source = RandomText()
    taken = [source.take(32) for _ in range(1000)]
    assert len(set(taken)) == 1000
    assert set(b"".join(taken)) == set(string.ascii_letters.encode() + b"0123456789+/")
    assert len(source.take(100_000)) == 100_000
