"""A database is watched although nobody gave the gateway a password to watch it with.

Users may be known by what PostgreSQL keeps of their passwords; what their clients show opens their
server connections, and the monitor's. A gateway that watches nothing looks at the session after
nearly each transaction.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scram import verifier
from tests.support.scripted_client import ScriptedClient
from tests.support.target import PASSWORDS
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

MD5_PASSWORD = "md5-secret"
Start = Callable[..., Gateway]
Client = Callable[..., ScriptedClient]


@pytest.fixture
def secrets(cluster: PostgresCluster) -> dict[str, str]:
    """What PostgreSQL keeps of each role's password."""
    return dict(cluster.admin("SELECT rolname, rolpassword FROM pg_authid"))


@pytest.fixture
def start(cluster: PostgresCluster) -> Iterator[Start]:
    """A gateway that has no password of its own; users by what is known of them."""
    running: list[Gateway] = []

    def make(auth: str = "scram", **users: dict[str, str]) -> Gateway:
        settings: dict[str, dict[str, object]] = {
            "clients": {"auth": auth},
            "server": {"monitor_ms": 50},
            **{f"users.{name}": dict(known) for name, known in users.items()},
        }
        one = Gateway(cluster, ("--budget", "4"), settings, users=(), password="")
        running.append(one)
        return one.start()

    yield make
    for one in running:
        one.destroy()


@pytest.fixture
def come_in(cluster: PostgresCluster) -> Iterator[Client]:
    """A client that has asked something."""
    inside: list[ScriptedClient] = []

    def enter(
        gateway: Gateway, user: str, password: str = "", database: str = "app"
    ) -> ScriptedClient:
        passwords = {user: password or PASSWORDS.get(user, "")}
        target = replace(gateway.target("transaction", database=database), passwords=passwords)
        client = ScriptedClient.login(target.as_user(user))
        inside.append(client)
        assert client.value("SELECT current_user") == user
        return client

    yield enter
    for one in inside:
        one.close()


def watched_as(gateway: Gateway, database: str = "app") -> list[str]:
    """Roles of the monitors that this gateway has there."""
    text = f"""SELECT usename FROM pg_stat_activity WHERE application_name = 'pglane monitor'
      AND datname = '{database}' AND client_port IN ({gateway.local_ports()})"""
    return [user for (user,) in gateway.cluster.admin(text)]


def await_watched(gateway: Gateway) -> None:
    eventually(lambda: "monitor_connected" in gateway.log(), what="the database is watched")


def end_monitors(cluster: PostgresCluster) -> None:
    cluster.admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'pglane monitor'"
    )


def test_by_the_keys_of_a_clients_login(
    start: Start, come_in: Client, secrets: dict[str, str]
) -> None:
    gateway = start(third={"verifier": secrets["third"]})
    come_in(gateway, "third")
    await_watched(gateway)
    assert watched_as(gateway) == ["third"]
    assert "monitor_failed" not in gateway.log()


def test_by_an_md5_hash(start: Start, come_in: Client, secrets: dict[str, str]) -> None:
    gateway = start("md5", md5_user={"verifier": secrets["md5_user"]})
    come_in(gateway, "md5_user", MD5_PASSWORD)
    await_watched(gateway)
    assert watched_as(gateway) == ["md5_user"]


def test_whatever_the_role_has_been_given(
    cluster: PostgresCluster, start: Start, come_in: Client, secrets: dict[str, str]
) -> None:
    """By ALTER ROLE: settings of its clients, not of who reads the catalogs in its name."""
    cluster.admin(
        f"CREATE ROLE special LOGIN PASSWORD '{secrets['third']}'; "
        "ALTER ROLE special SET standard_conforming_strings = off; "
        "ALTER ROLE special SET search_path = nowhere; "
        "ALTER ROLE special SET quote_all_identifiers = on; "
        "ALTER ROLE special SET default_transaction_isolation = serializable"
    )
    try:
        gateway = start(special={"verifier": secrets["third"]})
        come_in(gateway, "special", PASSWORDS["third"])
        await_watched(gateway)
        assert "monitor_failed" not in gateway.log()
        gateway.destroy()
    finally:
        cluster.admin("DROP ROLE special")


@pytest.fixture
def closed_database(cluster: PostgresCluster) -> Iterator[str]:
    """One that `third` may connect to, and `second` not."""
    cluster.admin("CREATE DATABASE closed")
    cluster.admin("REVOKE CONNECT ON DATABASE closed FROM public")
    cluster.admin("GRANT CONNECT ON DATABASE closed TO third")
    yield "closed"
    cluster.admin("DROP DATABASE closed WITH (FORCE)")


def test_as_who_may_connect_where_the_first_user_may_not(
    start: Start, come_in: Client, closed_database: str
) -> None:
    both = {
        name: {"verifier": verifier(PASSWORDS[name]), "password": PASSWORDS[name]}
        for name in ("second", "third")
    }
    gateway = start(**both)
    come_in(gateway, "third", database=closed_database)
    await_watched(gateway)
    assert watched_as(gateway, closed_database) == ["third"]


def test_as_the_next_one_where_a_role_has_few_connections(
    cluster: PostgresCluster, start: Start, come_in: Client, secrets: dict[str, str]
) -> None:
    """They are left to its clients."""
    cluster.admin(f"CREATE ROLE scarce LOGIN CONNECTION LIMIT 2 PASSWORD '{secrets['third']}'")
    try:
        known = {name: {"verifier": secrets["third"]} for name in ("scarce", "third")}
        gateway = start(**known)
        come_in(gateway, "scarce", PASSWORDS["third"])
        told = "role scarce may have no more than 2 connections"
        eventually(lambda: told in gateway.log(), what="why it is not watched")
        assert watched_as(gateway) == []
        come_in(gateway, "third")
        await_watched(gateway)
        assert watched_as(gateway) == ["third"]
        gateway.destroy()
    finally:
        cluster.admin("DROP ROLE scarce")


def test_again_after_it_was_ended(
    start: Start, come_in: Client, cluster: PostgresCluster, secrets: dict[str, str]
) -> None:
    """No new server connection is opened: who has one is asked."""
    gateway = start(third={"verifier": secrets["third"]})
    come_in(gateway, "third")
    await_watched(gateway)
    end_monitors(cluster)
    eventually(lambda: gateway.log().count("monitor_connected") == 2, what="it is watched again")
    assert watched_as(gateway) == ["third"]


def test_again_after_a_password_was_changed(
    cluster: PostgresCluster, start: Start, come_in: Client, secrets: dict[str, str]
) -> None:
    """What was shown does not fit any more; what the next client shows does."""
    old, new = verifier("old"), verifier("new")
    cluster.admin(f"CREATE ROLE moody LOGIN PASSWORD '{old}'")
    try:
        gateway = start(moody={"verifier": old}, third={"verifier": secrets["third"]})
        come_in(gateway, "moody", "old")
        await_watched(gateway)
        cluster.admin(f"ALTER ROLE moody PASSWORD '{new}'")
        end_monitors(cluster)
        eventually(lambda: "monitor_failed" in gateway.log(), what="it is not watched")
        come_in(gateway, "third")
        eventually(lambda: watched_as(gateway) == ["third"], what="it is watched again")
        gateway.destroy()
    finally:
        cluster.admin("DROP ROLE moody")
