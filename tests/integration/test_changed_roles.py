"""A role that is locked, dropped or changed: its clients end, and no server connection stays."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.gateway import DOORS, Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import (
    ConnectionEndedError,
    LoginRefusedError,
    ScriptedClient,
)
from tests.support.target import Target
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

CACHE_MS = 600
_numbers = itertools.count(1)

CHANGES = {
    "ALTER ROLE {0} NOLOGIN": "is not permitted to log in any more",
    "DROP ROLE {0}": "was dropped",
    "ALTER ROLE {0} VALID UNTIL '2001-01-01'": "is not valid any more (VALID UNTIL)",
    "ALTER ROLE {0} PASSWORD 'other'": "has another password",
    "ALTER ROLE {0} PASSWORD NULL": "has another password",
    "ALTER ROLE {0} CONNECTION LIMIT 0": "has more connections than its CONNECTION LIMIT",
    "ALTER ROLE {0} RENAME TO {0}_renamed": "was dropped",
}


@pytest.fixture(scope="module")
def gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    settings = {
        "clients": {"auth_user": "postgres", "auth_cache_ms_max": CACHE_MS},
        "users.postgres": {"password": "super-secret"},
    }
    one = Gateway(cluster, ("--budget", "8"), settings, users=())
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture
def role(cluster: PostgresCluster) -> Iterator[str]:
    name = f"changing_{next(_numbers)}"
    cluster.admin(f"CREATE ROLE {name} LOGIN PASSWORD 'pw'")
    yield name
    cluster.admin(f"DROP ROLE IF EXISTS {name}, {name}_renamed")


def place(gateway: Gateway, role: str, door: str = "transaction") -> Target:
    return replace(gateway.target(door), user=role, passwords={role: "pw"})


def ending(client: ScriptedClient) -> tuple[str, str]:
    """SQLSTATE and message with which a silent client is told that it ends."""
    told = client.read_message()
    with pytest.raises(ConnectionEndedError):
        client.read_message()
    return told.sqlstate, told.fields["M"]


def backends(cluster: PostgresCluster, role: str) -> list[object]:
    return list(cluster.activity(f"usename LIKE '{role}%'"))


@pytest.mark.parametrize("change", CHANGES)
def test_idle_clients_end_and_hear_why(
    gateway: Gateway, cluster: PostgresCluster, role: str, change: str
) -> None:
    with (
        ScriptedClient.login(place(gateway, role)) as lending,
        ScriptedClient.login(place(gateway, role, "session")) as keeping,
        ScriptedClient.login(place(gateway, role, "direct")) as direct,
        ScriptedClient.login(gateway.target("transaction")) as other,
    ):
        for client in (lending, keeping, direct, other):
            client.query("SELECT 1")
        assert backends(cluster, role)
        cluster.admin(change.format(role))
        expected = ("57P01", f'terminating connection because role "{role}" {CHANGES[change]}')
        assert ending(lending) == expected
        assert ending(keeping) == expected
        assert ending(direct) == expected
        if "LIMIT" not in change:
            eventually(lambda: not backends(cluster, role), what="its server connections are gone")
        assert other.value("SELECT 2") == "2"


@pytest.mark.parametrize("door", DOORS)
def test_who_is_in_a_transaction_may_end_it(
    gateway: Gateway, cluster: PostgresCluster, role: str, door: str
) -> None:
    cluster.admin(
        f"CREATE TABLE {role}_t (n int); GRANT ALL ON {role}_t TO {role}", database="app"
    )
    with (
        ScriptedClient.login(place(gateway, role, door)) as inside,
        ScriptedClient.login(place(gateway, role, door)) as idle,
    ):
        inside.query("BEGIN")
        inside.query(f"INSERT INTO {role}_t VALUES (1)")
        cluster.admin(f"ALTER ROLE {role} NOLOGIN")
        assert ending(idle)[0] == "57P01"
        inside.query(f"INSERT INTO {role}_t VALUES (2)")
        assert inside.status == "T"
        told = inside.query("COMMIT")
        assert told[0].tag == "COMMIT"
        assert ending(inside)[0] == "57P01"
    assert cluster.admin(f"SELECT count(*) FROM {role}_t", database="app") == [(2,)]
    eventually(lambda: not backends(cluster, role), what="its server connections are gone")
    cluster.admin(f"DROP TABLE {role}_t; DROP ROLE {role}", database="app")


def test_the_new_password_holds_and_the_old_one_does_not(
    gateway: Gateway, cluster: PostgresCluster, role: str
) -> None:
    old = place(gateway, role)
    with ScriptedClient.login(old) as client:
        cluster.admin(f"ALTER ROLE {role} PASSWORD 'new'")
        assert ending(client)[0] == "57P01"
    with pytest.raises(LoginRefusedError) as caught:
        ScriptedClient.login(old)
    assert caught.value.sqlstate == "28P01"
    with ScriptedClient.login(replace(old, passwords={role: "new"})) as client:
        assert client.value("SELECT current_user") == role


def test_no_more_clients_end_than_the_limit_asks_for(
    gateway: Gateway, cluster: PostgresCluster, role: str
) -> None:
    with (
        ScriptedClient.login(place(gateway, role)) as first,
        ScriptedClient.login(place(gateway, role)) as second,
    ):
        cluster.admin(f"ALTER ROLE {role} CONNECTION LIMIT 1")
        assert ending(second)[0] == "57P01"
        assert first.value("SELECT 1") == "1"


def test_a_locked_role_keeps_no_idle_server_connection(
    gateway: Gateway, cluster: PostgresCluster, role: str
) -> None:
    """Also when none of its clients is there any more."""
    with ScriptedClient.login(place(gateway, role)) as client:
        client.query("SELECT 1")
    assert backends(cluster, role)
    cluster.admin(f"ALTER ROLE {role} NOLOGIN")
    eventually(lambda: not backends(cluster, role), what="its server connections are gone")


def test_a_user_of_the_file_that_is_locked_ends_too(cluster: PostgresCluster) -> None:
    settings = {
        "clients": {"auth_user": "postgres", "auth_cache_ms_max": CACHE_MS},
    }
    one = Gateway(cluster, (), settings, users=("postgres", "third"))
    try:
        with ScriptedClient.login(one.start().target("transaction", "third")) as client:
            client.query("SELECT 1")
            cluster.admin("ALTER ROLE third NOLOGIN")
            assert "not permitted" in ending(client)[1]
    finally:
        cluster.admin("ALTER ROLE third LOGIN")
        one.destroy()
