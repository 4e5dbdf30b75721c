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
        refused: how many of its questions were answered with an error.
        unprinted: how many texts it could not have printed.
    """

    def __init__(self, session: "psycopg.Connection[tuple[str | None, ...]]") -> None:
        self._session = session
        self._texts = PrintedTexts()
        self.printed = self.refused = 0
        for text in SESSION_SETTINGS:
            session.execute(text)

    @property
    def unprinted(self) -> int:
        return self._texts.unprinted

    def _rows(self, text: str) -> Rows:
        cursor = self._session.execute(text.encode(), prepare=False)
        while cursor.nextset():  # of several statements the last one has the rows
            pass
        return [
            [None if each is None else str(each).encode() for each in row]
            for row in cursor.fetchall()
        ]

    def read(self) -> Closure:
        """What follows from the catalogs as they are now."""
        (row,) = self._rows(LISTING)
        listing = read_listing(row)
        self._texts.take(listing)
        self.printed = self.refused = 0
        for portion in self._texts.lacking(again=True):
            text = texts_query(portion.part, portion.numbers, briefly=portion.briefly)
            try:
                rows = self._rows(text)
            except psycopg.Error:
                self._texts.refuse(portion)
                self.refused += 1
            else:
                self._texts.keep(portion, rows)
                self.printed += len(portion.numbers)
        return closure_of(listing, self._texts.words)

    def forget(self) -> None:
        """What was printed does not count."""
        self._texts = PrintedTexts()
