"""Two real servers, one replicating the other: a standby is never taken for a primary."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS
from tests.support.unprivileged import process_owner
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]


class Pair:
    """A primary and its standby."""

    def __init__(self, version: str) -> None:
        settings = {"wal_log_hints": "on", "hot_standby": "on", "wal_keep_size": "64MB"}
        settings["max_standby_streaming_delay"] = "0"
        self.primary = PostgresCluster(version, settings=settings).create()
        self.standby = PostgresCluster(version, settings=settings)
        self._copy()

    def _copy(self) -> None:
        source = f"host=127.0.0.1 port={self.primary.port} user=replicator"
        subprocess.run(
            [
                *(str(self.primary.program("pg_basebackup")), "--pgdata", str(self.standby.data)),
                *("--dbname", source, "--write-recovery-conf", "--checkpoint", "fast"),
                *("--no-sync", "--wal-method", "stream"),
            ],
            env={
                "PATH": os.environ["PATH"],
                "LC_ALL": "C",
                "PGPASSWORD": PASSWORDS["replicator"],
            },
            cwd=self.standby.folder,
            capture_output=True,
            timeout=60,
            check=True,
            **process_owner(),
        )
        self.standby.take_configuration()
        self.standby.start()

    def wait_for_replay(self) -> None:
        ((end,),) = self.primary.admin("SELECT pg_current_wal_lsn()")
        behind = f"SELECT pg_last_wal_replay_lsn() < '{end}'"
        eventually(lambda: self.standby.admin(behind) == [(False,)], 30, "the standby caught up")

    def promote(self) -> None:
        """The standby is the primary from now on; the old one must be down."""
        self.standby.admin("SELECT pg_promote(true, 60)")
        self.primary, self.standby = self.standby, self.primary

    def demote(self) -> None:
        """The old primary comes back, as a standby of the new one."""
        shutil.rmtree(self.standby.data)
        self._copy()

    def destroy(self) -> None:
        self.standby.destroy()
        self.primary.destroy()

    def uri(self, target: str) -> str:
        ports = (self.primary.port, self.standby.port)
        hosts = ",".join(f"127.0.0.1:{port}" for port in sorted(ports))
        return f"postgresql://app@{hosts}/app?target_session_attrs={target}"


@pytest.fixture
def pair(server_version: str) -> Iterator[Pair]:
    one = Pair(server_version)
    try:
        yield one
    finally:
        one.destroy()


@pytest.fixture
def clients() -> Iterator[contextlib.ExitStack]:
    """They are closed at the end, also when a test fails."""
    with contextlib.ExitStack() as stack:
        yield stack


def behind(pair: Pair, target: str, **server: int) -> Gateway:
    settings = {"clients": {"wait_ms_max": 30_000}, "server": {"monitor_ms": 100, **server}}
    return Gateway(pair.primary, ("--budget", "4"), settings, uri=pair.uri(target))


def connected(gateway: Gateway, door: str = "transaction") -> psycopg.Connection:
    return psycopg.connect(gateway.target(door).uri(), autocommit=True)


def server_of(client: psycopg.Connection) -> tuple[int, bool]:
    """The port of the server, and whether it is a standby."""
    row = client.execute("SELECT current_setting('port')::int, pg_is_in_recovery()").fetchone()
    assert row is not None
    return row


def at_rest(gateway: Gateway) -> None:
    """No server connection is looked at for its last client: whoever has it would hear its end."""
    states = {"idle"}
    eventually(lambda: {row["state"] for row in gateway.show("SERVERS")} <= states)


def test_clients_follow_a_failover_and_a_standby_is_never_taken_for_a_primary(
    pair: Pair, clients: contextlib.ExitStack
) -> None:
    pair.primary.admin("SET ROLE app; CREATE TABLE numbers (n int PRIMARY KEY)", database="app")
    gateway, reader = behind(pair, "primary"), behind(pair, "standby")
    try:
        client = clients.enter_context(connected(gateway.start()))
        reading = clients.enter_context(connected(reader.start()))
        assert server_of(client) == (pair.primary.port, False)
        assert server_of(reading) == (pair.standby.port, True)
        with connected(gateway, "direct") as direct:
            assert server_of(direct) == (pair.primary.port, False)
        client.execute("INSERT INTO numbers VALUES (1)")
        pair.wait_for_replay()
        old = pair.primary
        at_rest(gateway)
        old.stop("fast")
        pair.promote()
        # An idle client stays connected, and its next request waits for the new primary.
        client.execute("INSERT INTO numbers VALUES (2)")
        assert server_of(client) == (pair.primary.port, False)
        # There is no standby any more: what reads one is not given the primary.
        eventually(lambda: not reader.show("SERVERS"), 60, "the promotion was noticed")
        pair.demote()
        assert server_of(reading) == (old.port, True)
        with connected(gateway, "direct") as direct:
            assert server_of(direct) == (pair.primary.port, False)
        pair.wait_for_replay()
        assert reading.execute("SELECT n FROM numbers ORDER BY n").fetchall() == [(1,), (2,)]
        assert not [line for line in gateway.log().splitlines() if "internal_error" in line]
        promote_unseen(pair, reader)
        eventually(lambda: not reader.show("SERVERS"), 60, "a promotion that nobody saw")
    finally:
        reader.destroy()
        gateway.destroy()


def promote_unseen(pair: Pair, reader: Gateway) -> None:
    """The reader's monitor has no connection while it happens."""
    supervisor = psutil.Process(reader.supervisor_pid)
    supervisor.suspend()
    try:
        its_own = "application_name = 'pglane monitor'"
        for pid, *_ in pair.standby.activity(its_own):
            pair.standby.kill_backend(pid, signal.SIGTERM)
        eventually(lambda: not pair.standby.activity(its_own))
        pair.primary.stop("fast")
        pair.promote()
    finally:
        supervisor.resume()


def test_for_want_of_a_standby_a_primary_is_read_from(
    pair: Pair, clients: contextlib.ExitStack
) -> None:
    gateway = behind(pair, "prefer-standby", lifetime_ms_max=100)
    try:
        client = clients.enter_context(connected(gateway.start()))
        assert server_of(client) == (pair.standby.port, True)
        at_rest(gateway)
        pair.standby.stop("fast")
        eventually(lambda: _reads_from(client) == (pair.primary.port, False), 30)
        pair.standby.start()
        eventually(lambda: _reads_from(client) == (pair.standby.port, True), 30)
    finally:
        gateway.destroy()


def _reads_from(client: psycopg.Connection) -> tuple[int, bool] | None:
    with contextlib.suppress(psycopg.errors.TooManyConnections):
        return server_of(client)
    return None


def test_conflicts_with_recovery_are_told_as_postgresql_tells_them(
    pair: Pair, clients: contextlib.ExitStack
) -> None:
    tables = "CREATE TABLE read_one AS SELECT 1 n; CREATE TABLE read_two AS SELECT 1 n"
    pair.primary.admin(f"SET ROLE app; {tables}", database="app")
    gateway = behind(pair, "standby")
    try:
        client = clients.enter_context(connected(gateway.start()))
        pair.wait_for_replay()
        dropper = threading.Thread(target=drop_while_read, args=(pair,))
        dropper.start()
        with pytest.raises(psycopg.errors.SerializationFailure) as failure:
            client.execute("SELECT pg_sleep(60) FROM read_one")
        dropper.join()
        assert "conflict with recovery" in str(failure.value)
        assert client.execute("SELECT n FROM read_two").fetchone() == (1,)
        client.execute("BEGIN; SELECT n FROM read_two")
        pair.primary.admin("DROP TABLE read_two", database="app")
        eventually(lambda: not pair.standby.activity("state LIKE 'idle in transaction%'"), 30)
        with pytest.raises(psycopg.Error) as failure:
            client.execute("SELECT 1")
        assert failure.value.sqlstate == "40001", failure.value
    finally:
        gateway.destroy()


def drop_while_read(pair: Pair) -> None:
    reading = "state = 'active' AND query LIKE 'SELECT pg_sleep(60)%'"
    eventually(lambda: pair.standby.activity(reading), 30)
    pair.primary.admin("DROP TABLE read_one", database="app")


def test_a_smart_stop_is_not_kept_waiting_by_connections_that_nobody_uses(
    fragile_cluster: PostgresCluster, clients: contextlib.ExitStack
) -> None:
    gateway = Gateway(fragile_cluster, ("--budget", "4"))
    try:
        client = clients.enter_context(connected(gateway.start()))
        client.execute("SELECT 1")
        at_rest(gateway)
        stopping = threading.Thread(target=fragile_cluster.stop, args=("smart",))
        stopping.start()
        # Somebody new needs a server connection, and waits; who is idle stays connected.
        eventually(lambda: "shutdown" in fragile_cluster.log())
        newcomer = threading.Thread(target=come_and_go, args=(gateway,))
        newcomer.start()
        stopping.join(60)
        assert not stopping.is_alive(), gateway.log()
        fragile_cluster.start()
        newcomer.join(60)
        assert not newcomer.is_alive()
        assert client.execute("SELECT 1").fetchone() == (1,)
    finally:
        fragile_cluster.ensure_running()
        gateway.destroy()


def come_and_go(gateway: Gateway) -> None:
    with psycopg.connect(gateway.target("direct").uri(), autocommit=True) as client:
        client.execute("SELECT 1")
