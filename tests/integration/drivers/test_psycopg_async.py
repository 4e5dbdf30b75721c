"""psycopg 3, asynchronous, and its pool, with their defaults."""

import asyncio

import psycopg
import psycopg_pool
import pytest

from tests.support.target import Target


def test_async_connections_side_by_side(target: Target, table: str) -> None:
    async def one(number: int) -> int:
        async with await psycopg.AsyncConnection.connect(target.uri()) as connection:
            await connection.execute(f"INSERT INTO {table} VALUES (%s, 'a')", (number,))
            cursor = await connection.execute("SELECT %s::int", (number,))
            row = await cursor.fetchone()
            return int(row[0])

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(one(number) for number in range(8)))

    assert asyncio.run(all_of_them()) == list(range(8))


def test_async_pipeline_and_copy(target: Target, table: str) -> None:
    async def work() -> tuple[int, list[tuple[int, str]]]:
        uri = target.uri()
        async with await psycopg.AsyncConnection.connect(uri, autocommit=True) as connection:
            async with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                for number in range(100):
                    await copy.write_row((number, "c"))
            async with connection.pipeline():
                first = await connection.execute(f"SELECT count(*) FROM {table}")
                second = await connection.execute(f"SELECT * FROM {table} WHERE id = 3")
            return (await first.fetchone())[0], await second.fetchall()

    assert asyncio.run(work()) == (100, [(3, "c")])


def test_async_cancel_by_timeout(target: Target) -> None:
    async def work() -> int:
        uri = target.uri()
        async with await psycopg.AsyncConnection.connect(uri, autocommit=True) as connection:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(connection.execute("SELECT pg_sleep(20)"), 0.3)
            cursor = await connection.execute("SELECT 5")
            return (await cursor.fetchone())[0]

    assert asyncio.run(work()) == 5


def test_pool_checks_and_gives_back(target: Target) -> None:
    with psycopg_pool.ConnectionPool(
        target.uri(),
        min_size=2,
        max_size=4,
        open=True,
        check=psycopg_pool.ConnectionPool.check_connection,
    ) as pool:
        for number in range(12):
            with pool.connection() as connection:
                assert connection.execute("SELECT %s::int", (number,)).fetchone() == (number,)
        with pytest.raises(psycopg.errors.UndefinedColumn), pool.connection() as connection:
            connection.execute("SELECT nosuch")
        with pool.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_async_pool_under_load(target: Target) -> None:
    async def work() -> list[int]:
        async with psycopg_pool.AsyncConnectionPool(
            target.uri(), min_size=1, max_size=4, open=False
        ) as pool:

            async def one(number: int) -> int:
                async with pool.connection() as connection:
                    cursor = await connection.execute("SELECT %s::int", (number,))
                    return (await cursor.fetchone())[0]

            return await asyncio.gather(*(one(number) for number in range(100)))

    assert asyncio.run(work()) == list(range(100))
