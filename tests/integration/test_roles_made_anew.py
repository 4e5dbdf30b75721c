"""A role that is dropped and made anew: nobody stays on server connections of the one before.

PostgreSQL lets a session of a dropped role live on, and goes by its OID: it has no name, no grants
and no policies, those of the new role of the same name neither.
"""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors
from tests.support.scram import verifier
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

pytestmark = pytest.mark.gateway

CLIENTS = 3
UNDEFINED_OBJECT = "42704"
_numbers = itertools.count(1)


@pytest.fixture
def role(cluster: PostgresCluster) -> Iterator[str]:
    name = f"anew_{next(_numbers)}"
    make(cluster, name)
    yield name
    drop(cluster, name)


def make(cluster: PostgresCluster, role: str) -> None:
    cluster.admin(
        f"CREATE ROLE {role} LOGIN PASSWORD 'pw'; GRANT CREATE, USAGE ON SCHEMA public TO {role}",
        database="app",
    )


def drop(cluster: PostgresCluster, role: str) -> None:
    cluster.admin(f"DROP OWNED BY {role}; DROP ROLE {role}", database="app")


def make_anew(cluster: PostgresCluster, role: str) -> None:
    drop(cluster, role)
    make(cluster, role)


@contextlib.contextmanager
def gateway_for(cluster: PostgresCluster, role: str, monitor_ms: int) -> Iterator[Gateway]:
    """One that knows the role from its own file, and looks up none."""
    settings = {
        f"users.{role}": {"verifier": verifier("pw"), "password": "pw"},
        "server": {"monitor_ms": monitor_ms},
    }
    one = Gateway(cluster, ("--budget", "8"), settings, users=("postgres",))
    try:
        yield one.start()
    finally:
        one.destroy()


def place(gateway: Gateway, role: str, door: str = "transaction") -> Target:
    return replace(gateway.target(door), user=role, passwords={role: "pw"})


@contextlib.contextmanager
def clients_of(target: Target) -> Iterator[list[ScriptedClient]]:
    """Some, and as many idle server connections."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(ScriptedClient.login(target)) for _ in range(CLIENTS)]
        for statement in ("BEGIN", "COMMIT"):
            for client in clients:
                client.query(statement)
        yield clients


def nameless(cluster: PostgresCluster) -> int:
    """Sessions whose role is gone."""
    return len(cluster.activity("usesysid IS NOT NULL AND usename IS NULL"))


def test_nobody_meets_a_server_connection_of_the_role_before(
    cluster: PostgresCluster, role: str
) -> None:
    with (
        gateway_for(cluster, role, 50) as gateway,
        clients_of(place(gateway, role)) as clients,
    ):
        assert clients[0].value("SELECT current_user") == role
        make_anew(cluster, role)
        eventually(lambda: not nameless(cluster), what="no session of the dropped role is left")
        for client in clients:
            assert client.value("SELECT current_user") == role
            client.query("CREATE TABLE made_by_the_new_one (n int)")
            assert client.query("DROP TABLE made_by_the_new_one")[0].tag == "DROP TABLE"


def test_policies_of_the_new_role_hold(cluster: PostgresCluster, role: str) -> None:
    """To a session of the dropped role the rows are not there, and nothing fails."""
    cluster.admin(
        f"CREATE TABLE {role}_t (n int); INSERT INTO {role}_t VALUES (1); "
        f"ALTER TABLE {role}_t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON {role}_t TO PUBLIC; "
        f"CREATE POLICY one ON {role}_t TO {role} USING (true)",
        database="app",
    )
    count = f"SELECT count(*) FROM {role}_t"
    with (
        gateway_for(cluster, role, 50) as gateway,
        clients_of(place(gateway, role)) as clients,
    ):
        assert {client.value(count) for client in clients} == {"1"}
        make_anew(cluster, role)
        cluster.admin(f"CREATE POLICY two ON {role}_t TO {role} USING (true)", database="app")
        eventually(lambda: not nameless(cluster), what="no session of the dropped role is left")
        assert {client.value(count) for client in clients} == {"1"}
    cluster.admin(f"DROP TABLE {role}_t", database="app")


def test_who_is_in_a_transaction_ends_it_as_on_a_private_connection(
    cluster: PostgresCluster, role: str
) -> None:
    with (
        gateway_for(cluster, role, 50) as gateway,
        ScriptedClient.login(place(gateway, role)) as inside,
        ScriptedClient.login(place(gateway, role, "session")) as keeping,
    ):
        gateway.wait_for_catalogs()  # if the first look comes late, idle ones are replaced, too
        with clients_of(place(gateway, role)):
            inside.query("BEGIN")
            keeping.query("SELECT 1")
            make_anew(cluster, role)
            eventually(lambda: nameless(cluster) == 2, what="those in use are left")
        assert inside.value("SELECT 1") == "1"
        assert keeping.value("SELECT 1") == "1"
        inside.query("COMMIT")
        assert inside.value("SELECT current_user") == role
        keeping.close()
        eventually(lambda: not nameless(cluster), what="they go with their lease")


@pytest.mark.parametrize("statement", ["SELECT current_user", "CREATE TABLE not_made (n int)"])
def test_without_a_monitor_one_client_meets_it_once(
    cluster: PostgresCluster, role: str, statement: str
) -> None:
    cluster.admin("GRANT CREATE ON SCHEMA public TO PUBLIC", database="app")
    with (
        gateway_for(cluster, role, 0) as gateway,
        clients_of(place(gateway, role)) as clients,
    ):
        make_anew(cluster, role)
        assert errors(clients[0].query(statement)) == [UNDEFINED_OBJECT]
        eventually(lambda: not nameless(cluster), what="all like it are replaced")
        for client in clients:
            assert client.value("SELECT current_user") == role
    cluster.admin("REVOKE CREATE ON SCHEMA public FROM PUBLIC", database="app")
