"""Clients that may not stay: at once, or when nothing of theirs is under way."""

from typing import Any

from pglane.connection.role import Role
from pglane.engine.dismissal import dismiss_all, dismiss_surplus, replace_roleless
from tests.support.engine_rig import READY, Rig, message, query
from tests.unit.engine.test_database import DONE

ANNA = Role("anna", "app", "1")
GONE = "was dropped"
IN_TRANSACTION = message(b"C", b"BEGIN\0") + message(b"Z", b"T")
COMMITTED = message(b"C", b"COMMIT\0") + READY


def dismiss(rig: Rig, role: Role = ANNA) -> None:
    dismiss_all(rig.worker, role, GONE)
    rig.turn(2)


def served(rig: Rig, door: str = "transaction") -> Any:
    """A client and a server connection that has answered it once."""
    client, server = rig.pair(door)
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    return client, server


def test_an_idle_client_ends_at_once_and_its_server_connection_goes(rig) -> None:
    client, server = served(rig)
    dismiss(rig)
    assert b"C57P01\0" in client.ends()
    server.gets(b"X\x00\x00\x00\x04")


def test_others_stay(rig) -> None:
    client, server = served(rig)
    dismiss(rig, Role("berta", "app", "1"))
    dismiss(rig, Role("anna", "other", "1"))
    assert not client.look()
    assert not server.look()


def test_who_waits_for_an_answer_gets_it_first(rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    dismiss(rig)
    dismiss(rig)
    assert not client.look()
    server.send(DONE)
    told = client.ends()
    assert told.index(READY) < told.index(b"C57P01\0")
    assert told.count(b"C57P01\0") == 1
    server.gets(b"X\x00\x00\x00\x04")


def test_a_transaction_may_end_first(rig) -> None:
    client, server = rig.pair("session")
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(IN_TRANSACTION)
    client.gets(b"BEGIN")
    dismiss(rig)
    assert not client.look()
    client.send(query("COMMIT"))
    server.gets(b"COMMIT")
    server.send(COMMITTED)
    told = client.ends()
    assert told.index(READY) < told.index(b"C57P01\0")


def test_who_waits_for_a_server_connection_does_not_any_more(rigs) -> None:
    rig = rigs(budget=1)
    holder, server = served(rig, "session")
    waiting = rig.client()
    waiting.gets(READY)
    waiting.send(query("SELECT 2"))
    rig.turn(3)
    waits = [client for client in rig.worker.clients.values() if client.request is not None]
    assert len(waits) == 1
    dismiss(rig)
    assert b"C57P01\0" in waiting.ends()
    assert b"C57P01\0" in holder.ends()
    (database,) = rig.worker.databases.values()
    assert len(database.desk.queue) == 0


def test_of_too_many_the_newest_end(rig) -> None:
    first, server = served(rig)
    second = rig.client()
    second.gets(READY)
    dismiss_surplus(rig.worker, Role("anna", "app", "1", connections_max=1), GONE)
    assert b"C57P01\0" in second.ends()
    assert not first.look()


def test_of_a_database_that_nobody_came_to_nobody_ends(rig) -> None:
    dismiss(rig, Role("anna", "nowhere", "1"))
    assert rig.worker.clients == {}


def test_through_the_direct_door_it_ends_when_the_server_is_idle(rig) -> None:
    client, server = rig.pair("direct")
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    dismiss(rig)
    server.send(IN_TRANSACTION)
    client.gets(b"BEGIN")
    rig.later(0.1)
    rig.later(0.1)
    assert not client.look()
    client.send(query("COMMIT"))
    server.gets(b"COMMIT")
    server.send(COMMITTED)
    client.gets(READY)
    rig.later(0.1)
    rig.later(0.1)
    assert b"PGL0235" in client.ends()


def test_through_the_direct_door_one_that_leaves_is_looked_at_no_more(rig) -> None:
    client, server = rig.pair("direct")
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    dismiss(rig)
    client.socket.close()
    rig.until(lambda: not rig.worker.clients)
    rig.later(0.1)
    assert not rig.logged("internal_error")


ROLE_IS_GONE = message(b"E", b"SERROR\0C42704\0Minvalid role OID\0RGetUserNameFromId\0\0")


def leave_idle(rig: Rig) -> tuple[Any, Any]:
    """Two server connections that nobody uses."""
    first, one = served(rig)
    client = rig.client()
    client.gets(READY)
    first.send(query("BEGIN"))
    one.gets(b"BEGIN")
    one.send(IN_TRANSACTION)
    client.send(query("SELECT 1"))
    other = rig.accept_login()
    other.gets(b"SELECT 1")
    other.send(DONE)
    client.gets(READY)
    first.send(query("COMMIT"))
    one.gets(b"COMMIT")
    one.send(COMMITTED)
    first.gets(READY)
    return one, other


def test_server_connections_whose_role_was_dropped_are_replaced(rig) -> None:
    one, other = leave_idle(rig)
    (database,) = rig.worker.databases.values()
    link = next(slot.link for slot in database.desk.ledger)
    link.process_id = 77
    replace_roleless(database, {77})
    replace_roleless(database, {77})
    rig.turn(2)
    assert sorted([len(one.look()), len(other.look())]) == [0, 5]
    (told,) = rig.logged("role_made_anew")
    assert told["fields"] == {"database": "app", "connections": 1}


def test_the_first_who_is_told_that_the_role_is_gone_is_the_last(rig) -> None:
    one, other = leave_idle(rig)
    client = next(iter(rig.peers[:1]))
    client.send(query("SELECT current_user"))
    rig.until(lambda: b"current_user" in one.look() + other.look())
    asked = one if b"current_user" in one.taken else other
    asked.send(ROLE_IS_GONE + READY)
    assert b"C42704" in client.gets(READY)
    for server in (one, other):
        server.gets(b"X\x00\x00\x00\x04")
    (told,) = rig.logged("role_made_anew")
    assert told["fields"]["connections"] == 2


def test_one_in_use_goes_when_it_is_released(rig) -> None:
    client, server = served(rig)
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(IN_TRANSACTION)
    client.gets(b"BEGIN")
    (database,) = rig.worker.databases.values()
    link = next(slot.link for slot in database.desk.ledger)
    replace_roleless(database, {link.process_id})
    rig.turn(2)
    assert not server.look()
    client.send(query("COMMIT"))
    server.gets(b"COMMIT")
    server.send(COMMITTED)
    client.gets(READY)
    server.gets(b"X\x00\x00\x00\x04")
