"""psycopg 3, asynchronous: pipelines that stay open, statements side by side."""

import asyncio

import psycopg

from tests.soak.client import Client


class AsyncClient(Client):
    """One connection, driven by one loop."""

    runner: asyncio.Runner | None = None
    units = ("look", "one_row", "block", "piped_units", "piped_reads", "cursor", "copied")
    errors = (psycopg.Error, OSError)

    def connect(self) -> None:
        self.runner = self.runner or asyncio.Runner()
        connecting = psycopg.AsyncConnection.connect(
            self.target.uri(), autocommit=True, application_name=self.name, connect_timeout=40
        )
        self.connection = self.runner.run(connecting)
        self.connection.prepare_threshold = 0

    def close(self) -> None:
        if self.connected:
            self.runner.run(self.connection.close())

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
        self.runner.run(self.connection.rollback())

    def ask(self, sql: str) -> list[tuple]:
        async def asked() -> list[tuple]:
            cursor = await self.connection.execute(sql.encode())
            return await cursor.fetchall() if cursor.description else []

        return self.runner.run(asked())

    async def _insert(self, row: int) -> None:
        await self.connection.execute("INSERT INTO written VALUES (%s, %s)", (row, self.name))

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

        self.runner.run(work(self.teller.rows(3)))
        self.teller.committed()

    def piped_units(self) -> None:
        """A row in a transaction of its own that the pipeline's Sync ends."""

        async def work(rows: list[int]) -> None:
            async with self.connection.pipeline() as pipeline:
                for row in rows:
                    await self._insert(row)
                    await pipeline.sync()

        self.runner.run(work(self.teller.rows(1, committing=True)))
        self.teller.committed()

    def piped_reads(self) -> None:
        async def work() -> list[tuple]:
            async with self.connection.pipeline():
                cursors = [
                    await self.connection.execute(f"SELECT {self.number} + %s::int", (number,))
                    for number in range(10)
                ]
            return [await cursor.fetchone() for cursor in cursors]

        self.expect(self.runner.run(work()), [(self.number + number,) for number in range(10)])

    def cursor(self) -> None:
        async def work() -> list[int]:
            query = f"SELECT g * {self.number} FROM generate_series(1, 150) g"
            async with self.connection.transaction(), self.connection.cursor("c") as cursor:
                await cursor.execute(query)
                return [row[0] async for row in cursor]

        self.expect(self.runner.run(work()), [g * self.number for g in range(1, 151)])

    def copied(self) -> None:
        async def work(rows: list[int]) -> None:
            query = "COPY written FROM STDIN"
            async with self.connection.cursor() as cursor, cursor.copy(query) as copy:
                for row in rows:
                    await copy.write_row((row, self.name))

        self.runner.run(work(self.teller.rows(10, committing=True)))
        self.teller.committed()
