"""pg8000, native and DB-API, with its defaults."""

import contextlib

import pg8000.dbapi
import pg8000.native
import pytest

from tests.support.target import Target

pytestmark = pytest.mark.one_server


@pytest.fixture
def native(target: Target):
    with contextlib.closing(pg8000.native.Connection(**target.keywords("database"))) as one:
        yield one


@pytest.fixture
def dbapi(target: Target):
    with contextlib.closing(pg8000.dbapi.connect(**target.keywords("database"))) as one:
        yield one


def test_rows_and_parameters(native) -> None:
    rows = native.run("SELECT :a::int, :b::text, NULL", a=7, b="ä")
    assert rows == [[7, "ä", None]]


def test_transactions(native, table: str) -> None:
    native.run("START TRANSACTION")
    native.run(f"INSERT INTO {table} VALUES (1, 'x')")
    native.run("ROLLBACK")
    assert native.run(f"SELECT count(*) FROM {table}") == [[0]]


def test_prepared_statement_reused(native) -> None:
    statement = native.prepare("SELECT :n::int * 2")
    assert [statement.run(n=number) for number in range(10)] == [[[n * 2]] for n in range(10)]
    statement.close()


def test_errors_and_recovery(native) -> None:
    for _ in range(3):
        with pytest.raises(pg8000.native.DatabaseError) as caught:
            native.run("SELECT nosuch")
        assert caught.value.args[0]["C"] == "42703"
    assert native.run("SELECT 1") == [[1]]


def test_dbapi_commit_and_copy(dbapi, table: str) -> None:
    cursor = dbapi.cursor()
    cursor.execute(f"INSERT INTO {table} VALUES (%s, %s)", (1, "x"))
    cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s)", [(2, "y"), (3, "z")])
    dbapi.commit()
    cursor.execute(f"COPY {table} FROM STDIN", stream=iter(["4\tw\n", "5\tv\n"]))
    dbapi.rollback()
    cursor.execute(f"SELECT * FROM {table} ORDER BY id")
    assert [tuple(row) for row in cursor.fetchall()] == [(1, "x"), (2, "y"), (3, "z")]
    dbapi.rollback()


def test_notices_and_statuses(native) -> None:
    native.run("DO $$ BEGIN RAISE NOTICE 'hear me'; END $$")
    assert any(notice[b"M"] == b"hear me" for notice in native.notices)
    assert native.parameter_statuses["client_encoding"] == "UTF8"


def test_application_name_is_the_clients_own(target: Target) -> None:
    keywords = target.keywords("database")
    with contextlib.closing(
        pg8000.native.Connection(**keywords, application_name="eighty")
    ) as one:
        assert one.run("SHOW application_name") == [["eighty"]]
