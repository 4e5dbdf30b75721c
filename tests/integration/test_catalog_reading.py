"""What is read of catalogs after DDL is what all of them say, though little of it is read anew."""

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.catalogs import CatalogReader
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors
from tests.support.scripted_client import ScriptedClient
from tests.support.waiting import eventually

SCHEMA = """
CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'x');
CREATE TABLE u (id int PRIMARY KEY REFERENCES t);
CREATE FUNCTION locks() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM pg_advisory_lock(1)';
CREATE FUNCTION clean() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM clean(); RETURN new; END';
CREATE VIEW v AS SELECT clean() AS a;
CREATE VIEW over AS SELECT a FROM v;
CREATE DOMAIN d AS int;
CREATE TYPE pair AS (a d);
"""
LOCKING = "LANGUAGE sql AS 'SELECT 1 FROM pg_advisory_lock(1)'"
CHANGES = {
    "create a view": ("CREATE VIEW w AS SELECT locks()", {"w"}, set()),
    "replace a view": ("CREATE OR REPLACE VIEW v AS SELECT locks() AS a", {"v", "over"}, set()),
    "replace a function": (
        f"CREATE OR REPLACE FUNCTION clean() RETURNS int {LOCKING}",
        {"clean", "fires", "v", "over"},
        set(),
    ),
    "a trigger": (
        f"""CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fires();
          CREATE OR REPLACE FUNCTION clean() RETURNS int {LOCKING}""",
        {"clean", "fires", "v", "over"},
        {"t"},
    ),
    "a rule": ("CREATE RULE r AS ON INSERT TO t DO ALSO SELECT locks()", set(), {"t"}),
    "a policy": ("CREATE POLICY p ON t USING (locks() = 1)", {"t"}, set()),
    "a default": ("ALTER TABLE t ALTER a SET DEFAULT locks()", set(), {"t"}),
    "a check": ("ALTER TABLE t ADD CHECK (locks() = 1) NOT VALID", set(), {"t"}),
    "a check of a domain": (
        "ALTER DOMAIN d ADD CHECK (locks() = 1)",
        {"d", "_d", "pair", "_pair"},
        set(),
    ),
    "a column of a domain": (
        "CREATE DOMAIN e AS text CHECK (locks() = 1); ALTER TABLE t ALTER a TYPE e",
        {"e", "_e", "t", "_t"},
        set(),
    ),
    "an index": (
        f"""CREATE FUNCTION still() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
          CREATE INDEX ON t ((still() + id));
          CREATE OR REPLACE FUNCTION still() RETURNS int IMMUTABLE {LOCKING}""",
        {"still"},
        {"t"},
    ),
    "a cascade": (
        """ALTER TABLE u ADD FOREIGN KEY (id) REFERENCES t ON DELETE CASCADE;
          CREATE RULE r AS ON DELETE TO u DO ALSO SELECT locks()""",
        set(),
        {"t", "u"},
    ),
    "an heir": (
        "CREATE TABLE heir () INHERITS (t); CREATE POLICY p ON heir USING (locks() = 1)",
        {"heir", "t"},
        set(),
    ),
    "a renamed function": ("ALTER FUNCTION locks RENAME TO blocks", {"blocks"}, set()),
    "a renamed view": (
        "CREATE OR REPLACE VIEW v AS SELECT locks() AS a; ALTER VIEW v RENAME TO renamed",
        {"renamed", "over"},
        set(),
    ),
    "a name that another had": (
        "ALTER FUNCTION clean RENAME TO was_clean; ALTER FUNCTION locks RENAME TO clean",
        {"clean", "fires"},
        set(),
    ),
    "another language": (
        """CREATE OR REPLACE FUNCTION clean() RETURNS int LANGUAGE plpgsql
          AS 'BEGIN EXECUTE ''''; RETURN 1; END'""",
        {"clean", "fires", "v", "over"},
        set(),
    ),
    "nothing that counts": (
        """ALTER FUNCTION clean SET search_path = public; ALTER TABLE t OWNER TO second;
          ALTER TABLE t ADD b int; CREATE SCHEMA s; ALTER FUNCTION clean() SET SCHEMA s""",
        set(),
        set(),
    ),
}


@pytest.fixture
def database(cluster: PostgresCluster) -> str:
    cluster.admin("DROP DATABASE IF EXISTS reading WITH (FORCE)")
    cluster.admin("CREATE DATABASE reading")
    cluster.admin(SCHEMA, database="reading")
    return "reading"


@pytest.fixture
def session(cluster: PostgresCluster, database: str) -> Iterator[psycopg.Connection[Any]]:
    with cluster.connect(database) as session:
        yield session


def names(*texts: str) -> set[bytes]:
    return {text.encode() for text in texts}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_when_it_is_committed_and_seen_to_be_gone(
    cluster: PostgresCluster, session: psycopg.Connection[Any], change: str
) -> None:
    """In another session: rolled back, late, and dropped again."""
    text, reads, writes = CHANGES[change]
    reader = CatalogReader(session)
    before = reader.read()
    assert before.reads == names("locks")
    with cluster.connect("reading") as other:
        other.execute(f"BEGIN; {text}".encode())
        assert reader.read() == before
        other.execute("ROLLBACK")
        assert reader.read() == before
        other.execute(f"BEGIN; {text}".encode())
        assert reader.read() == before
        other.execute("COMMIT")
    after = reader.read()
    renamed = names("locks") - ({b"locks"} if "locks RENAME" in text else set())
    assert after.reads == renamed | names(*reads)
    assert after.writes == names(*writes)
    assert after == CatalogReader(session).read()
    cluster.admin("DROP SCHEMA public CASCADE; CREATE SCHEMA public", database="reading")
    assert not reader.read().reads


def test_little_is_printed_anew(session: psycopg.Connection[Any]) -> None:
    reader = CatalogReader(session)
    reader.read()
    assert reader.printed > 5
    reader.read()
    session.execute("CREATE VIEW public.w AS SELECT 1 AS one")
    reader.read()
    assert reader.printed == 1
    session.execute("DROP VIEW public.w")
    reader.read()
    assert reader.printed == 0


def test_what_is_temporary_counts_for_nobody(
    cluster: PostgresCluster, session: psycopg.Connection[Any]
) -> None:
    reader = CatalogReader(session)
    before = reader.read()
    with cluster.connect("reading") as other:
        other.execute("CREATE TEMP TABLE x (a int DEFAULT locks(), CHECK (locks() = 1))")
        other.execute("CREATE TEMP VIEW y AS SELECT locks()")
        other.execute("CREATE TRIGGER g BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION fires()")
        found = reader.read()
        assert (found.reads, found.writes) == (before.reads, before.writes)
        assert b"y" not in found.calls


def test_names_may_hold_anything(session: psycopg.Connection[Any]) -> None:
    odd = ["a b", "back\\slash", "new\nline", "\\n", 'quo"te', "é"]
    for name in odd:
        quoted = name.replace('"', '""')
        session.execute(f'CREATE VIEW "{quoted}" AS SELECT locks()'.encode())
    assert names(*odd) < CatalogReader(session).read().reads


def test_many_views_are_read_where_locks_are_few(server_version: str) -> None:
    """To print a view locks what it reads, and the locks of all sessions have one table."""
    settings = {"max_locks_per_transaction": "10"}
    cluster = PostgresCluster(server_version, max_connections=20, settings=settings)
    try:
        cluster.create()
        with cluster.connect("app") as session:
            for number in range(1000):
                session.execute(f"CREATE TABLE many{number} (a int)".encode())
                session.execute(f"CREATE VIEW v{number} AS SELECT * FROM many{number}".encode())
            reader = CatalogReader(session)
            reader.read()
            assert reader.printed == 1000
    finally:
        cluster.destroy()


PIECES = [
    "CREATE OR REPLACE FUNCTION {f}() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    f"CREATE OR REPLACE FUNCTION {{f}}() RETURNS int {LOCKING}",
    "CREATE OR REPLACE FUNCTION {f}() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN {g}(); END'",
    "CREATE OR REPLACE FUNCTION {f}() RETURNS int LANGUAGE sql RETURN {g}()",
    "CREATE OR REPLACE VIEW {v} AS SELECT {f}() AS a",
    "CREATE OR REPLACE VIEW {v} AS SELECT id AS a FROM {t}",
    "CREATE OR REPLACE VIEW {v} AS SELECT a FROM {w}",
    "ALTER FUNCTION {f}() RENAME TO {g}",
    "ALTER VIEW {v} RENAME TO {w}",
    "ALTER TABLE {t} RENAME TO {s}",
    "DROP FUNCTION {f}() CASCADE",
    "DROP VIEW {v} CASCADE",
    "DROP TABLE {t} CASCADE",
    "CREATE TABLE {t} (id int PRIMARY KEY, b int DEFAULT {f}())",
    "ALTER TABLE {t} ALTER b SET DEFAULT {f}()",
    "ALTER TABLE {t} ALTER b DROP DEFAULT",
    "ALTER TABLE {t} ADD CHECK ({f}() = 1) NOT VALID",
    "CREATE POLICY p ON {t} USING ({f}() = 1)",
    "DROP POLICY p ON {t}",
    "CREATE RULE r AS ON INSERT TO {t} DO ALSO SELECT {f}()",
    "ALTER TABLE {t} ADD FOREIGN KEY (b) REFERENCES {s} ON DELETE CASCADE",
    "ALTER TABLE {t} ALTER b TYPE {d}",
    "CREATE DOMAIN {d} AS int CHECK ({f}() = 1)",
    "ALTER DOMAIN {d} RENAME TO {e}",
    "DROP DOMAIN {d} CASCADE",
]


def piece(chance: random.Random) -> str:
    """DDL among a handful of names, which fails as often as not."""
    of = {"f": "fg", "g": "fg", "v": "vw", "w": "vw", "t": "ts", "s": "ts", "d": "de", "e": "de"}
    return chance.choice(PIECES).format(
        **{key: chance.choice(letters) + chance.choice("12") for key, letters in of.items()}
    )


@pytest.mark.parametrize("seed", range(4))
def test_after_any_ddl_what_was_read_in_parts_is_what_is_read_whole(
    cluster: PostgresCluster, session: psycopg.Connection[Any], seed: int
) -> None:
    """From two sessions, whose transactions end late, or never."""
    chance = random.Random(seed)
    reader, whole = CatalogReader(session), CatalogReader(session)
    options = "-c lock_timeout=20ms -c client_min_messages=error"
    with (
        cluster.connect("reading", options=options) as one,
        cluster.connect("reading", options=options) as other,
    ):
        for _ in range(60):
            by = chance.choice([one, other])
            text = chance.choices(["", "BEGIN", "COMMIT", "ROLLBACK"], [12, 2, 2, 1])[0]
            for each in [text or piece(chance)] * chance.choice([1, 1, 1, 2]):
                try:
                    by.execute(each.encode())
                except psycopg.Error:
                    by.execute("ROLLBACK")
            if chance.random() < 0.6:
                whole.forget()
                assert reader.read() == whole.read(), text


@pytest.mark.gateway
@pytest.mark.parametrize("text", ["'{1}'::_d", "'(1)'::pair", "'{(1)}'::_pair", "'(1)'::t"])
def test_a_domain_in_an_array_or_a_row_is_looked_at(
    cluster: PostgresCluster, database: str, text: str
) -> None:
    """To read a text as one of these runs the domain's checks, and only its own name is there."""
    cluster.admin(
        "ALTER DOMAIN d ADD CHECK (locks() = 1); ALTER TABLE t DROP a, DROP id CASCADE, ADD a d",
        database=database,
    )
    gateway = Gateway(cluster, ("--budget", "2"))
    try:
        gateway.start()
        target = gateway.target("transaction", database=database)
        with ScriptedClient.login(target) as client:
            assert not errors(client.query("SELECT 1"))
            eventually(lambda: "is watched" in gateway.log(), what="the catalogs are read")
            assert not errors(client.query(f"SELECT {text}"))
            assert gateway.monitor(database)["probes"] == 1
    finally:
        gateway.destroy()


@pytest.mark.gateway
def test_whoever_waits_for_the_lock_of_one_table_keeps_nobody_from_another(
    cluster: PostgresCluster, database: str
) -> None:
    """To print views locks what they read, up to the one that somebody is changing."""
    cluster.admin(
        "CREATE TABLE first (a int); CREATE VIEW of_first AS TABLE first;"
        "GRANT SELECT ON first TO app;"
        "CREATE TABLE second (a int); CREATE VIEW of_second AS TABLE second",
        database=database,
    )
    gateway = Gateway(cluster, ("--budget", "2"))
    try:
        with cluster.connect(database) as migrating, migrating.transaction():
            migrating.execute("LOCK TABLE second")
            gateway.start()
            target = gateway.target("transaction", database=database)
            with ScriptedClient.login(target) as client:
                assert not errors(client.query("SELECT 1"))
                cluster.admin(
                    "SET lock_timeout = '5s'; ALTER TABLE first ADD b int", database=database
                )

                def watched() -> bool:
                    """Asks each time: with no server connection left, nobody would watch."""
                    assert not errors(client.query("SELECT b FROM first"))
                    return "is watched" in gateway.log()

                eventually(watched, what="the catalogs are read")
    finally:
        gateway.destroy()
