"""Databases are made, renamed and dropped through a door while server connections are kept."""

import psycopg
import pytest

from tests.support.target import Target


def run(target: Target, *statements: str) -> None:
    with psycopg.connect(target.uri(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def superuser(target: Target) -> Target:
    if target.door == "direct":
        pytest.skip("its bytes pass unread")
    return target.as_user("postgres")


def test_a_database_that_was_used_can_be_copied_renamed_and_dropped(superuser: Target) -> None:
    """What test runners of frameworks do; nobody is in the database any more."""
    used, copy = superuser.at_database("used_1"), superuser.at_database("copy_1")
    run(superuser, "CREATE DATABASE used_1")
    run(used, "CREATE TABLE t (a int)")
    run(superuser, "CREATE DATABASE copy_1 TEMPLATE used_1")
    run(copy, "INSERT INTO t VALUES (1)")
    run(superuser, "ALTER DATABASE copy_1 RENAME TO copy_2")
    run(superuser.at_database("copy_2"), "SELECT * FROM t")
    run(superuser, "DROP DATABASE copy_2", "DROP DATABASE used_1")


def test_a_database_that_somebody_is_in_is_not_dropped(superuser: Target) -> None:
    run(superuser, "CREATE DATABASE busy_1")
    with psycopg.connect(superuser.at_database("busy_1").uri(), autocommit=True) as guest:
        guest.execute("SELECT 1")
        with pytest.raises(psycopg.errors.ObjectInUse):
            run(superuser, "DROP DATABASE busy_1")
        guest.execute("SELECT 1")
    run(superuser, "DROP DATABASE busy_1")
