"""Without Cython nothing is compiled."""

from pglane.wire import uncompiled


def test_it_says_so() -> None:
    assert uncompiled.compiled is False
