"""Texts seen lately: what matches, what does not, what is dropped."""

import pytest
from hypothesis import given, strategies as st

from pglane.wire.numberless import numberless
from pglane.wire.recent_texts import KEPT_BYTES_MAX, RecentTexts


def find(recent: RecentTexts, text: bytes) -> object:
    """As a part of something longer."""
    return recent.find(b"Q...." + text + b"\x00tail", 5, 5 + len(text))


def keep(recent: RecentTexts, text: bytes, found: object) -> None:
    plain = numberless(text)
    assert plain is not None
    recent.keep_pattern(plain, found)


def test_the_same_text_is_found() -> None:
    recent = RecentTexts()
    assert find(recent, b"SELECT $1") is None
    recent.keep_text(b"SELECT $1", "kept")
    assert find(recent, b"SELECT $1") == "kept"
    for other in (b"SELECT $2", b"SELECT $", b"SELECT $11", b""):
        assert find(recent, other) is None


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        (b"SELECT 1, a7 WHERE b = 0.5;", True),
        (b"SELECT 123456789, a7 WHERE b = 77.5;", True),
        (b"SELECT 1, a7 WHERE b = 0.6;", False),
        (b"SELECT 1, a8 WHERE b = 0.5;", False),
        (b"SELECT , a7 WHERE b = 0.5;", False),
        (b"SELECT \x00, a7 WHERE b = \x00.5;", False),
        (b"SELECT 1, a7 WHERE b = 0.5", False),
        (b"SELECT 1, a7 WHERE b = 0.5;;", False),
        (b"SELECT 1", False),
        (b"SELECT", False),
    ],
)
def test_a_number_matches_any_other(text: bytes, matches: bool) -> None:
    recent = RecentTexts()
    keep(recent, b"SELECT 22, a7 WHERE b = 3.5;", "kept")
    assert find(recent, text) == ("kept" if matches else None)


def test_two_patterns_with_the_same_beginning_are_kept() -> None:
    recent = RecentTexts()
    begin = b"UPDATE a_table SET a_column = a_column + "
    texts = [begin + each for each in (b"1", b"-1", b"1.1")]
    for text in texts:
        keep(recent, text, text)
    assert [find(recent, text) for text in texts] == [None, *texts[1:]]


def test_what_is_cleared_is_not_found() -> None:
    recent = RecentTexts()
    recent.keep_text(b"BEGIN", 1)
    keep(recent, b"SELECT 1", 2)
    recent.clear()
    assert find(recent, b"BEGIN") is find(recent, b"SELECT 1") is None


def test_long_texts_are_not_kept() -> None:
    recent = RecentTexts()
    long = b"SELECT a" + b"b" * KEPT_BYTES_MAX
    recent.keep_text(long, 1)
    recent.keep_pattern(long, 1)
    assert find(recent, long) is None


PIECES = st.sampled_from([b"a", b"a1", b" ", b"1", b"23", b".", b"-", b"\x00", b"'", b"$1"])
TEXTS = st.lists(PIECES, max_size=8).map(b"".join)


@given(TEXTS, TEXTS)
def test_what_is_found_is_what_numberless_makes_the_same(kept: bytes, text: bytes) -> None:
    recent = RecentTexts()
    plain = numberless(kept)
    if plain is not None:
        recent.keep_pattern(plain, "kept")
        same = numberless(text) == plain
    else:
        recent.keep_text(kept, "kept")
        same = text == kept
    assert find(recent, text) == ("kept" if same else None)
