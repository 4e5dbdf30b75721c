"""Rows that tell of single connections and of pools."""

import pytest

from pglane.control.columns import LIST_NAMES, SERVERS
from pglane.engine.questions import snapshot_rows
from pglane.engine.snapshot import endpoint, longest
from tests.support.engine_rig import LOGIN_ANSWER, READY, STARTUP, query


@pytest.fixture
def busy(rigs):
    """One client holds the only server connection, one waits for it."""
    rig = rigs(budget=1)
    client, server = rig.pair(application_name="shop")
    waiting = rig.client(application_name="shop")
    waiting.gets(READY)
    rig.turn()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    waiting.send(query("SELECT 2"))
    rig.turn(2)
    rig.clock.now += 1.5
    rig.turn()
    return rig


def test_clients_are_told_with_what_they_wait_for(busy) -> None:
    holder, waiting = snapshot_rows(busy.worker, "clients")
    assert (holder["state"], waiting["state"]) == ("active", "waiting")
    assert holder["link"] == "s2"
    assert holder["application_name"] == "shop"
    assert (waiting["wait"], waiting["wait_us"]) == (1, 500_000)
    assert waiting["wait_reason"] == "no_server_free"
    assert (holder["addr"], holder["port"], holder["local_addr"]) == ("unix", 0, "unix")


def test_servers_are_told_with_who_holds_them(busy) -> None:
    (server,) = snapshot_rows(busy.worker, "servers")
    assert (server["state"], server["remote_pid"], server["link"]) == ("active", 42, "c1")
    assert (server["addr"], server["port"]) == ("unix", 5432)


def test_one_that_is_being_opened_is_a_server_too(rig) -> None:
    rig.client()
    rig.accept()
    (server,) = snapshot_rows(rig.worker, "servers")
    assert (server["state"], server["ptr"], server["addr"]) == ("new", "", "")
    assert set(server) == set(SERVERS.keys)


@pytest.mark.parametrize(
    ("asked", "shown"), [("database", "logical"), ("true", "physical"), ("off", "none")]
)
def test_replication_is_told_of_both_sides(rig, asked, shown) -> None:
    client = rig.client("direct", replication=asked)
    server = rig.accept()
    server.gets(STARTUP)
    server.send(LOGIN_ANSWER)
    client.gets(READY)
    for kind in ("clients", "servers"):
        (row,) = snapshot_rows(rig.worker, kind)
        assert row["replication"] == shown


def test_pools_add_up(busy) -> None:
    (pool,) = snapshot_rows(busy.worker, "pools")
    assert (pool["cl_active"], pool["cl_waiting"], pool["sv_active"]) == (1, 1, 1)
    assert (pool["maxwait"], pool["maxwait_us"]) == (1, 500_000)
    assert pool["budget"] == 1
    longest(pool, 10)
    assert pool["maxwait"] == 1


def test_lists_have_the_consoles_rows(busy) -> None:
    rows = list(snapshot_rows(busy.worker, "lists"))
    assert [row["list"] for row in rows] == list(LIST_NAMES)
    items = {row["list"]: row["items"] for row in rows}
    assert (items["used_clients"], items["free_clients"]) == (2, 19_998)
    assert (items["used_servers"], items["free_servers"]) == (1, 0)


def test_lists_count_our_own_faults(busy) -> None:
    busy.worker.failed(RuntimeError("a fault"))
    rows = {row["list"]: row["items"] for row in snapshot_rows(busy.worker, "lists")}
    assert rows["internal_errors"] == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [("unix", ("unix", 0)), ("10.0.0.1:99", ("10.0.0.1", 99)), ("[::1]:99", ("::1", 99))],
)
def test_an_address_is_taken_apart(address, expected) -> None:
    assert endpoint(address) == expected
