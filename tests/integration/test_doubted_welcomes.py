"""What a client is told when it logs in is true, or is set right before its first answer."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

BUDGET = 2
ZONE = "Europe/Rome"


@pytest.fixture
def gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    settings = {"server": {"monitor_ms": 50, "idle_ms_max": 300}, "clients": {"wait_ms_max": 9000}}
    one = Gateway(cluster, ("--budget", str(BUDGET)), settings)
    try:
        yield one.start()
    finally:
        one.destroy()
        cluster.admin("ALTER ROLE second RESET ALL")


def epoch(gateway: Gateway) -> str:
    return str(gateway.monitor()["defaults_epoch"])


def watched(gateway: Gateway) -> bool:
    return any(row["state"] == "watching" for row in gateway.show("MONITORS"))


def test_a_login_does_not_wait_for_all_who_hold_a_transaction(
    gateway: Gateway, cluster: PostgresCluster
) -> None:
    target = gateway.target("transaction", "second")
    with contextlib.ExitStack() as stack:
        holders = [stack.enter_context(ScriptedClient.login(target)) for _ in range(BUDGET)]
        for holder in holders:
            holder.query("BEGIN")
        before = eventually(lambda: epoch(gateway))
        cluster.admin(f"ALTER ROLE second SET TimeZone = '{ZONE}'")
        eventually(lambda: epoch(gateway) != before, what="the change is noticed")
        client = stack.enter_context(ScriptedClient.login(target))
        assert client.parameters["TimeZone"] != ZONE, "nobody could be asked"
        shown: list[object] = []
        asking = threading.Thread(target=lambda: shown.append(client.value("SHOW TimeZone")))
        asking.start()
        for holder in holders:
            holder.query("COMMIT")
        asking.join()
        assert shown == [ZONE]
        assert client.parameters["TimeZone"] == ZONE
        late = stack.enter_context(ScriptedClient.login(target))
        assert late.parameters["TimeZone"] == ZONE


def test_a_database_made_anew_is_the_new_one(gateway: Gateway, cluster: PostgresCluster) -> None:
    """Its encoding, too, which a client is told when it logs in."""
    target = gateway.target("transaction", "second", "anew")
    create = "CREATE DATABASE anew TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING "
    encoding = "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'anew'"
    try:
        cluster.admin(f"{create} 'UTF8'")
        with ScriptedClient.login(target) as early:
            assert early.parameters["server_encoding"] == "UTF8"
            cluster.admin("DROP DATABASE anew WITH (FORCE)")
            cluster.admin(f"{create} 'LATIN1'")
            with ScriptedClient.login(target) as late:
                assert late.parameters["server_encoding"] == "LATIN1"
                assert late.parameters["client_encoding"] == "LATIN1"
                assert late.value(encoding) == "LATIN1"
            assert early.value("SHOW client_encoding") == "LATIN1"
            assert early.parameters["client_encoding"] == "LATIN1"
            assert early.parameters["server_encoding"] == "LATIN1"
    finally:
        cluster.admin("DROP DATABASE IF EXISTS anew WITH (FORCE)")


def test_what_changed_while_nobody_watched_is_told(
    gateway: Gateway, cluster: PostgresCluster
) -> None:
    """The last server connection was closed before, and the monitor with it."""
    target = gateway.target("transaction", "second")
    with ScriptedClient.login(target) as early:
        eventually(lambda: early.query("SELECT 1") and watched(gateway), what="it is watched")
        eventually(lambda: not gateway.show("SERVERS"), what="no server connection is left")
        eventually(lambda: not watched(gateway), what="nobody watches")
        cluster.admin(f"ALTER ROLE second SET TimeZone = '{ZONE}'")
        with ScriptedClient.login(target) as late:
            assert late.parameters["TimeZone"] == ZONE
        assert early.value("SHOW TimeZone") == ZONE
        assert early.parameters["TimeZone"] == ZONE
