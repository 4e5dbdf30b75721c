"""LISTEN and NOTIFY as drivers do it.

Through every door; behind the transaction door all clients share one server connection.
"""

import asyncio
import contextlib
import select

import asyncpg
import pg8000.native
import psycopg
import psycopg2
import psycopg2.extensions

from tests.support.target import Target
from tests.support.waiting import eventually


def run(work) -> object:
    return asyncio.run(asyncio.wait_for(work, 60))


def test_asyncpg_listeners(crowded_target: Target) -> None:
    async def work() -> None:
        listener = await asyncpg.connect(**crowded_target.keywords("database"))
        notifier = await asyncpg.connect(**crowded_target.keywords("database"))
        told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

        def hear(connection, pid, channel, payload) -> None:
            told.put_nowait((channel, payload))

        await listener.add_listener("one", hear)
        await listener.add_listener("two", hear)
        await notifier.execute("SELECT pg_notify('one', $1)", "a")
        async with notifier.transaction():
            await notifier.execute("NOTIFY two, 'b'")
        assert [await told.get(), await told.get()] == [("one", "a"), ("two", "b")]
        await listener.remove_listener("one", hear)
        await notifier.execute("NOTIFY one")
        await notifier.execute("NOTIFY two, 'c'")
        assert await told.get() == ("two", "c")
        assert told.empty()
        await listener.close()
        await notifier.close()

    run(work())


def test_asyncpg_pool_resets_what_was_listened_to(crowded_target: Target) -> None:
    async def work() -> None:
        told: list[str] = []
        async with asyncpg.create_pool(
            **crowded_target.keywords("database"), min_size=1, max_size=1
        ) as pool:
            async with pool.acquire() as connection:
                await connection.add_listener("one", lambda *seen: told.append(seen[3]))
                await connection.execute("NOTIFY one, 'a'")
                assert told == ["a"], "its own, before its statement ends"
                await connection.reset()
            async with pool.acquire() as connection:
                await connection.execute("NOTIFY one, 'b'")
                assert await connection.fetchval("SELECT 1") == 1
        assert told == ["a"]

    run(work())


def test_asyncpg_knows_its_own_notifications(transaction_door: Target) -> None:
    async def work() -> None:
        one = await asyncpg.connect(**transaction_door.keywords("database"))
        two = await asyncpg.connect(**transaction_door.keywords("database"))
        told: list[int] = []
        await one.add_listener("c", lambda connection, pid, *_: told.append(pid))
        for each in (one, two, one):
            await each.execute("NOTIFY c")
        await one.fetchval("SELECT 1")
        own = one.get_server_pid()
        assert [pid == own for pid in told] == [True, False, True]
        await one.close()
        await two.close()

    run(work())


def test_psycopg_generator(crowded_target: Target) -> None:
    with (
        psycopg.connect(crowded_target.uri(), autocommit=True) as listener,
        psycopg.connect(crowded_target.uri()) as notifier,
    ):
        listener.execute("LISTEN jobs")
        for number in range(5):
            notifier.execute("SELECT pg_notify('jobs', %s)", (str(number),))
        notifier.rollback()
        notifier.execute("SELECT pg_notify('jobs', 'done')")
        notifier.commit()
        told = [each.payload for each in listener.notifies(timeout=10, stop_after=1)]
        assert told == ["done"]


def test_psycopg_pipeline(crowded_target: Target) -> None:
    with psycopg.connect(crowded_target.uri(), autocommit=True) as connection:
        told: list[str] = []
        connection.add_notify_handler(lambda each: told.append(each.payload))
        with connection.pipeline():
            connection.execute("SELECT 1")
            connection.execute("LISTEN a")
            connection.execute("SELECT 2")
            connection.execute("NOTIFY a, 'x'")
            assert connection.execute("SELECT 3").fetchone() == (3,)
        connection.execute("SELECT 4")
        assert told == ["x"]


def test_psycopg_async(crowded_target: Target) -> None:
    async def work() -> list[str]:
        connect = psycopg.AsyncConnection.connect
        async with (
            await connect(crowded_target.uri(), autocommit=True) as listener,
            await connect(crowded_target.uri(), autocommit=True) as notifier,
        ):
            await listener.execute("LISTEN a")

            async def notify() -> None:
                for number in range(50):
                    await notifier.execute(f"NOTIFY a, '{number}'")

            busy = asyncio.create_task(notify())
            told = [each.payload async for each in listener.notifies(timeout=30, stop_after=50)]
            await busy
            return told

    assert run(work()) == [str(number) for number in range(50)]


def test_psycopg2(crowded_target: Target) -> None:
    with (
        contextlib.closing(psycopg2.connect(**crowded_target.keywords())) as listener,
        contextlib.closing(psycopg2.connect(**crowded_target.keywords())) as notifier,
    ):
        for each in (listener, notifier):
            each.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
        listener.cursor().execute("LISTEN a")
        notifier.cursor().execute("NOTIFY a, 'x'")
        assert select.select([listener], [], [], 10)[0]
        listener.poll()
        assert [(each.channel, each.payload) for each in listener.notifies] == [("a", "x")]


def test_pg8000(crowded_target: Target) -> None:
    with (
        contextlib.closing(
            pg8000.native.Connection(**crowded_target.keywords("database"))
        ) as listener,
        contextlib.closing(
            pg8000.native.Connection(**crowded_target.keywords("database"))
        ) as notifier,
    ):
        listener.run("LISTEN a")
        notifier.run("NOTIFY a, 'x'")

        def told() -> bool:
            listener.run("SELECT 1")
            return bool(listener.notifications)

        eventually(told)
        assert [each[1:] for each in listener.notifications] == [("a", "x")]
