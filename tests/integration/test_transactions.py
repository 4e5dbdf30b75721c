"""Transactions end as PostgreSQL ends them, whatever their client does."""

import pytest

from tests.support import protocol as p
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

WAYS_TO_LEAVE = {
    "Terminate": lambda client: (client.send(p.terminate()), client.close()),
    "close": lambda client: client.close(),
    "reset": lambda client: client.reset(),
}


@pytest.mark.parametrize("way", WAYS_TO_LEAVE)
def test_an_open_block_is_rolled_back_when_its_client_leaves(
    crowded_target: Target, table: str, way: str
) -> None:
    client = ScriptedClient.login(crowded_target)
    client.query("BEGIN")
    client.query(f"INSERT INTO {table} VALUES (1, 'gone')")
    WAYS_TO_LEAVE[way](client)
    with ScriptedClient.login(crowded_target) as other:
        assert not errors(other.query(f"LOCK TABLE {table}; SELECT 1"))
        assert rows(other.query(f"SELECT count(*) FROM {table}")) == [("0",)]
        assert other.status == "I"


@pytest.mark.parametrize("way", WAYS_TO_LEAVE)
def test_a_failed_block_is_rolled_back_when_its_client_leaves(
    crowded_target: Target, way: str
) -> None:
    client = ScriptedClient.login(crowded_target)
    client.query("BEGIN")
    assert errors(client.query("SELECT 1/0")) == ["22012"]
    WAYS_TO_LEAVE[way](client)
    with ScriptedClient.login(crowded_target) as other:
        assert rows(other.query("SELECT 1")) == [("1",)]


def test_a_client_leaves_in_the_middle_of_a_copy(crowded_target: Target, table: str) -> None:
    client = ScriptedClient.login(crowded_target)
    client.send(p.query(f"COPY {table} FROM STDIN"))
    assert client.read_message().kind == "G"
    client.send(p.copy_data(b"1\ta\n"))
    client.reset()
    with ScriptedClient.login(crowded_target) as other:
        assert rows(other.query(f"SELECT count(*) FROM {table}")) == [("0",)]


def test_a_client_leaves_between_messages_of_a_unit(crowded_target: Target, table: str) -> None:
    client = ScriptedClient.login(crowded_target)
    insert = f"INSERT INTO {table} VALUES (1, 'gone')"
    client.send(p.parse(insert) + p.bind() + p.execute() + p.flush())
    client.read_until("C")
    client.reset()
    with ScriptedClient.login(crowded_target) as other:
        assert rows(other.query(f"SELECT count(*) FROM {table}")) == [("0",)]


def test_a_client_leaves_in_the_middle_of_a_message(crowded_target: Target) -> None:
    client = ScriptedClient.login(crowded_target)
    client.send(p.header(b"Q", 100) + b"SELECT")
    client.close()
    with ScriptedClient.login(crowded_target) as other:
        assert rows(other.query("SELECT 1")) == [("1",)]


def test_a_query_before_terminate_is_executed(
    crowded_target: Target, cluster: PostgresCluster, table: str
) -> None:
    client = ScriptedClient.login(crowded_target)
    client.send(p.query(f"INSERT INTO {table} VALUES (1, 'kept')") + p.terminate())
    client.read_to_end()
    client.close()
    eventually(lambda: cluster.admin(f"SELECT 1 FROM {table}", database="app"))


def test_pipelined_blocks_of_two_clients_do_not_mix(crowded_target: Target, table: str) -> None:
    blocks = 20
    with (
        ScriptedClient.login(crowded_target) as one,
        ScriptedClient.login(crowded_target) as other,
    ):
        for number in range(blocks):
            for base, client in ((0, one), (1000, other)):
                client.send(
                    p.query("BEGIN"),
                    p.query(f"INSERT INTO {table} VALUES ({base + number}, txid_current())"),
                    p.query("COMMIT"),
                )
        for client in (one, other):
            assert not errors(client.read_until("Z", 3 * blocks))
        found = one.query(f"SELECT count(*), count(DISTINCT note) FROM {table}")
        assert rows(found) == [(str(2 * blocks), str(2 * blocks))]


def test_settings_of_one_transaction_stay_in_it(crowded_target: Target) -> None:
    with (
        ScriptedClient.login(crowded_target) as one,
        ScriptedClient.login(crowded_target) as other,
    ):
        one.query("BEGIN; SET LOCAL work_mem = '9MB'; SET TRANSACTION READ ONLY; COMMIT")
        assert other.value("SHOW work_mem") != "9MB"
        assert other.value("SHOW transaction_read_only") == "off"


DIRT = {
    "SET": ("SET work_mem = '9MB'", "SELECT current_setting('work_mem') = '9MB'"),
    "SET of a reported setting": (
        "SET TimeZone = 'Asia/Tokyo'",
        "SELECT current_setting('TimeZone') = 'Asia/Tokyo'",
    ),
    "SET in a committed block": (
        "BEGIN; SET work_mem = '9MB'; COMMIT",
        "SELECT current_setting('work_mem') = '9MB'",
    ),
    "SET search_path": (
        "SET search_path = pg_catalog",
        "SELECT current_setting('search_path') = 'pg_catalog'",
    ),
    "SET ROLE": ("SET ROLE pg_monitor", "SELECT current_user <> session_user"),
    "SET SESSION CHARACTERISTICS": (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SELECT current_setting('transaction_read_only') = 'on'",
    ),
    "a temporary table": (
        "CREATE TEMP TABLE leftover (id int)",
        "SELECT to_regclass('pg_temp.leftover') IS NOT NULL",
    ),
    "LISTEN": ("LISTEN leftover", "SELECT count(*) > 0 FROM pg_listening_channels()"),
    "PREPARE": (
        "PREPARE leftover AS SELECT 1",
        "SELECT count(*) > 0 FROM pg_prepared_statements WHERE name = 'leftover'",
    ),
    "a cursor WITH HOLD": (
        "BEGIN; DECLARE leftover CURSOR WITH HOLD FOR SELECT 1; COMMIT",
        "SELECT count(*) > 0 FROM pg_cursors WHERE name = 'leftover'",
    ),
    "an advisory lock": (
        "SELECT pg_advisory_lock(4711)",
        (
            "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' "
            "AND pid = pg_backend_pid()"
        ),
    ),
}


@pytest.fixture
def monitors(cluster: PostgresCluster) -> None:
    cluster.admin("GRANT pg_monitor TO app")


def _make_dirt(client: ScriptedClient, sql: str) -> None:
    """The statement may be refused; that is as good."""
    client.query(sql)
    if client.status != "I":
        client.query("ROLLBACK")


@pytest.mark.usefixtures("monitors")
@pytest.mark.parametrize("kind", DIRT)
def test_state_of_a_client_that_left_is_gone(crowded_target: Target, kind: str) -> None:
    dirty, look = DIRT[kind]
    with ScriptedClient.login(crowded_target) as one:
        _make_dirt(one, dirty)
        one.send(p.terminate())
    for _ in range(2):
        with ScriptedClient.login(crowded_target) as other:
            assert rows(other.query(look)) == [("f",)]


@pytest.mark.usefixtures("monitors")
@pytest.mark.parametrize("kind", DIRT)
def test_state_of_a_client_is_not_seen_by_others(narrow_target: Target, kind: str) -> None:
    """While it is still there; a door may keep its server connection for it."""
    dirty, look = DIRT[kind]
    with (
        ScriptedClient.login(narrow_target) as one,
        ScriptedClient.login(narrow_target) as other,
        ScriptedClient.login(narrow_target) as third,
    ):
        assert rows(other.query("SELECT 1")) == [("1",)]
        _make_dirt(one, dirty)
        for client in (other, third, other):
            assert rows(client.query(look)) == [("f",)]
        assert rows(one.query("SELECT 1")) == [("1",)]
        for client in (third, other):
            assert rows(client.query(look)) == [("f",)]


def test_session_state_lasts_where_sessions_last(session_door: Target) -> None:
    with ScriptedClient.login(session_door) as client:
        client.query("SET work_mem = '9MB'")
        client.query("CREATE TEMP TABLE mine (id int)")
        client.query("INSERT INTO mine VALUES (1)")
        client.query("BEGIN; DECLARE walker CURSOR WITH HOLD FOR SELECT 5; COMMIT")
        assert client.value("SHOW work_mem") == "9MB"
        assert client.value("SELECT count(*) FROM mine") == "1"
        assert client.value("FETCH walker") == "5"
        assert client.value("SELECT pg_try_advisory_lock(99)") == "t"
        first = client.value("SELECT pg_backend_pid()")
        assert client.value("SELECT pg_backend_pid()") == first


def test_notifications_reach_a_session(session_door: Target) -> None:
    with (
        ScriptedClient.login(session_door) as listener,
        ScriptedClient.login(session_door) as speaker,
    ):
        listener.query("LISTEN news")
        speaker.query("NOTIFY news, 'hello'")
        heard = listener.read_message()
        assert heard.kind == "A"
        assert heard.body[4:] == b"news\0hello\0"


def test_a_direct_client_gets_a_fresh_server_connection(direct_door: Target) -> None:
    pids = set()
    for _ in range(3):
        with ScriptedClient.login(direct_door) as client:
            pids.add(client.value("SELECT pg_backend_pid()"))
            client.send(p.terminate())
    assert len(pids) == 3
