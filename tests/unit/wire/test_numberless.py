"""`numberless`: which texts are made one, and which are left alone."""

import pytest
from hypothesis import example, given, strategies as st

from pglane.wire.numberless import NUMBER_MARK, TEXT_BYTES_MAX, numberless
from pglane.wire.statements import scan

MARK = bytes([NUMBER_MARK])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"SELECT 1", b"SELECT 0"),
        (b"SELECT 4711, 12", b"SELECT 0, 0"),
        (b"SELECT a1, _2, t.c3, x9y8", b"SELECT a1, _2, t.c3, x9y8"),
        (b"SELECT 1.25", b"SELECT 0.25"),
        (b"SELECT (5)-3", b"SELECT (0)-0"),
        (b"SELECT 1 - -2", b"SELECT 0 - -0"),
        (b"", b""),
    ],
)
def test_numbers_become_marks_and_names_stay(text: bytes, expected: bytes) -> None:
    plain = numberless(text)
    assert plain is not None
    assert plain.replace(MARK, b"0") == expected


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT '1'",
        b'SELECT "1"',
        b"SELECT $1",
        b"SELECT 1 -- 2",
        b"SELECT 1 /* 2 */",
        b"SELECT E\\1",
        "SELECT ä1".encode(),
        b"SELECT \x00",
        b"1" * (TEXT_BYTES_MAX + 1),
    ],
)
def test_texts_that_need_reading_are_left_alone(text: bytes) -> None:
    assert numberless(text) is None


PIECES = st.sampled_from(
    b"select |set |local |x|a1| = |12|7|0x1F|1e5|-|;|listen |pg_advisory_lock(|)| |.|_|,"
    b"|into temp t|nextval(".split(b"|")
)


@given(st.lists(PIECES, max_size=12).map(b"".join))
@example(b"set x7 = 12; select pg_advisory_lock(12)")
def test_the_verdict_does_not_depend_on_the_numbers(text: bytes) -> None:
    plain = numberless(text)
    if plain is None:
        return
    one, other = (scan(each, "UTF8", True) for each in (text, plain.replace(MARK, b"0")))
    assert (one.kinds, one.effects, one.settings) == (other.kinds, other.effects, other.settings)
