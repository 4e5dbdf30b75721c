"""What PostgreSQL cannot print, because somebody has locked it or it is broken, is doubtful alone.

To print a view, a default, a policy or a body waits for whoever has locked a table in it. All the
rest of the database is known meanwhile, and what could not be printed is as soon as it can be.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pglane.connection.catalog_texts import REFUSALS_MAX
from tests.support import protocol as p
from tests.support.catalogs import CatalogReader
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_server

SCHEMA = """
CREATE FUNCTION sets() RETURNS text LANGUAGE sql AS
  $$ SELECT set_config('app.tenant', 'anna', false) $$;
CREATE TABLE held (a int);
CREATE VIEW of_held AS SELECT count(*) AS a FROM held;
CREATE VIEW sets_with_held AS SELECT sets() FROM (SELECT count(*) FROM held) AS x;
CREATE TABLE free (a int DEFAULT 1 CHECK (a > 0));
CREATE VIEW of_free AS SELECT a FROM free;
INSERT INTO held VALUES (1);
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
GRANT CREATE ON SCHEMA public TO app;
"""
CLEAN = "FUNCTION clean() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'"
TENANT = "SELECT current_setting('app.tenant', true)"
WAITS = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'app'"


@pytest.fixture
def database(cluster: PostgresCluster) -> str:
    cluster.admin("DROP DATABASE IF EXISTS printing WITH (FORCE)")
    cluster.admin("CREATE DATABASE printing")
    cluster.admin(SCHEMA, database="printing")
    return "printing"


@pytest.fixture
def session(cluster: PostgresCluster, database: str) -> Iterator[psycopg.Connection[Any]]:
    with cluster.connect(database) as session:
        yield session


@pytest.fixture
def migrating(cluster: PostgresCluster, database: str) -> Iterator[psycopg.Connection[Any]]:
    """Has locked a table, and does not commit."""
    with cluster.connect(database) as migrating:
        migrating.execute("BEGIN; LOCK TABLE held")
        yield migrating


@pytest.fixture
def gateway(cluster: PostgresCluster, database: str) -> Iterator[Gateway]:
    """Two server connections, and a monitor that looks often; not started."""
    gateway = Gateway(cluster, ("--budget", "2"), {"server": {"monitor_ms": 100}})
    try:
        yield gateway
    finally:
        gateway.destroy()


def known(gateway: Gateway) -> dict[str, Any]:
    return gateway.monitor("printing")


def looks(gateway: Gateway, client: ScriptedClient, statement: str) -> int:
    """How often the session is looked at behind five of a statement."""
    before = known(gateway)["probes"]
    for _ in range(5):
        assert not errors(client.query(statement))
    return int(known(gateway)["probes"]) - int(before)


@pytest.mark.gateway
def test_what_is_locked_at_the_start_is_doubtful_and_nothing_else(
    gateway: Gateway, migrating: psycopg.Connection[Any], cluster: PostgresCluster
) -> None:
    target = gateway.start().target("transaction", database="printing")
    with (
        ScriptedClient.login(target) as one,
        ScriptedClient.login(target) as other,
        ScriptedClient.login(target) as third,
    ):
        assert not errors(other.query("SELECT 1"))
        gateway.wait_for_catalogs("printing")
        assert known(gateway)["unprinted"] == 2, "the views of what is locked"
        assert looks(gateway, other, "SELECT a FROM of_free") == 0
        assert looks(gateway, other, "INSERT INTO free VALUES (DEFAULT)") == 0
        one.send(p.query("SELECT * FROM sets_with_held"))
        eventually(lambda: cluster.admin(WAITS), what="the view waits for the lock")
        migrating.execute("COMMIT")
        assert rows(one.read_until()) == [("anna",)]
        for client in (other, third):  # each on a server connection of its own
            client.query("BEGIN")
            assert rows(client.query(TENANT)) != [("anna",)]
        for client in (other, third):
            client.query("COMMIT")
        assert rows(one.query(TENANT)) == [("anna",)]
        eventually(lambda: not looks(gateway, other, "SELECT a FROM of_held"), what="it is known")
        assert known(gateway)["unprinted"] == 0
        assert looks(gateway, one, "SELECT * FROM sets_with_held") == 5


@pytest.mark.gateway
def test_who_has_the_lock_shows_nobody_what_a_view_did_that_is_not_printed(
    gateway: Gateway, cluster: PostgresCluster
) -> None:
    """The client that keeps the monitor from printing it uses it meanwhile."""
    gateway.start().reload_with({"server": {"monitor_ms": 60_000}})
    target = gateway.target("transaction", database="printing")
    with (
        ScriptedClient.login(target) as one,
        ScriptedClient.login(target) as other,
        ScriptedClient.login(target) as third,
    ):
        assert not errors(other.query("SELECT 1"))
        before = eventually(lambda: known(gateway)["catalog_epoch"], what="all is read")
        assert looks(gateway, other, "SELECT a FROM of_held") == 0
        sets = "CREATE OR REPLACE VIEW of_held AS SELECT count(sets()) AS a FROM held"
        cluster.admin(sets, database="printing")
        one.query("BEGIN")
        assert not errors(one.query("LOCK TABLE held"))
        assert not errors(other.query(f"CREATE OR REPLACE {CLEAN}"))  # read at once
        eventually(lambda: known(gateway)["catalog_epoch"] != before, what="it is read again")
        assert looks(gateway, other, "SELECT a FROM of_free") == 0
        assert rows(one.query("SELECT * FROM of_held")) == [("1",)]
        one.query("COMMIT")
        for client in (other, third):
            client.query("BEGIN")
            assert rows(client.query(TENANT)) != [("anna",)]


def names(*texts: str) -> set[bytes]:
    return {text.encode() for text in texts}


ALWAYS = names("sets", "sets_with_held")
"""What is doubtful whether or not anything is locked."""
HELD_BY = {
    "a view": ("CREATE VIEW v AS SELECT a FROM held", {"v"}, set()),
    "a view of a view": ("CREATE VIEW over AS SELECT a FROM of_held", {"over"}, set()),
    "a body": (
        """CREATE FUNCTION counts() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM held; END;
          CREATE FUNCTION calls() RETURNS bigint LANGUAGE sql AS 'SELECT counts()'""",
        {"counts", "calls"},
        set(),
    ),
    "a default": ("ALTER TABLE held ALTER a SET DEFAULT clean()", set(), {"held"}),
    "a check": ("ALTER TABLE held ADD CHECK (clean() = 1)", set(), {"held"}),
    "an index": ("CREATE INDEX ON held ((a + clean()))", set(), {"held"}),
    "a policy": ("CREATE POLICY p ON held USING (clean() = 1)", {"held"}, set()),
    "a trigger": (
        """CREATE TRIGGER g BEFORE UPDATE ON held FOR EACH ROW WHEN (new.a = clean())
          EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
        set(),
        {"held"},
    ),
    "a rule of another table": (
        "CREATE RULE r AS ON INSERT TO free DO ALSO INSERT INTO held VALUES (1)",
        set(),
        {"free", "of_free"},
    ),
}


@pytest.mark.parametrize("what", HELD_BY)
def test_what_a_lock_keeps_from_being_printed_is_doubtful_until_it_is_gone(
    cluster: PostgresCluster, session: psycopg.Connection[Any], what: str
) -> None:
    """With all that leads to it."""
    text, reads, writes = HELD_BY[what]
    cluster.admin(f"CREATE {CLEAN}; {text}", database="printing")
    reader = CatalogReader(session)
    with cluster.connect("printing") as migrating:
        migrating.execute("BEGIN; LOCK TABLE held")
        for _ in range(2):
            found = reader.read()
            assert found.reads == ALWAYS | names("of_held", *reads)
            assert found.writes == names(*writes)
            assert found.asks
            assert found.computes
            assert not found.everything
        migrating.execute("COMMIT")
    found = reader.read()
    assert (found.reads, found.writes, reader.unprinted) == (ALWAYS, set(), 0)
    assert found == CatalogReader(session).read()


@pytest.mark.parametrize(("column", "harms"), [("count(sets())", True), ("count(a)", False)])
def test_an_older_text_counts_for_nothing_where_the_new_one_is_not_printed(
    cluster: PostgresCluster, session: psycopg.Connection[Any], column: str, harms: bool
) -> None:
    reader = CatalogReader(session)
    assert reader.read().reads == ALWAYS
    with cluster.connect("printing") as migrating:
        migrating.execute(f"CREATE OR REPLACE VIEW of_held AS SELECT {column} AS a FROM held")
        migrating.execute("BEGIN; LOCK TABLE held")
        for _ in range(2):
            assert reader.read().reads == ALWAYS | names("of_held")
        migrating.execute("COMMIT")
    assert reader.read().reads == ALWAYS | (names("of_held") if harms else set())


def test_what_was_printed_is_known_whatever_is_locked(
    cluster: PostgresCluster, session: psycopg.Connection[Any], migrating: psycopg.Connection[Any]
) -> None:
    migrating.execute("COMMIT")
    reader = CatalogReader(session)
    before = reader.read()
    migrating.execute("BEGIN; LOCK TABLE held")
    cluster.admin("CREATE VIEW another AS SELECT a FROM free", database="printing")
    found = reader.read()
    assert (reader.printed, reader.refused) == (1, 0)
    assert (found.reads, found.writes, found.asks) == (before.reads, set(), before.asks)


def test_however_much_is_locked_a_reading_ends_and_each_text_has_its_turn(
    cluster: PostgresCluster, session: psycopg.Connection[Any]
) -> None:
    """Three hundred views, every second one of them locked."""
    for number in range(150):
        session.execute(f"CREATE VIEW h{number} AS SELECT a FROM held".encode())
        session.execute(f"CREATE VIEW f{number} AS SELECT a FROM free".encode())
    locked, unlocked = ({b"%c%d" % (kind, number) for number in range(150)} for kind in b"hf")
    reader = CatalogReader(session)
    with cluster.connect("printing") as migrating:
        migrating.execute("BEGIN; LOCK TABLE held")
        for _ in range(3):
            found = reader.read()
            assert 0 < reader.refused <= REFUSALS_MAX + 4  # what is new is asked for in any case
            assert locked < found.reads
        assert unlocked.isdisjoint(found.reads)
        migrating.execute("COMMIT")
    for _ in range(3):
        found = reader.read()
    assert (found.reads, reader.unprinted) == (ALWAYS, 0)


def test_what_postgresql_can_never_print_is_doubtful_alone(
    cluster: PostgresCluster, session: psycopg.Connection[Any]
) -> None:
    """Its catalogs are damaged: a function is gone that a view calls."""
    cluster.admin(
        f"""CREATE {CLEAN}; CREATE VIEW broken AS SELECT clean() AS a;
          CREATE VIEW of_broken AS SELECT a FROM broken;
          DELETE FROM pg_proc WHERE proname = 'clean'""",
        database="printing",
    )
    reader = CatalogReader(session)
    assert reader.read().reads == ALWAYS | names("broken", "of_broken")
    assert (reader.read().reads, reader.refused) == (ALWAYS | names("broken", "of_broken"), 1)
    cluster.admin("DROP VIEW of_broken, broken", database="printing")
    assert (reader.read().reads, reader.unprinted) == (ALWAYS, 0)
