"""Limits in time and number, with real servers: what is over one ends, and hears which it was."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ConnectionEndedError, ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_server
LONG = "SELECT pg_sleep(60)"
SETTINGS = {
    "users.second": {"query_ms_max": 300},
    "users.third": {"idle_transaction_ms_max": 300, "connections_max": 2, "wait_ms_max": 300},
    "users.postgres": {"transaction_ms_max": 400},
    "databases.other": {"budget": 1},
}
LENDING = ("transaction", "session")


@pytest.fixture(scope="module")
def limited(cluster: PostgresCluster) -> Iterator[Gateway]:
    one = Gateway(cluster, ("--budget", "8"), SETTINGS)
    try:
        yield one.start()
    finally:
        one.destroy()


def connected(target: Target) -> psycopg.Connection:
    return psycopg.connect(target.uri(), autocommit=True)


def answers(client: psycopg.Connection) -> bool:
    """Whether the client is served; its limits may be over for another reason than its own."""
    try:
        return client.execute("SELECT 1").fetchone() == (1,)
    except (psycopg.errors.QueryCanceled, psycopg.errors.TooManyConnections):
        return False


def told(error: psycopg.Error, limit: str) -> None:
    assert limit in str(error), error
    assert "pglane.toml:" in str(error), error


@pytest.mark.gateway
@pytest.mark.parametrize("door", LENDING)
def test_a_statement_is_cancelled_and_the_client_stays(limited: Gateway, door: str) -> None:
    with connected(limited.target(door, user="second")) as client:
        with pytest.raises(psycopg.errors.QueryCanceled) as failure:
            client.execute(LONG)
        told(failure.value, "query_ms_max is 300 ms for user second")
        eventually(lambda: answers(client))


@pytest.mark.gateway
def test_a_write_that_is_cancelled_has_changed_nothing(limited: Gateway, table: str) -> None:
    client = connected(limited.target("transaction", user="second"))
    with pytest.raises(psycopg.errors.QueryCanceled):
        client.execute(f"INSERT INTO {table} SELECT 1, pg_sleep(60)::text".encode())
    client.close()
    assert limited.cluster.admin(f"SELECT * FROM {table}", database="app") == []


@pytest.mark.gateway
def test_a_statement_that_no_cancel_reaches_loses_its_server_connection(
    cluster: PostgresCluster, table: str
) -> None:
    """A server that waits for copy data looks at no cancel request."""
    settings = {"server": {"cancel_ms_max": 300}, "clients": {"query_ms_max": 300}}
    one = Gateway(cluster, ("--budget", "1"), settings)
    try:
        target = one.start().target("transaction")
        client = ScriptedClient.login(target)
        client.send(p.query(f"COPY {table} FROM STDIN"))
        client.read_until("G")
        client.send(p.copy_data(b"1\tone\n"))
        with pytest.raises(ConnectionEndedError) as end:
            client.read_until()
        (error,) = [told for told in end.value.messages if told.kind == "E"]
        assert error.sqlstate == "08007"
        assert "query_ms_max is 300 ms for everybody" in str(error)
        assert cluster.admin(f"SELECT * FROM {table}", database="app") == []
    finally:
        one.destroy()


def _is_cut(client: psycopg.Connection) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        client.pgconn.consume_input()
    return client.pgconn.status != psycopg.pq.ConnStatus.OK


@pytest.mark.gateway
@pytest.mark.parametrize("door", LENDING)
def test_a_pause_in_a_transaction_ends_it(limited: Gateway, table: str, door: str) -> None:
    client = connected(limited.target(door, user="third"))
    client.execute(f"BEGIN; INSERT INTO {table} VALUES (1, 'x')".encode())
    open_ones = "usename = 'third' AND state LIKE 'idle in transaction%'"
    eventually(lambda: not limited.cluster.activity(open_ones))
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout) as failure:
        client.execute("COMMIT")
    told(failure.value, "idle_transaction_ms_max is 300 ms for user third")
    rows = limited.cluster.admin(f"SELECT * FROM {table}", database="app")
    assert rows == []


@pytest.mark.gateway
def test_a_transaction_is_ended_while_it_pauses_and_cancelled_while_it_runs(
    limited: Gateway,
) -> None:
    client = connected(limited.target("transaction", user="postgres"))
    with pytest.raises(psycopg.Error) as failure:
        client.execute(f"BEGIN; {LONG}".encode())
    assert failure.value.sqlstate == "25P04"
    told(failure.value, "transaction_ms_max is 400 ms for user postgres")
    eventually(lambda: _is_cut(client))
    with connected(limited.target("transaction", user="postgres")) as another:
        another.execute("BEGIN")
        eventually(lambda: _is_cut(another))


@pytest.mark.gateway
def test_idle_clients_of_the_doors_that_have_a_limit_end(cluster: PostgresCluster) -> None:
    limits = {"session": {"idle_ms_max": 300}, "direct": {"idle_ms_max": 300}}
    one = Gateway(cluster, ("--budget", "4"), limits)
    try:
        one.start()
        for door in ("session", "direct"):
            idle = connected(one.target(door))
            eventually(lambda: _is_cut(idle))  # noqa: B023 -- it is over within this round
            with pytest.raises(psycopg.OperationalError):
                idle.execute("SELECT 1")
        with connected(one.target("transaction")) as other:
            other.execute("SELECT pg_sleep(0.5)")
        assert one.log().count("PGL0334 ClientIdle") == 2
    finally:
        one.destroy()


@pytest.mark.gateway
def test_one_client_too_many_of_a_user_or_a_database(limited: Gateway) -> None:
    target = limited.target("transaction", user="third")
    with connected(target), connected(target):
        with pytest.raises(psycopg.OperationalError) as failure:
            connected(target)
        told(failure.value, "connections_max is 2 for user third")
        connected(limited.target("transaction")).close()
    eventually(lambda: _user_row(limited)["current_client_connections"] == 0)
    connected(target).close()
    assert _user_row(limited)["max_user_client_connections"] == 2


def _user_row(gateway: Gateway) -> dict[str, object]:
    return next(row for row in gateway.show("USERS") if row["name"] == "third")


@pytest.mark.gateway
def test_a_database_has_its_own_budget_and_a_user_its_own_wait(limited: Gateway) -> None:
    holding = limited.target("transaction", database="other")
    waiting = limited.target("transaction", user="third", database="other")
    with eventually(lambda: _connected_at_last(waiting)) as waiter, connected(holding) as holder:
        holder.execute("BEGIN")
        with pytest.raises(psycopg.errors.TooManyConnections) as failure:
            waiter.execute("SELECT 1")
        assert "1 of 1 by all" in str(failure.value)
        told(failure.value, "wait_ms_max is 300 ms for user third")
        holder.execute("ROLLBACK")
        eventually(lambda: answers(waiter))


def _connected_at_last(target: Target) -> psycopg.Connection | None:
    """Its wait is short: a server connection may not be there in time."""
    with contextlib.suppress(psycopg.OperationalError):
        return connected(target)
    return None


@pytest.mark.gateway
def test_a_role_without_a_connection_left_is_told_so(cluster: PostgresCluster) -> None:
    """And is not taken for a server that cannot be reached."""
    cluster.admin("CREATE ROLE crowded LOGIN PASSWORD 'full' CONNECTION LIMIT 1")
    settings = {"clients": {"wait_ms_max": 3000}, "users.crowded": {"password": "full"}}
    gateway = Gateway(cluster, ("--budget", "4"), settings)
    try:
        gateway.start()
        door = gateway.target("transaction")
        target = replace(door, user="crowded", passwords={"crowded": "full"})
        with connected(target) as holder, connected(target) as other:
            holder.execute("BEGIN; SELECT 1")
            with pytest.raises(psycopg.errors.TooManyConnections) as failure:
                other.execute("SELECT 1")
            assert "PGL0607" in str(failure.value)
            with connected(gateway.target("direct", user="second")) as stranger:
                stranger.execute("SELECT 1")
            holder.execute("COMMIT")
            assert answers(other)
    finally:
        gateway.destroy()
        cluster.admin("DROP ROLE crowded")


@pytest.mark.gateway
def test_a_budget_that_postgresql_cannot_keep_is_told_at_the_start(
    cluster: PostgresCluster,
) -> None:
    asked = "SELECT current_setting('max_connections')"
    connections = int(str(cluster.admin(asked)[0][0]))
    gateway = Gateway(cluster, ("--budget", str(connections)))
    try:
        gateway.start()
        eventually(lambda: "budget_too_large" in gateway.log(), what="it is told")
        assert f"server.budget is {connections} for each database" in gateway.log()
    finally:
        gateway.destroy()


@pytest.mark.gateway
def test_who_waits_is_served_by_what_is_open_while_a_password_is_rotated(
    cluster: PostgresCluster,
) -> None:
    cluster.admin("CREATE ROLE rotated LOGIN PASSWORD 'old'")
    gateway = Gateway(cluster, ("--budget", "4"), {"users.rotated": {"password": "old"}})
    try:
        gateway.start()
        target = gateway.target("transaction")
        target = replace(target, user="rotated", passwords={"rotated": "old"})
        with connected(target) as holder, connected(target) as waiter:
            holder.execute("BEGIN; SELECT 1")
            cluster.admin("ALTER ROLE rotated PASSWORD 'new'")
            with ThreadPoolExecutor(1) as other:
                asked = other.submit(answers, waiter)
                eventually(lambda: "PGL0608" in gateway.log())
                with pytest.raises(psycopg.OperationalError, match="PGL0608"):
                    connected(replace(target, port=gateway.target("direct").port))
                holder.execute("COMMIT")
                assert asked.result(10)
    finally:
        gateway.destroy()
        cluster.admin("DROP ROLE rotated")
