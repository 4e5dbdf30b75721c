"""Without Cython nothing is compiled."""

from pglane.wire import uncompiled


def test_it_says_so() -> None:
    assert uncompiled.compiled is False


def test_a_cast_changes_nothing() -> None:
    assert uncompiled.cast("Ready", "it") == "it"
