"""Clients, backends, workers, supervisors and servers are killed; nobody else notices.

What each client is told is true (the ledger of `tests.support.truth` compares it with the table).
"""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import sys
import threading

import psutil
import psycopg
import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ConnectionEndedError, LoginRefusedError, ScriptedClient
from tests.support.target import Target
from tests.support.truth import Writers
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_server

NOT_COMMITTED = {"57P01", "57P02", "57P03", "08006", "08003", "08001", "40003", "53300"}
"""What may be told about work that surely was not committed."""
SERVER_GONE_S = 2.0
"""A server connection may outlive a killed gateway by this long (issue's limit)."""


@pytest.fixture
def fragile_gateway(fragile_cluster: PostgresCluster):
    """A gateway of this test's own, in front of a server that may be stopped."""
    one = Gateway(fragile_cluster, ("--budget", "6"), {"clients": {"wait_ms_max": 8000}})
    try:
        yield one.start()
    finally:
        fragile_cluster.ensure_running()
        one.destroy()


@pytest.fixture
def fragile_table(fragile_cluster: PostgresCluster) -> str:
    fragile_cluster.admin(
        "SET ROLE app; DROP TABLE IF EXISTS fragile; "
        "CREATE TABLE fragile (id int PRIMARY KEY, note text)",
        database="app",
    )
    return "fragile"


def _ids(cluster: PostgresCluster, table: str) -> set[int]:
    return {row[0] for row in cluster.admin(f"SELECT id FROM {table}", database="app")}


def _ending(client: ScriptedClient) -> list[str]:
    """The SQLSTATEs told until the answer or the connection ended; "" for a bare end."""
    try:
        return errors(client.read_until())
    except ConnectionEndedError as ended:
        return errors(ended.messages) or [""]


# ---------------------------------------------------------------- the client


CLIENT = """
import sys, psycopg
connection = psycopg.connect(sys.argv[1])
connection.execute(f"INSERT INTO {sys.argv[2]} VALUES (1, 'never')")
print("inside", flush=True)
sys.stdin.read()
"""


def test_a_client_killed_in_mid_transaction(crowded_target: Target, table: str) -> None:
    uri = crowded_target.uri()
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, uri, table],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"inside\n"
        victim.kill()
        victim.wait(timeout=10)
    with psycopg.connect(uri, autocommit=True, options="-c lock_timeout=5s") as other:
        other.execute(f"LOCK TABLE {table}; SELECT 1")
        assert other.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_a_client_gone_in_mid_statement(
    crowded_target: Target, cluster: PostgresCluster, table: str
) -> None:
    """The statement ends by itself or is cancelled; its server connection is not lost."""
    client = ScriptedClient.login(crowded_target)
    client.send(p.query(f"SELECT pg_sleep(0.3), 'left {table}'"))
    eventually(lambda: cluster.activity(f"state = 'active' AND query LIKE '%left {table}%'"))
    client.reset()
    with ScriptedClient.login(crowded_target) as other:
        assert other.value("SELECT 1") == "1"
    eventually(lambda: not cluster.activity(f"state = 'active' AND query LIKE '%left {table}%'"))


# --------------------------------------------------------------- the backend


def _terminate(cluster: PostgresCluster, where: str) -> None:
    """Ends the backends that match, once there is one."""
    pids = eventually(lambda: [row[0] for row in cluster.activity(where)])
    for pid in pids:
        cluster.admin(f"SELECT pg_terminate_backend({pid})")
    eventually(lambda: not set(pids) & {row[0] for row in cluster.activity()})


@pytest.mark.gateway
def test_idle_server_connections_ended_unnoticed(
    single_transaction_door: Target, cluster: PostgresCluster
) -> None:
    with ScriptedClient.login(single_transaction_door, application_name="unnoticed") as client:
        prepared = client.extended(p.parse("SELECT 'still prepared'", "s1"))
        assert not errors(prepared)
        for _ in range(3):
            _terminate(cluster, "application_name = 'unnoticed'")
            assert client.value("SELECT 1") == "1"
        again = client.extended(p.bind((), "s1") + p.execute())
        assert rows(again) == [("still prepared",)]


def test_backend_ended_in_a_block(
    crowded_target: Target, cluster: PostgresCluster, table: str
) -> None:
    with ScriptedClient.login(crowded_target, application_name=f"victim {table}") as client:
        client.query("BEGIN")
        client.query(f"INSERT INTO {table} VALUES (1, 'never')")
        _terminate(cluster, f"application_name = 'victim {table}'")
        client.send(p.query("SELECT 1"))
        assert set(_ending(client)) <= NOT_COMMITTED
    with ScriptedClient.login(crowded_target) as other:
        assert rows(other.query(f"SELECT count(*) FROM {table}")) == [("0",)]


def test_backend_ended_in_a_statement_of_a_block(
    crowded_target: Target, cluster: PostgresCluster, table: str
) -> None:
    with ScriptedClient.login(crowded_target) as client:
        client.query("BEGIN")
        client.query(f"INSERT INTO {table} VALUES (1, 'never')")
        client.send(p.query(f"SELECT pg_sleep(20), 'victim {table}'"))
        _terminate(cluster, f"state = 'active' AND query LIKE '%victim {table}%'")
        told = _ending(client)
        assert told
        assert set(told) <= NOT_COMMITTED
    with ScriptedClient.login(crowded_target) as other:
        assert rows(other.query(f"SELECT count(*) FROM {table}")) == [("0",)]


WRITES = {
    "simple": p.query,
    "extended": lambda sql: p.parse(sql) + p.bind() + p.execute() + p.sync(),
}


@pytest.mark.gateway
def _in_doubt(target: Target) -> str:
    """What is told of a write without an answer; the direct door leaves it to PostgreSQL."""
    return "57P01" if target.door == "direct" else "08007"


@pytest.mark.parametrize("form", WRITES)
def test_an_autocommit_write_whose_answer_was_lost_is_in_doubt(
    target: Target, cluster: PostgresCluster, table: str, form: str
) -> None:
    with ScriptedClient.login(target) as client:
        insert = f"INSERT INTO {table} SELECT 1, pg_sleep(20)::text"
        client.send(WRITES[form](insert))
        _terminate(cluster, f"state = 'active' AND query LIKE '%INTO {table} SELECT%'")
        assert _ending(client)[-1] == _in_doubt(target)


@pytest.mark.gateway
def test_a_commit_whose_answer_was_lost_is_in_doubt(
    target: Target, cluster: PostgresCluster, table: str
) -> None:
    cluster.admin(
        "CREATE OR REPLACE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$; "
        f"CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON {table} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_commit()",
        database="app",
    )
    with ScriptedClient.login(target, application_name=f"commits {table}") as client:
        client.query("BEGIN")
        client.query(f"INSERT INTO {table} VALUES (1, 'x')")
        client.send(p.query("COMMIT"))
        _terminate(cluster, f"query = 'COMMIT' AND application_name = 'commits {table}'")
        assert _ending(client)[-1] == _in_doubt(target)


@pytest.mark.gateway
def test_the_last_word_arrives_before_the_end(target: Target, cluster: PostgresCluster) -> None:
    """A client that sends while it is told good-bye still reads why: no reset overtakes it."""
    with ScriptedClient.login(target, application_name="last word") as client:
        client.query("BEGIN")
        _terminate(cluster, "application_name = 'last word'")
        client.send(p.query("SELECT 1"))
        assert _ending(client)[-1] == "57P01"


@pytest.mark.gateway
def test_a_killed_backend_leaves_only_truth(
    fragile_gateway: Gateway, fragile_cluster: PostgresCluster, fragile_table: str
) -> None:
    """kill -9 of one backend makes PostgreSQL restart all of them."""
    with Writers(fragile_gateway.target("transaction"), fragile_table, 6) as writers:
        eventually(lambda: writers.commits > 30)
        victim = fragile_cluster.activity("application_name <> 'test-observer'")[0][0]
        fragile_cluster.kill_backend(victim)
        before = writers.commits
        eventually(lambda: writers.commits > before + 50, within_s=30)
    assert writers.ledger.lies(_ids(fragile_cluster, fragile_table)) == []


# ---------------------------------------------------------------- the server


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_server_restarted_under_load(
    request: pytest.FixtureRequest,
    fragile_cluster: PostgresCluster,
    fragile_table: str,
    fragile_target: Target,
    mode: str,
) -> None:
    with Writers(fragile_target, fragile_table, 6) as writers:
        eventually(lambda: writers.commits > 30)
        fragile_cluster.stop(mode)
        fragile_cluster.start()
        before = writers.commits
        eventually(lambda: writers.commits > before + 50, within_s=30)
    assert writers.ledger.lies(_ids(fragile_cluster, fragile_table)) == []


@pytest.mark.gateway
def test_a_server_stops_in_its_own_time_under_load(
    fragile_gateway: Gateway, fragile_cluster: PostgresCluster, fragile_table: str
) -> None:
    """A smart stop waits for every connection: it is noticed when another one is refused."""
    target = fragile_gateway.target("transaction")
    with Writers(target, fragile_table, 6) as writers:
        eventually(lambda: writers.commits > 30)
        stopping = threading.Thread(target=fragile_cluster.stop, args=("smart",))
        stopping.start()
        while stopping.is_alive():
            with contextlib.suppress(ConnectionEndedError, LoginRefusedError, TimeoutError):
                ScriptedClient.login(fragile_gateway.target("direct"), timeout_s=1).close()
        fragile_cluster.start()
        before = writers.commits
        eventually(lambda: writers.commits > before + 50, within_s=30)
    assert writers.ledger.lies(_ids(fragile_cluster, fragile_table)) == []


@pytest.fixture(params=["transaction", "direct"])
def fragile_target(request: pytest.FixtureRequest, fragile_cluster: PostgresCluster) -> Target:
    from tests.integration.conftest import THROUGH  # noqa: PLC0415

    if THROUGH != "gateway":
        return fragile_cluster.target()
    return request.getfixturevalue("fragile_gateway").target(request.param)


@pytest.mark.gateway
def test_idle_clients_sleep_through_a_restart(
    fragile_gateway: Gateway, fragile_cluster: PostgresCluster
) -> None:
    clients = [ScriptedClient.login(fragile_gateway.target("transaction")) for _ in range(8)]
    for client in clients:
        client.extended(p.parse("SELECT 'kept'", "s1"))
    fragile_cluster.restart()
    for client in clients:
        assert client.value("SELECT 1") == "1"
        assert rows(client.extended(p.bind((), "s1") + p.execute())) == [("kept",)]
        client.close()


@pytest.mark.gateway
def test_a_client_that_waits_for_a_stopped_server_is_served_or_told(
    fragile_gateway: Gateway, fragile_cluster: PostgresCluster, fragile_table: str
) -> None:
    """Nothing was sent, so it may run later or be refused as not started; never in doubt."""
    target = fragile_gateway.target("transaction")
    with ScriptedClient.login(target, timeout_s=30) as client:
        client.query("SELECT 1")
        fragile_cluster.stop()
        client.send(p.query(f"INSERT INTO {fragile_table} VALUES (1, 'x')"))
        fragile_cluster.start()
        told = errors(client.read_until())
        assert not told or told[0] in NOT_COMMITTED
        assert len(_ids(fragile_cluster, fragile_table)) == (0 if told else 1)
        eventually(lambda: not errors(client.query("SELECT 1")))


@pytest.mark.gateway
def test_a_server_that_stays_away_is_told_in_time(
    fragile_gateway: Gateway, fragile_cluster: PostgresCluster
) -> None:
    with ScriptedClient.login(fragile_gateway.target("transaction"), timeout_s=30) as client:
        client.query("SELECT 1")
        fragile_cluster.stop()
        answer = client.query("SELECT 1")
        assert errors(answer)[0] in NOT_COMMITTED
        notice, refusal = (one.fields for one in answer if one.kind in "NE")
        assert "reason database_down" in notice["D"]
        assert "PGL" in refusal["D"]
        assert refusal["H"]
        fragile_cluster.start()
        eventually(lambda: not errors(client.query("SELECT 1")))


# --------------------------------------------------------------- the gateway


@pytest.fixture
def mortal_gateway(cluster: PostgresCluster):
    one = Gateway(cluster, options=("--budget", "8"))
    try:
        yield one.start()
    finally:
        one.destroy()


def _login_again(target: Target) -> bool:
    try:
        with ScriptedClient.login(target) as client:
            return client.value("SELECT 1") == "1"
    except (OSError, ConnectionEndedError, LoginRefusedError):
        return False


def _sleeping(cluster: PostgresCluster, mark: str) -> list[tuple]:
    return cluster.activity(f"state = 'active' AND query LIKE '%{mark}%'")


@pytest.mark.gateway
def test_worker_killed(mortal_gateway: Gateway, cluster: PostgresCluster, table: str) -> None:
    targets = [mortal_gateway.target(door) for door in ("transaction", "session", "direct")]
    sleepers = [ScriptedClient.login(target) for target in targets]
    idle = ScriptedClient.login(targets[0])
    open_block = ScriptedClient.login(targets[0])
    open_block.query(f"BEGIN; INSERT INTO {table} VALUES (1, 'never')")
    for client in sleepers:
        client.send(p.query(f"SELECT pg_sleep(60), 'orphan {table}'"))
    eventually(lambda: len(_sleeping(cluster, f"orphan {table}")) == 3)
    worker = mortal_gateway.worker_pid
    os.kill(worker, signal.SIGKILL)
    eventually(
        lambda: not _sleeping(cluster, f"orphan {table}"),
        within_s=SERVER_GONE_S,
        what="no backend works for a worker that is gone",
    )
    for client in (*sleepers, idle, open_block):
        assert not rows(client.read_to_end())
        client.close()
    for target in targets:
        eventually(lambda one=target: _login_again(one), what=f"{target.door} opens again")
    assert mortal_gateway.worker_pid != worker
    assert "worker" in mortal_gateway.log()
    assert "SIGKILL" in mortal_gateway.log() or "signal 9" in mortal_gateway.log()
    assert not cluster.admin(f"SELECT * FROM {table}", database="app")


@pytest.mark.gateway
def test_worker_killed_again_and_again(mortal_gateway: Gateway) -> None:
    target = mortal_gateway.target("transaction")
    for _ in range(2):
        worker = mortal_gateway.worker_pid
        os.kill(worker, signal.SIGKILL)
        eventually(lambda pid=worker: not psutil.pid_exists(pid))
        eventually(lambda: _login_again(target))
        assert mortal_gateway.supervisor_pid


@pytest.mark.gateway
def test_worker_killed_under_load(mortal_gateway: Gateway, cluster: PostgresCluster, table: str):
    with Writers(mortal_gateway.target("transaction"), table, 6) as writers:
        eventually(lambda: writers.commits > 30)
        os.kill(mortal_gateway.worker_pid, signal.SIGKILL)
        before = writers.commits
        eventually(lambda: writers.commits > before + 50, within_s=30)
    assert writers.ledger.lies(_ids(cluster, table)) == []


@pytest.mark.gateway
def test_supervisor_killed(mortal_gateway: Gateway, cluster: PostgresCluster, table: str) -> None:
    client = ScriptedClient.login(mortal_gateway.target("transaction"))
    client.send(p.query(f"SELECT pg_sleep(60), 'left alone {table}'"))
    eventually(lambda: _sleeping(cluster, f"left alone {table}"))
    processes = mortal_gateway.processes()
    os.kill(mortal_gateway.supervisor_pid, signal.SIGKILL)
    eventually(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE
                               for one in processes[1:]), within_s=5)  # fmt: skip
    eventually(lambda: not _sleeping(cluster, f"left alone {table}"), within_s=SERVER_GONE_S)
    client.close()


@pytest.mark.gateway
def test_drained_by_sigterm(mortal_gateway: Gateway, cluster: PostgresCluster, table: str) -> None:
    """Open transactions end in peace; nobody new is let in; then it is gone."""
    target = mortal_gateway.target("transaction")
    client = ScriptedClient.login(target)
    client.query("BEGIN")
    client.query(f"INSERT INTO {table} VALUES (1, 'kept')")
    mortal_gateway.process.send_signal(signal.SIGTERM)
    eventually(lambda: not _login_again(target), what="nobody new is let in")
    assert not errors(client.query(f"INSERT INTO {table} VALUES (2, 'kept')"))
    assert not errors(client.query("COMMIT"))
    assert mortal_gateway.process.wait(timeout=10) == 0
    assert _ids(cluster, table) == {1, 2}
    client.close()


@pytest.mark.gateway
def test_stopped_by_sigint(mortal_gateway: Gateway, cluster: PostgresCluster, table: str) -> None:
    client = ScriptedClient.login(mortal_gateway.target("transaction"))
    client.query("BEGIN")
    client.query(f"INSERT INTO {table} VALUES (1, 'never')")
    assert mortal_gateway.stop(signal.SIGINT) in {0, 130}
    client.read_to_end()
    client.close()
    eventually(lambda: not cluster.activity("state LIKE 'idle in transaction%'"))
    assert _ids(cluster, table) == set()


def test_many_clients_killed_at_once(narrow_target: Target, cluster: PostgresCluster) -> None:
    """Half the clients vanish at random moments; the other half gets every answer."""
    over = threading.Event()

    def steady() -> int:
        served = 0
        with ScriptedClient.login(narrow_target, timeout_s=30) as client:
            while not over.is_set():
                assert client.value(f"SELECT {served}") == str(served)
                served += 1
        return served

    def vanishing(seed: int) -> None:
        for turn in range(25):
            client = ScriptedClient.login(narrow_target, timeout_s=30)
            client.send(p.query("BEGIN"), p.query("SELECT pg_sleep(0.002)"), p.query("SELECT 1"))
            for _ in range((seed + turn) % 4):
                client.read_until()
            client.reset()

    steady_clients = 1 if narrow_target.door in {"session", "direct"} else 4
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        calm = [threads.submit(steady) for _ in range(steady_clients)]
        wild = [threads.submit(vanishing, seed) for seed in range(4)]
        try:
            for one in wild:
                one.result(timeout=60)
        finally:
            over.set()
        assert all(one.result(timeout=60) > 0 for one in calm)
