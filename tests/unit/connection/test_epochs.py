"""What tells that a database is not what it was."""

import pytest

from pglane.connection.epochs import EPOCH_DIGITS, POLL, ROLELESS, epoch_of


def test_equal_parts_give_the_same_word():
    assert epoch_of(b"a", None, b"c") == epoch_of(b"a", None, b"c")
    assert len(epoch_of(b"a")) == EPOCH_DIGITS


@pytest.mark.parametrize(
    "others",
    [(b"ab", b"c"), (b"a", b"bc", None), (b"abc",), (b"a", None), (b"a", b"-"), (None, b"bc"), ()],
)
def test_other_parts_give_another_word(others):
    assert epoch_of(b"a", b"bc") != epoch_of(*others)


def test_no_value_of_a_setting_is_asked_for():
    assert "setconfig" not in POLL


def test_a_role_that_is_gone_is_told_by_its_lack_of_a_name():
    assert "usesysid IS NOT NULL AND usename IS NULL" in ROLELESS
