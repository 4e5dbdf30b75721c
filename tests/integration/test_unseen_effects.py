"""What text cannot show: effects of functions, triggers and defaults never reach a stranger.

Each case is a statement whose text is harmless and which leaves something in the session. Shown on
PgBouncer: the next client on the server connection has it. Here: nobody has it but the client that
caused it, who keeps it as on a private connection.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

SCHEMA = """
CREATE FUNCTION sets_path() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('search_path', 'pg_catalog', false); END $$;
CREATE FUNCTION sets_tenant() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('app.tenant', 'anna', false); END $$;
CREATE FUNCTION sets_role() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('role', 'pg_monitor', false); END $$;
CREATE FUNCTION locks() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_lock(4711)';
CREATE FUNCTION listens() RETURNS void LANGUAGE plpgsql AS $$ BEGIN LISTEN leftover; END $$;
CREATE FUNCTION prepares() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE 'PREPARE leftover AS SELECT 1'; END $$;
CREATE FUNCTION makes_table() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN CREATE TEMP TABLE leftover (id int); END $$;
CREATE FUNCTION makes_type() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN CREATE TYPE pg_temp.leftover AS ENUM ('a'); END $$;
CREATE FUNCTION sets_within() RETURNS text LANGUAGE plpgsql SET work_mem = '8MB' AS
  $$ BEGIN RETURN set_config('work_mem', '9MB', false); END $$;
CREATE FUNCTION sets_and_returns() RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('work_mem', '9MB', false); RETURN 1; END $$;
CREATE FUNCTION sets_and_fires() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM sets_and_returns(); RETURN new; END $$;
CREATE FUNCTION locks_and_fires() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_advisory_lock(4711); RETURN new; END $$;
CREATE TABLE with_trigger (id int);
CREATE TRIGGER fires BEFORE INSERT ON with_trigger
  FOR EACH ROW EXECUTE FUNCTION sets_and_fires();
CREATE TABLE with_locking_trigger (id int);
CREATE TRIGGER fires BEFORE INSERT ON with_locking_trigger
  FOR EACH ROW EXECUTE FUNCTION locks_and_fires();
CREATE TABLE with_default (id int, made int DEFAULT sets_and_returns());
CREATE TABLE with_check (id int CHECK (sets_and_returns() = 1));
CREATE TABLE with_index (id int);
CREATE FUNCTION looks_pure(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN PERFORM set_config('work_mem', '9MB', false); RETURN $1; END $$;
CREATE INDEX ON with_index (looks_pure(id));
CREATE VIEW with_view AS SELECT sets_and_returns() AS one;
CREATE TABLE parent (id int PRIMARY KEY);
INSERT INTO parent SELECT generate_series(1, 100);
CREATE TABLE child (id int REFERENCES parent ON DELETE CASCADE);
INSERT INTO child SELECT generate_series(1, 100);
CREATE FUNCTION sets_on_delete() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM sets_and_returns(); RETURN old; END $$;
CREATE TRIGGER fires BEFORE DELETE ON child FOR EACH ROW EXECUTE FUNCTION sets_on_delete();
CREATE DOMAIN small AS int CHECK (value < 100 AND sets_and_returns() = 1);
CREATE TABLE with_domain (id small);
CREATE FUNCTION stamps() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN new.note := now(); RETURN new; END $$;
CREATE TABLE with_clean_trigger (id int, note text);
CREATE TRIGGER stamps BEFORE INSERT ON with_clean_trigger
  FOR EACH ROW EXECUTE FUNCTION stamps();
CREATE FUNCTION sets_named(name text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN RETURN set_config(name, 'anna', false); END $$;
CREATE FUNCTION sets_custom() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN SET named.by_set = 'anna'; END $$;
CREATE FUNCTION sets_by_another() RETURNS text LANGUAGE sql AS
  $$ SELECT sets_named('named.by_another') $$;
CREATE FUNCTION sets_dynamically() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE 'SET named.dynamically = anna'; END $$;
CREATE FUNCTION sets_computed(part text) RETURNS text LANGUAGE sql AS
  $$ SELECT set_config('computed.' || part, 'anna', false) $$;
CREATE FUNCTION sets_argument() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config(tg_argv[0], 'anna', false); RETURN new; END $$;
CREATE TABLE with_argument (id int);
CREATE TRIGGER fires BEFORE INSERT ON with_argument
  FOR EACH ROW EXECUTE FUNCTION sets_argument('named.argument');
CREATE TABLE with_named_default (id int, b text DEFAULT sets_named('named.default'));
CREATE VIEW with_named_view AS SELECT set_config('named.view', 'anna', false);
CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE later_trigger (id int);
"""

WORK_MEM = "SELECT current_setting('work_mem')"
LOCKED = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() "
    "AND objid = 4711"
)


@dataclass(frozen=True)
class Case:
    """A statement, the question that shows what it leaves, and the answer if it has."""

    statement: str
    look: str
    there: str


CASES = {
    "a function sets search_path": Case("SELECT sets_path()", "SHOW search_path", "pg_catalog"),
    "a function sets a custom setting": Case(
        "SELECT sets_tenant()", "SELECT current_setting('app.tenant', true)", "anna"
    ),
    "a function sets the role": Case("SELECT sets_role()", "SELECT current_user", "pg_monitor"),
    "a function takes an advisory lock": Case("SELECT locks()", LOCKED, "1"),
    "a function listens": Case(
        "SELECT listens()", "SELECT count(*) FROM pg_listening_channels()", "1"
    ),
    "a function prepares": Case(
        "SELECT prepares()",
        "SELECT count(*) FROM pg_prepared_statements WHERE name = 'leftover'",
        "1",
    ),
    "a function makes a temporary table": Case(
        "SELECT makes_table()", "SELECT to_regclass('pg_temp.leftover') IS NOT NULL", "t"
    ),
    "a function makes a temporary type": Case(
        "SELECT makes_type()", "SELECT to_regtype('pg_temp.leftover') IS NOT NULL", "t"
    ),
    "a function with SET in its definition": Case("SELECT sets_within()", WORK_MEM, "9MB"),
    "a trigger": Case("INSERT INTO with_trigger VALUES (1)", WORK_MEM, "9MB"),
    "a trigger that locks": Case("INSERT INTO with_locking_trigger VALUES (1)", LOCKED, "1"),
    "a column default": Case("INSERT INTO with_default VALUES (1)", WORK_MEM, "9MB"),
    "a check constraint": Case("INSERT INTO with_check VALUES (1)", WORK_MEM, "9MB"),
    "an index": Case("INSERT INTO with_index VALUES (1)", WORK_MEM, "9MB"),
    "a view": Case("SELECT * FROM with_view", WORK_MEM, "9MB"),
    "a cascade": Case(
        "DELETE FROM parent WHERE id = (SELECT min(id) FROM parent)", WORK_MEM, "9MB"
    ),
    "a domain": Case("INSERT INTO with_domain VALUES (1)", WORK_MEM, "9MB"),
    "UPDATE pg_settings": Case(
        "UPDATE pg_settings SET setting = '9MB' WHERE name = 'work_mem'", WORK_MEM, "9MB"
    ),
    **{
        f"a custom setting that is named: {where}": Case(
            statement, f"SELECT current_setting('named.{where}', true)", "anna"
        )
        for where, statement in {
            "by_set": "SELECT sets_custom()",
            "by_another": "SELECT sets_by_another()",
            "dynamically": "SELECT sets_dynamically()",
            "argument": "INSERT INTO with_argument VALUES (1)",
            "default": "INSERT INTO with_named_default VALUES (1)",
            "view": "SELECT * FROM with_named_view",
            "by_client": "SELECT sets_named('named.by_client')",
            "in_block": "DO $$ BEGIN PERFORM sets_named('named.in_block'); END $$",
        }.items()
    },
    "an anonymous block": Case("DO $$ BEGIN PERFORM pg_advisory_lock(4711); END $$", LOCKED, "1"),
}


@pytest.fixture(scope="module")
def schema(cluster: PostgresCluster) -> None:
    cluster.admin("GRANT pg_monitor TO app")
    cluster.admin("CREATE DATABASE unseen OWNER app")
    cluster.admin(f"SET ROLE app; {SCHEMA}", database="unseen")


@pytest.fixture(scope="module")
def watchful(cluster: PostgresCluster, schema: None) -> Iterator[Gateway]:
    """A gateway whose clients share few server connections, watched closely."""
    one = Gateway(cluster, ("--budget", "3"), {"server": {"monitor_ms": 20}})
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(scope="module")
def bouncing(cluster: PostgresCluster, schema: None) -> Iterator[PgBouncer]:
    one = PgBouncer(cluster, "transaction", 1)
    try:
        yield one.start()
    finally:
        one.stop()


def monitor_row(gateway: Gateway) -> dict[str, object]:
    return gateway.monitor("unseen")


def known_door(gateway: Gateway) -> Target:
    """The transaction door, once the catalogs were read, other tests' DDL as well."""
    target = gateway.target("transaction", database="unseen")
    with ScriptedClient.login(target) as client:
        client.query("SELECT 1")
        gateway.wait_for_catalogs("unseen")
        eventually(lambda: is_proved(gateway, client), what="no DDL is still to be read")
    return target


def is_proved(gateway: Gateway, client: ScriptedClient) -> bool:
    """Whether a statement that leaves nothing is let go without a look."""
    before = monitor_row(gateway)["probes"]
    client.query("SELECT 1")
    return monitor_row(gateway)["probes"] == before


@pytest.mark.gateway
@pytest.mark.parametrize("what", CASES)
def test_no_stranger_sees_it_and_who_caused_it_does(watchful: Gateway, what: str) -> None:
    case = CASES[what]
    target = known_door(watchful)
    with (
        ScriptedClient.login(target) as one,
        ScriptedClient.login(target) as other,
        ScriptedClient.login(target) as third,
    ):
        for client in (one, other, third):
            client.query("SELECT 1")
        for _ in range(2):
            answer = one.query(case.statement)
            if errors(answer):  # refused, the second time: it is known then
                assert "PGL" in str(answer) or one.status == "I", answer
            for client in (other, third, other):
                assert rows(client.query(case.look)) != [(case.there,)]
        assert rows(one.query(case.look)) == [(case.there,)]
    with ScriptedClient.login(target) as later:
        assert rows(later.query(case.look)) != [(case.there,)]


@pytest.mark.gateway
def test_no_stranger_sees_a_setting_of_a_computed_name(watchful: Gateway) -> None:
    target = known_door(watchful)
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        other.query("SELECT 1")
        for number in range(6):
            assert not errors(one.query(f"SELECT sets_computed('x{number}')"))
            look = f"SELECT current_setting('computed.x{number}', true)"
            for client in (other, one):
                assert rows(client.query(look)) != [("anna",)]


@pytest.mark.gateway
def test_a_setting_whose_name_is_a_parameter_goes_with_its_client(watchful: Gateway) -> None:
    target = known_door(watchful)
    look = "SELECT current_setting('named.by_parameter', true)"
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        for name in ("", "named"):
            sets = p.parse("SELECT sets_named($1)", name)
            bound = p.bind((b"named.by_parameter",), statement=name)
            assert not errors(one.extended(sets, bound, p.execute()))
            for _ in range(3):
                assert rows(other.query(look)) != [("anna",)]
            assert rows(one.query(look)) == [("anna",)]


@pytest.mark.parametrize("what", CASES)
def test_pgbouncer_gives_it_to_the_next_client(bouncing: PgBouncer, what: str) -> None:
    case = CASES[what]
    target = bouncing.target(database="unseen")
    with (
        ScriptedClient.login(target) as one,
        ScriptedClient.login(target) as other,
    ):
        try:
            assert not errors(one.query(case.statement))
            assert rows(other.query(case.look)) == [(case.there,)]
        finally:
            other.query("RESET ROLE")
            other.query("DISCARD ALL")


MADE = {
    "CREATE TABLE": "CREATE TABLE leftover (id int)",
    "CREATE TABLE AS": "CREATE TABLE leftover AS SELECT 1",
    "SELECT INTO": "SELECT 1 AS one INTO leftover",
    "CREATE VIEW": "CREATE VIEW leftover AS SELECT 1",
    "CREATE SEQUENCE": "CREATE SEQUENCE leftover",
}
LEFT = "SELECT to_regclass('pg_temp.leftover') IS NOT NULL"


def make_by_value(client: ScriptedClient, text: str) -> None:
    """Makes something temporary that no text says is."""
    client.query("BEGIN")
    path = p.parse("SELECT set_config('search_path', $1, true)")
    assert not errors(client.extended(path, p.bind((b"pg_temp",)), p.execute()))
    assert not errors(client.query(text))
    client.query("COMMIT")


@pytest.mark.gateway
@pytest.mark.parametrize("made", MADE)
def test_what_a_value_makes_temporary_stays_with_its_client(watchful: Gateway, made: str) -> None:
    target = known_door(watchful)
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        other.query("SELECT 1")
        make_by_value(one, MADE[made])
        for _ in range(4):
            assert other.value(LEFT) == "f"
        assert one.value(LEFT) == "t"
    with ScriptedClient.login(target) as later:
        assert later.value(LEFT) == "f"


@pytest.mark.parametrize("made", MADE)
def test_pgbouncer_gives_what_a_value_makes_temporary_to_others(
    bouncing: PgBouncer, made: str
) -> None:
    target = bouncing.target(database="unseen")
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        try:
            make_by_value(one, MADE[made])
            assert other.value(LEFT) == "t"
        finally:
            other.query("DISCARD ALL")


@pytest.mark.gateway
def test_what_is_proved_is_not_looked_at(watchful: Gateway) -> None:
    target = known_door(watchful)
    with ScriptedClient.login(target) as client:
        before = monitor_row(watchful)["probes"]
        for statement in (
            "INSERT INTO with_clean_trigger (id) VALUES (1)",
            "SELECT later()",
            "SELECT count(*), max(note), upper('x') FROM with_clean_trigger",
            "SELECT * FROM with_trigger",
        ):
            assert not errors(client.query(statement))
        assert monitor_row(watchful)["probes"] == before


@pytest.mark.gateway
def test_an_unknown_call_is_looked_at_once(watchful: Gateway) -> None:
    target = known_door(watchful)
    with ScriptedClient.login(target) as client:
        before = int(str(monitor_row(watchful)["probes"]))
        for number in range(5):
            client.query(
                f"WITH pairs (a, b) AS (VALUES ({number}, 'x{number}')) SELECT * FROM pairs"
            )
        assert int(str(monitor_row(watchful)["probes"])) == before + 1


@pytest.mark.gateway
def test_a_function_that_was_replaced_is_known_as_it_is_now(
    watchful: Gateway, cluster: PostgresCluster
) -> None:
    target = known_door(watchful)
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        one.query("SELECT later()")
        before = monitor_row(watchful)["catalog_epoch"]
        cluster.admin(
            "CREATE OR REPLACE FUNCTION later() RETURNS int LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM set_config('work_mem', '9MB', false); RETURN 1; END $$",
            database="unseen",
        )
        eventually(lambda: monitor_row(watchful)["catalog_epoch"] != before)
        one.query("SELECT later()")
        assert one.value("SHOW work_mem") == "9MB"
        for _ in range(3):
            assert other.value("SHOW work_mem") != "9MB"


@pytest.mark.gateway
def test_a_trigger_made_after_a_statement_was_prepared_is_known(
    watchful: Gateway, cluster: PostgresCluster
) -> None:
    target = known_door(watchful)
    run = p.bind((), "s") + p.execute() + p.sync()
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        one.send(p.parse("INSERT INTO later_trigger VALUES (1)", "s") + run)
        assert not errors(one.read_until("Z"))
        before = monitor_row(watchful)["catalog_epoch"]
        cluster.admin(
            "CREATE TRIGGER fires BEFORE INSERT ON later_trigger "
            "FOR EACH ROW EXECUTE FUNCTION sets_and_fires()",
            database="unseen",
        )
        eventually(lambda: monitor_row(watchful)["catalog_epoch"] != before)
        one.send(run)
        assert not errors(one.read_until("Z"))
        for _ in range(3):
            assert other.value("SHOW work_mem") != "9MB"
        assert one.value("SHOW work_mem") == "9MB"


@pytest.mark.gateway
def test_a_new_function_is_looked_at_before_the_catalogs_are_read(
    cluster: PostgresCluster, schema: None
) -> None:
    gateway = Gateway(cluster, ("--budget", "2"), {"server": {"monitor_ms": 60_000}})
    try:
        gateway.start()
        target = known_door(gateway)
        cluster.admin(
            "CREATE OR REPLACE FUNCTION brand_new() RETURNS void LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM set_config('work_mem', '9MB', false); END $$",
            database="unseen",
        )
        with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
            one.query("SELECT brand_new()")
            for _ in range(3):
                assert other.value("SHOW work_mem") != "9MB"
            assert one.value("SHOW work_mem") == "9MB"
    finally:
        gateway.destroy()


@pytest.mark.gateway
def test_the_log_names_the_statement_by_its_fingerprint_alone(watchful: Gateway) -> None:
    target = known_door(watchful)
    with ScriptedClient.login(target) as client:
        client.query("SELECT locks() WHERE 'secret-word' <> ''")
    eventually(lambda: "unseen_state" in watchful.log())
    assert "secret-word" not in watchful.log()
    assert "a session advisory lock" in watchful.log()


@pytest.mark.gateway
def test_ddl_of_a_client_is_known_at_once(cluster: PostgresCluster, schema: None) -> None:
    """Though the monitor looks every minute only."""
    gateway = Gateway(cluster, ("--budget", "2"), {"server": {"monitor_ms": 60_000}})
    try:
        gateway.start()
        target = known_door(gateway)
        with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
            before = monitor_row(gateway)["catalog_epoch"]
            one.query("CREATE TABLE made_here (id int DEFAULT sets_and_returns())")
            eventually(lambda: monitor_row(gateway)["catalog_epoch"] != before)
            one.query("INSERT INTO made_here VALUES (DEFAULT)")
            for _ in range(3):
                assert other.value("SHOW work_mem") != "9MB"
            assert one.value("SHOW work_mem") == "9MB"
    finally:
        gateway.destroy()


VIEWS = 25


@pytest.mark.gateway
def test_what_a_client_has_just_made_is_looked_at_until_the_catalogs_are_read(
    watchful: Gateway,
) -> None:
    """Each statement comes right behind the DDL, before the monitor can have read it."""
    target = known_door(watchful)
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        for number in range(VIEWS):
            setting = f"fresh.number_{number}"
            set_it = f"set_config('{setting}', 'anna', false)"
            assert not errors(one.query(f"CREATE VIEW fresh_{number} AS SELECT {set_it}"))
            assert not errors(one.query(f"SELECT * FROM fresh_{number}"))
            for _ in range(3):
                assert other.value(f"SELECT current_setting('{setting}', true)") != "anna"
        one.query(";".join(f"DROP VIEW fresh_{number}" for number in range(VIEWS)))


@pytest.mark.gateway
def test_behind_ddl_that_was_read_nothing_is_looked_at(watchful: Gateway) -> None:
    target = known_door(watchful)
    with ScriptedClient.login(target) as client:
        client.query("CREATE TABLE read_already (id int)")
        client.query("DROP TABLE read_already")

        def is_proved() -> bool:
            before = monitor_row(watchful)["probes"]
            client.query("SELECT count(*) FROM later_trigger")
            return monitor_row(watchful)["probes"] == before

        eventually(is_proved, what="the DDL is read")
        assert all(is_proved() for _ in range(5))


@pytest.mark.gateway
def test_without_the_right_to_read_catalogs_every_write_is_looked_at(
    cluster: PostgresCluster, schema: None
) -> None:
    cluster.admin("REVOKE SELECT ON pg_catalog.pg_trigger FROM PUBLIC", database="unseen")
    gateway = Gateway(cluster, ("--budget", "2"), {"server": {"monitor_ms": 20}})
    try:
        gateway.start()
        target = gateway.target("transaction", database="unseen")
        with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
            one.query("SELECT 1")
            eventually(lambda: "cannot be read" in gateway.log())
            one.query("INSERT INTO with_trigger VALUES (1)")
            for _ in range(3):
                assert other.value("SHOW work_mem") != "9MB"
            assert one.value("SHOW work_mem") == "9MB"
    finally:
        gateway.destroy()
        cluster.admin("GRANT SELECT ON pg_catalog.pg_trigger TO PUBLIC", database="unseen")


@pytest.mark.gateway
def test_what_was_proved_counts_no_more_when_catalogs_cannot_be_read(
    watchful: Gateway, cluster: PostgresCluster
) -> None:
    cluster.admin("SET ROLE app; CREATE TABLE turning (id int)", database="unseen")
    target = known_door(watchful)
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        one.query("INSERT INTO turning VALUES (1)")
        cluster.admin("REVOKE SELECT ON pg_catalog.pg_trigger FROM PUBLIC", database="unseen")
        try:
            eventually(lambda: monitor_row(watchful)["state"] != "watching")
            cluster.admin(
                "SET ROLE app; CREATE TRIGGER fires BEFORE INSERT ON turning "
                "FOR EACH ROW EXECUTE FUNCTION sets_and_fires()",
                database="unseen",
            )
            one.query("INSERT INTO turning VALUES (2)")
            for _ in range(3):
                assert other.value("SHOW work_mem") != "9MB"
            assert one.value("SHOW work_mem") == "9MB"
        finally:
            cluster.admin("GRANT SELECT ON pg_catalog.pg_trigger TO PUBLIC", database="unseen")
    eventually(lambda: monitor_row(watchful)["state"] == "watching")


@pytest.mark.gateway
def test_a_session_that_cannot_be_looked_at_is_nobodys(
    watchful: Gateway, cluster: PostgresCluster
) -> None:
    target = known_door(watchful)
    cluster.admin("REVOKE SELECT ON pg_catalog.pg_locks FROM PUBLIC", database="unseen")
    try:
        with ScriptedClient.login(target) as client:
            left = client.query("SELECT pg_backend_pid(), 'unlooked', sets_and_returns()")
            left_at = rows(left)[0][0]
            for _ in range(3):
                assert client.value("SELECT pg_backend_pid()") != left_at
        assert "could not be looked at" in watchful.log()
    finally:
        cluster.admin("GRANT SELECT ON pg_catalog.pg_locks TO PUBLIC", database="unseen")


@pytest.mark.gateway
def test_who_may_not_see_all_settings_is_looked_at_too(
    cluster: PostgresCluster, schema: None
) -> None:
    """The monitor is a superuser and knows of more settings than the client may ask for."""
    settings = {"server": {"monitor_ms": 20, "monitor_user": "postgres"}}
    gateway = Gateway(cluster, ("--budget", "3"), settings)
    try:
        known_door(gateway.start())
        target = gateway.target("transaction", user="second", database="unseen")
        with ScriptedClient.login(target) as client:
            before = client.value("SELECT pg_backend_pid()")
            looked_at = int(str(monitor_row(gateway)["probes"]))
            client.query("SELECT sets_and_returns(), 'second'")
            assert client.value("SELECT pg_backend_pid()") == before
            assert int(str(monitor_row(gateway)["probes"])) > looked_at
        assert "could not be looked at" not in gateway.log()
    finally:
        gateway.destroy()


@pytest.mark.gateway
def test_who_keeps_its_server_connection_is_not_looked_at_again(watchful: Gateway) -> None:
    target = known_door(watchful)
    with ScriptedClient.login(target) as client:
        client.query("SELECT locks() WHERE 'kept' <> ''")
        looked_at = monitor_row(watchful)["probes"]
        for _ in range(3):
            client.query("SELECT sets_and_returns()")
        assert monitor_row(watchful)["probes"] == looked_at


@pytest.mark.gateway
def test_a_function_that_is_called_by_its_number(
    watchful: Gateway, cluster: PostgresCluster
) -> None:
    target = known_door(watchful)
    oid = int(cluster.admin("SELECT 'sets_and_returns'::regproc::int", database="unseen")[0][0])
    call = oid.to_bytes(4, "big") + b"\0\0" + b"\0\0" + b"\0\0"
    with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
        one.send(p.message("F", call))
        assert not errors(one.read_until("Z"))
        for _ in range(3):
            assert other.value("SHOW work_mem") != "9MB"
        assert one.value("SHOW work_mem") == "9MB"
