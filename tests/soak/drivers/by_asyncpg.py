"""asyncpg: prepared statements of the same names everywhere, cursors, COPY, time limits."""

import asyncio

import asyncpg

from tests.soak.client import Client


class AsyncpgClient(Client):
    """One connection, driven by one loop."""

    runner: asyncio.Runner | None = None
    units = (
        "look", "one_row", "block", "rolled_back", "read", "cursor", "copied", "cancelled",
        "notified",
    )  # fmt: skip
    errors = (
        asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError,
        TimeoutError,
    )  # fmt: skip

    def connect(self) -> None:
        self.runner = self.runner or asyncio.Runner()
        self.heard: list[tuple[str, str]] = []
        self.missed = False
        self.connection = self.runner.run(self._connect())

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            **self.target.keywords("database"),
            server_settings={"application_name": self.name},
            timeout=40,
        )
        connection.add_log_listener(self._notice)
        return connection

    def _notice(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        self.missed = self.missed or message.sqlstate == "01000"

    def close(self) -> None:
        if self.connected:
            self.runner.run(self.connection.close(timeout=20))

    def is_closed(self) -> bool:
        return self.connection.is_closed()

    def state_of(self, error: BaseException) -> str | None:
        """Errors that asyncpg makes itself have a SQLSTATE too, but no severity."""
        return error.sqlstate if getattr(error, "severity", None) else None

    def in_transaction(self) -> bool:
        return self.connection.is_in_transaction()

    def roll_back(self) -> None:
        self.runner.run(self.connection.execute("ROLLBACK"))

    def ask(self, sql: str) -> list[tuple]:
        return [tuple(row) for row in self.runner.run(self.connection.fetch(sql))]

    async def _insert(self, row: int) -> None:
        await self.connection.execute("INSERT INTO written VALUES ($1, $2)", row, self.name)

    def one_row(self) -> None:
        (row,) = self.teller.rows(1, committing=True)
        self.runner.run(self._insert(row))
        self.teller.committed()

    def block(self) -> None:
        async def work(rows: list[int]) -> None:
            async with self.connection.transaction():
                for row in rows:
                    await self._insert(row)
                self.teller.committing()

        self.runner.run(work(self.teller.rows(2)))
        self.teller.committed()

    def rolled_back(self) -> None:
        async def work(rows: list[int]) -> None:
            transaction = self.connection.transaction()
            await transaction.start()
            for row in rows:
                await self._insert(row)
            await transaction.rollback()

        self.runner.run(work(self.teller.rows(1)))
        self.teller.rolled_back()

    def read(self) -> None:
        """The same names of statements in all clients, other texts."""
        query = f"SELECT {self.number} + $1::int"
        seen = self.runner.run(self.connection.fetchval(query, 5))
        self.expect(seen, self.number + 5)

    def cursor(self) -> None:
        async def work() -> list[int]:
            query = f"SELECT g - {self.number} FROM generate_series(1, 120) g"
            async with self.connection.transaction():
                return [row[0] async for row in self.connection.cursor(query, prefetch=25)]

        self.expect(self.runner.run(work()), [g - self.number for g in range(1, 121)])

    def copied(self) -> None:
        rows = self.teller.rows(15, committing=True)
        records = [(row, self.name) for row in rows]
        self.runner.run(self.connection.copy_records_to_table("written", records=records))
        self.teller.committed()

    def cancelled(self) -> None:
        """By its own time limit."""

        async def work() -> int:
            try:
                await self.connection.execute("SELECT pg_sleep(20)", timeout=0.2)
            except TimeoutError:
                return await self.connection.fetchval("SELECT 8")
            return 0

        self.expect(self.runner.run(work()), 8)

    def notified(self) -> None:
        channel, word = f"soak_{self.number}", str(self._random.random())

        async def work() -> None:
            told = asyncio.Event()

            def hear(_: object, pid: int, channel: str, payload: str) -> None:
                self.heard.append((channel, payload))
                told.set()

            await self.connection.add_listener(channel, hear)
            try:
                await self.connection.execute("SELECT pg_notify($1, $2)", channel, word)
                async with asyncio.timeout(30):
                    await told.wait()
            finally:
                if not self.connection.is_closed():
                    await self.connection.remove_listener(channel, hear)

        self.heard, self.missed = [], False
        try:
            self.runner.run(work())
        except TimeoutError:
            if not self.missed and not self.is_closed():
                self.teller.wrong(f"{self.target.door}: a notification was lost")
        if self.heard and set(self.heard) != {(channel, word)}:
            self.teller.strange(f"{self.target.door}: heard {self.heard}, said {word}")
