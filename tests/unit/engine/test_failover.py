"""Servers that change their roles, and lists of them that change."""

import json

import pytest

from tests.support.engine_rig import PORT, READY, STARTUP, error, message, query
from tests.unit.engine.test_database import DONE


def reports(standby: str, read_only: str = "off") -> bytes:
    told = b""
    for name, value in (("in_hot_standby", standby), ("default_transaction_read_only", read_only)):
        told += message(b"S", f"{name}\0{value}\0".encode())
    return told


PROMOTED = message(b"S", b"in_hot_standby\0off\0")


def login(standby: str, read_only: str = "off") -> bytes:
    encoding = message(b"S", b"client_encoding\0UTF8\0")
    key = message(b"K", b"\0\0\0\x2a\0\0\0\x07")
    return message(b"R", b"\0\0\0\0") + encoding + reports(standby, read_only) + key + READY


def comes(rig, standby: str, read_only: str = "off"):
    server = rig.accept()
    server.gets(STARTUP)
    server.send(login(standby, read_only))
    return server


def test_a_standby_is_never_taken_for_a_primary(rigs) -> None:
    rig = rigs(server_target_session_attrs="primary")
    client = rig.client()
    assert comes(rig, "on").ends().endswith(message(b"X"))
    rig.turn(2)
    assert READY not in client.look()
    rig.later(1.0)
    comes(rig, "off")
    client.gets(READY)


def test_what_was_wanted_and_not_found_is_told(rigs) -> None:
    rig = rigs(server_target_session_attrs="standby", wait_ms_max=50)
    client = rig.client()
    comes(rig, "off")
    rig.turn(5)
    rig.later(0.1)
    assert b"it is a primary, and a standby is wanted" in client.ends()


def test_for_want_of_a_standby_any_is_taken(rigs) -> None:
    rig = rigs(server_target_session_attrs="prefer-standby")
    client = rig.client()
    comes(rig, "off").ends()
    comes(rig, "off")
    client.gets(READY)


def test_an_older_server_is_asked(rigs) -> None:
    rig = rigs(server_target_session_attrs="read-write")
    client = rig.client()
    server = rig.accept_login()
    server.gets(b"pg_is_in_recovery")
    row = b"\0\x02\0\0\0\x03off\0\0\0\x03off"
    server.send(message(b"D", row) + message(b"C", b"SELECT 1\0") + READY)
    client.gets(READY)


def test_who_asks_to_be_read_only_gets_a_server_for_writing_all_the_same(rigs) -> None:
    rig = rigs(server_target_session_attrs="read-write")
    client = rig.client(default_transaction_read_only="on")
    comes(rig, "off", "on")
    client.gets(READY)


def test_a_standby_that_was_promoted_is_left_when_its_lease_ends(rigs) -> None:
    rig = rigs(server_target_session_attrs="standby")
    client = rig.client()
    server = comes(rig, "on")
    client.gets(READY)
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE.removesuffix(READY) + PROMOTED + READY)
    assert b"in_hot_standby" in client.gets(READY)
    assert server.ends().endswith(message(b"X"))
    (told,) = rig.logged("servers_changed")
    assert "is a primary now" in told["text"]


def test_who_says_so_later_does_not_replace_what_was_opened_since(rigs) -> None:
    rig = rigs(server_target_session_attrs="standby", budget=2)
    first = rig.client()
    servers = [comes(rig, "on")]
    first.gets(READY)
    first.send(query("SELECT 1"))
    servers[0].gets(b"SELECT 1")
    second = rig.client()
    second.gets(READY)
    second.send(query("SELECT 1"))
    servers.append(comes(rig, "on"))
    servers[1].gets(b"SELECT 1")
    told = DONE.removesuffix(READY) + PROMOTED + READY
    servers[0].send(told)
    assert servers[0].ends().endswith(message(b"X"))
    first.gets(READY)
    servers[1].send(told)
    assert servers[1].ends().endswith(message(b"X"))
    assert len(rig.logged("servers_changed")) == 1


def test_where_any_server_will_do_a_promotion_changes_nothing(rigs) -> None:
    rig = rigs()
    client = rig.client()
    server = comes(rig, "on")
    client.gets(READY)
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE.removesuffix(READY) + PROMOTED + READY)
    client.gets(READY)
    rig.say(type="server_changed", reason="it was promoted")
    rig.say(type="server", host="elsewhere", port=PORT)
    rig.turn(3)
    assert not server.look()
    assert not rig.logged("servers_changed")


def test_the_monitor_is_told_first(rigs) -> None:
    rig = rigs(server_target_session_attrs="standby")
    client = rig.client()
    server = comes(rig, "on")
    client.gets(READY)
    rig.say(type="server_changed", reason="it was promoted")
    assert server.ends().endswith(message(b"X"))


def test_what_the_monitor_did_not_want_is_left_by_who_came_before_it_changed(rigs) -> None:
    rig = rigs(server_target_session_attrs="standby")
    client = rig.client()
    server = comes(rig, "on")
    client.gets(READY)
    (link,) = [slot.link for slot in rig.worker.databases["app"].desk.ledger]
    rig.say(type="server_role", address="192.0.2.1:5432", standby=False)
    rig.say(type="server_role", address=link.address, standby=True)
    rig.turn(3)
    assert not server.look()
    rig.say(type="server_role", address=link.address, standby=False)
    assert server.ends().endswith(message(b"X"))
    rig.say(type="server_role", address=link.address, standby=False)
    rig.turn(3)
    (told,) = rig.logged("servers_changed")
    assert told["text"].startswith(f"{link.address} is a primary now")


def test_a_standby_in_place_of_a_primary_is_told_as_such(rigs) -> None:
    rig = rigs(server_target_session_attrs="primary")
    client = rig.client()
    server = comes(rig, "off")
    client.gets(READY)
    (link,) = [slot.link for slot in rig.worker.databases["app"].desk.ledger]
    rig.say(type="server_role", address=link.address, standby=True)
    server.ends()
    (told,) = rig.logged("servers_changed")
    assert "is a standby now" in told["text"]


@pytest.mark.parametrize("target", ["primary", "any"])
def test_where_the_monitor_found_the_primary_is_no_other(rigs, target) -> None:
    rig = rigs(server_target_session_attrs=target)
    client = rig.client()
    server = comes(rig, "off")
    client.gets(READY)
    rig.say(type="server", host="", port=PORT)
    rig.turn(3)
    assert not server.look()
    rig.say(type="server", host="elsewhere", port=PORT)
    if target == "primary":
        server.ends()
    else:
        rig.turn(3)
        assert not server.look()


def test_who_is_where_the_monitor_is_stays(rigs) -> None:
    rig = rigs(server_target_session_attrs="primary")
    client = rig.client()
    server = comes(rig, "off")
    client.gets(READY)
    (link,) = [slot.link for slot in rig.worker.databases["app"].desk.ledger]
    rig.say(type="server", host=link.dialled.host or "here", port=PORT)
    rig.until(lambda: link.suspect or True)
    link.suspect = False
    from pglane.engine import failover  # noqa: PLC0415 -- the form is chosen by then

    place = failover._place(link)
    failover.is_at({"host": place[0], "port": place[1]}, rig.worker)
    assert server is not None
    assert not link.suspect


def test_other_hosts_in_the_configuration_replace_all(rig) -> None:
    client, server = rig.pair()
    settings = json.loads(rig.worker.settings.to_json()) | {"server_port": PORT + 1}
    rig.say(type="reload", settings=settings)
    assert server.ends().endswith(message(b"X"))
    assert rig.worker.known_addresses()[0] == []
    assert not client.look()


def test_a_server_that_lets_nobody_in_any_more_gets_its_idle_connections_back(rigs) -> None:
    rig = rigs(budget=4)
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 2"))
    free = rig.accept_login()
    free.gets(b"SELECT 2")
    free.send(DONE)
    other.gets(READY)
    newcomer = rig.client(user="berta")
    refused = rig.accept()
    refused.gets(STARTUP)
    refused.send(error("57P03", "FATAL"))
    assert b"57P03" not in newcomer.look()
    assert b"X" in free.gets(message(b"X"))
    assert not server.look()
    server.send(DONE)
    client.gets(READY)
    server.gets(message(b"X"))
