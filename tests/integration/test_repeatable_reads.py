"""Which reads are proved to be repeatable, by the catalogs of real servers."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pglane.connection.catalog import names_of
from pglane.connection.catalog_queries import CATALOG_EPOCH
from pglane.wire.repeatable import BUILT_IN, KEYWORDS
from pglane.wire.statements import Verdict, scan
from pglane.wire.unseen import Sight
from tests.support.catalogs import CatalogReader
from tests.support.postgres_cluster import PostgresCluster

SCHEMA = """
CREATE TABLE t (id serial PRIMARY KEY, a text, b int CHECK (b > 0),
  made timestamptz DEFAULT now());
CREATE INDEX ON t (lower(a));
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE moods (id int, mood mood);
CREATE TABLE parts (id int) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE FUNCTION clean() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION clean(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION restless() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE VIEW v AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW kept AS SELECT 1 AS a;
CREATE TABLE guarded (id int);
CREATE POLICY p ON guarded USING (true);
CREATE TABLE ruled (id int);
CREATE RULE r AS ON INSERT TO ruled DO NOTHING;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE far (id int) SERVER nowhere;
CREATE TABLE partly_far (id int) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE far_part PARTITION OF partly_far FOR VALUES FROM (0) TO (10) SERVER nowhere;
CREATE DOMAIN small AS int CHECK (value < 100);
CREATE TABLE smalls (id int, small small);
CREATE TABLE many_smalls (id int, small small[]);
CREATE TYPE pair AS (a small, b int);
CREATE TABLE pairs (id int, pair pair);
CREATE TABLE indexed (id int);
CREATE INDEX ON indexed ((clean(1) + id));
CREATE TABLE checked (id int CHECK (clean(1) < id));
CREATE TABLE keyed (id int) PARTITION BY RANGE ((clean(id)));
CREATE TABLE counted (id int, b int);
CREATE STATISTICS counts ON (clean(1) + id), b FROM counted;
CREATE SCHEMA apart;
CREATE FUNCTION apart.upper(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE SEQUENCE numbers;
"""

REPEATABLE = [
    "SELECT 1",
    "SELECT * FROM t",
    "SELECT id, lower(a), count(*) FROM public.t WHERE b = $1 GROUP BY 1, 2 ORDER BY 3 LIMIT 10",
    "SELECT a FROM t JOIN moods USING (id) WHERE mood = 'sad' AND made > now() - interval '1 day'",
    "SELECT * FROM parts WHERE id IN (1, 2)",
    "SELECT max(id) FROM part",
    "SELECT * FROM generate_series(1, 10) AS n",
    "SELECT last_value FROM numbers",
    "VALUES (1, 'a'), (2, 'b')",
]
NOT_REPEATABLE = [
    "SELECT clean()",
    "SELECT restless()",
    "SELECT random()",
    "SELECT n.clean FROM generate_series(1, 2) AS n",
    "SELECT (1::bigint).pg_advisory_lock",
    "SELECT n.pg_advisory_lock FROM generate_series(1, 2) AS n",
    "SELECT ('numbers'::regclass).nextval",
    "SELECT (0.5::float8).setseed",
    "SELECT ('numbers'::regclass).brin_summarize_new_values",
    "SELECT upper(a) FROM t",
    "SELECT * FROM v",
    "SELECT * FROM kept",
    "SELECT * FROM guarded",
    "SELECT * FROM ruled",
    "SELECT * FROM far",
    "SELECT * FROM partly_far",
    "SELECT * FROM smalls",
    "SELECT * FROM many_smalls",
    "SELECT * FROM pairs",
    "SELECT 1::small",
    "SELECT '{1}'::small[]",
    "SELECT '(1,2)'::pair",
    "SELECT * FROM indexed",
    "SELECT * FROM checked",
    "SELECT * FROM keyed",
    "SELECT * FROM counted",
    "SELECT * FROM pg_locks",
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t FOR KEY SHARE",
    "SELECT * INTO made_here FROM t",
    "SELECT pg_sleep(0)",
    "WITH x AS (INSERT INTO t DEFAULT VALUES RETURNING 1) SELECT 1",
    "DELETE FROM t",
    "SELECT 1; SELECT 2",
]
ACTS = {
    "an operator": "CREATE OPERATOR === (FUNCTION = clean_too, LEFTARG = int, RIGHTARG = int)",
    "an operator with a function of PostgreSQL's own": (
        "CREATE OPERATOR !!! (FUNCTION = pg_catalog.nextval, RIGHTARG = regclass)"
    ),
    "a cast": "CREATE CAST (mood AS int) WITH FUNCTION to_number(mood) AS IMPLICIT",
    "index support": """CREATE OPERATOR CLASS own FOR TYPE int USING btree AS OPERATOR 1 <,
      OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 clean_too(int, int)""",
    "an access method": "CREATE ACCESS METHOD own TYPE TABLE HANDLER heap_tableam_handler",
    "a conversion": "CREATE CONVERSION own FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
}
SUPPORT = """
CREATE FUNCTION clean_too(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION to_number(mood) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
"""
OF_GRAMMAR = frozenset(b"cast coalesce greatest grouping least nullif trim".split())
"""PostgreSQL's grammar makes something else of them, and no function can have such a name."""


@pytest.fixture
def session(cluster: PostgresCluster) -> Iterator[psycopg.Connection[Any]]:
    cluster.admin("DROP DATABASE IF EXISTS repeating WITH (FORCE)")
    cluster.admin("CREATE DATABASE repeating")
    cluster.admin(SCHEMA, database="repeating")
    with cluster.connect("repeating") as session:
        yield session


def sight_of(session: psycopg.Connection[Any]) -> Sight:
    sight = Sight()
    sight.learn(names_of(CatalogReader(session).read().message()))
    return sight


def judge(sight: Sight, text: str) -> Verdict:
    return sight.judge(text.encode(), True, scan(text.encode(), "UTF8", True))


def test_which_reads_are_repeatable(session: psycopg.Connection[Any]) -> None:
    sight = sight_of(session)
    assert not sight.names.everything
    assert [text for text in REPEATABLE if not judge(sight, text).repeatable] == []
    assert [text for text in NOT_REPEATABLE if judge(sight, text).repeatable] == []


def test_what_is_repeatable_runs_and_leaves_nothing(
    cluster: PostgresCluster, session: psycopg.Connection[Any]
) -> None:
    with cluster.connect("repeating") as other:
        for text in REPEATABLE:
            other.execute("BEGIN READ ONLY")
            other.execute(text.replace("$1", "1").encode())
            other.execute("COMMIT")


@pytest.mark.parametrize("what", ACTS)
def test_what_acts_without_a_name_leaves_nothing_repeatable(
    cluster: PostgresCluster, session: psycopg.Connection[Any], what: str
) -> None:
    cluster.admin(SUPPORT, database="repeating")
    assert judge(sight_of(session), "SELECT 1").repeatable
    epoch = session.execute(CATALOG_EPOCH.encode()).fetchall()
    cluster.admin(ACTS[what], database="repeating")
    assert session.execute(CATALOG_EPOCH.encode()).fetchall() != epoch
    assert not judge(sight_of(session), "SELECT 1").repeatable


def test_what_known_extensions_bring_does_not_count(
    cluster: PostgresCluster, session: psycopg.Connection[Any]
) -> None:
    cluster.admin("CREATE EXTENSION hstore; CREATE EXTENSION btree_gin", database="repeating")
    assert judge(sight_of(session), "SELECT lower(a) FROM t").repeatable
    assert not judge(sight_of(session), "SELECT 'a=>1'::hstore").repeatable


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE t RENAME TO was; CREATE VIEW t AS SELECT * FROM was",
        "CREATE FUNCTION apart.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
        "CREATE POLICY p ON t USING (true)",
        "CREATE STATISTICS more ON (clean(1) + id), b FROM t",
        "CREATE TABLE child () INHERITS (t); CREATE POLICY p ON child USING (true)",
    ],
)
def test_a_read_stops_being_repeatable(
    cluster: PostgresCluster, session: psycopg.Connection[Any], change: str
) -> None:
    """And so does a prepared statement. The monitor sees that it has to read."""
    text = "SELECT lower(a) FROM t"
    before = judge(sight_of(session), text)
    assert before.repeatable
    epoch = session.execute(CATALOG_EPOCH.encode()).fetchall()
    cluster.admin(change, database="repeating")
    assert session.execute(CATALOG_EPOCH.encode()).fetchall() != epoch
    sight = sight_of(session)
    assert not judge(sight, text).repeatable
    assert not sight.renewed(text.encode(), before).repeatable


def test_functions_taken_for_harmless_are(session: psycopg.Connection[Any]) -> None:
    """All of that name: immutable or stable, written in C or parsed when the server was built."""
    names = [name.decode() for name in sorted(BUILT_IN | KEYWORDS)]
    found = session.execute(
        """SELECT p.proname, p.pronamespace::regnamespace::text, p.provolatile, l.lanname,
            p.prosqlbody IS NOT NULL FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
          WHERE p.oid < 16384 AND p.proname = ANY (%s)""",
        [names],
    ).fetchall()
    wrong = [
        row
        for row in found
        if not (
            row[1] == "pg_catalog"
            and row[2] in ("i", "s")
            and (row[3] == "internal" or (row[3] == "sql" and row[4]))
        )
    ]
    assert wrong == []
    lacking = {name.decode() for name in BUILT_IN - OF_GRAMMAR} - {row[0] for row in found}
    assert lacking <= {"any_value"}, "there since version 16"


def test_words_taken_for_keywords_are(session: psycopg.Connection[Any]) -> None:
    found = session.execute("SELECT word FROM pg_get_keywords()").fetchall()
    assert {name.decode() for name in KEYWORDS | OF_GRAMMAR} <= {row[0] for row in found}
