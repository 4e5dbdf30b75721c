"""What one client drew from a sequence is the last value of no other client."""

from collections.abc import Iterator

import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import Message, errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]
MADE = """
CREATE SEQUENCE sq;
CREATE TABLE plain (n int);
CREATE TABLE numbered (id serial, n int);
CREATE FUNCTION next_id() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('sq') $$;
CREATE VIEW next_ids AS SELECT next_id() AS id;
GRANT ALL ON plain, numbered, next_ids TO app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app;
INSERT INTO numbered VALUES (0, 0);
"""
ASKING = """
CREATE FUNCTION last_id() RETURNS bigint LANGUAGE plpgsql AS
$$ BEGIN RETURN currval('sq'); END $$
"""
LAST = "SELECT currval('sq'), lastval()"
NOT_YET = "55000"
"""PostgreSQL's own error: it is not yet defined in this session."""
DRAWING = (
    "SELECT nextval('sq')",
    "SELECT next_id()",
    "SELECT id FROM next_ids",
    "INSERT INTO numbered (n) VALUES (1)",
    "UPDATE numbered SET id = DEFAULT WHERE n = 0",
    "DO $$ BEGIN PERFORM nextval('sq'); END $$",
    "SELECT setval('sq', 7)",
)


def behind_nothing(ask: str) -> str:
    return f"BEGIN; INSERT INTO plain VALUES (1); {ask}; COMMIT"


FIRST = {
    "first_asks_behind_nothing": behind_nothing("SELECT currval('sq')"),
    "first_asks_in_a_block": "DO $$ BEGIN PERFORM currval('sq'); END $$",
    "first_asks_by_a_value": "SELECT query_to_xml('SELECT lastval()', true, true, '')",
}
"""Databases, and the first thing that is asked there."""


def _database(cluster: PostgresCluster, name: str, made: str) -> str:
    cluster.admin(f"CREATE DATABASE {name} OWNER app")
    cluster.admin(made, database=name)
    return name


@pytest.fixture(scope="module")
def gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    """One server connection for all clients of a database."""
    _database(cluster, "drawn", MADE)
    _database(cluster, "drawn_asking", MADE + ASKING)
    for name in FIRST:
        _database(cluster, name, MADE)
    one = Gateway(cluster, ("--budget", "1"))
    try:
        yield one.start()
        assert "Traceback" not in one.log(), one.log()
    finally:
        one.destroy()


@pytest.fixture
def door(gateway: Gateway) -> Target:
    """Somebody asked for last values before."""
    target = gateway.target("transaction", database="drawn")
    with ScriptedClient.login(target) as first:
        first.query("SELECT lastval()")
        gateway.wait_for_catalogs("drawn")
    return target


def own_error(answer: list[Message]) -> str:
    """The SQLSTATE of an error that is the server's own."""
    (error,) = [one for one in answer if one.kind == "E"]
    assert "PGL" not in error.fields.get("D", ""), error.fields
    return error.sqlstate


def extended(ask: str) -> bytes:
    units = [p.parse(t) + p.bind() + p.execute() for t in ("INSERT INTO plain VALUES (1)", ask)]
    return b"".join(units) + p.sync()


@pytest.mark.parametrize("draws", DRAWING)
def test_what_others_drew_is_not_shown(door: Target, draws: str) -> None:
    with ScriptedClient.login(door) as one, ScriptedClient.login(door) as other:
        for ask in ("SELECT currval('sq')", "SELECT lastval()"):
            assert not errors(one.query(draws))
            assert own_error(other.query(behind_nothing(ask))) == NOT_YET
            other.query("ROLLBACK")
            assert not errors(one.query(draws))
            other.send(extended(ask))
            assert own_error(other.read_until()) == NOT_YET


def test_ones_own_value_is_shown(door: Target) -> None:
    with ScriptedClient.login(door) as one, ScriptedClient.login(door) as other:
        for _ in range(3):
            other.query("SELECT nextval('sq')")
            drawn, last = rows(one.query(f"BEGIN; SELECT nextval('sq'); {LAST}; COMMIT"))
            assert last == (*drawn, *drawn)
            one.query("BEGIN")
            (drawn,) = rows(one.query("SELECT nextval('sq')"))
            assert rows(one.query(LAST)) == [(*drawn, *drawn)]
            one.query("COMMIT")


@pytest.mark.parametrize("ask", ["SELECT last_id()", "DO $$ BEGIN PERFORM last_id(); END $$"])
def test_code_in_the_database_asks(gateway: Gateway, ask: str) -> None:
    target = gateway.target("transaction", database="drawn_asking")
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        assert not errors(one.query("SELECT nextval('sq')"))
        assert own_error(other.query(ask)) == NOT_YET
        assert rows(one.query("BEGIN; SELECT setval('sq', 5); SELECT last_id(); COMMIT"))[1] == (
            "5",
        )


def test_the_session_door_shows_no_value_of_the_transaction_doors_clients(
    gateway: Gateway,
) -> None:
    with ScriptedClient.login(gateway.target("transaction", database="drawn")) as one:
        one.query("SELECT nextval('sq')")
        one.close()
    with ScriptedClient.login(gateway.target("session", database="drawn")) as other:
        assert own_error(other.query("SELECT currval('sq')")) == NOT_YET
        assert rows(other.query("SELECT nextval('sq') = currval('sq')")) == [("t",)]


@pytest.mark.parametrize("database", FIRST)
def test_the_first_who_asks_is_refused_once(gateway: Gateway, database: str) -> None:
    ask = FIRST[database]
    target = gateway.target("transaction", database=database)
    with ScriptedClient.login(target) as drawer, ScriptedClient.login(target) as asker:
        gateway.wait_for_catalogs(database)
        for refused in (True, False):
            drawer.query("SELECT nextval('sq')")
            (error,) = [told for told in asker.query(ask) if told.kind == "E"]
            assert error.sqlstate == NOT_YET
            assert ("PGL0413" in error.fields.get("D", "")) is refused
            asker.query("ROLLBACK")
