"""asyncpg with its defaults: statement cache on, type introspection, reset on release."""

import asyncio
import contextlib
import io

import asyncpg
import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import Target


def with_connection(target: Target, work, **options):
    """Runs `work(connection)` on one connection."""

    async def run():
        connection = await asyncpg.connect(**target.keywords("database"), **options)
        try:
            return await work(connection)
        finally:
            await connection.close(timeout=10)

    return asyncio.run(asyncio.wait_for(run(), 60))


@contextlib.asynccontextmanager
async def open_pool(target: Target, **options):
    async with asyncpg.create_pool(**target.keywords("database"), **options) as pool:
        yield pool


def test_rows_of_many_types(target: Target) -> None:
    async def work(connection):
        return await connection.fetchrow(
            "SELECT $1::int, $2::text, $3::int[], $4::bytea, $5::timestamptz IS NULL",
            *(7, "ä", [1, 2], b"\0\xff", None),
        )

    assert tuple(with_connection(target, work)) == (7, "ä", [1, 2], b"\0\xff", True)


def test_statement_cache_over_many_transactions(target: Target) -> None:
    async def work(connection):
        found = []
        for number in range(30):
            async with connection.transaction():
                found.append(await connection.fetchval("SELECT $1::int + 1", number))
        return found

    assert with_connection(target, work) == list(range(1, 31))


def test_prepared_statement_kept_over_transactions(target: Target) -> None:
    async def work(connection):
        statement = await connection.prepare("SELECT $1::int * 2 AS twice")
        found = [await statement.fetchval(number) for number in range(10)]
        async with connection.transaction():
            found.append(await statement.fetchval(100))
        names = [attribute.name for attribute in statement.get_attributes()]
        return found, names

    assert with_connection(target, work) == ([*range(0, 20, 2), 200], ["twice"])


def test_more_statements_than_the_cache_holds(target: Target) -> None:
    async def work(connection):
        for turn in range(3):
            for number in range(12):
                value = await connection.fetchval(f"SELECT $1::int + {number}", turn)
                assert value == turn + number

    with_connection(target, work, statement_cache_size=5)


def test_cursor_in_a_transaction(target: Target) -> None:
    async def work(connection):
        async with connection.transaction():
            total = 0
            async for record in connection.cursor("SELECT generate_series(1, $1::int)", 500):
                total += record[0]
            cursor = await connection.cursor("SELECT generate_series(1, 10)")
            await cursor.forward(3)
            return total, (await cursor.fetchrow())[0]

    assert with_connection(target, work) == (125250, 4)


def test_nested_transactions(target: Target, table: str) -> None:
    async def work(connection):
        async with connection.transaction():
            await connection.execute(f"INSERT INTO {table} VALUES (1, 'outer')")
            with pytest.raises(asyncpg.UniqueViolationError):
                async with connection.transaction():
                    await connection.execute(f"INSERT INTO {table} VALUES (1, 'inner')")
        return await connection.fetchval(f"SELECT count(*) FROM {table}")

    assert with_connection(target, work) == 1


def test_copy_records_and_files(target: Target, table: str) -> None:
    async def work(connection):
        rows = [(number, f"note {number}") for number in range(3000)]
        await connection.copy_records_to_table(table, records=rows)
        out = io.BytesIO()
        await connection.copy_from_query(f"SELECT * FROM {table} ORDER BY id", output=out)
        await connection.execute(f"TRUNCATE {table}")
        out.seek(0)
        await connection.copy_to_table(table, source=out)
        return await connection.fetchval(f"SELECT sum(id) FROM {table}")

    assert with_connection(target, work) == 3000 * 2999 // 2


def test_executemany_is_one_transaction(target: Target, table: str) -> None:
    async def work(connection):
        insert = f"INSERT INTO {table} VALUES ($1, $2)"
        await connection.executemany(insert, [(number, "x") for number in range(1000)])
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.executemany(insert, [(5000, "y"), (1, "y")])
        return await connection.fetchval(f"SELECT count(*) FROM {table}")

    assert with_connection(target, work) == 1000


def test_cancel_by_timeout(target: Target) -> None:
    async def work(connection):
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await connection.fetchval("SELECT pg_sleep(20)", timeout=0.2)
            assert await connection.fetchval("SELECT 1") == 1

    with_connection(target, work)


def test_custom_types_are_introspected(
    target: Target, cluster: PostgresCluster, table: str
) -> None:
    mood, pair = f"mood_{table}", f"pair_{table}"
    cluster.admin(
        f"SET ROLE app; CREATE TYPE {mood} AS ENUM ('fine', 'tired'); "
        f"CREATE TYPE {pair} AS (feeling {mood}, number int)",
        database="app",
    )

    async def work(connection):
        value = await connection.fetchval(f"SELECT ROW('tired', 7)::{pair}")
        many = await connection.fetchval(f"SELECT $1::{mood}[]", ["fine", "tired"])
        back = await connection.fetchval(f"SELECT ($1::{pair}).number", ("fine", 9))
        return tuple(value), many, back

    assert with_connection(target, work) == (("tired", 7), ["fine", "tired"], 9)


def test_pool_resets_on_release(target: Target) -> None:
    async def work():
        async with open_pool(target, min_size=2, max_size=4) as pool:

            async def one(number: int) -> int:
                async with pool.acquire() as connection:
                    return await connection.fetchval("SELECT $1::int", number)

            return await asyncio.gather(*(one(number) for number in range(60)))

    assert asyncio.run(asyncio.wait_for(work(), 60)) == list(range(60))


def test_a_release_takes_back_what_was_set(target: Target) -> None:
    """asyncpg releases with pg_advisory_unlock_all, CLOSE ALL, UNLISTEN * and RESET ALL."""

    async def work():
        async with open_pool(target, min_size=1, max_size=1) as pool:
            async with pool.acquire() as connection:
                before = await connection.fetchval("SHOW work_mem")
                await connection.execute("SET work_mem = '123kB'")
                await connection.execute("LISTEN news")
            async with pool.acquire() as connection:
                assert await connection.fetchval("SHOW work_mem") == before
                assert await connection.fetch("SELECT pg_listening_channels()") == []

    asyncio.run(asyncio.wait_for(work(), 60))


@pytest.mark.gateway
def test_a_release_pins_nobody(gateway: Gateway) -> None:
    target = gateway.target("transaction")

    async def work():
        options = {"server_settings": {"application_name": "releases"}}
        async with open_pool(target, min_size=1, max_size=1, **options) as pool:
            async with pool.acquire() as connection:
                await connection.execute("SET work_mem = '123kB'")
            async with pool.acquire() as connection:
                await connection.fetchval("SELECT 1")
            return await asyncio.to_thread(gateway.show, "CLIENTS")

    clients = asyncio.run(asyncio.wait_for(work(), 60))
    assert [one["pinned"] for one in clients if one["application_name"] == "releases"] == [""]


def test_error_position_and_recovery(target: Target) -> None:
    async def work(connection):
        for _ in range(3):
            with pytest.raises(asyncpg.UndefinedColumnError) as caught:
                await connection.fetch("SELECT nosuch")
            assert caught.value.sqlstate == "42703"
        return await connection.fetchval("SELECT 1")

    assert with_connection(target, work) == 1


def test_schema_change_under_a_cached_statement(
    target: Target, cluster: PostgresCluster, table: str
) -> None:
    async def work(connection):
        query = f"SELECT * FROM {table}"
        await connection.execute(f"INSERT INTO {table} VALUES (1, 'x')")
        before = tuple(await connection.fetchrow(query))
        cluster.admin(f"ALTER TABLE {table} ADD more int DEFAULT 5", database="app")
        after = tuple(await connection.fetchrow(query))
        return before, after

    assert with_connection(target, work) == ((1, "x"), (1, "x", 5))


def test_large_parameters_and_results(target: Target) -> None:
    async def work(connection):
        value = b"0123456789" * 2_000_000
        size = await connection.fetchval("SELECT length($1::bytea)", value)
        text = await connection.fetchval("SELECT repeat('abc', 5000000)")
        return size, len(text)

    assert with_connection(target, work) == (20_000_000, 15_000_000)


def test_server_settings_are_the_clients_own(target: Target) -> None:
    async def work(connection):
        return [
            await connection.fetchval("SHOW statement_timeout"),
            await connection.fetchval("SHOW application_name"),
            connection.get_settings().application_name,
        ]

    settings = {"statement_timeout": "4321", "application_name": "my app"}
    found = with_connection(target, work, server_settings=settings)
    assert found == ["4321ms", "my app", "my app"]
