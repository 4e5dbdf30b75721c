"""docs/reference/differences.md: what is listed there is so, and each row has its test.

A row whose test fails because the difference is gone is a row to strike out.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import protocol
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

pytestmark = pytest.mark.gateway
HERE = Path(__file__).parent
BUDGET = 6
"""Server connections there may be; so many transactions in a row are on each of them."""
PAGE = HERE.parents[1] / "docs" / "reference" / "differences.md"


@pytest.fixture(scope="module")
def rotating(cluster: PostgresCluster) -> Iterator[Gateway]:
    """Each transaction is on another server connection."""
    one = Gateway(cluster, ("--budget", str(BUDGET), "--rotate", "2"))
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(scope="module")
def door(rotating: Gateway) -> Target:
    return rotating.target("transaction")


def none_is_busy(gateway: Gateway) -> bool:
    """What was run last may be looked at still, and its server connection is nobody's turn."""
    return {row["state"] for row in gateway.show("SERVERS")} == {"idle"}


@pytest.fixture
def client(door: Target) -> Iterator[ScriptedClient]:
    with ScriptedClient.login(door) as one:
        yield one


def test_each_row_names_its_test() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    assert len(lines) > 10
    for line in lines:
        cells = line.strip("| ").split(" | ")
        assert len(cells) == 5, line
        file, _, test = cells[-1].strip().partition("::")
        assert f"def {test}(" in (HERE / f"{file}.py").read_text(), line


def test_a_custom_setting_is_empty_where_it_was_null(door: Target) -> None:
    look = "SELECT current_setting('app.once', true)"
    with ScriptedClient.login(door) as one, ScriptedClient.login(door) as other:
        for _ in range(BUDGET):
            one.query("BEGIN; SET LOCAL app.once = 'x'; COMMIT")
        assert rows(other.query(look)) == [("",)]


def test_reset_all_takes_the_name_of_the_application(door: Target) -> None:
    with ScriptedClient.login(door, application_name="mine") as one:
        told = one.query("BEGIN; RESET ALL; SHOW application_name")
        assert rows(told) == [("",)]
        one.query("COMMIT")


def test_a_computed_name_of_a_setting_is_not_known(
    door: Target, cluster: PostgresCluster, client: ScriptedClient
) -> None:
    cluster.admin(
        "CREATE FUNCTION sets_computed() RETURNS text LANGUAGE sql AS "
        "$$ SELECT set_config('ap' || 'p.hidden_' || 7, 'on', false) $$",
        database="app",
    )
    client.query("SELECT sets_computed()")
    seen = rows(client.query("SELECT current_setting('app.hidden_7', true)"))
    assert seen != [("on",)], "the difference is gone: strike the row out"


def test_a_seed_set_in_a_function_is_not_seen(
    rotating: Gateway, door: Target, cluster: PostgresCluster, client: ScriptedClient
) -> None:
    cluster.admin(
        "CREATE FUNCTION seeds() RETURNS void LANGUAGE plpgsql AS "
        "$$ BEGIN EXECUTE 'SELECT set' || 'seed(0.5)'; END $$",
        database="app",
    )
    with ScriptedClient.login(cluster.target()) as private:
        ((_, seeded),) = rows(private.query("SELECT setseed(0.5), random()"))
    assert not errors(client.query("SELECT seeds()"))
    eventually(lambda: none_is_busy(rotating), what="all are free")
    with ScriptedClient.login(door) as other:
        drawn = [other.value("SELECT random()") for _ in range(3 * BUDGET)]
    assert seeded in drawn, "the difference is gone: strike the row out"


def test_currval_behind_a_statement_that_drew_nothing(
    door: Target, cluster: PostgresCluster, client: ScriptedClient
) -> None:
    cluster.admin(
        "CREATE SEQUENCE drawn; CREATE TABLE numberless (n int); "
        "GRANT ALL ON SEQUENCE drawn TO app; GRANT ALL ON numberless TO app",
        database="app",
    )
    for _ in range(BUDGET):
        client.query("SELECT nextval('drawn')")
    behind = "BEGIN; INSERT INTO numberless VALUES (1); SELECT currval('drawn')"
    with ScriptedClient.login(door) as other:
        other.query(behind)  # the first who asks may be refused by the gateway
        other.query("ROLLBACK")
        for one in (other, client):
            told = one.query(behind)
            assert errors(told) == ["55000"]
            assert not any("PGL" in message.fields.get("D", "") for message in told)
            one.query("ROLLBACK")


def test_a_last_value_asked_for_in_secret(cluster: PostgresCluster) -> None:
    database = "secrets"
    cluster.admin(f"CREATE DATABASE {database}")
    cluster.admin(
        "CREATE SEQUENCE drawn; GRANT ALL ON SEQUENCE drawn TO app; "
        "CREATE FUNCTION asks() RETURNS bigint LANGUAGE plpgsql AS "
        "$$ DECLARE told bigint; BEGIN EXECUTE 'SELECT last' || 'val()' INTO told; RETURN told; "
        "END $$",
        database=database,
    )
    one = Gateway(cluster, ("--budget", "1"))
    try:
        target = one.start().target("transaction", database=database)
        with ScriptedClient.login(target) as drawer, ScriptedClient.login(target) as asker:
            one.wait_for_catalogs(database)
            drawn = drawer.value("SELECT nextval('drawn')")
            assert asker.value("SELECT asks()") == drawn, "the difference is gone"
    finally:
        one.destroy()


def test_a_literal_is_read_as_if_prepared_now(client: ScriptedClient) -> None:
    client.query("SET DateStyle = 'ISO, DMY'")
    client.extended(protocol.parse("SELECT '01/02/2024'::date", "dated"))
    client.query("SET DateStyle = 'ISO, MDY'")
    told = client.extended(protocol.bind(statement="dated"), protocol.execute())
    assert rows(told) == [("2024-01-02",)]


def test_a_literal_in_a_function_is_read_by_who_called_it_there_first(
    door: Target, cluster: PostgresCluster
) -> None:
    """PL/pgSQL keeps what it has read for as long as the server connection is there."""
    cluster.admin(
        "SET ROLE app; CREATE FUNCTION dated() RETURNS text LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN to_char(date '01/02/2024', 'YYYY-MM-DD'); END $$",
        database="app",
    )
    asks = "SELECT dated()"
    with ScriptedClient.login(door) as first, ScriptedClient.login(door) as second:
        told = {first.value(asks) for _ in range(BUDGET)}
        second.query("SET DateStyle = 'ISO, DMY'")
        assert told == {"2024-01-02"}
        seen = {second.value(asks) for _ in range(BUDGET)}
        assert "2024-01-02" in seen, "the difference is gone"
        cluster.admin("ALTER FUNCTION dated() SET DateStyle = 'ISO, DMY'", database="app")
        for one in (first, second):
            assert {one.value(asks) for _ in range(BUDGET)} == {"2024-02-01"}
    cluster.admin("DROP FUNCTION dated()", database="app")


@pytest.mark.parametrize("name", ["", "kept"])
def test_a_statement_that_nobody_described_follows_its_table(
    client: ScriptedClient, cluster: PostgresCluster, table: str, name: str
) -> None:
    cluster.admin(f"INSERT INTO {table} VALUES (1, 'x')", database="app")
    assert not errors(client.extended(protocol.parse(f"TABLE {table}", name)))
    cluster.admin(f"ALTER TABLE {table} DROP note", database="app")
    told = client.extended(protocol.bind(statement=name), protocol.execute())
    assert rows(told) == [("1",)]


def test_what_is_made_nearer_in_the_path_is_found_where_it_is_prepared_again(
    client: ScriptedClient, cluster: PostgresCluster, table: str
) -> None:
    schema = f"nearer_{table}"
    cluster.admin(f"CREATE SCHEMA {schema} AUTHORIZATION app", database="app")
    cluster.admin(f"INSERT INTO {table} VALUES (1, 'x')", database="app")
    prepare = protocol.parse(f"TABLE {table}", "kept") + protocol.describe("S", "kept")
    use = protocol.bind(statement="kept") + protocol.execute()
    with ScriptedClient.login(cluster.target()) as private:
        for one in (client, private):
            one.query(f"SET search_path = {schema}, public")
            assert not errors(one.extended(prepare))
        client.query(f"CREATE TABLE {schema}.{table} AS SELECT 'nearer' AS only")
        assert rows(private.extended(use)) == [("1", "x")], "it goes on with what it found first"
    told = [client.extended(use) for _ in range(BUDGET)]
    assert {code for answer in told for code in errors(answer)} == {"0A000"}
    assert {row for answer in told for row in rows(answer)} <= {("1", "x")}
    client.extended(protocol.close("S", "kept") + prepare)
    for _ in range(BUDGET):
        assert rows(client.extended(use)) == [("nearer",)]
    cluster.admin(f"DROP SCHEMA {schema} CASCADE", database="app")


def test_a_domain_that_is_made_anew_is_found_where_it_is_prepared_again(
    client: ScriptedClient, cluster: PostgresCluster, table: str
) -> None:
    domain = f"domain_of_{table}"
    text = f"SELECT 'x'::{domain}"
    prepare = protocol.parse(text, "kept") + protocol.describe("S", "kept")
    use = protocol.bind(statement="kept") + protocol.execute()
    with ScriptedClient.login(cluster.target()) as private:
        private.query(f"CREATE DOMAIN {domain} AS text")
        for one in (client, private):
            assert not errors(one.extended(prepare))
        private.query(f"DROP DOMAIN {domain}")
        client.query(f"CREATE DOMAIN {domain} AS text")
        described = protocol.bind(statement="kept") + protocol.describe("P") + protocol.execute()
        assert errors(private.extended(described)) == ["42704"], "as long as it is not closed"
    told = [client.extended(use) for _ in range(BUDGET)]
    assert [("x",)] in [rows(answer) for answer in told]
    client.query(f"DROP DOMAIN {domain}")


def test_sql_does_not_know_names_of_the_protocol(client: ScriptedClient) -> None:
    client.extended(protocol.parse("SELECT 1", "by_protocol"))
    assert errors(client.query("EXECUTE by_protocol")) == ["26000"]


def test_a_secret_deallocate_all_is_met_once(door: Target, client: ScriptedClient) -> None:
    client.extended(protocol.parse("SELECT 7", "lasting"))
    uses = (protocol.bind(statement="lasting"), protocol.execute())
    for _ in range(BUDGET):
        assert rows(client.extended(*uses)) == [("7",)]
    with ScriptedClient.login(door) as other:
        for _ in range(BUDGET):
            other.query("DO $$BEGIN EXECUTE 'DEALLOCATE ' || 'ALL'; END$$")
    told = [client.extended(*uses) for _ in range(2 * BUDGET)]
    assert "26000" in {code for answer in told for code in errors(answer)}
    assert [rows(answer) for answer in told[BUDGET:]] == [[("7",)]] * BUDGET


def test_the_process_id_is_not_the_one_for_cancelling(client: ScriptedClient) -> None:
    assert client.value("SELECT pg_backend_pid()") != str(client.backend_pid)


def test_a_temporary_schema_stays_where_somebody_had_one(rotating: Gateway) -> None:
    door = rotating.target("session")
    asks = "SELECT (pg_my_temp_schema() <> 0) || ' ' || (to_regclass('pg_temp.here') IS NULL)"
    with ScriptedClient.login(door) as one:
        one.query("CREATE TEMP TABLE here (v int)")
    told = []
    for _ in range(2 * BUDGET):
        with ScriptedClient.login(door) as other:
            told.append(other.value(asks))
    assert set(told) == {"true true", "false true"}


@pytest.mark.parametrize("name", ["transaction", "session", "direct"])
def test_the_address_is_that_of_the_gateway(rotating: Gateway, name: str) -> None:
    asks = """SELECT inet_client_port() || ' ' || client_port FROM pg_stat_activity
      WHERE pid = pg_backend_pid()"""
    with ScriptedClient.login(rotating.target(name)) as one:
        own_port = str(one.socket.getsockname()[1])
        seen, listed = (one.value(asks) or "").split()
        assert seen in rotating.local_ports().split(",")
    assert seen == listed != own_port


def test_channels_are_shown_in_their_transaction_only(client: ScriptedClient) -> None:
    client.query("LISTEN here")
    assert rows(client.query("SELECT pg_listening_channels()")) == []


def test_payloads_keep_the_encoding_of_the_listen(door: Target) -> None:
    with ScriptedClient.login(door) as one, ScriptedClient.login(door) as other:
        one.query("LISTEN coded")
        one.query("SET client_encoding = 'LATIN1'")
        other.query("NOTIFY coded, 'é'".encode())
        assert one.read_until("A")[-1].body.endswith("é".encode() + b"\0")


def test_the_check_interval_is_a_second(client: ScriptedClient) -> None:
    assert client.value("SHOW client_connection_check_interval") == "1s"
