"""psycopg 3: blocks, pipelines, COPY, cursors, notifications, cancels."""

import contextlib
import threading

import psycopg

from tests.soak.client import CANCELLED, Client

MISSED = "01000"
"""SQLSTATE of the warning that notifications may be missing."""


class SyncClient(Client):
    """Autocommit unless a unit says otherwise."""

    units = (
        "look", "one_row", "block", "rolled_back", "failed_block", "piped", "copied", "read_copy",
        "cursor", "prepared", "notified", "cancelled", "long_answer",
    )  # fmt: skip
    errors = (psycopg.Error, OSError)

    def connect(self) -> None:
        self.missed = False
        self.listening = False
        self.connection = psycopg.connect(
            self.target.uri(), autocommit=True, application_name=self.name, connect_timeout=40
        )
        self.connection.prepare_threshold = 1
        self.connection.add_notice_handler(self._notice)

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self.missed = self.missed or diagnostic.sqlstate == MISSED

    def close(self) -> None:
        if self.connected:
            self.connection.close()

    def is_closed(self) -> bool:
        return self.connection.closed

    def state_of(self, error: BaseException) -> str | None:
        return getattr(error, "sqlstate", None)

    def in_transaction(self) -> bool:
        status = self.connection.info.transaction_status
        return status not in (
            psycopg.pq.TransactionStatus.IDLE,
            psycopg.pq.TransactionStatus.UNKNOWN,
        )

    def roll_back(self) -> None:
        self.connection.rollback()

    def ask(self, sql: str) -> list[tuple]:
        cursor = self.connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []

    # ---------------------------------------------------------------- writing

    def _insert(self, row: int) -> None:
        self.connection.execute("INSERT INTO written VALUES (%s, %s)", (row, self.name))

    def one_row(self) -> None:
        (row,) = self.teller.rows(1, committing=True)
        self._insert(row)
        self.teller.committed()

    def block(self) -> None:
        rows = self.teller.rows(2)
        self.connection.execute("BEGIN")
        for row in rows:
            self._insert(row)
        self.expect(self._mine_from(rows[0]), len(rows))
        self.teller.committing()
        self.connection.execute("COMMIT")
        self.teller.committed()

    def _mine_from(self, row: int) -> int:
        query = "SELECT count(*) FROM written WHERE id BETWEEN %s AND %s"
        return self.connection.execute(query, (row, row + 10)).fetchone()[0]

    def rolled_back(self) -> None:
        (row,) = self.teller.rows(1)
        self.connection.execute("BEGIN")
        self._insert(row)
        self.connection.execute("ROLLBACK")
        self.teller.rolled_back()

    def failed_block(self) -> None:
        """One error of its own, then ROLLBACK TO, then the end."""
        first, second = self.teller.rows(2)
        with self.connection.transaction():
            self._insert(first)
            try:
                with self.connection.transaction():
                    self.connection.execute("SELECT 1/0")
            except psycopg.errors.DivisionByZero:
                pass
            self._insert(second)
            self.teller.committing()
        self.teller.committed()

    def piped(self) -> None:
        rows = self.teller.rows(3)
        with self.connection.pipeline(), self.connection.transaction():
            for row in rows:
                self._insert(row)
            self.teller.committing()
        self.teller.committed()

    def copied(self) -> None:
        rows = self.teller.rows(20, committing=True)
        query = "COPY written FROM STDIN"
        with self.connection.cursor() as cursor, cursor.copy(query) as copy:
            for row in rows:
                copy.write_row((row, self.name))
        self.teller.committed()

    # ---------------------------------------------------------------- reading

    def read_copy(self) -> None:
        query = f"COPY (SELECT g, g * {self.number} FROM generate_series(1, 100) g) TO STDOUT"
        with self.connection.cursor() as cursor, cursor.copy(query) as copy:
            seen = [tuple(map(int, row)) for row in copy.rows()]
        self.expect(seen, [(g, g * self.number) for g in range(1, 101)])

    def cursor(self) -> None:
        """A cursor of the server's, in a block."""
        with self.connection.transaction(), self.connection.cursor(name="c") as cursor:
            cursor.itersize = 50
            cursor.execute(f"SELECT g + {self.number} FROM generate_series(1, 200) g")
            seen = [row[0] for row in cursor]
        self.expect(seen, list(range(self.number + 1, self.number + 201)))

    def prepared(self) -> None:
        """Names are the same in all clients; texts and answers are not."""
        for text in range(3):
            query = f"SELECT {self.number} * 10 + {text} + %s"
            seen = self.connection.execute(query, (text,), prepare=True).fetchone()
            self.expect(seen, (self.number * 10 + 2 * text,))

    def long_answer(self) -> None:
        query = "SELECT repeat(%s, 40000) FROM generate_series(1, 20)"
        seen = self.connection.execute(query, (self.name,)).fetchall()
        self.expect([len(row[0]) for row in seen], [40000 * len(self.name)] * 20)
        self.expect({row[0][: len(self.name)] for row in seen}, {self.name})

    def notified(self) -> None:
        """Its own channel; nobody else's words."""
        if not self.listening:
            self.connection.execute(f"LISTEN soak_{self.number}")
            self.listening = True
        self.missed = False
        word = str(self._random.random())
        self.connection.execute("SELECT pg_notify(%s, %s)", (f"soak_{self.number}", word))
        heard = list(self.connection.notifies(timeout=30, stop_after=1))
        if not heard and not self.missed:
            self.connection.execute("SELECT 1")
            if not self.missed:
                self.teller.wrong(f"{self.target.door}: a notification was lost")
        for one in heard:
            if (one.channel, one.payload) != (f"soak_{self.number}", word):
                self.teller.strange(f"{self.target.door}: heard {one}, said {word}")

    def cancelled(self) -> None:
        """By itself, and only it."""
        timer = threading.Timer(0.2, self._cancel)
        timer.start()
        try:
            self.connection.execute("SELECT pg_sleep(20)")
            self.teller.lost("a cancel")
        except psycopg.errors.QueryCanceled:
            pass
        finally:
            timer.join()
        try:
            self.expect(self.connection.execute("SELECT 7").fetchone(), (7,))
        except psycopg.Error as error:
            self.expect(self.state_of(error) != CANCELLED, True)
            raise

    def _cancel(self) -> None:
        """A fault may hit the cancel too; then the sleep ends by itself."""
        with contextlib.suppress(psycopg.Error):
            self.connection.cancel_safe(timeout=15)
