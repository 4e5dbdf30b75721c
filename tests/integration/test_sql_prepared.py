"""Statements prepared by SQL go where their client goes, and nobody else sees them.

Every script runs on a private connection too, and the answers must be the same.
"""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.switching import BUDGET, Switching, ask
from tests.support.target import Target

SEEN = (
    "SELECT name, statement, parameter_types FROM pg_prepared_statements "
    "WHERE from_sql ORDER BY name"
)
SCRIPTS: dict[str, tuple[str, ...]] = {
    "one": ("PREPARE a AS SELECT 1", "EXECUTE a", SEEN, "EXECUTE a", "DEALLOCATE a", "EXECUTE a"),
    "parameters": ("PREPARE a (int, text) AS SELECT $1 + 1, $2", "EXECUTE a(4, 'x')", SEEN),
    "a name twice": ("PREPARE a AS SELECT 1", "PREPARE a AS SELECT 2", "EXECUTE a"),
    "another of the same name": (
        "PREPARE a AS SELECT 1",
        "DEALLOCATE a",
        "PREPARE a AS SELECT 2",
        "EXECUTE a",
    ),
    "in one transaction": (
        "PREPARE a AS SELECT 1",
        "BEGIN; DEALLOCATE a",
        "PREPARE a AS SELECT 2",
        "COMMIT",
        "EXECUTE a",
        SEEN,
    ),
    "rolled back, which it is not": (
        "BEGIN",
        "PREPARE a AS SELECT 1",
        "ROLLBACK",
        "EXECUTE a",
    ),
    "odd names": (
        'PREPARE "A b""c" AS SELECT 1',
        'PREPARE "all" AS SELECT 2',
        'EXECUTE "A b""c"',
        'DEALLOCATE "all"',
        'EXECUTE "A b""c"',
        'EXECUTE "all"',
    ),
    "a comment behind": ("PREPARE a AS SELECT 1 -- one", "EXECUTE a", SEEN),
    "beyond ASCII": ("PREPARE \"ä\" AS SELECT 'Łódź 🐘'", 'EXECUTE "ä"', SEEN),
    "DEALLOCATE ALL": (
        "PREPARE a AS SELECT 1",
        "PREPARE b AS SELECT 2",
        "DEALLOCATE ALL",
        "EXECUTE a",
        SEEN,
    ),
    "DISCARD ALL": ("PREPARE a AS SELECT 1", "DISCARD ALL", "EXECUTE a", SEEN),
    "DISCARD PLANS": ("PREPARE a AS SELECT 1", "DISCARD PLANS", "EXECUTE a"),
    "RESET ALL": ("PREPARE a AS SELECT 1", "SET work_mem = '9MB'", "RESET ALL", "EXECUTE a"),
    "EXPLAIN EXECUTE": (
        "PREPARE a AS SELECT 1",
        "EXPLAIN (COSTS OFF) EXECUTE a",
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE a",
    ),
    "CREATE TABLE AS EXECUTE": (
        "PREPARE a AS SELECT 5 AS five",
        "BEGIN; CREATE TABLE made AS EXECUTE a; TABLE made; ROLLBACK",
    ),
    "under the settings of its time": (
        "SET DateStyle = 'ISO, DMY'",
        "PREPARE a AS SELECT '01/02/2024'::date",
        "EXECUTE a",
        "SET DateStyle = 'ISO, MDY'",
        "EXECUTE a",
        "PREPARE b AS SELECT '01/02/2024'::date",
        "EXECUTE a",
        "EXECUTE b",
        "RESET DateStyle",
        "EXECUTE a",
        "EXECUTE b",
    ),
    "under the zone of its time": (
        "SET TimeZone = 'Asia/Tokyo'",
        "PREPARE a AS SELECT '2024-01-01 00:00'::timestamptz",
        "SET TimeZone = 'UTC'",
        "EXECUTE a",
        "EXECUTE a",
    ),
    "by the search_path of its use": (
        "SET search_path = one",
        "PREPARE a AS SELECT * FROM placed",
        "EXECUTE a",
        "SET search_path = two",
        "EXECUTE a",
        "EXECUTE a",
    ),
    "under a role": (
        "SET ROLE portion",
        "PREPARE a AS SELECT current_user",
        "EXECUTE a",
        "RESET ROLE",
        "EXECUTE a",
    ),
    "a setting by EXECUTE": (
        "PREPARE a(text) AS SELECT set_config('work_mem', $1, false)",
        "EXECUTE a('9MB')",
        "SHOW work_mem",
        "EXECUTE a('8MB')",
        "SHOW work_mem",
        "PREPARE b(text) AS SELECT set_config('app.tenant', $1, false)",
        "EXECUTE b('5')",
        "SELECT current_setting('app.tenant')",
    ),
    "what is wrong": (
        "PREPARE a AS SELECT nosuch",
        "EXECUTE a",
        "DEALLOCATE a",
        "PREPARE a AS SELECT 1/0",
        "EXECUTE a",
        "BEGIN; EXECUTE nosuch",
        "ROLLBACK",
    ),
    "data": (
        "PREPARE a(int) AS INSERT INTO placed_rows VALUES ($1) RETURNING id",
        "BEGIN; EXECUTE a(1)",
        "EXECUTE a(2)",
        "ROLLBACK",
        "BEGIN; EXECUTE a(3); ROLLBACK",
        "SELECT count(*) FROM placed_rows",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def places(cluster: PostgresCluster) -> Iterator[None]:
    cluster.admin(
        "CREATE ROLE portion; GRANT portion TO app; CREATE SCHEMA one; CREATE SCHEMA two; "
        "CREATE TABLE one.placed AS SELECT 'one' AS place; GRANT USAGE ON SCHEMA one, two TO app; "
        "CREATE TABLE two.placed AS SELECT 'two' AS place; "
        "GRANT SELECT ON one.placed, two.placed TO app; "
        "CREATE TABLE placed_rows (id int); GRANT ALL ON placed_rows TO app",
        database="app",
    )
    yield
    cluster.admin(
        "DROP SCHEMA one, two CASCADE; DROP TABLE placed_rows; DROP ROLE portion", database="app"
    )


@pytest.fixture(scope="module")
def pair_gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    one = Gateway(cluster, options=("--budget", str(BUDGET)))
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture
def door(pair_gateway: Gateway) -> Iterator[Target]:
    yield pair_gateway.target("transaction")
    assert "Traceback" not in pair_gateway.log(), pair_gateway.log()


@pytest.mark.parametrize("name", SCRIPTS)
def test_statements_travel(door: Target, cluster: PostgresCluster, name: str) -> None:
    with (
        ScriptedClient.login(cluster.target()) as private,
        Switching(door, SEEN) as switching,
    ):
        for text in SCRIPTS[name]:
            assert switching.ask(text) == ask(private, text), text
        switching.switch()
        switching.switch()
        assert all(one == switching.looks[0] for one in switching.looks)


def test_by_the_extended_protocol(door: Target, cluster: PostgresCluster) -> None:
    def unit(text: str) -> list[bytes]:
        return [p.parse(text), p.bind(), p.execute(), p.sync()]

    with (
        ScriptedClient.login(cluster.target()) as private,
        Switching(door, SEEN) as switching,
    ):
        for text in ("PREPARE a AS SELECT 1", "EXECUTE a", "EXECUTE a", "DEALLOCATE a"):
            assert switching.ask(*unit(text)) == ask(private, *unit(text)), text


def test_by_the_name_in_the_protocol(door: Target) -> None:
    """One name space: a statement prepared by SQL can be bound."""
    with Switching(door, SEEN) as switching:
        switching.ask("PREPARE a AS SELECT 7")
        for _ in range(3):
            answer = switching.ask(p.bind(statement="a"), p.execute(), p.sync())
            assert answer.rows == [("7",)]


def test_two_clients_with_the_same_name(door: Target) -> None:
    with Switching(door, SEEN) as one, ScriptedClient.login(door) as other:
        one.ask("PREPARE a AS SELECT 'one'")
        other.query("PREPARE a AS SELECT 'other'")
        for _ in range(4):
            assert one.ask("EXECUTE a").rows == [("one",)]
            assert other.value("EXECUTE a") == "other"


def test_names_of_our_own_are_out_of_the_way(door: Target) -> None:
    """Statements of the protocol live beside those of SQL, and survive them."""
    with Switching(door, SEEN) as switching:
        client = switching.client
        client.extended(p.parse("SELECT 3", "proto"))
        switching.ask("PREPARE sql AS SELECT 4")
        for _ in range(3):
            assert switching.ask("EXECUTE sql").rows == [("4",)]
            bound = switching.ask(p.bind(statement="proto"), p.execute(), p.sync())
            assert bound.rows == [("3",)]
        switching.ask("DEALLOCATE ALL")
        assert switching.ask("EXECUTE sql").errors == ["26000"]
        assert switching.ask(p.bind(statement="proto"), p.sync()).errors == ["26000"]


def test_a_statement_whose_table_is_gone_fails_and_works_again(
    door: Target, cluster: PostgresCluster
) -> None:
    """A private connection says 42P01 meanwhile (docs/reference/differences.md)."""
    cluster.admin("CREATE TABLE passing AS SELECT 1 AS a; GRANT SELECT ON passing TO app", "app")
    with Switching(door, SEEN) as switching:
        switching.ask("PREPARE gone AS SELECT a FROM passing")
        switching.ask("PREPARE kept AS SELECT 2")
        cluster.admin("DROP TABLE passing", "app")
        assert switching.ask("EXECUTE gone").errors in (["26000"], ["42P01"])
        assert switching.ask("EXECUTE kept").rows == [("2",)]
        switching.ask("DO 'BEGIN END'")  # after which the server connection is asked what is there
        cluster.admin(
            "CREATE TABLE passing AS SELECT 5 AS a; GRANT SELECT ON passing TO app", "app"
        )
        for _ in range(2):
            assert switching.ask("EXECUTE gone").rows == [("5",)]
    cluster.admin("DROP TABLE passing", "app")


@pytest.mark.parametrize("all_of_them", ["DEALLOCATE ALL", "DISCARD ALL"])
def test_a_statement_whose_table_is_gone_goes_with_all(
    door: Target, cluster: PostgresCluster, all_of_them: str
) -> None:
    cluster.admin("CREATE TABLE passing AS SELECT 1 AS a; GRANT SELECT ON passing TO app", "app")
    with Switching(door, SEEN) as switching:
        switching.ask("PREPARE gone AS SELECT a FROM passing")
        cluster.admin("ALTER TABLE passing RENAME TO passed", "app")
        assert not switching.ask(all_of_them).errors
        cluster.admin("ALTER TABLE passed RENAME TO passing", "app")
        for _ in range(2):
            assert switching.ask("EXECUTE gone").errors == ["26000"]
        assert switching.ask("PREPARE gone AS SELECT a + 1 FROM passing").errors == []
        assert switching.ask("EXECUTE gone").rows == [("2",)]
    cluster.admin("DROP TABLE passing", "app")


@pytest.mark.parametrize(
    "text",
    [
        "PREPARE a AS SELECT 1; PREPARE b AS SELECT 2",
        "BEGIN; SET LOCAL DateStyle = 'ISO, DMY'; PREPARE a AS SELECT '01/02/2024'::date; COMMIT",
        "SET search_path = one; PREPARE a AS SELECT * FROM placed",
    ],
)
def test_what_cannot_be_prepared_anew_stays_with_its_client(
    door: Target, cluster: PostgresCluster, text: str
) -> None:
    with ScriptedClient.login(cluster.target()) as private, ScriptedClient.login(door) as client:
        for one in (text, "EXECUTE a", SEEN, "DISCARD ALL"):
            assert ask(client, one) == ask(private, one)


def test_many_statements_stay_with_their_client(door: Target) -> None:
    with ScriptedClient.login(door) as client:
        for number in range(258):
            assert not errors(client.query(f"PREPARE s{number} AS SELECT {number}"))
        assert client.value("EXECUTE s257") == "257"
        client.query("DISCARD ALL")


def test_psycopg_prepares_by_sql_and_by_protocol(door: Target) -> None:
    with Switching(door, SEEN) as switching, psycopg.connect(door.uri(), autocommit=True) as conn:
        conn.execute("PREPARE plan (int) AS SELECT $1 * 2")
        for number in range(8):
            switching.switch()
            assert conn.execute(f"EXECUTE plan({number})").fetchone() == (number * 2,)
            assert conn.execute("SELECT %s::int", (number,), prepare=True).fetchone() == (number,)


@pytest.fixture
def pgbouncer(_pgbouncer_of: Callable[[str, int], PgBouncer]) -> Target:
    return _pgbouncer_of("pgbouncer-transaction", BUDGET).target()


def test_through_pgbouncer_a_stranger_gets_the_statement(pgbouncer: Target) -> None:
    with Switching(pgbouncer, SEEN) as switching:
        switching.ask("PREPARE a AS SELECT 1")
        lost = switching.ask("EXECUTE a").errors
        switching.switch()
        seen = rows(switching.client.query(SEEN)), switching.looks[-1].rows
        switching.client.query("DEALLOCATE ALL")
        switching.switch()
        switching.client.query("DEALLOCATE ALL")
    assert lost == ["26000"]
    assert any(seen)
