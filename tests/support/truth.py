"""Clients that write, note what they were told, and compare it with the table afterwards.

What a client is told must be true: a row told as committed is there, a row told as not written is
not there, and only a row told as in doubt (or told nothing about) may be either.
"""

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psycopg

from tests.support.target import Target

IN_DOUBT = "08007"


@dataclass
class Ledger:
    """What the clients were told, by row."""

    committed: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    in_doubt: dict[int, str] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)

    def lies(self, rows: set[int]) -> list[str]:
        """Everything that was told and is not so; `rows` are those in the table."""
        lost = [f"row {row} was told as committed and is lost" for row in self.committed - rows]
        false = [
            f"row {row} was told as failed ({state}) and is there"
            for row, state in self.refused.items()
            if row in rows
        ]
        return lost + false


class Writers:
    """Threads that insert rows of their own numbers, by autocommit or in blocks, for ever.

    Args:
        target: where they connect.
        table: `(id int PRIMARY KEY, note text)`.
        clients: how many; every second one uses blocks.
    """

    def __init__(self, target: Target, table: str, clients: int) -> None:
        self.ledger = Ledger()
        self.reconnects = 0
        self._target = target
        self._table = table
        self._numbers = itertools.count(1)
        self._over = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(bool(number % 2),), daemon=True)
            for number in range(clients)
        ]

    def __enter__(self) -> "Writers":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        deadline = time.monotonic() + 20
        for one in self._threads:
            one.join(timeout=max(deadline - time.monotonic(), 0))
        hanging = sum(one.is_alive() for one in self._threads)
        assert not hanging, f"{hanging} clients hang; told so far: {self.ledger.told}"
        assert not self._failures, self._failures

    @property
    def commits(self) -> int:
        return len(self.ledger.committed)

    def _run(self, blocks: bool) -> None:
        try:
            while not self._over.is_set():
                self._one_connection(blocks)
        except BaseException as error:
            self._failures.append(error)
            raise

    def _one_connection(self, blocks: bool) -> None:
        try:
            connection = psycopg.connect(self._target.uri(), autocommit=not blocks)
        except psycopg.OperationalError as error:
            self.ledger.told[f"connect {error.sqlstate}"] += 1
            self._over.wait(0.02)
            return
        self.reconnects += 1
        try:
            while not self._over.is_set() and not connection.closed:
                self._one_row(connection, blocks)
        finally:
            connection.close()

    def _one_row(self, connection: psycopg.Connection, blocks: bool) -> None:
        """Inserts one row and notes what was said about it."""
        row = next(self._numbers)
        committing = False
        try:
            connection.execute(f"INSERT INTO {self._table} VALUES (%s, 'x')", (row,))
            if blocks:
                committing = True
                connection.commit()
            self.ledger.committed.add(row)
        except psycopg.Error as error:
            self._note(row, error, told_nothing=not blocks or committing)
            if not connection.closed and blocks:
                self._give_up_block(connection)

    def _note(self, row: int, error: psycopg.Error, told_nothing: bool) -> None:
        state = error.sqlstate
        self.ledger.told[str(state)] += 1
        if state == IN_DOUBT:
            self.ledger.in_doubt[row] = state
        elif state is None and told_nothing:
            self.ledger.in_doubt[row] = "end of stream"
        else:
            self.ledger.refused[row] = str(state)

    def _give_up_block(self, connection: psycopg.Connection) -> None:
        try:
            connection.rollback()
        except psycopg.Error as error:
            self.ledger.told[f"rollback {error.sqlstate}"] += 1
            connection.close()
