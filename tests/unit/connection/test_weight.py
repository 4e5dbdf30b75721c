"""Bytes are counted for as long as their object lives."""

from pglane.connection.weight import Weight


def test_what_is_gone_is_not_counted_any_more() -> None:
    counted: list[int] = []
    one, other = Weight(counted.append, 5), Weight(counted.append, 7)
    assert counted == [5, 7]
    del one
    assert counted == [5, 7, -5]
    del other
    assert sum(counted) == 0
