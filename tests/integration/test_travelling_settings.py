"""Settings go where their client goes: on another server connection after each transaction.

Every script runs on a private connection too, and the answers must be the same, statement by
statement: rows, tags, errors, transaction status and reported settings.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.switching import BUDGET, Answer, Switching, ask
from tests.support.target import Target

LOOK = (
    "SELECT current_setting('search_path'), current_setting('work_mem'), "
    "current_setting('statement_timeout'), current_setting('TimeZone'), "
    "current_setting('DateStyle'), current_setting('client_encoding'), "
    "current_setting('default_transaction_read_only'), "
    "current_setting('default_transaction_isolation'), current_user, session_user, "
    "coalesce(nullif(current_setting('app.tenant', true), ''), 'unset')"
)

SCRIPTS: dict[str, tuple[str, ...]] = {
    "SET": ("SET work_mem = '9MB'", LOOK, "SET work_mem = '8MB'", LOOK),
    "SET in another spelling": ('SET "Work_Mem" TO 9000', "SHOW work_mem"),
    "RESET": ("SET work_mem = '9MB'", "RESET work_mem", LOOK),
    "SET TO DEFAULT": ("SET work_mem = '9MB'", "SET work_mem TO DEFAULT", LOOK),
    "RESET ALL": (
        "SET work_mem = '9MB'; SET search_path = x; SET app.tenant = '5'",
        "SET ROLE part",
        "RESET ALL",
        LOOK,
        "RESET ROLE",
        LOOK,
    ),
    "RESET ALL that is rolled back": (
        "SET work_mem = '9MB'; SET app.tenant = '5'",
        "BEGIN; RESET ALL; ROLLBACK",
        LOOK,
    ),
    "DISCARD ALL": ("SET work_mem = '9MB'; SET ROLE part", LOOK, "DISCARD ALL", LOOK),
    "DISCARD ALL that fails": (
        "SET work_mem = '9MB'",
        "BEGIN; DISCARD ALL",
        "ROLLBACK",
        LOOK,
        "SELECT 1; DISCARD ALL",
        LOOK,
    ),
    "DISCARD of less": (
        "SET work_mem = '9MB'",
        "DISCARD PLANS",
        "DISCARD SEQUENCES",
        "DISCARD TEMP",
        LOOK,
    ),
    "set_config": (
        "SELECT set_config('work_mem', '9MB', false), set_config('app.tenant', '7', false)",
        LOOK,
        "SELECT set_config('app.tenant', NULL, false)",
        "SELECT current_setting('app.tenant')",
    ),
    "set_config for the transaction": (
        "SELECT set_config('work_mem', '9MB', true)",
        LOOK,
        "BEGIN; SELECT set_config('work_mem', '9MB', true)",
        LOOK,
        "COMMIT",
        LOOK,
    ),
    "a custom setting": (
        "SET app.tenant = 'it''s \\ \"one\"'",
        LOOK,
        "SELECT current_setting('app.tenant')",
        "SET app.tenant = ''",
        "SELECT current_setting('app.tenant')",
        "RESET app.tenant",
        "SELECT current_setting('app.tenant', true)",
    ),
    "a custom setting beyond ASCII": (
        "SET app.tenant = 'Łódź 🐘'",
        "SELECT current_setting('app.tenant')",
        "SET client_encoding = 'LATIN1'",
        "SELECT length(current_setting('app.tenant'))",
        "RESET client_encoding",
        "SELECT current_setting('app.tenant')",
    ),
    "SET ROLE": (
        "SET ROLE part",
        LOOK,
        "SELECT * FROM secret",
        "RESET ROLE",
        LOOK,
        "SET ROLE part; SET work_mem = '9MB'; SET ROLE NONE",
        LOOK,
        "SET ROLE nosuch",
        LOOK,
    ),
    "a setting made under a role": (
        "SET ROLE part",
        "SET search_path = made_by_part",
        "RESET ROLE",
        LOOK,
        "SET ROLE part",
        LOOK,
        "RESET search_path",
        LOOK,
    ),
    "a role that is rolled back": (
        "BEGIN; SET ROLE part",
        LOOK,
        "ROLLBACK",
        LOOK,
        "SET ROLE part",
        "BEGIN; RESET ROLE; ROLLBACK",
        LOOK,
    ),
    "SET SESSION AUTHORIZATION": ("SET SESSION AUTHORIZATION app", LOOK, "RESET ALL", LOOK),
    "SET TIME ZONE": (
        "SET TIME ZONE 'Asia/Tokyo'",
        "SELECT '2024-01-01 00:00+00'::timestamptz",
        "SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE",
        "SELECT '2024-01-01 00:00+00'::timestamptz",
        "SET TIME ZONE LOCAL",
        LOOK,
    ),
    "DateStyle": (
        "SET DateStyle = 'SQL, DMY'",
        "SELECT '01/02/2024'::date",
        "SET DateStyle = MDY",
        "SELECT '01/02/2024'::date",
        "RESET DateStyle",
        "SELECT '01/02/2024'::date",
    ),
    "SET NAMES": ("SET NAMES 'LATIN1'", LOOK, "SELECT 'x'", "SET NAMES DEFAULT", LOOK),
    "SET SESSION CHARACTERISTICS": (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE",
        "SHOW transaction_isolation",
        "CREATE TABLE never (id int)",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, ISOLATION LEVEL READ COMMITTED",
        LOOK,
    ),
    "search_path": (
        "SET search_path = pg_catalog, \"$user\", 'odd name'",
        "SHOW search_path",
        "SET SCHEMA 'other'",
        LOOK,
        "SET search_path = ''",
        "SHOW search_path",
        "SELECT 1 + 1",
    ),
    "an operator of one's own before PostgreSQL's": (
        "SET search_path = mine, pg_catalog",
        "SELECT 'a'::text = 'b'::text",
        "SET work_mem = '9MB'",
        "SHOW work_mem",
    ),
    "rolled back": (
        "BEGIN; SET work_mem = '9MB'; SET TimeZone = 'Asia/Tokyo'; SET app.tenant = '1'",
        LOOK,
        "ROLLBACK",
        LOOK,
    ),
    "rolled back to what was set": (
        "SET work_mem = '9MB'; SET app.tenant = '1'",
        "BEGIN; SET work_mem = '8MB'; SET app.tenant = '2'; ROLLBACK",
        LOOK,
        "BEGIN; RESET work_mem; ROLLBACK",
        LOOK,
    ),
    "SET LOCAL": (
        "SET work_mem = '9MB'",
        "BEGIN; SET LOCAL work_mem = '8MB'; SET LOCAL app.tenant = '2'",
        LOOK,
        "COMMIT",
        LOOK,
    ),
    "SET behind SET LOCAL": (
        "BEGIN; SET LOCAL work_mem = '8MB'; SET work_mem = '9MB'; SET LOCAL work_mem = '7MB'",
        LOOK,
        "COMMIT",
        LOOK,
    ),
    "savepoints": (
        "BEGIN; SET work_mem = '9MB'; SAVEPOINT a; SET work_mem = '8MB'; SET search_path = b",
        "SELECT 1/0",
        "ROLLBACK TO a",
        LOOK,
        "SAVEPOINT c; SET statement_timeout = '1min'; RELEASE c; COMMIT",
        LOOK,
    ),
    "an error in the middle of a text": (
        "SET work_mem = '9MB'; SELECT 1/0; SET search_path = never",
        LOOK,
        "BEGIN; SET work_mem = '9MB'; COMMIT; SELECT 1/0",
        LOOK,
        "SET work_mem = '9MB'; COMMIT; SET search_path = never; SELECT 1/0",
        LOOK,
    ),
    "a value that is refused": ("SET work_mem = 'lots'", LOOK, "SET nosuch = 1", LOOK),
    "a superuser's setting": ("SET log_statement = 'all'", LOOK, "SHOW log_statement"),
    "characteristics of one transaction": (
        "BEGIN; SET transaction_read_only = on",
        "SET transaction_isolation = 'serializable'; COMMIT",
        "SHOW transaction_read_only",
        "SHOW transaction_isolation",
        LOOK,
    ),
    "UPDATE pg_settings": (
        "UPDATE pg_settings SET setting = '9000' WHERE name = 'work_mem'",
        LOOK,
    ),
    "DO": (
        "DO $$ BEGIN PERFORM set_config('work_mem', '9MB', false); SET search_path = a; END $$",
        "DO $$ BEGIN PERFORM set_config('app.tenant', '3', false); END $$",
        LOOK,
        "DO $$ BEGIN SET ROLE part; END $$",
        LOOK,
        "DO $$ BEGIN RESET ROLE; END $$",
        LOOK,
    ),
}
SUPERUSERS = {
    "a superuser's setting": (
        "SET log_statement = 'all'",
        "SET ROLE part",
        "SHOW log_statement",
        "SELECT current_user",
        "RESET ROLE",
        "SHOW log_statement",
        "RESET log_statement",
        "SHOW log_statement",
    ),
    "SET SESSION AUTHORIZATION": (
        "SET work_mem = '9MB'; SET SESSION AUTHORIZATION app",
        LOOK,
        "SET ROLE part",
        LOOK,
        "SET log_statement = 'all'",
        "RESET SESSION AUTHORIZATION",
        LOOK,
        "SET SESSION AUTHORIZATION app",
        "SET ROLE part",
        "SET SESSION AUTHORIZATION DEFAULT",
        LOOK,
    ),
}
STARTUPS = {
    "plain": {},
    "options": {"options": "-c work_mem=7MB -c app.tenant=mine"},
    "zone": {"TimeZone": "America/New_York", "DateStyle": "SQL, DMY", "search_path": "s"},
}


@pytest.fixture(scope="module", autouse=True)
def rights(cluster: PostgresCluster) -> Iterator[None]:
    cluster.admin(
        "CREATE ROLE part; GRANT part TO app, third; CREATE SCHEMA mine AUTHORIZATION app; "
        "CREATE TABLE secret (id int); GRANT SELECT ON secret TO app; "
        "CREATE FUNCTION mine.always(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true'; "
        "CREATE OPERATOR mine.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mine.always); "
        "ALTER ROLE third SET role = part; ALTER ROLE third SET work_mem = '6MB'",
        database="app",
    )
    yield
    cluster.admin("ALTER ROLE third RESET ALL", database="app")


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


def _compare(
    door: Target, cluster: PostgresCluster, script: tuple[str, ...], **startup: str
) -> list[Answer]:
    """Runs a script here and there; what strangers saw."""
    private = ScriptedClient.login(cluster.target().as_user(door.user), **startup)
    with private, Switching(door, LOOK, **startup) as switching:
        for text in script:
            expected = ask(private, text)
            assert switching.ask(text) == expected, text
        switching.switch()
        switching.switch()
        return switching.looks


@pytest.mark.parametrize("startup", STARTUPS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_settings_travel(door: Target, cluster: PostgresCluster, name: str, startup: str) -> None:
    looks = _compare(door, cluster, SCRIPTS[name], **STARTUPS[startup])
    assert all(one == looks[0] for one in looks)


@pytest.mark.parametrize("name", SUPERUSERS)
def test_settings_of_superusers_travel(door: Target, cluster: PostgresCluster, name: str) -> None:
    looks = _compare(door.as_user("postgres"), cluster, SUPERUSERS[name])
    assert all(one == looks[0] for one in looks)


@pytest.mark.parametrize(
    "script",
    [
        (LOOK, "SET ROLE NONE", LOOK, "RESET ROLE", LOOK),
        ("SET work_mem = '9MB'", LOOK, "RESET ALL", LOOK, "SET ROLE NONE", "RESET ALL", LOOK),
        ("DISCARD ALL", LOOK, "SET ROLE NONE", "DISCARD ALL", LOOK),
    ],
)
def test_defaults_of_a_role_are_what_reset_gives_back(
    door: Target, cluster: PostgresCluster, script: tuple[str, ...]
) -> None:
    looks = _compare(door.as_user("third"), cluster, script)
    assert all(one == looks[0] for one in looks)


def test_what_cannot_be_carried_stays_with_its_client(
    door: Target, cluster: PostgresCluster
) -> None:
    """A role may not read what a superuser has set: so nobody asks."""
    hidden = "SET dynamic_library_path = '/nowhere'"
    there = cluster.target().as_user("postgres")
    with (
        ScriptedClient.login(there) as private,
        ScriptedClient.login(door.as_user("postgres")) as client,
    ):
        for text in (hidden, "SET ROLE part", "RESET ROLE", "SHOW dynamic_library_path"):
            assert ask(client, text) == ask(private, text)
        client.query("DISCARD ALL")


def test_settings_in_a_pipeline(door: Target, cluster: PostgresCluster) -> None:
    pipeline = [p.query("DISCARD ALL"), p.query("SET work_mem = '9MB'"), p.query("SET ROLE part")]
    with (
        ScriptedClient.login(cluster.target()) as private,
        Switching(door, LOOK) as switching,
    ):
        for client in (private, switching.client):
            client.send(*pipeline)
            client.read_until("Z", len(pipeline))
        for _ in range(3):
            assert switching.ask(LOOK) == ask(private, LOOK)
        assert all(one == switching.looks[0] for one in switching.looks)


BLEED = {
    "search_path": ("SET search_path = evil", "SHOW search_path"),
    "row-security variable": (
        "SET app.tenant = 'mine'",
        "SELECT coalesce(nullif(current_setting('app.tenant', true), ''), 'unset')",
    ),
    "role": ("SET ROLE part", "SELECT current_user"),
    "timeout": ("SET statement_timeout = '5min'", "SHOW statement_timeout"),
    "work_mem": ("SET work_mem = '99MB'", "SHOW work_mem"),
    "read only": (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SHOW default_transaction_read_only",
    ),
}


@pytest.mark.parametrize("row", BLEED)
def test_nothing_bleeds_and_nothing_is_lost(
    door: Target, cluster: PostgresCluster, row: str
) -> None:
    statement, look = BLEED[row]
    looks = _compare(door, cluster, (statement, look, look, look))
    assert len(looks) > 4


@pytest.fixture
def pgbouncer(_pgbouncer_of: Callable[[str, int], PgBouncer]) -> Target:
    return _pgbouncer_of("pgbouncer-transaction", BUDGET).target()


@pytest.mark.parametrize("row", BLEED)
def test_through_pgbouncer_the_same_bleeds_and_is_lost(pgbouncer: Target, row: str) -> None:
    """Why all this is done: the stranger sees it, and the client does not."""
    statement, look = BLEED[row]
    with Switching(pgbouncer, look) as switching:
        untouched = switching.looks[0].rows
        switching.ask(statement)
        mine = switching.ask(look).rows
        seen = [one.rows for one in switching.looks]
        switching.client.query("DISCARD ALL")
        switching.switch()
        switching.client.query("DISCARD ALL")
    assert mine == untouched, "the client has lost what it set"
    assert seen[-1] != untouched, "a stranger has got it"


LEFT = (
    "SET search_path = evil",
    "SELECT set_config('app.tenant', 'evil', false)",
    "SET ROLE part",
)


@pytest.mark.parametrize("polite", [True, False], ids=["terminates", "vanishes"])
def test_what_a_client_set_and_left_at_once_is_nobodys(
    single_transaction_door: Target, polite: bool
) -> None:
    """Nobody waits for its answer, so nobody asks what became of its settings."""
    with ScriptedClient.login(single_transaction_door) as other:
        before = ask(other, LOOK)
        for text in LEFT:
            with ScriptedClient.login(single_transaction_door) as leaving:
                leaving.send(p.query(text) + (p.terminate() if polite else b""))
            for _ in range(3):
                assert ask(other, LOOK) == before
