"""What came of the queries of our own that run on a server connection between two clients' work.

Several may be sent at once; each is a request of its own, so one that fails does not keep the
next from running. What they returned is one row at most.
"""

from pglane.wire.server_messages import DataRow, error_fields


class OwnQueries:
    """The answers to the queries sent since `begin`.

    Attributes:
        row: columns of the row that came last, in text; None for NULL.
        error: fields of the first error; None if all went well.
        failed: numbers of the queries that failed, from 0.
    """

    __slots__ = ("_answered", "error", "failed", "row")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forgets what was before."""
        self.row: list[bytes | None] = []
        self.error: dict[str, bytes] | None = None
        self.failed: list[int] = []
        self._answered = 0

    def take_row(self, body: bytes) -> None:
        """A DataRow."""
        self.row = list(DataRow.decode(body).values)

    def take_error(self, body: bytes) -> dict[str, bytes]:
        """An ErrorResponse; gives its fields."""
        fields = error_fields(body)
        if self.error is None:
            self.error = fields
        self.failed.append(self._answered)
        return fields

    def done(self) -> None:
        """ReadyForQuery: the next answers belong to the next query."""
        self._answered += 1
