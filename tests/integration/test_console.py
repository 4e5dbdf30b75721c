"""The console: database `pglane` on every door, PgBouncer's words where they mean the same."""

import os
import subprocess

import psycopg
import pytest

from tests.support.gateway import DOORS, Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import LoginRefusedError, ScriptedClient
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

PGBOUNCER_COLUMNS = {
    "CLIENTS": {"type", "user", "database", "state", "addr", "port", "local_addr", "local_port",
                "connect_time", "request_time", "wait", "wait_us", "ptr", "application_name"},
    "SERVERS": {"type", "user", "database", "state", "addr", "port", "connect_time",
                "request_time", "ptr", "link", "remote_pid", "application_name"},
    "POOLS": {"database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used",
              "sv_login", "maxwait", "maxwait_us", "pool_mode"},
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_version(gateway: Gateway, door: str) -> None:
    (row,) = gateway.show("VERSION", door)
    assert "pglane" in str(row["version"]).lower()


@pytest.mark.parametrize("what", PGBOUNCER_COLUMNS)
@pytest.mark.parametrize("door", DOORS)
def test_columns_have_pgbouncers_names(gateway: Gateway, door: str, what: str) -> None:
    with ScriptedClient.login(gateway.target("transaction")) as client:
        client.query("BEGIN; SELECT 1")
        found = gateway.show(what, door)
    assert found
    assert not PGBOUNCER_COLUMNS[what] - set(found[0])


@pytest.mark.parametrize("door", DOORS)
def test_clients_and_servers_tell_who_holds_what(
    gateway: Gateway, cluster: PostgresCluster, door: str
) -> None:
    target = gateway.target(door)
    with ScriptedClient.login(target, application_name=f"console {door}") as client:
        client.query("BEGIN")
        pid = client.value("SELECT pg_backend_pid() /* through the gateway */")
        mine = [row for row in gateway.show("CLIENTS") if row["port"] == _port_of(client)]
        assert len(mine) == 1
        assert mine[0]["user"] == "app"
        assert mine[0]["database"] == "app"
        assert mine[0]["state"] == "active"
        assert mine[0]["application_name"] == f"console {door}"
        servers = [row for row in gateway.show("SERVERS") if row["state"] == "active"]
        assert str(pid) in {str(row["remote_pid"]) for row in servers}
        client.query("ROLLBACK")
    eventually(
        lambda: _port_of_none(gateway, f"console {door}"), what="a client that left is not shown"
    )


def _port_of(client: ScriptedClient) -> int:
    return int(client.socket.getsockname()[1])


def _port_of_none(gateway: Gateway, name: str) -> bool:
    return not [row for row in gateway.show("CLIENTS") if row["application_name"] == name]


def test_pools_count_what_is_there(cluster: PostgresCluster) -> None:
    """Two in blocks, one waiting, on a budget of two."""
    one = Gateway(cluster, ("--budget", "2"))
    try:
        one.start()
        target = one.target("transaction")
        clients = [ScriptedClient.login(target) for _ in range(3)]
        for client in clients[:2]:
            client.query("BEGIN")
        clients[2].send(b"Q\0\0\0\x0dSELECT 1\0")

        def sums() -> tuple[int, int, int]:
            pools = [row for row in one.show("POOLS") if row["database"] == "app"]
            names = ("cl_active", "cl_waiting", "sv_active")
            return tuple(sum(int(row[name]) for row in pools) for name in names)

        eventually(lambda: sums()[1:] == (1, 2), what="one waits, two are active")
        clients[0].query("COMMIT")
        assert rows(clients[2].read_until()) == [("1",)]
        clients[1].query("COMMIT")
        eventually(lambda: sums()[1:] == (0, 0), what="nobody waits, nothing is active")
        for client in clients:
            client.close()
    finally:
        one.destroy()


def test_the_budget_is_never_exceeded_in_the_database(
    gateway: Gateway, cluster: PostgresCluster
) -> None:
    beside = "pglane listening"
    assert len([each for each in gateway.server_connections() if each[4] != beside]) <= 12 + 1


def test_psql_reads_the_console(gateway: Gateway, cluster: PostgresCluster) -> None:
    target = gateway.target("session", database="pglane")
    done = subprocess.run(
        [str(cluster.program("psql")), "-X", "-A", "-c", "SHOW CLIENTS", "-c", "SHOW POOLS"],
        env={**os.environ, **target.environment()},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cl_waiting" in done.stdout


def test_unknown_words_get_a_hint_and_the_connection_stays(gateway: Gateway) -> None:
    target = gateway.target("transaction", database="pglane")
    with ScriptedClient.login(target) as client:
        for words in ("SHOW NONSENSE", "SELECT 1", "DROP TABLE x", "SHOW", "garbage \x01"):
            answer = client.query(words)
            assert errors(answer)
            assert answer[0].fields["H"]
        assert rows(client.query("SHOW VERSION;"))
        assert rows(client.query("show version"))


@pytest.mark.parametrize("user", ["second", "third"])
def test_the_console_is_not_for_everybody(gateway: Gateway, user: str) -> None:
    with pytest.raises(LoginRefusedError) as caught:
        ScriptedClient.login(gateway.target("transaction", user, "pglane"))
    assert caught.value.sqlstate == "42501"


def test_the_console_asks_for_the_password(gateway: Gateway) -> None:
    keywords = {**gateway.target("transaction", database="pglane").keywords(), "password": "no"}
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**keywords)


def test_no_secret_is_shown_or_logged(gateway: Gateway) -> None:
    text = gateway.log() + "".join(gateway.lines)
    for what in ("CLIENTS", "SERVERS", "POOLS", "VERSION"):
        text += str(gateway.show(what))
    for secret in gateway.target("direct").passwords.values():
        assert secret not in text
    assert "SCRAM-SHA-256$" not in text
    assert "SELECT" not in gateway.log(), "SQL text is in the log"


def test_many_console_clients_at_once(gateway: Gateway) -> None:
    target = gateway.target("direct", database="pglane")
    clients = [ScriptedClient.login(target) for _ in range(10)]
    for client in clients:
        assert rows(client.query("SHOW VERSION"))
    for client in clients:
        client.close()
