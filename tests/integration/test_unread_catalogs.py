"""Reading runs code, too: while nobody has read the catalogs, what a text reads is looked at.

A view, a policy, a domain or an operator may call a function that sets something, and the text
that does it looks like any other. With catalogs that were read it is known which are harmless.
"""

from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target

DATABASE = "unread"
SCHEMA = """
CREATE FUNCTION sets() RETURNS bool LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('work_mem', '9MB', false); RETURN true; END $$;
CREATE FUNCTION sets(int, int) RETURNS bool LANGUAGE sql AS $$ SELECT sets() $$;
CREATE FUNCTION lower(int) RETURNS bool LANGUAGE sql AS $$ SELECT sets() $$;
CREATE VIEW seen AS SELECT sets();
CREATE TABLE guarded AS SELECT 1 AS n;
CREATE POLICY guard ON guarded USING (sets());
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE DOMAIN checked AS int CHECK (sets());
CREATE OPERATOR @@@ (FUNCTION = sets, LEFTARG = int, RIGHTARG = int)
"""
READS = (
    "SELECT * FROM seen", "TABLE seen", "SELECT n FROM guarded", "SELECT 1::checked",
    "SELECT CAST(1 AS checked)", "SELECT 1 @@@ 2", "SELECT lower(1)",
    "COPY (SELECT n FROM guarded) TO STDOUT",
)  # fmt: skip


@pytest.fixture(scope="module")
def database(cluster: PostgresCluster) -> str:
    cluster.admin(f"CREATE DATABASE {DATABASE} OWNER app")
    cluster.admin(f"SET ROLE app; {SCHEMA}", database=DATABASE)
    return DATABASE


@pytest.fixture(scope="module")
def unwatched(cluster: PostgresCluster, database: str) -> Iterator[Target]:
    """The transaction door of a gateway that can read no catalogs."""
    settings = {"server": {"monitor_ms": 50, "monitor_user": "nobody_of_this_name"}}
    one = Gateway(cluster, ("--budget", "3"), settings)
    try:
        yield one.start().target("transaction", database=database)
    finally:
        one.destroy()


@pytest.fixture(scope="module")
def bounced(cluster: PostgresCluster, database: str) -> Iterator[Target]:
    one = PgBouncer(cluster, "transaction", 1)
    try:
        yield one.start().target(database=database)
    finally:
        one.stop()


def left_by(target: Target, text: str) -> tuple[str, set[str]]:
    """What the client that read has afterwards, and what others have."""
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        one.query(text)
        others = {other.value("SHOW work_mem") for _ in range(4)}
        own = one.value("SHOW work_mem")
        one.query("RESET work_mem")
        return own, others


@pytest.mark.gateway
@pytest.mark.parametrize("text", READS)
def test_what_a_reader_is_left_with_is_nobody_elses(unwatched: Target, text: str) -> None:
    own, others = left_by(unwatched, text)
    assert own == "9MB"
    assert "9MB" not in others


@pytest.mark.parametrize("text", READS)
def test_pgbouncer_gives_it_to_others(bounced: Target, text: str) -> None:
    assert "9MB" in left_by(bounced, text)[1]
