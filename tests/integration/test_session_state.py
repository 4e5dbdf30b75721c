"""What the transaction door cannot carry is refused before it runs, or pins its client."""

from collections.abc import Iterator

import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import Message, errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target

pytestmark = pytest.mark.gateway

STATEFUL = {
    "advisory lock": ("SELECT pg_advisory_lock(4711)", "PGL0401", "pg_advisory_lock"),
    "try advisory lock": (
        "SELECT pg_try_advisory_lock_shared(4711)",
        "PGL0401",
        "pg_try_advisory_lock_shared",
    ),
    "temporary table": ("CREATE TEMP TABLE basket (id int)", "PGL0402", "TEMP TABLE basket"),
    "select into temp": ("SELECT 1 AS a INTO TEMP basket", "PGL0402", "TEMP basket"),
    "table in pg_temp": ("CREATE TABLE pg_temp.basket (id int)", "PGL0402", "pg_temp"),
    "temporary view": ("CREATE TEMPORARY VIEW basket AS SELECT 1", "PGL0402", "VIEW basket"),
    "temporary sequence": ("CREATE TEMP SEQUENCE basket", "PGL0402", "SEQUENCE basket"),
    "kept by ON COMMIT": (
        "CREATE TEMP TABLE basket (id int) ON COMMIT DELETE ROWS",
        "PGL0402",
        "TEMP TABLE basket",
    ),
    "cursor with hold": (
        "DECLARE walker CURSOR WITH HOLD FOR SELECT 1",
        "PGL0403",
        "DECLARE walker",
    ),
    "load": ("LOAD 'plpgsql'", "PGL0404", "LOAD"),
    "lastval": ("SELECT lastval()", "PGL0407", "lastval"),
    "currval": ("SELECT currval(oid) FROM pg_class", "PGL0407", "currval"),
    "setting": ("SELECT set_config('work' || '_mem', '9MB', false)", "PGL0408", "not a literal"),
    "backup": ("SELECT pg_backup_start('secret')", "PGL0409", "pg_backup_start"),
    "seed": ("SELECT setseed(0.5)", "PGL0410", "setseed"),
    "dblink": ("SELECT dblink_connect('a', 'dbname=b')", "PGL0411", "dblink_connect"),
}
WHATEVER_IS_LEFT = """
    SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711)
         + (SELECT count(*) FROM pg_class WHERE relpersistence = 't')
"""


def only_error(answer: list[Message]) -> Message:
    (error,) = [message for message in answer if message.kind == "E"]
    return error


def expect_refusal(answer: list[Message], code: str, seen: str, session_door: Target) -> None:
    fields = only_error(answer).fields
    assert fields["C"] == "55000", fields
    assert fields["S"] == "ERROR"
    assert code in fields["D"]
    assert seen in fields["D"]
    assert "secret" not in fields["D"]
    assert f":{session_door.port}" in fields["H"], fields


@pytest.fixture
def session_door(gateway: Gateway) -> Target:
    return gateway.target("session")


@pytest.fixture
def client(transaction_door: Target) -> Iterator[ScriptedClient]:
    with ScriptedClient.login(transaction_door) as one:
        yield one


def nothing_happened(cluster: PostgresCluster) -> None:
    assert cluster.admin(WHATEVER_IS_LEFT, database="app") == [(0,)]


@pytest.mark.parametrize("kind", STATEFUL)
def test_it_is_refused_before_it_runs(
    client: ScriptedClient, session_door: Target, cluster: PostgresCluster, kind: str
) -> None:
    sql, code, seen = STATEFUL[kind]
    expect_refusal(client.query(sql), code, seen, session_door)
    assert client.status == "I"
    nothing_happened(cluster)
    assert client.value("SELECT 1") == "1"


@pytest.mark.parametrize("kind", STATEFUL)
def test_a_text_of_several_statements_is_refused_whole(
    client: ScriptedClient, session_door: Target, table: str, kind: str
) -> None:
    sql, code, seen = STATEFUL[kind]
    if code == "PGL0407":
        text = f"SELECT 1; {sql}; INSERT INTO {table} VALUES (1, 'x')"
    else:
        text = f"INSERT INTO {table} VALUES (1, 'x'); {sql}; SELECT 1"
    expect_refusal(client.query(text), code, seen, session_door)
    assert rows(client.query(f"SELECT count(*) FROM {table}")) == [("0",)]


@pytest.mark.parametrize("kind", STATEFUL)
def test_its_transaction_has_failed(
    client: ScriptedClient, session_door: Target, cluster: PostgresCluster, table: str, kind: str
) -> None:
    """As after any error: what went before is rolled back, what follows is not looked at."""
    sql, code, seen = STATEFUL[kind]
    client.query("BEGIN")
    if code != "PGL0407":
        client.query(f"INSERT INTO {table} VALUES (1, 'x')")
    expect_refusal(client.query(sql), code, seen, session_door)
    assert client.status == "E"
    assert errors(client.query("SELECT 1")) == ["25P02"]
    answer = client.query("COMMIT")
    assert [message.kind for message in answer] == ["C", "Z"]
    assert answer[0].body == b"ROLLBACK\0"
    assert rows(client.query(f"SELECT count(*) FROM {table}")) == [("0",)]
    nothing_happened(cluster)


@pytest.mark.parametrize("name", ["", "named"])
@pytest.mark.parametrize("kind", STATEFUL)
def test_it_is_refused_in_the_extended_protocol(
    client: ScriptedClient,
    session_door: Target,
    cluster: PostgresCluster,
    table: str,
    kind: str,
    name: str,
) -> None:
    """The unit fails as a whole, also what went before the refusal in it."""
    sql, code, seen = STATEFUL[kind]
    before = (
        f"UPDATE {table} SET note = 'x'"
        if code == "PGL0407"
        else f"INSERT INTO {table} VALUES (1, 'x')"
    )
    answer = client.extended(
        p.parse(before) + p.bind() + p.execute(),
        p.parse(sql, name) + p.bind(statement=name) + p.execute(),
        p.parse("SELECT 1") + p.bind() + p.execute(),
    )
    expect_refusal(answer, code, seen, session_door)
    assert [message.kind for message in answer][-2:] == ["E", "Z"]
    assert client.status == "I"
    assert rows(client.query(f"SELECT count(*) FROM {table}")) == [("0",)]
    nothing_happened(cluster)
    assert client.value("SELECT 1") == "1"


@pytest.mark.parametrize("kind", STATEFUL)
def test_it_is_refused_in_a_pipeline(
    client: ScriptedClient, session_door: Target, cluster: PostgresCluster, table: str, kind: str
) -> None:
    """Units before and behind it are done."""
    sql, code, seen = STATEFUL[kind]
    inserts = [
        p.parse(f"INSERT INTO {table} VALUES ({number}, 'x')") + p.bind() + p.execute() + p.sync()
        for number in range(3)
    ]
    unit = p.parse(sql) + p.bind() + p.execute() + p.sync()
    client.send(inserts[0], unit, inserts[1], p.query(sql), inserts[2])
    answer = client.read_until("Z", 5)
    refused = [message for message in answer if message.kind == "E"]
    assert len(refused) == 2
    for one in refused:
        expect_refusal([one], code, seen, session_door)
    assert rows(client.query(f"SELECT count(*) FROM {table}")) == [("3",)]
    nothing_happened(cluster)


@pytest.mark.parametrize(
    "kind", sorted({*STATEFUL} - {"lastval", "currval", "dblink", "backup", "load"})
)
def test_it_works_through_the_session_door(session_door: Target, kind: str) -> None:
    sql, _, _ = STATEFUL[kind]
    with ScriptedClient.login(session_door) as client:
        assert not errors(client.query(f"BEGIN; {sql}; ROLLBACK"))


# What ends with its transaction


def test_a_temporary_table_that_is_dropped_on_commit_works(client: ScriptedClient) -> None:
    client.query("BEGIN")
    assert not errors(client.query("CREATE TEMP TABLE basket (id int) ON COMMIT DROP"))
    assert not errors(client.query("INSERT INTO basket VALUES (1)"))
    assert client.value("SELECT count(*) FROM basket") == "1"
    client.query("COMMIT")
    assert errors(client.query("SELECT count(*) FROM basket")) == ["42P01"]
    assert not errors(client.query("CREATE TEMP TABLE basket ON COMMIT DROP AS SELECT 1"))


def test_a_function_may_name_pg_temp_last_in_its_path(client: ScriptedClient) -> None:
    """As PostgreSQL's manual advises for SECURITY DEFINER."""
    client.query("BEGIN")
    made = client.query(
        "CREATE FUNCTION pathed() RETURNS int LANGUAGE sql SECURITY DEFINER "
        "SET search_path = pg_catalog, pg_temp AS 'SELECT 1'"
    )
    assert not errors(made)
    client.query("ROLLBACK")


def test_locks_and_cursors_of_a_transaction_work(client: ScriptedClient) -> None:
    client.query("BEGIN")
    assert not errors(client.query("SELECT pg_advisory_xact_lock(4711)"))
    assert not errors(client.query("DECLARE walker CURSOR FOR SELECT 5"))
    assert client.value("FETCH walker") == "5"
    assert not errors(client.query("COMMIT"))


# The last value of a sequence


@pytest.fixture
def numbered(cluster: PostgresCluster) -> Iterator[str]:
    cluster.admin("CREATE TABLE numbered (id serial, note text)", database="app")
    cluster.admin("GRANT ALL ON numbered, numbered_id_seq TO app", database="app")
    yield "numbered"
    cluster.admin("DROP TABLE numbered", database="app")


def test_within_a_transaction_the_value_just_drawn_is_known(
    client: ScriptedClient, numbered: str
) -> None:
    insert = f"INSERT INTO {numbered} (note) VALUES ('x')"
    client.query("BEGIN")
    client.query(insert)
    value = client.value("SELECT lastval()")
    assert client.value("SELECT currval('numbered_id_seq')") == value
    client.query("COMMIT")
    assert errors(client.query("SELECT lastval()")) == ["55000"]
    assert rows(client.query(f"{insert}; SELECT lastval() - {value}")) == [("1",)]
    assert rows(client.query("SELECT nextval('numbered_id_seq'), lastval()"))[0][1] is not None


@pytest.mark.parametrize("name", ["", "named"])
def test_within_a_unit_the_value_just_drawn_is_known(
    client: ScriptedClient, numbered: str, name: str
) -> None:
    insert = f"INSERT INTO {numbered} (note) VALUES ('x')"
    read = p.bind(statement=name) + p.execute()
    answer = client.extended(
        p.parse(insert) + p.bind() + p.execute(), p.parse("SELECT lastval()", name), read
    )
    assert not errors(answer)
    assert len(rows(answer)) == 1
    if name:
        assert errors(client.extended(read)) == ["55000"]
        client.query(f"BEGIN; {insert}")
        assert not errors(client.extended(read))
        client.query("ROLLBACK")


def test_a_pipeline_of_transactions_is_refused_however_fast_it_comes(
    client: ScriptedClient, numbered: str
) -> None:
    insert = f"INSERT INTO {numbered} (note) VALUES ('x')"
    for _ in range(20):
        client.send(p.query(insert), p.query("SELECT lastval()"), p.query("SELECT 1"))
        assert errors(client.read_until("Z", 3)) == ["55000"]
    client.send(p.query("BEGIN"), p.query(insert), p.query("SELECT lastval()"), p.query("COMMIT"))
    assert not errors(client.read_until("Z", 4))
    client.send(
        p.query(insert), p.query("BEGIN"), p.query("SELECT lastval()"), p.query("ROLLBACK")
    )
    assert errors(client.read_until("Z", 4)) == ["55000"]


# Texts that cannot be read


def test_a_text_that_cannot_be_read_is_refused(
    client: ScriptedClient, session_door: Target
) -> None:
    client.query("SET client_encoding = SJIS")
    answer = client.query(b"SELECT '\x83\x5c'")
    expect_refusal(answer, "PGL0409", "cannot be read", session_door)
    client.send(p.query("SET client_encoding = UTF8"), p.query("SELECT E'\u00e9\\''".encode()))
    assert not errors(client.read_until("Z", 2))


def test_what_the_server_cannot_read_is_its_own_to_refuse(client: ScriptedClient) -> None:
    for text in ("SELEC 1", "SELECT 'a", "SELECT (1; SELECT 2)", "START", "DISCARD"):
        assert errors(client.query(text)) == ["42601"]
        assert errors(client.extended(p.parse(text))) == ["42601"]
    assert client.value("SELECT 1") == "1"


# Pinning


@pytest.fixture(scope="module")
def pinning_gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    settings = {"transaction": {"session_state": "pin", "pinned_max": 2}}
    one = Gateway(cluster, options=("--budget", "4"), settings=settings)
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture
def pinning_door(pinning_gateway: Gateway) -> Target:
    return pinning_gateway.target("transaction")


def test_a_pinned_client_has_its_state_for_itself(
    pinning_door: Target, pinning_gateway: Gateway
) -> None:
    with (
        ScriptedClient.login(pinning_door) as one,
        ScriptedClient.login(pinning_door) as other,
    ):
        assert one.value("SELECT pg_try_advisory_lock(4712)") == "t"
        one.query("CREATE TEMP TABLE mine (id int)")
        for _ in range(3):
            assert other.value("SELECT pg_try_advisory_xact_lock(4712)") == "f"
            assert other.value("SELECT to_regclass('mine') IS NULL") == "t"
            assert one.value("SELECT count(*) FROM mine") == "0"
        pinned = [row["pinned"] for row in pinning_gateway.show("CLIENTS") if row["pinned"]]
        assert pinned == ["advisory lock, temporary table"]
        pools = [row for row in pinning_gateway.show("POOLS") if row["door"] == "transaction"]
        assert sum(row["cl_pinned"] for row in pools) == 1
        assert not errors(one.query("DISCARD ALL"))
        assert other.value("SELECT pg_try_advisory_xact_lock(4712)") == "t"
        assert not any(row["pinned"] for row in pinning_gateway.show("CLIENTS"))


def test_not_everybody_can_be_pinned(pinning_door: Target) -> None:
    with (
        ScriptedClient.login(pinning_door) as one,
        ScriptedClient.login(pinning_door) as two,
        ScriptedClient.login(pinning_door) as three,
    ):
        for client in (one, two):
            assert not errors(client.query("CREATE TEMP TABLE mine (id int)"))
        answer = three.query("CREATE TEMP TABLE mine (id int)")
        assert errors(answer) == ["53400"]
        assert "2 may be" in only_error(answer).fields["D"]
        assert three.value("SELECT 1") == "1"
        two.query("DISCARD ALL")
        assert not errors(three.query("CREATE TEMP TABLE mine (id int)"))


def test_what_nothing_cleans_goes_with_its_server_connection(pinning_door: Target) -> None:
    with ScriptedClient.login(pinning_door) as one:
        one.query("LOAD 'plpgsql'")
        pid = one.value("SELECT pg_backend_pid()")
        one.send(p.terminate())
        one.read_to_end()
    with ScriptedClient.login(pinning_door) as other:
        for _ in range(5):
            assert other.value("SELECT pg_backend_pid()") != pid
