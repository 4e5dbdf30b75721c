"""pg8000: a protocol implementation of its own, in Python."""

import io

import pg8000.native

from tests.soak.client import Client


class Pg8000Client(Client):
    """The native interface."""

    units = ("look", "one_row", "block", "prepared", "copied", "read")
    errors = (pg8000.native.Error, OSError)

    def connect(self) -> None:
        self.broken = False
        self.connection = pg8000.native.Connection(
            **self.target.keywords("database"), application_name=self.name, timeout=90
        )

    def close(self) -> None:
        if self.connected:
            self.connection.close()

    def is_closed(self) -> bool:
        return self.broken

    def state_of(self, error: BaseException) -> str | None:
        told = error.args[0] if error.args else None
        state = told.get("C") if isinstance(told, dict) else None
        self.broken = self.broken or state is None or told.get("S") == "FATAL"
        return state

    def in_transaction(self) -> bool:
        return self.connection._transaction_status != b"I"

    def roll_back(self) -> None:
        self.connection.run("ROLLBACK")

    def ask(self, sql: str) -> list[tuple]:
        return [tuple(row) for row in self.connection.run(sql) or []]

    def _insert(self, row: int) -> None:
        self.connection.run("INSERT INTO written VALUES (:id, :note)", id=row, note=self.name)

    def one_row(self) -> None:
        (row,) = self.teller.rows(1, committing=True)
        self._insert(row)
        self.teller.committed()

    def block(self) -> None:
        rows = self.teller.rows(2)
        self.connection.run("BEGIN")
        for row in rows:
            self._insert(row)
        self.teller.committing()
        self.connection.run("COMMIT")
        self.teller.committed()

    def prepared(self) -> None:
        statement = self.connection.prepare(f"SELECT {self.number} + CAST(:n AS int)")
        for number in range(3):
            self.expect(statement.run(n=number), [[self.number + number]])
        statement.close()

    def copied(self) -> None:
        rows = self.teller.rows(8, committing=True)
        data = io.BytesIO("".join(f"{row}\t{self.name}\n" for row in rows).encode())
        self.connection.run("COPY written FROM STDIN", stream=data)
        self.teller.committed()

    def read(self) -> None:
        query = f"SELECT g, g % {self.number} FROM generate_series(1, 60) g"
        self.expect(self.connection.run(query), [[g, g % self.number] for g in range(1, 61)])
