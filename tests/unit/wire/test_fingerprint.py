"""Texts of one shape have one fingerprint, and nobody reads a value from it."""

import pytest

from pglane.wire.fingerprint import DIGEST_BYTES, fingerprint

TEXT = b"SELECT f('a', 12) FROM t WHERE id = $1"


@pytest.mark.parametrize(
    "other",
    [
        b"select F('it''s', 7) from T where ID = 4",
        b"SELECT f(E'a\\'b', 12)\n  FROM t -- a word\n WHERE id /* x */ = $tag$y$tag$",
    ],
)
def test_values_blanks_and_case_do_not_count(other):
    assert fingerprint(other, True) == fingerprint(TEXT, True)


@pytest.mark.parametrize(
    "other",
    [b"SELECT g('a', 12) FROM t WHERE id = $1", b"SELECT \"F\"('a', 12) FROM t WHERE id = $1"],
)
def test_names_count(other):
    assert fingerprint(other, True) != fingerprint(TEXT, True)


def test_strings_end_where_the_setting_says():
    text = b"SELECT 'a\\' , f() , ' '"
    assert fingerprint(text, True) != fingerprint(text, False)


def test_a_text_that_does_not_end_has_one_too():
    assert len(fingerprint(b"SELECT 'a", True)) == 2 * DIGEST_BYTES
