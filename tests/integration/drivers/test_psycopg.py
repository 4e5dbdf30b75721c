"""psycopg 3, blocking, with its defaults."""

import threading
from decimal import Decimal

import psycopg
import pytest
from psycopg import sql

from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import Target
from tests.support.waiting import eventually


@pytest.fixture
def connection(target: Target):
    with psycopg.connect(target.uri()) as one:
        yield one


@pytest.fixture
def autocommit(target: Target):
    with psycopg.connect(target.uri(), autocommit=True) as one:
        yield one


def test_rows_of_many_types(connection) -> None:
    row = connection.execute(
        "SELECT %s::int, %s::text, %s::numeric, %s::jsonb, %s::int[], NULL::text, %s::bytea",
        (7, "ä", Decimal("1.50"), psycopg.types.json.Jsonb({"a": [1]}), [1, 2], b"\0\xff"),
    ).fetchone()
    assert row == (7, "ä", Decimal("1.50"), {"a": [1]}, [1, 2], None, b"\0\xff")


def test_commit_and_rollback(connection, table: str) -> None:
    connection.execute(f"INSERT INTO {table} VALUES (1, 'kept')")
    connection.commit()
    connection.execute(f"INSERT INTO {table} VALUES (2, 'gone')")
    connection.rollback()
    assert connection.execute(f"SELECT id FROM {table}").fetchall() == [(1,)]


def test_nested_transactions(autocommit, table: str) -> None:
    with autocommit.transaction():
        autocommit.execute(f"INSERT INTO {table} VALUES (1, 'outer')")
        with pytest.raises(psycopg.errors.UniqueViolation), autocommit.transaction():
            autocommit.execute(f"INSERT INTO {table} VALUES (1, 'again')")
        autocommit.execute(f"INSERT INTO {table} VALUES (2, 'inner')")
    assert autocommit.execute(f"SELECT count(*) FROM {table}").fetchone() == (2,)


def test_recovers_from_an_error(autocommit) -> None:
    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            autocommit.execute("SELECT 1 / %s", (0,))
        assert autocommit.execute("SELECT 1").fetchone() == (1,)


def test_failed_transaction_refuses_until_rollback(connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM nosuch_table")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        connection.execute("SELECT 1")
    connection.rollback()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_prepares_by_itself_after_the_threshold(autocommit) -> None:
    assert autocommit.prepare_threshold == 5
    for number in range(20):
        row = autocommit.execute("SELECT %s::int * 2", (number,)).fetchone()
        assert row == (number * 2,)
    assert len(autocommit._prepared._names) == 1


def test_prepared_statements_survive_other_transactions(connection, table: str) -> None:
    for number in range(12):
        connection.execute(f"INSERT INTO {table} VALUES (%s, %s)", (number, "x"), prepare=True)
        connection.commit()
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (12,)


def test_deallocate_of_evicted_statements(autocommit) -> None:
    autocommit.prepared_max = 3
    for turn in range(3):
        for number in range(6):
            text = f"SELECT %s::int + {number}"
            assert autocommit.execute(text, (turn,), prepare=True).fetchone() == (turn + number,)


def test_binary_results(autocommit) -> None:
    cursor = autocommit.cursor(binary=True)
    cursor.execute("SELECT 7::int8, 1.25::float8, 'x'::text, '2024-01-02'::date")
    assert str(cursor.fetchone()) == "(7, 1.25, 'x', datetime.date(2024, 1, 2))"


def test_pipeline_mode(autocommit, table: str) -> None:
    with autocommit.pipeline():
        cursors = [
            autocommit.execute(f"INSERT INTO {table} VALUES (%s, 'p') RETURNING id", (number,))
            for number in range(50)
        ]
    assert [cursor.fetchone() for cursor in cursors] == [(number,) for number in range(50)]


def test_pipeline_with_an_error_in_the_middle(autocommit, table: str) -> None:
    def work() -> None:
        with autocommit.pipeline() as pipeline:
            autocommit.execute(f"INSERT INTO {table} VALUES (1, 'a')")
            pipeline.sync()
            autocommit.execute(f"INSERT INTO {table} VALUES (1, 'b')")
            autocommit.execute(f"INSERT INTO {table} VALUES (2, 'c')")
            pipeline.sync()

    with pytest.raises(psycopg.errors.UniqueViolation):
        work()
    assert autocommit.execute(f"SELECT id, note FROM {table}").fetchall() == [(1, "a")]


def test_executemany(connection, table: str) -> None:
    cursor = connection.cursor()
    cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s)", [(n, "m") for n in range(300)])
    assert cursor.rowcount == 300
    cursor.executemany("SELECT %s::int", [(1,), (2,)], returning=True)
    assert cursor.fetchone() == (1,)
    assert cursor.nextset()
    assert cursor.fetchone() == (2,)


@pytest.mark.parametrize("form", ["", "(FORMAT BINARY)"])
def test_copy_in_and_out(connection, table: str, form: str) -> None:
    rows = [(number, f"note {number}") for number in range(5000)]
    cursor = connection.cursor()
    with cursor.copy(f"COPY {table} FROM STDIN {form}") as copy:
        copy.set_types(["int4", "text"])
        for row in rows:
            copy.write_row(row)
    connection.commit()
    with cursor.copy(f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT {form}") as copy:
        copy.set_types(["int4", "text"])
        assert list(copy.rows()) == rows


def test_copy_given_up_by_the_client(connection, table: str) -> None:
    def work() -> None:
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write_row((1, "x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    connection.rollback()
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_copy_refused_by_the_server(autocommit, table: str) -> None:
    with (
        pytest.raises(psycopg.errors.InvalidTextRepresentation),
        autocommit.cursor().copy(f"COPY {table} FROM STDIN") as copy,
    ):
        copy.write("1\ta\nnonsense\tb\n")
    assert autocommit.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_copy_out_left_in_the_middle(target: Target) -> None:
    query = "COPY (SELECT repeat('x', 100) FROM generate_series(1, 200000)) TO STDOUT"
    for _ in range(3):
        connection = psycopg.connect(target.uri(), autocommit=True)
        copy = connection.cursor().copy(query)
        assert copy.__enter__().read()
        connection.close()
        with psycopg.connect(target.uri(), autocommit=True) as other:
            assert other.execute("SELECT 1").fetchone() == (1,)


def test_server_cursor_in_a_transaction(connection) -> None:
    with connection.cursor("walker", scrollable=True) as cursor:
        cursor.execute("SELECT generate_series(1, 1000)")
        cursor.itersize = 70
        assert sum(row[0] for row in cursor) == 500500
        cursor.scroll(0, mode="absolute")
        assert cursor.fetchone() == (1,)
    connection.commit()


def test_stream_row_by_row(connection) -> None:
    total = sum(row[0] for row in connection.cursor().stream("SELECT generate_series(1, 3000)"))
    assert total == 3000 * 3001 // 2


def test_notices(autocommit) -> None:
    heard: list[str] = []
    autocommit.add_notice_handler(lambda diagnostic: heard.append(diagnostic.message_primary))
    autocommit.execute("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$")
    assert heard == ["one", "two"]


def test_cancel_from_another_thread(autocommit, cluster: PostgresCluster) -> None:
    def cancel_once_it_runs() -> None:
        eventually(lambda: cluster.activity("state = 'active' AND query LIKE '%psycopg_cancel%'"))
        autocommit.cancel_safe(timeout=10)

    helper = threading.Thread(target=cancel_once_it_runs)
    helper.start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        autocommit.execute("SELECT pg_sleep(20) /* psycopg_cancel */")
    helper.join()
    assert autocommit.execute("SELECT 1").fetchone() == (1,)


def test_a_large_result(autocommit) -> None:
    rows = autocommit.execute(
        "SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g"
    ).fetchall()
    assert len(rows) == 20000
    assert all(len(text) == 1000 for _, text in rows)


def test_a_row_of_thirty_megabytes(autocommit) -> None:
    (text,) = autocommit.execute("SELECT repeat('abc', 10000000)").fetchone()
    assert len(text) == 30_000_000


def test_a_parameter_of_twenty_megabytes(autocommit) -> None:
    value = bytes(range(256)) * (20 * 4096)
    row = autocommit.execute("SELECT length(%b), md5(%b)", (value, b"x")).fetchone()
    assert row[0] == 20 * 1024 * 1024


def test_a_large_object_in_a_transaction(connection) -> None:
    data = b"block" * 20000
    (oid,) = connection.execute("SELECT lo_from_bytea(0, %s)", (data,)).fetchone()
    (descriptor,) = connection.execute("SELECT lo_open(%s, 393216)", (oid,)).fetchone()
    connection.execute("SELECT lo_lseek(%s, 5, 0)", (descriptor,))
    assert connection.execute("SELECT loread(%s, 5)", (descriptor,)).fetchone() == (b"block",)
    connection.execute("SELECT lo_unlink(%s)", (oid,))
    connection.commit()


def test_composed_statements_and_parameter_types(connection, table: str) -> None:
    statement = sql.SQL("INSERT INTO {} VALUES ({}, {}) RETURNING *").format(
        sql.Identifier(table), sql.Placeholder(), sql.Literal("it's")
    )
    assert connection.execute(statement, (1,)).fetchone() == (1, "it's")


def test_set_local_and_isolation_hold_for_one_transaction(connection) -> None:
    connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    connection.execute("SET LOCAL statement_timeout = 4321")
    assert connection.execute("SHOW statement_timeout").fetchone() == ("4321ms",)
    assert connection.execute("SHOW transaction_isolation").fetchone() == ("serializable",)
    connection.rollback()
    connection.isolation_level = None
    assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
    assert connection.execute("SHOW transaction_isolation").fetchone() == ("read committed",)


def test_connection_info(connection, target: Target) -> None:
    info = connection.info
    assert info.user == "app"
    assert info.dbname == "app"
    assert info.encoding == "utf-8"
    assert str(info.server_version).startswith(target.server_version)
    assert info.backend_pid > 0


def test_wrong_password_is_named(target: Target) -> None:
    keywords = {**target.keywords(), "password": "wrong"}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**keywords)


def test_unknown_database_is_named(target: Target) -> None:
    with pytest.raises(psycopg.OperationalError, match="nosuchdb"):
        psycopg.connect(target.at_database("nosuchdb").uri())
