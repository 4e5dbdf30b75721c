"""What the monitor would know of a database, read by a connection of the test's own."""

import psycopg

from pglane.connection.catalog import Closure
from pglane.connection.catalog_listing import closure_of, read_listing
from pglane.connection.catalog_queries import LISTING, SESSION_SETTINGS, texts_query
from pglane.connection.catalog_texts import PrintedTexts

Rows = list[list[bytes | None]]


class CatalogReader:
    """Reads catalogs again and again as a monitor does, on one connection.

    Attributes:
        printed: how many texts the last reading had printed.
    """

    def __init__(self, session: "psycopg.Connection[tuple[str | None, ...]]") -> None:
        self._session = session
        self._texts = PrintedTexts()
        self.printed = 0
        for text in SESSION_SETTINGS:
            session.execute(text)

    def _rows(self, text: str) -> Rows:
        rows = self._session.execute(text.encode(), prepare=False).fetchall()
        return [[None if each is None else str(each).encode() for each in row] for row in rows]

    def read(self) -> Closure:
        """What follows from the catalogs as they are now."""
        (row,) = self._rows(LISTING)
        listing = read_listing(row)
        self._texts.take(listing)
        self.printed = 0
        for part, numbers in list(self._texts.lacking()):
            self._texts.keep(part, numbers, self._rows(texts_query(part, numbers)))
            self.printed += len(numbers)
        return closure_of(listing, self._texts.words)

    def forget(self) -> None:
        """What was printed does not count."""
        self._texts = PrintedTexts()
