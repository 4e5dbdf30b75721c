"""What clients were told, as lines of a file: written by a client, read by the one who judges.

A line is a letter and words. Each is written at once, so that a client that is killed leaves
everything it knew: a row that was begun and never told about may be there or not.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.truth import IN_DOUBT, Ledger

ROWS_OF_CLIENT = 1_000_000
BEGUN, COMMITTED, REFUSED, DOUBTED = "b", "c", "r", "d"
WRONG, STRANGE, DONE, TOLD = "w", "s", "u", "t"
"""A wrong answer; something of somebody else's; a unit of work; an error."""


class Teller:
    """One client's notes.

    Args:
        path: the file, which grows.
        client: number of the client; its rows begin with it.
    """

    def __init__(self, path: Path, client: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._next = client * ROWS_OF_CLIENT
        self._pending: list[int] = []
        self._committing = False

    def _write(self, letter: str, *words: object) -> None:
        os.write(
            self._file, " ".join([letter, *map(str, words)]).replace("\n", " / ").encode() + b"\n"
        )

    def rows(self, count: int, committing: bool = False) -> list[int]:
        """Numbers of rows that are going to be written.

        Args:
            committing: the first statement may commit them already.
        """
        assert not self._pending, "one unit of work at a time"
        self._pending = list(range(self._next, self._next + count))
        self._next += count
        self._committing = committing
        for row in self._pending:
            self._write(BEGUN, row)
        return list(self._pending)

    def committing(self) -> None:
        """From now on a connection that ends says nothing about the rows."""
        self._committing = True

    def committed(self) -> None:
        self._settle(COMMITTED)

    def rolled_back(self) -> None:
        """Never to be there."""
        self._settle(REFUSED, "rolled back")

    def failed(self, state: str | None) -> None:
        """An error with this SQLSTATE; None: the connection ended without a word."""
        self._write(TOLD, state or "end of stream")
        if state == IN_DOUBT or (state is None and self._committing):
            self._settle(DOUBTED, state or "end of stream")
        else:
            self._settle(REFUSED, state or "end of stream")

    def _settle(self, letter: str, *words: object) -> None:
        for row in self._pending:
            self._write(letter, row, *words)
        self._pending = []

    def wrong(self, text: str) -> None:
        self._write(WRONG, text)

    def lost(self, what: str) -> None:
        """What may be lost where the network breaks: counted, and nobody's fault."""
        self._write(TOLD, f"{what} without effect")

    def strange(self, text: str) -> None:
        self._write(STRANGE, text)

    def done(self, unit: str) -> None:
        self._write(DONE, unit)


@dataclass
class Account:
    """What all clients were told so far.

    Attributes:
        open: rows that were begun and of which nothing was told (yet).
        wrong: answers that are not what they must be.
        strange: what belongs to somebody else.
        units: finished units of work, by client kind and name.
    """

    ledger: Ledger = field(default_factory=Ledger)
    open: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    units: Counter[str] = field(default_factory=Counter)

    def take(self, kind: str, line: str) -> None:
        """One line of a client of this kind."""
        letter, _, rest = line.partition(" ")
        if letter == WRONG:
            self.wrong.append(f"{kind}: {rest}")
        elif letter == STRANGE:
            self.strange.append(f"{kind}: {rest}")
        elif letter == DONE:
            self.units[f"{kind} {rest}"] += 1
        elif letter == TOLD:
            self.ledger.told[rest] += 1
        else:
            self._take_row(letter, *rest.partition(" ")[::2])

    def _take_row(self, letter: str, number: str, state: str) -> None:
        row = int(number)
        if letter == BEGUN:
            self.open.add(row)
            return
        self.open.discard(row)
        if letter == COMMITTED:
            self.ledger.committed.add(row)
        else:
            held = self.ledger.in_doubt if letter == DOUBTED else self.ledger.refused
            held[row] = state


class Tail:
    """Reads what was added to a file since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._rest = b""

    def lines(self) -> list[str]:
        """Whole lines only."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        self._at += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line.decode() for line in whole]
