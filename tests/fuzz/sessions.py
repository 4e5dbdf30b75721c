"""The sessions the corpus was recorded from: `python -m tests.fuzz.sessions NAME` plays one.

Server, user and password come from PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

import asyncpg
import pg8000.native
import psycopg
import psycopg2

NOTICE = "DO $$BEGIN RAISE NOTICE 'note'; END$$"


def play_psycopg() -> None:
    with psycopg.connect("application_name=shop options='-c work_mem=8MB'") as connection:
        connection.execute("CREATE TEMP TABLE goods (id int, name text, price numeric)")
        with connection.cursor() as cursor, cursor.copy("COPY goods FROM STDIN") as copy:
            for row in ((1, "tea", 3), (2, None, 4)):
                copy.write_row(row)
        with connection.cursor() as cursor, cursor.copy("COPY goods TO STDOUT") as copy:
            assert len(list(copy)) == 2
        for _ in range(7):
            connection.execute("SELECT * FROM goods WHERE id = %s AND name <> %s", (1, "x"))
        with connection.cursor(binary=True) as cursor:
            cursor.execute("SELECT %s::bytea, %s::int8[], now()", (b"\0\1", [1, 2, 3]))
        connection.execute("LISTEN news")
        connection.execute("NOTIFY news, 'hello'")
        connection.commit()
        with connection.cursor(name="slow") as cursor:
            cursor.execute("SELECT generate_series(1, 30)")
            assert len(cursor.fetchmany(10)) == 10
        connection.rollback()
        with connection.pipeline():
            for number in range(5):
                connection.execute("INSERT INTO goods VALUES (%s)", (number,))


def play_protocol_3_2() -> None:
    """libpq 18 asks for long cancel keys when it is told to; older ones know no such option."""
    with psycopg.connect("max_protocol_version=3.2") as connection:
        connection.execute("SELECT 1")
        connection.cancel()


def play_psycopg_errors() -> None:
    with psycopg.connect(autocommit=True) as connection:
        for text in ("SELECT 1/0", "SELEC", "", "SELECT 1; SELECT 2", NOTICE):
            with contextlib.suppress(psycopg.Error):
                connection.execute(text)
        with (
            contextlib.suppress(psycopg.Error),
            connection.cursor() as cursor,
            cursor.copy("COPY pg_class FROM STDIN") as copy,
        ):
            copy.write("nonsense\n")


def play_psycopg2() -> None:
    connection = psycopg2.connect("")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT relname, oid FROM pg_class WHERE oid < %s", (100,))
        cursor.fetchall()
        large = connection.lobject(0, "wb")
        large.write(b"large object")
        large.unlink()
    connection.close()


def play_pg8000() -> None:
    connection = pg8000.native.Connection(
        os.environ["PGUSER"],
        host=os.environ["PGHOST"],
        port=int(os.environ["PGPORT"]),
        password=os.environ["PGPASSWORD"],
        database=os.environ["PGDATABASE"],
    )
    connection.run("SELECT :a::text, :b::int", a="x", b=None)
    connection.close()


def play_asyncpg() -> None:
    async def play() -> None:
        connection = await asyncpg.connect(server_settings={"search_path": "public"})
        assert await connection.fetchval("SELECT $1::int + $2", 1, 2) == 3
        async with connection.transaction():
            async for _ in connection.cursor("SELECT * FROM pg_type LIMIT 60"):
                pass
        await connection.execute("CREATE TEMP TABLE moved (a int, b text)")
        await connection.copy_records_to_table("moved", records=[(1, "a"), (2, None)])
        await connection.executemany("INSERT INTO moved VALUES ($1, $2)", [(1, "x"), (2, "y")])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(connection.execute("SELECT pg_sleep(60)"), 0.2)
        await connection.close()

    asyncio.run(play())


PLAYS: dict[str, Callable[[], None]] = {
    "psycopg": play_psycopg,
    "protocol-3.2": play_protocol_3_2,
    "psycopg-errors": play_psycopg_errors,
    "psycopg2": play_psycopg2,
    "pg8000": play_pg8000,
    "asyncpg": play_asyncpg,
}

if __name__ == "__main__":
    PLAYS[sys.argv[1]]()
