"""psycopg2 with its defaults."""

import io

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import psycopg2.extras
import pytest

from tests.support.target import Target


@pytest.fixture
def connection(target: Target):
    one = psycopg2.connect(target.uri())
    yield one
    one.close()


def _fetch(connection, text: str, values=None):
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall()


def test_commit_and_rollback(connection, table: str) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} VALUES (%s, %s)", (1, "kept"))
    with pytest.raises(psycopg2.errors.UniqueViolation), connection:
        _fetch(connection, f"INSERT INTO {table} VALUES (1, 'again')")
    assert _fetch(connection, f"SELECT * FROM {table}") == [(1, "kept")]


def test_date_style_and_encoding(connection) -> None:
    assert connection.encoding == "UTF8"
    assert connection.get_parameter_status("DateStyle").startswith("ISO")
    (row,) = _fetch(connection, "SELECT '2024-02-01'::date, now() IS NOT NULL, %s", ("ä",))
    assert str(row[0]) == "2024-02-01"
    assert row[2] == "ä"


def test_named_cursor_in_a_transaction(connection) -> None:
    with connection, connection.cursor(name="walker") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT generate_series(1, 1000)")
        assert sum(row[0] for row in cursor) == 500500


def test_isolation_level_and_readonly_in_a_transaction(connection, table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY")
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute(f"INSERT INTO {table} VALUES (1, 'x')")
    connection.rollback()
    assert _fetch(connection, "SHOW transaction_isolation") == [("read committed",)]


def test_set_session_readonly_is_sent_with_each_begin(connection, table: str) -> None:
    connection.set_session(readonly=True, isolation_level="REPEATABLE READ")
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        _fetch(connection, f"INSERT INTO {table} VALUES (1, 'x') RETURNING id")
    connection.rollback()
    assert _fetch(connection, "SHOW transaction_isolation") == [("repeatable read",)]
    connection.rollback()


def test_copy_expert_both_ways(connection, table: str) -> None:
    text = "".join(f"{number}\tnote {number}\n" for number in range(3000))
    with connection, connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(text))
        back = io.StringIO()
        cursor.copy_expert(f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT", back)
    assert back.getvalue() == text


def test_execute_values_and_batch(connection, table: str) -> None:
    with connection, connection.cursor() as cursor:
        rows = [(number, "v") for number in range(500)]
        psycopg2.extras.execute_values(cursor, f"INSERT INTO {table} VALUES %s", rows)
        psycopg2.extras.execute_batch(
            cursor, f"UPDATE {table} SET note = %s WHERE id = %s", [("w", n) for n in range(50)]
        )
    found = _fetch(connection, f"SELECT note, count(*) FROM {table} GROUP BY 1 ORDER BY 1")
    assert found == [("v", 450), ("w", 50)]


def test_notices(connection) -> None:
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE NOTICE 'hear me'; END $$")
    assert any("hear me" in line for line in connection.notices)


def test_large_object_in_a_transaction(connection) -> None:
    with connection:
        thing = connection.lobject(0, "wb")
        thing.write(b"0123456789" * 10000)
        thing.close()
        again = connection.lobject(thing.oid, "rb")
        again.seek(10)
        assert again.read(10) == b"0123456789"
        again.unlink()


def test_errors_carry_their_diagnostics(connection) -> None:
    with pytest.raises(psycopg2.errors.UndefinedColumn) as caught:
        _fetch(connection, "SELECT nosuch")
    assert caught.value.pgcode == "42703"
    assert caught.value.diag.statement_position == "8"
    connection.rollback()
    assert _fetch(connection, "SELECT 1") == [(1,)]


def test_reset_gives_a_usable_connection(connection) -> None:
    connection.reset()
    assert _fetch(connection, "SELECT 1") == [(1,)]
