"""What came of queries of our own."""

from pglane.connection.own_queries import OwnQueries
from pglane.wire.server_messages import DataRow, ErrorResponse


def body(message: DataRow | ErrorResponse) -> bytes:
    return message.encode()[5:]


def error(state: bytes) -> bytes:
    return body(ErrorResponse((("S", b"ERROR"), ("C", state), ("M", b"words"))))


def test_the_last_row_and_the_first_error_are_kept() -> None:
    own = OwnQueries()
    own.take_row(body(DataRow((b"a", None))))
    own.done()
    assert own.take_error(error(b"42501"))["C"] == b"42501"
    own.done()
    own.take_row(body(DataRow((b"b",))))
    own.done()
    own.take_error(error(b"57014"))
    own.done()
    assert own.row == [b"b"]
    assert own.error is not None
    assert own.error["C"] == b"42501"
    assert own.failed == [1, 3]


def test_it_begins_anew() -> None:
    own = OwnQueries()
    own.take_error(error(b"42501"))
    own.done()
    own.begin()
    assert (own.row, own.error, own.failed) == ([], None, [])
    own.take_error(error(b"42501"))
    assert own.failed == [0]
