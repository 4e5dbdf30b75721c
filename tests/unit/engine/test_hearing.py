"""A client and its notifications: when they come, and what waits for them."""

import pytest

from pglane.engine.hearing import WAITING_BYTES_MAX
from tests.support.engine_rig import LOGIN_ANSWER, READY, error, message, query
from tests.support.listening import (
    LISTENED,
    SELECTED,
    UNLISTENED,
    barrier,
    goes_on,
    listens,
    notification,
)
from tests.unit.engine.test_database import desk

BEGUN = message(b"C", b"BEGIN\x00") + message(b"Z", b"T")


def test_what_comes_in_a_transaction_waits_for_its_end(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(BEGUN)
    client.gets(b"ZT"[:1])
    shared.send(notification("a", "inside"))
    rig.turn(3)
    assert b"inside" not in client.look()
    client.forget()
    client.send(query("COMMIT"))
    server.gets(b"COMMIT")
    server.send(message(b"C", b"COMMIT\x00") + READY)
    barrier(shared, notification("a", "late"))
    told = client.gets(READY)
    assert told.index(b"inside") < told.index(b"late") < told.index(READY)


def test_the_next_request_waits_until_the_last_is_told_of(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(SELECTED)
    rig.turn(2)
    client.send(query("SELECT 2"))
    rig.turn(3)
    assert b"SELECT 2" not in server.look()
    barrier(shared)
    server.gets(b"SELECT 2")
    server.send(SELECTED)
    barrier(shared)
    rig.until(lambda: client.look().count(READY) == 2)


def test_a_client_that_leaves_while_its_listen_waits_holds_nobody_up(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("LISTEN a"))
    shared = rig.accept_login()
    shared.gets(b"LISTEN")
    client.socket.close()
    rig.turn(3)
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    shared.send(LISTENED)
    server.send(SELECTED)
    other.gets(READY)


def test_a_client_that_leaves_before_it_is_told_leaves_the_connection_to_others(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(SELECTED)
    shared.gets(b"Q\x00\x00\x00\x05\x00")
    client.socket.close()
    rig.turn(3)
    shared.send(message(b"I") + READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    server.send(SELECTED)
    other.gets(READY)


def test_a_client_that_leaves_is_not_told_anything(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.socket.close()
    rig.turn(3)
    shared.send(notification("a"))
    rig.turn(3)
    assert not rig.logged("internal_error")


def test_discard_all_stops_listening(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("DISCARD ALL"))
    server.gets(b"DISCARD ALL")
    server.send(message(b"C", b"DISCARD ALL\x00") + READY)
    barrier(shared)
    client.gets(READY)
    shared.send(notification("a", "x"))
    rig.turn(3)
    assert client.look() == b""


def test_a_failed_unlisten_ends_the_server_connection(rig) -> None:
    client, server = rig.pair()
    client.send(query("LISTEN a"))
    shared = rig.accept_login()
    shared.gets(b"LISTEN")
    shared.send(LISTENED)
    server.gets(b"LISTEN")
    server.send(LISTENED)
    barrier(shared)
    client.gets(READY)
    server.gets(b"UNLISTEN *")
    server.send(error("53200") + READY)
    server.gets(b"X\x00\x00\x00\x04")


def test_the_server_connection_is_lost_while_a_listen_waits(rig) -> None:
    client, server = rig.pair()
    client.send(query("LISTEN a"))
    shared = rig.accept_login()
    shared.gets(b"LISTEN")
    server.socket.close()
    assert b"PGL0602" in client.ends()
    shared.send(LISTENED)
    rig.turn(3)
    assert not rig.logged("internal_error")


@pytest.mark.parametrize("text", ["SELECT 1", "LISTEN a", "SET a.b = 1"])
def test_the_server_ends_before_the_client_is_told_of_its_last_answer(rig, text: str) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query(text))
    if text == "LISTEN a":
        barrier(shared)
    server.gets(text.encode())
    server.send(SELECTED + error("57P01", "FATAL"))
    rig.until(lambda: READY in client.look())
    assert SELECTED in client.taken
    if text == "SET a.b = 1":
        assert b"57P01" in client.ends(), "its setting is lost"
        return
    barrier(shared)
    client.forget()
    client.send(query("SELECT 2"))
    server = rig.accept_login()
    server.gets(b"SELECT 2")
    server.send(SELECTED)
    barrier(shared)
    client.gets(READY)


def test_a_drain_waits_until_the_client_is_told(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(SELECTED)
    shared.gets(b"Q\x00\x00\x00\x05\x00")
    rig.worker.drain()
    rig.turn(3)
    shared.send(message(b"I") + READY)
    told = client.ends()
    assert told.index(READY) < told.index(b"PGL0303")


def test_more_than_may_wait_ends_the_client(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(BEGUN)
    client.gets(b"BEGIN")
    one = notification("a", "x" * 8000)
    for _ in range(WAITING_BYTES_MAX // len(one) + 1):
        shared.send(one)
        rig.turn(2)
    assert b"PGL0453" in client.ends()
    server.gets(b"ROLLBACK")
    server.send(message(b"C", b"ROLLBACK\x00") + READY)
    assert UNLISTENED


def test_what_waited_for_an_answer_is_not_answered_before_it_is_told(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    closes = message(b"C", b"Sa\x00")
    client.send(query("DEALLOCATE ALL") + closes + message(b"S"))
    server.gets(b"DEALLOCATE ALL")
    server.send(message(b"C", b"DEALLOCATE ALL\x00") + READY)
    barrier(shared)
    told = client.gets(message(b"3"))
    assert told.index(READY) < told.index(message(b"3"))


def test_a_listen_behind_another_request_is_one(rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1") + query("LISTEN a"))
    server.gets(b"SELECT 1")
    shared = rig.accept()
    server.send(SELECTED)
    client.gets(READY)
    shared.gets(b"pglane listening")
    shared.send(LOGIN_ANSWER)
    goes_on(client, server, shared)
    shared.send(notification("a", "heard"))
    client.gets(b"heard")


def test_who_is_told_that_it_cannot_listen_may_ask_again_at_once(rig) -> None:
    client, server = rig.pair()
    client.send(query("LISTEN a") + query("LISTEN b"))
    rig.accept().send(error("53300", "FATAL"))
    shared = rig.accept_login()
    server.gets(b"pglane refuses")
    shared.gets(b'LISTEN "b"')
    shared.send(LISTENED)
    server.gets(b"LISTEN b")
    server.send(error("42601") + READY + LISTENED)
    barrier(shared)
    assert b"cannot listen" in client.gets(LISTENED)


def test_a_barrier_that_a_commit_waited_for_does_not_stand_for_the_next_listen(rig) -> None:
    client, server = rig.pair()
    client.send(query("LISTEN a"))
    shared = rig.accept_login()
    shared.gets(b'LISTEN "a"')
    shared.send(LISTENED)
    server.gets(b"LISTEN a")
    client.send(query("COMMIT"))
    rig.turn(2)
    server.send(LISTENED)
    barrier(shared)
    barrier(shared)
    client.gets(READY)
    server.gets(b"UNLISTEN *")
    server.send(UNLISTENED)
    server.gets(b"COMMIT")
    server.send(message(b"C", b"COMMIT\x00") + READY)
    barrier(shared)
    client.gets(READY)
    client.send(query("LISTEN b"))
    shared.gets(b'LISTEN "b"')


def test_a_barrier_that_a_refused_request_waited_for_does_not_stand_for_the_next_listen(
    rigs,
) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("SELECT 1") + query("NOTIFY a"))
    server.gets(b"SELECT 1")
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 2"))
    rig.turn(2)
    server.send(SELECTED)
    barrier(shared)
    barrier(shared)
    server.gets(b"SELECT 2")
    rig.cancel(min(rig.worker.clients)).ends()
    client.gets(b"57014")
    server.send(SELECTED)
    other.gets(READY)
    client.send(query("LISTEN b"))
    shared.gets(b'LISTEN "b"')
