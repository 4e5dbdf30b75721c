"""Two real servers, one replicating the other: a standby is never taken for a primary."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS
from tests.support.unprivileged import process_owner
from tests.support.waiting import eventually

pytestmark = pytest.mark.gateway


class Pair:
    """A primary and its standby."""

    def __init__(self, version: str) -> None:
        settings = {"wal_log_hints": "on", "hot_standby": "on", "wal_keep_size": "64MB"}
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
        eventually(lambda: "a primary now" in reader.log(), 30, "the promotion was noticed")
        pair.demote()
        assert server_of(reading) == (old.port, True)
        with connected(gateway, "direct") as direct:
            assert server_of(direct) == (pair.primary.port, False)
        pair.wait_for_replay()
        assert reading.execute("SELECT n FROM numbers ORDER BY n").fetchall() == [(1,), (2,)]
        assert not [line for line in gateway.log().splitlines() if "internal_error" in line]
    finally:
        reader.destroy()
        gateway.destroy()


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
