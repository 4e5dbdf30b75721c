"""The console with the drivers people have, over descriptors that a worker passed."""

import asyncio
import subprocess
import warnings

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2
import pytest

from pglane.control import columns
from pglane.version import VERSION
from tests.support.supervised import Supervised

COMMANDS = [table.name for table in columns.TABLES]
SAID = f"pglane {VERSION}"


@pytest.fixture(scope="module")
def supervised(tmp_path_factory):
    with Supervised(tmp_path_factory.mktemp("console")) as supervisor:
        yield supervisor.ready()


@pytest.fixture
def where(supervised):
    host, port = supervised.address("session")
    return {"host": host, "port": port, "user": "ada"}


def psql(where, *commands):
    address = [f"--{key.replace('user', 'username')}={value}" for key, value in where.items()]
    told = [argument for command in commands for argument in ("-c", command)]
    return subprocess.run(
        ["psql", "-X", "-A", *address, "--dbname=pglane", *told],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_psql_shows(where, name):
    result = psql(where, f"show {name.lower()};")
    assert result.stderr == ""
    header = result.stdout.splitlines()[0]
    table = next(table for table in columns.TABLES if table.name == name)
    assert header == "|".join(table.keys)


def test_psql_gets_rows_and_nulls(where):
    result = psql(where, "SHOW CLIENTS", "SHOW LISTS")
    lines = result.stdout.splitlines()
    assert lines[1].startswith("C|ada||||")
    assert "(3 rows)" in lines
    assert "users|2" in lines


def test_psql_is_told_what_there_is(where):
    result = psql(where, "SHOW TABLES", "select 1")
    assert "does not know this command" in result.stderr
    assert "HINT:  There is: SHOW CLIENTS, SHOW SERVERS" in result.stderr
    assert "runs no SQL" in result.stderr
    assert "PGL0811" in result.stderr


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("name", COMMANDS)
def test_psycopg(where, name, binary):
    with psycopg.connect(**where, dbname="pglane") as connection:
        cursor = connection.cursor(binary=binary)
        cursor.execute(f"SHOW {name}", prepare=True)
        assert [column.name for column in cursor.description] == list(
            next(table for table in columns.TABLES if table.name == name).keys
        )
        rows = cursor.fetchall()
    if name == "CLIENTS":
        assert [row[20] for row in rows] == [2**40, 2**40 + 1, 2**40 + 2]
        assert rows[2][6] == 2
        assert rows[0][1] == "ada"


def test_psycopg_pipeline(where):
    with (
        psycopg.connect(**where, dbname="pglane", autocommit=True) as connection,
        connection.pipeline(),
    ):
        cursors = {name: connection.execute(f"SHOW {name}") for name in COMMANDS}
        empty = {name for name, cursor in cursors.items() if not cursor.fetchall()}
        once_counted = {"LANES", "TENANTS", "WAITS"}  # the worker counts once a second
        assert empty - once_counted == {"DNS_ZONES"}, "all else has rows"


def test_psycopg_errors_leave_the_connection_usable(where):
    with psycopg.connect(**where, dbname="pglane") as connection:
        with pytest.raises(psycopg.errors.FeatureNotSupported) as caught:
            connection.execute("SELECT %s", [1])
        assert "SHOW HELP" in caught.value.diag.message_hint
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("hello")
        assert connection.execute("SHOW VERSION").fetchone() == (SAID,)


def test_psycopg_async(where):
    async def run():
        async with await psycopg.AsyncConnection.connect(**where, dbname="pglane") as connection:
            return await (await connection.execute("SHOW VERSION")).fetchone()

    assert asyncio.run(run()) == (SAID,)


def test_psycopg2(where):
    connection = psycopg2.connect(**where, dbname="pglane")
    cursor = connection.cursor()
    cursor.execute("SHOW VERSION")
    assert cursor.fetchall() == [(SAID,)]
    cursor.execute("SHOW CLIENTS")
    assert len(cursor.fetchall()) == 3
    connection.commit()
    connection.close()


def test_asyncpg(where):
    async def run():
        connection = await asyncpg.connect(**where, database="pglane")
        try:
            rows = await connection.fetch("SHOW CLIENTS")
            some = await connection.fetchrow("SHOW CLIENTS")
            async with connection.transaction():
                version = await connection.fetchval("SHOW VERSION")
            with pytest.raises(asyncpg.FeatureNotSupportedError):
                await connection.fetch("SELECT 1")
            return rows, some, version
        finally:
            await connection.close()

    rows, some, version = asyncio.run(run())
    assert version == SAID
    assert [row["id"] for row in rows] == [2**40, 2**40 + 1, 2**40 + 2]
    assert some["port"] == 0
    assert rows[0]["lane"] is None


def test_pg8000(where):
    connection = pg8000.dbapi.connect(**where, database="pglane")
    try:
        cursor = connection.cursor()
        cursor.execute("SHOW CLIENTS")
        assert [column[0] for column in cursor.description] == list(columns.CLIENTS.keys)
        assert [row[6] for row in cursor.fetchall()] == [0, 1, 2]
        connection.commit()
    finally:
        connection.close()


def test_a_worker_that_does_not_answer_gives_a_clear_error(tmp_path):
    with Supervised(tmp_path) as supervised:
        supervised.ready().tell("mute")
        host, port = supervised.address()
        with psycopg.connect(host=host, port=port, user="ada", dbname="pglane") as connection:
            with pytest.raises(psycopg.errors.QueryCanceled, match="no answer within 5000 ms"):
                connection.execute("SHOW CLIENTS")
            assert connection.execute("SHOW VERSION").fetchone() == (SAID,)


def test_a_console_outlives_the_worker(tmp_path):
    with Supervised(tmp_path) as supervised:
        supervised.ready().tell("die_asked")
        host, port = supervised.address()
        with psycopg.connect(host=host, port=port, user="ada", dbname="pglane") as connection:
            with pytest.raises(psycopg.errors.QueryCanceled, match="ended while it was asked"):
                connection.execute("SHOW CLIENTS")
            supervised.logged("worker_ready", 2)
            assert len(connection.execute("SHOW CLIENTS").fetchall()) == 3


def test_a_console_is_told_of_the_end(tmp_path):
    with Supervised(tmp_path) as supervised:
        host, port = supervised.ready().address()
        with psycopg.connect(host=host, port=port, user="ada", dbname="pglane") as connection:
            connection.execute("SHOW VERSION")
            assert supervised.ended_by() == 0
            with pytest.raises(psycopg.errors.AdminShutdown), warnings.catch_warnings():
                connection.execute("SHOW VERSION")
