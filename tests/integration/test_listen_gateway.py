"""Listening behind the transaction door: what it costs, who is told what, and when it breaks."""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ConnectionEndedError, ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]


@pytest.fixture
def single(cluster: PostgresCluster) -> Iterator[Gateway]:
    """A gateway of the test's own, with one server connection in its budget."""
    one = Gateway(cluster, ("--budget", "1"), {"server": {"listeners_max": 2}})
    try:
        yield one.start()
        assert "Traceback" not in one.log(), one.log()
        assert "internal_error" not in one.log(), one.log()
    finally:
        one.destroy()


@pytest.fixture
def door(single: Gateway) -> Target:
    return single.target("transaction")


def connect(target: Target) -> psycopg.Connection:
    return psycopg.connect(target.uri(), autocommit=True)


def payloads(connection: psycopg.Connection, count: int, within_s: float = 5) -> list[str]:
    told = connection.notifies(timeout=within_s, stop_after=count)
    return [each.payload for each in told][:count]


def listening_pid(gateway: Gateway) -> int:
    """Process id of the gateway's only connection that listens; 0: none does."""
    found = [row for row in gateway.show("SERVERS") if row["state"] == "listening"]
    return int(found[0]["remote_pid"]) if found else 0


def test_listeners_keep_no_server_connection(single: Gateway, door: Target) -> None:
    with ExitStack() as stack:
        listeners = [stack.enter_context(connect(door)) for _ in range(20)]
        for number, listener in enumerate(listeners):
            listener.execute("LISTEN everybody")
            listener.execute(f"LISTEN only_{number}")
        worker = stack.enter_context(connect(door))
        for number in range(20):
            assert worker.execute("SELECT 1").fetchone() == (1,)
            worker.execute(f"NOTIFY only_{number}, '{number}'")
        worker.execute("NOTIFY everybody, 'all'")
        for number, listener in enumerate(listeners):
            assert payloads(listener, 2) == [str(number), "all"]
        shown = [(row["state"], row["application_name"]) for row in single.show("SERVERS")]
        assert sorted(state for state, _ in shown) == ["idle", "listening"]
        assert len(single.server_connections()) == 2


def test_pgbouncer_loses_notifications_and_gives_them_to_strangers(
    cluster: PostgresCluster, door: Target
) -> None:
    pgbouncer = PgBouncer(cluster, "transaction", 1).start()
    try:
        seen = {
            "pgbouncer": who_hears(pgbouncer.target(), cluster),
            "pglane": who_hears(door, cluster),
        }
    finally:
        pgbouncer.stop()
    assert seen["pgbouncer"] == (False, True), "the listener hears nothing, a stranger does"
    assert seen["pglane"] == (True, False)


def who_hears(target: Target, cluster: PostgresCluster) -> tuple[bool, bool]:
    """Whether a listener hears what is notified, and whether somebody else does."""
    with connect(target) as listener, connect(target) as stranger:
        told: dict[str, list[str]] = {"listener": [], "stranger": []}
        listener.add_notify_handler(lambda each: told["listener"].append(each.payload))
        stranger.add_notify_handler(lambda each: told["stranger"].append(each.payload))
        listener.execute("LISTEN news")
        stranger.execute("SELECT 1")
        stranger.execute("BEGIN")
        cluster.admin("NOTIFY news, 'x'", database="app")
        stranger.execute("SELECT 1")
        stranger.execute("COMMIT")
        listener.execute("SELECT 1")
        return bool(told["listener"]), bool(told["stranger"])


def test_the_notifier_is_known_by_the_process_id_it_was_told(
    door: Target, cluster: PostgresCluster
) -> None:
    with connect(door) as one, connect(door) as two, connect(door) as listener:
        listener.execute("LISTEN a")
        one.execute("LISTEN a")
        pids = {each.info.backend_pid for each in (one, two)}
        own: list[int] = []
        one.add_notify_handler(lambda each: own.append(each.pid))
        for each in (one, two, one):
            each.execute("NOTIFY a")
        assert [each.pid for each in listener.notifies(timeout=5, stop_after=3)] == [
            one.info.backend_pid,
            two.info.backend_pid,
            one.info.backend_pid,
        ]
        assert len(pids) == 2
        eventually(lambda: one.execute("SELECT 1") and len(own) == 3)
        assert own.count(one.info.backend_pid) == 2
        with cluster.connect("app") as outsider:
            outsider.execute("NOTIFY a")
            told = next(listener.notifies(timeout=5, stop_after=1))
            assert told.pid == outsider.info.backend_pid


def test_a_listen_that_no_text_shows_is_heard(
    single: Gateway, door: Target, cluster: PostgresCluster
) -> None:
    with connect(door) as client:
        client.execute("DO $$BEGIN LISTEN hidden; END$$")
        eventually(lambda: [row for row in single.show("CLIENTS") if row["pinned"]])
        cluster.admin("NOTIFY hidden, 'x'", database="app")
        assert payloads(client, 1) == ["x"]
        client.execute("LISTEN b")
        client.execute("NOTIFY b, 'once'")
        assert payloads(client, 1) == ["once"]
        cluster.admin("NOTIFY b, 'and no more'", database="app")
        assert payloads(client, 1) == ["and no more"]
        client.execute("DISCARD ALL")
        with connect(door) as other:
            other.execute("LISTEN c")
            client.execute("LISTEN c")
            other.execute("NOTIFY c, 'y'")
            assert payloads(client, 1) == ["y"]


def test_own_notifications_through_the_session_door(single: Gateway) -> None:
    with connect(single.target("session")) as client:
        told: list[int] = []
        client.add_notify_handler(lambda each: told.append(each.pid))
        client.execute("LISTEN a")
        client.execute("NOTIFY a")
        client.execute("SELECT count(*) FROM (SELECT pg_notify('a', 'b')) AS n")
        assert told == [client.info.backend_pid] * 2


def test_the_loss_of_the_shared_connection_is_told_and_healed(
    single: Gateway, door: Target, cluster: PostgresCluster
) -> None:
    with connect(door) as idle, connect(door) as busy:
        notices: dict[str, list[str]] = {"idle": [], "busy": []}
        for name, each in (("idle", idle), ("busy", busy)):
            each.add_notice_handler(
                lambda told, name=name: notices[name].append(told.message_detail or "")
            )
            each.execute("LISTEN a")
        busy.execute("BEGIN")
        busy.execute("SELECT 1")
        lost = listening_pid(single)
        cluster.admin(f"SELECT pg_terminate_backend({lost})")
        eventually(lambda: listening_pid(single) not in (0, lost))
        busy.execute("SELECT 1")
        assert not notices["busy"], "not inside a transaction"
        busy.execute("COMMIT")
        assert "PGL0455" in notices["busy"][0]
        busy.execute("NOTIFY a, 'still'")
        for each in (idle, busy):
            assert payloads(each, 1) == ["still"]
        assert "PGL0455" in notices["idle"][0]
        assert "listening_lost" in single.log() or "was lost" in single.log()


def test_a_listener_that_does_not_read_is_ended(single: Gateway, door: Target) -> None:
    client = ScriptedClient.login(door)
    client.query("LISTEN a")
    with connect(door) as other:
        before = single.worker_memory_bytes()

        def notify_until_it_is_gone() -> bool:
            other.execute(
                "SELECT count(pg_notify('a', %s || n)) FROM generate_series(1, 50) AS n",
                ("x" * 7900,),
            )
            return len(single.show("CLIENTS")) == 1

        eventually(notify_until_it_is_gone, within_s=30)
        assert single.worker_memory_bytes() - before < 20_000_000
        last = client.read_to_end()[-1]
        assert (last.kind, last.sqlstate) == ("E", "53400")
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_a_listener_in_a_long_transaction_is_ended(door: Target, cluster: PostgresCluster) -> None:
    client = ScriptedClient.login(door)
    client.query("LISTEN a")
    client.query("BEGIN")
    cluster.admin(
        "SELECT pg_notify('a', repeat('x', 7900) || n) FROM generate_series(1, 200) AS n",
        database="app",
    )
    answer = client.read_message()
    assert (answer.kind, answer.sqlstate) == ("E", "53400")
    with pytest.raises(ConnectionEndedError):
        client.read_message()
    with connect(door) as other:
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_so_many_roles_listen_and_no_more(door: Target) -> None:
    with ExitStack() as stack:
        one, two, three = (
            stack.enter_context(connect(door.as_user(user))) for user in ("app", "second", "third")
        )
        one.execute("LISTEN a")
        two.execute("LISTEN a")
        with pytest.raises(psycopg.errors.TooManyConnections, match="could listen") as refused:
            three.execute("LISTEN a")
        assert "session door at 127.0.0.1:" in str(refused.value)
        assert three.execute("SELECT 1").fetchone() == (1,), "its connection is as it was"
        two.execute("UNLISTEN *")
        three.execute("LISTEN a")
        one.execute("NOTIFY a, 'x'")
        assert payloads(three, 1) == ["x"]


def test_a_refused_listen_fails_its_transaction(door: Target) -> None:
    with connect(door) as client:
        with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="too many channels"):
            client.execute("; ".join(f"LISTEN c{number}" for number in range(1001)))
        client.execute("BEGIN")
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):
            client.execute("; ".join(f"LISTEN c{number}" for number in range(1001)))
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            client.execute("SELECT 1")
        client.execute("ROLLBACK")


def test_the_server_connection_hears_nothing_afterwards(
    door: Target, cluster: PostgresCluster
) -> None:
    with connect(door) as client, connect(door) as other:
        client.execute("LISTEN a")
        assert other.execute("SELECT * FROM pg_listening_channels()").fetchall() == []
        assert client.execute("SELECT * FROM pg_listening_channels()").fetchall() == []


def test_a_client_that_leaves_while_its_listen_waits(
    single: Gateway, door: Target, cluster: PostgresCluster
) -> None:
    for _ in range(5):
        client = ScriptedClient.login(door)
        client.send(p.query("LISTEN a") + p.query("SELECT pg_sleep(0.01)"))
        client.reset()
        with connect(door) as other:
            assert other.execute("SELECT 1").fetchone() == (1,)
            other.execute("LISTEN b")
            other.execute("NOTIFY b, 'x'")
            assert payloads(other, 1) == ["x"]


def test_listening_stops_with_the_gateway(
    single: Gateway, door: Target, cluster: PostgresCluster
) -> None:
    client = ScriptedClient.login(door)
    client.query("LISTEN a")
    pid = listening_pid(single)
    assert cluster.activity(f"pid = {pid}")
    single.stop()
    assert client.read_to_end()[-1].sqlstate == "57P01"
    eventually(lambda: not cluster.activity(f"pid = {pid}"))
