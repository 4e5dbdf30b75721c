"""No two server connections of one user differ after defaults changed under a running gateway."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

CLIENTS = 3


@pytest.fixture(scope="module")
def quick_gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    one = Gateway(cluster, ("--budget", "8"), {"server": {"monitor_ms": 50}})
    try:
        yield one.start()
    finally:
        one.destroy()


def work_mem_of_all(target: Target) -> set[str]:
    """What clients on as many server connections at once are told."""
    with contextlib.ExitStack() as stack:
        return work_mem_of(
            [stack.enter_context(ScriptedClient.login(target)) for _ in range(CLIENTS)]
        )


def work_mem_of(clients: list[ScriptedClient]) -> set[str]:
    """The same of clients that are connected already."""
    for client in clients:
        client.query("BEGIN")
    told = {str(client.value("SHOW work_mem")) for client in clients}
    pids = {client.value("SELECT pg_backend_pid()") for client in clients}
    for client in clients:
        client.query("COMMIT")
    assert len(pids) == len(clients)
    return told


def alter_role(cluster: PostgresCluster, value: str) -> None:
    cluster.admin(f"ALTER ROLE second SET work_mem = '{value}'")


def alter_database(cluster: PostgresCluster, value: str) -> None:
    cluster.admin(f"ALTER DATABASE app SET work_mem = '{value}'")


def alter_role_in_database(cluster: PostgresCluster, value: str) -> None:
    cluster.admin(f"ALTER ROLE second IN DATABASE app SET work_mem = '{value}'")


def reload_file(cluster: PostgresCluster, value: str) -> None:
    cluster.admin(f"ALTER SYSTEM SET work_mem = '{value}'")
    cluster.admin("SELECT pg_reload_conf()")


CHANGES = {
    "ALTER SYSTEM and reload": reload_file,
    "ALTER ROLE": alter_role,
    "ALTER DATABASE": alter_database,
    "ALTER ROLE IN DATABASE": alter_role_in_database,
}


@pytest.fixture(autouse=True)
def _as_before(cluster: PostgresCluster) -> Iterator[None]:
    yield
    cluster.admin("ALTER ROLE second RESET ALL; ALTER DATABASE app RESET ALL")
    cluster.admin("ALTER ROLE second IN DATABASE app RESET ALL")
    cluster.admin("ALTER SYSTEM RESET ALL")
    cluster.admin("SELECT pg_reload_conf()")


def epoch(gateway: Gateway) -> str:
    return str(gateway.monitor()["defaults_epoch"])


@pytest.mark.gateway
@pytest.mark.parametrize("change", CHANGES)
def test_after_new_defaults_all_server_connections_have_them(
    quick_gateway: Gateway, cluster: PostgresCluster, change: str
) -> None:
    target = quick_gateway.target("transaction", "second")
    work_mem_of_all(target)
    before = eventually(lambda: epoch(quick_gateway))
    with ScriptedClient.login(target) as lasting:
        lasting.query("SELECT 1")
        CHANGES[change](cluster, "7MB")
        eventually(lambda: epoch(quick_gateway) != before, what="a change is noticed")
        # What was noticed may still be how the test before this one tidied up.
        eventually(lambda: work_mem_of_all(target) == {"7MB"}, what="all have the new value")
        assert lasting.value("SHOW work_mem") == "7MB"


@pytest.mark.gateway
def test_no_idle_server_connection_of_before_is_leased(fragile_cluster: PostgresCluster) -> None:
    """Not even once: what has changed is known, and nobody was in their way."""
    gateway = Gateway(fragile_cluster, settings={"server": {"monitor_ms": 50}})
    try:
        target = gateway.start().target("transaction", "second")
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(ScriptedClient.login(target)) for _ in range(CLIENTS)]
            assert work_mem_of(clients) == {"4MB"}
            eventually(lambda: epoch(gateway))
            noticed = gateway.log().count("opened before are replaced")
            alter_role(fragile_cluster, "7MB")
            eventually(lambda: gateway.log().count("opened before are replaced") > noticed)
            assert work_mem_of(clients) == {"7MB"}
    finally:
        gateway.destroy()
        fragile_cluster.admin("ALTER ROLE second RESET ALL")


@pytest.mark.gateway
def test_who_is_connected_is_told_of_new_defaults(
    quick_gateway: Gateway, cluster: PostgresCluster
) -> None:
    target = quick_gateway.target("transaction", "second")
    with (
        ScriptedClient.login(target) as one,
        ScriptedClient.login(target, timezone="Asia/Tokyo") as other,
    ):
        eventually(lambda: epoch(quick_gateway))
        cluster.admin("ALTER ROLE second SET TimeZone = 'Europe/Rome'")
        eventually(lambda: one.value("SHOW TimeZone") == "Europe/Rome")
        assert one.parameters["TimeZone"] == "Europe/Rome"
        assert other.value("SHOW TimeZone") == "Asia/Tokyo", "its own is no default"
        assert other.parameters["TimeZone"] == "Asia/Tokyo"


HIDES = "SELECT 'a\\'; SET app.hidden = ' '"
"""A SET where a backslash is a character; one string where it is not."""


@pytest.mark.gateway
def test_texts_are_read_by_the_default_that_holds(
    quick_gateway: Gateway, cluster: PostgresCluster
) -> None:
    """Read by the old one, a SET would be taken for a part of a string and reach strangers."""
    cluster.admin("ALTER ROLE second SET standard_conforming_strings = off")
    target = quick_gateway.target("transaction", "second")
    look = "SELECT coalesce(current_setting('app.hidden', true), '')"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(ScriptedClient.login(target)) for _ in range(CLIENTS)]
        eventually(lambda: clients[0].value("SHOW standard_conforming_strings") == "off")
        # Not RESET: that would look as it did before, to whom has not looked meanwhile.
        cluster.admin("ALTER ROLE second SET standard_conforming_strings = on")
        eventually(lambda: clients[0].value("SHOW standard_conforming_strings") == "on")
        assert clients[0].parameters["standard_conforming_strings"] == "on"
        clients[0].query(HIDES)
        assert clients[0].value(look) == " "
        assert {client.value(look) for client in clients[1:] for _ in range(4)} == {""}


@pytest.mark.gateway
def test_who_is_inside_a_transaction_is_not_disturbed(
    quick_gateway: Gateway, cluster: PostgresCluster
) -> None:
    target = quick_gateway.target("transaction", "second")
    with ScriptedClient.login(target) as inside:
        inside.query("BEGIN")
        pid = inside.value("SELECT pg_backend_pid()")
        before = eventually(lambda: epoch(quick_gateway))
        alter_role(cluster, "7MB")
        eventually(lambda: epoch(quick_gateway) != before, what="the change is noticed")
        assert inside.value("SELECT pg_backend_pid()") == pid
        inside.query("COMMIT")
        assert inside.value("SHOW work_mem") == "7MB"
        assert inside.value("SELECT pg_backend_pid()") != pid


@pytest.mark.gateway
def test_the_monitor_goes_when_no_server_connection_is_left(cluster: PostgresCluster) -> None:
    settings = {"server": {"monitor_ms": 50, "idle_ms_max": 100}}
    gateway = Gateway(cluster, settings=settings)
    try:
        gateway.start()
        with ScriptedClient.login(gateway.target("transaction", "second", "other")) as client:
            client.query("SELECT 1")
            eventually(lambda: monitors_in(cluster, "other"), what="a monitor is there")
        eventually(lambda: not monitors_in(cluster, "other"), what="it has gone")
        with ScriptedClient.login(gateway.target("transaction", "second", "other")) as client:
            client.query("SELECT 1")
            eventually(lambda: monitors_in(cluster, "other"), what="it is back")
    finally:
        gateway.destroy()


def monitors_in(cluster: PostgresCluster, database: str) -> list[object]:
    return cluster.admin(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pglane monitor' "
        f"AND datname = '{database}'"
    )


@pytest.mark.gateway
def test_a_monitor_that_may_not_log_in_says_so_and_costs_nothing_else(
    cluster: PostgresCluster,
) -> None:
    settings = {"server": {"monitor_ms": 50, "monitor_user": "nobody_of_this_name"}}
    gateway = Gateway(cluster, settings=settings)
    try:
        gateway.start()
        with ScriptedClient.login(gateway.target("transaction")) as client:
            assert client.value("SELECT 1") == "1"
            eventually(lambda: "monitor_failed" in gateway.log())
            assert client.value("SELECT 2") == "2"
    finally:
        gateway.destroy()


def test_pgbouncer_mixes_old_and_new_defaults(cluster: PostgresCluster) -> None:
    """What this is about: a server connection opened before goes on with what it began with."""
    pgbouncer = PgBouncer(cluster, "transaction", CLIENTS)
    try:
        target = pgbouncer.start().target("second")
        with ScriptedClient.login(target) as early:
            early.query("SELECT 1")
            alter_role(cluster, "7MB")
            assert len(work_mem_of_all(target)) == 2
    finally:
        pgbouncer.stop()
