"""A refusal costs no driver and no pool its connection (decision 9)."""

import asyncio

import asyncpg
import psycopg
import psycopg_pool
import pytest
import sqlalchemy as sa
from sqlalchemy.ext import asyncio as sa_async

from tests.support.target import Target

pytestmark = pytest.mark.gateway

REFUSED = "CREATE TEMP TABLE basket (id int)"


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_sqlalchemy_keeps_the_connection(transaction_door: Target, driver: str) -> None:
    engine = sa.create_engine(transaction_door.uri(f"postgresql+{driver}"), pool_size=1)
    lost: list[object] = []
    sa.event.listen(engine, "invalidate", lambda *seen: lost.append(seen))
    made: list[object] = []
    sa.event.listen(engine, "connect", lambda *seen: made.append(seen))
    with engine.connect() as connection:
        with pytest.raises(sa.exc.DBAPIError, match="PGL0402") as refused:
            connection.execute(sa.text(REFUSED))
        assert not refused.value.connection_invalidated
        connection.rollback()
        assert connection.scalar(sa.text("SELECT 1")) == 1
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 2")) == 2
    assert (len(made), lost) == (1, [])
    engine.dispose()


def test_sqlalchemy_with_asyncpg_keeps_the_connection(transaction_door: Target) -> None:
    async def run() -> None:
        engine = sa_async.create_async_engine(
            transaction_door.uri("postgresql+asyncpg"), pool_size=1
        )
        async with engine.connect() as connection:
            with pytest.raises(sa.exc.DBAPIError, match="nothing temporary") as refused:
                await connection.execute(sa.text(REFUSED))
            assert not refused.value.connection_invalidated
            await connection.rollback()
            assert await connection.scalar(sa.text("SELECT 1")) == 1
        await engine.dispose()

    asyncio.run(run())


def test_psycopg_pool_keeps_the_connection(transaction_door: Target) -> None:
    with psycopg_pool.ConnectionPool(
        transaction_door.uri(),
        min_size=1,
        max_size=1,
        check=psycopg_pool.ConnectionPool.check_connection,
    ) as pool:
        pool.wait()
        with pool.connection() as connection:
            before = connection.info.backend_pid
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as refused:
                connection.execute(REFUSED)
            assert "PGL0402" in (refused.value.diag.message_detail or "")
            assert not connection.broken
            connection.rollback()
        with pool.connection() as connection:
            assert connection.info.backend_pid == before
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert pool.get_stats().get("connections_lost", 0) == 0


def test_asyncpg_keeps_the_connection(transaction_door: Target) -> None:
    async def run() -> None:
        pool = await asyncpg.create_pool(transaction_door.uri(), min_size=1, max_size=1)
        async with pool, pool.acquire() as connection:
            with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
                await connection.execute(REFUSED)
            with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
                await connection.fetch(f"{REFUSED} ON COMMIT DELETE ROWS")
            assert not connection.is_closed()
            assert await connection.fetchval("SELECT $1::int", 7) == 7

    asyncio.run(run())
