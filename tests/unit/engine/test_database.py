"""One database: requests, grants, rejections, losses, drains."""

import gc
from dataclasses import asdict, replace

import pytest

from pglane.connection.settings import Vector
from pglane.doors.decisions import Close, Grant, Reject
from pglane.engine import database as databases
from pglane.engine.client_link import ClientLink
from pglane.engine.welcome import Welcome
from pglane.pool.ledger import Slot
from pglane.scheduler.reasons import RefusedBecause
from pglane.scheduler.request import Request
from tests.support.desk_invariants import assert_consistent
from tests.support.engine_rig import READY, Rig, error, message, query

DONE = message(b"C", b"SELECT 1\x00") + READY


def desk(rig: Rig):
    (database,) = rig.worker.databases.values()
    assert_consistent(database.desk, lowered=True)
    return database.desk


def test_a_query_goes_to_the_server_and_its_answer_to_the_client(rig) -> None:
    client, server = rig.pair()
    assert desk(rig).ledger.statistics().idle == 1
    client.send(query("SELECT 1"))
    assert server.gets(b"SELECT 1") == query("SELECT 1")
    assert desk(rig).ledger.statistics().leased == 1
    server.send(DONE)
    assert client.gets(READY) == DONE
    assert desk(rig).ledger.statistics().idle == 1


def test_a_second_client_is_told_what_the_first_was(rig) -> None:
    first, _ = rig.pair()
    second = rig.client()
    told = second.gets(READY)
    assert b"client_encoding" in told
    assert rig.nobody_connects()


def test_who_waits_too_long_is_told_who_holds_what(rigs) -> None:
    rig = rigs(budget=1, wait_ms_max=1000)
    holder, server = rig.pair()
    waiting = rig.client()
    waiting.gets(READY)
    holder.send(query("SELECT pg_sleep(9)"))
    server.gets(b"pg_sleep")
    waiting.send(query("SELECT 1"))
    rig.turn(2)
    assert len(desk(rig).queue) == 1
    rig.later(1.0)
    told = waiting.gets(READY)
    assert b"PGL0301" in told
    assert b"transaction: 1" in told
    assert b"1 of 1" in told
    server.send(DONE)
    holder.gets(READY)
    waiting.send(query("SELECT 2"))
    server.gets(b"SELECT 2")


def test_who_waits_gets_what_is_released_in_order_of_arrival(rigs) -> None:
    rig = rigs(budget=1)
    holder, server = rig.pair()
    others = [rig.client() for _ in range(3)]
    for other in others:
        other.gets(READY)
    holder.send(query("SELECT 0"))
    server.gets(b"SELECT 0")
    for number, other in enumerate(others, 1):
        other.send(query(f"SELECT {number}"))
        rig.turn()
    for number in range(1, 4):
        server.send(DONE)
        assert server.gets(b"SELECT") == query(f"SELECT {number}")


def test_a_client_that_leaves_the_queue_leaves_nothing(rigs) -> None:
    rig = rigs(budget=1)
    holder, server = rig.pair()
    waiting = rig.client()
    waiting.gets(READY)
    holder.send(query("SELECT 0"))
    server.gets(b"SELECT 0")
    waiting.send(query("SELECT 1"))
    rig.turn(2)
    waiting.socket.close()
    rig.until(lambda: not len(desk(rig).queue))
    server.send(DONE)
    holder.gets(READY)
    assert server.look() == b""
    assert desk(rig).debts() == 0


@pytest.mark.parametrize("text", ["", "BEGIN"])
def test_a_client_that_left_is_gone_without_a_search_for_cycles(rig, text: str) -> None:
    client, server = rig.pair()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        if text:
            client.send(query(text))
            server.gets(b"BEGIN")
            server.send(message(b"C", b"BEGIN\0") + message(b"Z", b"T"))
            client.gets(b"Z")
        client.send(message(b"X"))
        rig.until(lambda: not rig.worker.clients)
        server.socket.close()
        rig.until(lambda: not list(desk(rig).ledger))
        gc.collect()
        left = [each for each in gc.garbage if isinstance(each, ClientLink | Request)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert left == []


def test_a_server_that_cannot_be_reached_is_named_at_the_deadline(rigs) -> None:
    rig = rigs(wait_ms_max=2000)
    rig.server.close()
    (rig.folder / ".s.PGSQL.5432").unlink()
    client = rig.client()
    for _ in range(5):
        rig.later(0.5)
    told = client.ends()
    assert b"PGL0601" in told
    assert b"FATAL" in told
    assert len(rig.logged("server_connection_failed")) > 1


def test_a_crowd_of_broken_requests_is_a_loop_not_a_recursion(rigs) -> None:
    rig = rigs(budget=1)
    holder, server = rig.pair()
    crowd = [rig.client() for _ in range(60)]
    for each in crowd:
        each.gets(READY)
    holder.send(query("SELECT 0"))
    server.gets(b"SELECT 0")
    for each in crowd:
        each.send(message(b"z", b"no such message"))
    rig.turn(3)
    server.send(DONE)
    for each in crowd:
        assert b"PGL05" in each.ends()
    assert rig.worker.internal_errors == 0
    assert desk(rig).ledger.statistics().idle == 1


@pytest.mark.parametrize("ending_fails_too", [False, True])
def test_an_error_of_ours_in_a_grant_costs_this_client_only(rigs, ending_fails_too) -> None:
    rig = rigs(budget=1)
    holder, server = rig.pair()
    waiting, last = rig.client(), rig.client()
    for each in (waiting, last):
        each.gets(READY)
    holder.send(query("SELECT 0"))
    server.gets(b"SELECT 0")
    waiting.send(query("SELECT 1"))
    rig.turn(2)
    (request,) = list(desk(rig).queue)
    request.client.vector = Vector({"work_mem": 1})  # type: ignore[dict-item]
    if ending_fails_too:
        request.client.door = None
    last.send(query("SELECT 2"))
    rig.turn(2)
    server.send(DONE)
    waiting.ends()
    assert rig.worker.internal_errors == 1 + ending_fails_too
    line = rig.logged("internal_error")[0]
    assert "Error in " in line["text"]
    assert "SELECT" not in line["text"]
    rig.until(lambda: server.look() is not None and server.ended)
    server.socket.close()
    rig.accept_login().gets(b"SELECT 2")


@pytest.mark.parametrize("status", [b"I", b"T"])
def test_a_lost_server_connection_is_told_truthfully(rig, status: bytes) -> None:
    client, server = rig.pair()
    client.send(query("BEGIN" if status == b"T" else "SELECT 1"))
    server.gets(b"Q")
    if status == b"T":
        server.send(message(b"C", b"BEGIN\x00") + message(b"Z", b"T"))
        client.gets(message(b"Z", b"T"))
        client.send(query("SELECT 1"))
        server.gets(b"Q")
    server.socket.close()
    told = client.ends()
    assert (b"PGL0602" if status == b"T" else b"PGL0603") in told
    assert desk(rig).ledger.used == 0


def test_the_servers_own_last_word_is_handed_on(rig) -> None:
    client, server = rig.pair()
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(message(b"C", b"BEGIN\x00") + message(b"Z", b"T"))
    client.gets(message(b"Z", b"T"))
    server.send(error("57P01", "FATAL"))
    assert b"57P01" in client.ends()
    server.socket.close()
    rig.until(lambda: desk(rig).ledger.used == 0)


def test_a_server_that_does_not_close_its_end_is_given_up(rig) -> None:
    client, server = rig.pair()
    client.send(message(b"Z"))
    client.ends()
    (database,) = rig.worker.databases.values()
    database.keep_house(rig.clock.now + 1e9)
    server.gets(b"X\x00\x00\x00\x04")
    assert desk(rig).ledger.statistics().closing == 1
    rig.later(6.0)
    assert desk(rig).ledger.used == 0


def test_a_drain_ends_when_the_last_lease_does(rig) -> None:
    busy, server = rig.pair()
    idle = rig.client()
    idle.gets(READY)
    late = rig.connect()
    rig.turn(2)
    busy.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    rig.say(type="drain")
    assert b"PGL0303" in idle.ends()
    assert b"PGL0303" in late.ends()
    assert not busy.look()
    server.send(DONE)
    told = busy.ends()
    assert DONE in told
    assert b"PGL0303" in told
    rig.until(lambda: rig.heard("stopped"))
    assert len(rig.heard("stopped")) == 1


@pytest.mark.parametrize("text", ["DROP DATABASE shop", "CREATE DATABASE copy"])
def test_a_database_without_clients_lets_go_before_one_is_dropped(rig, text: str) -> None:
    guest, empty = rig.pair(database="shop")
    admin, server = rig.pair(database="admin")
    shop = rig.worker.databases["shop"]
    admin.send(query(text))
    server.gets(text.encode())
    assert shop.desk.ledger.statistics().idle == 1, "a client is there"
    server.send(DONE)
    admin.gets(READY)
    guest.send(b"X\x00\x00\x00\x04")
    rig.turn(2)
    assert shop.desk.ledger.statistics().idle == 1
    admin.send(query(text))
    server.gets(text.encode())
    assert empty.ends().endswith(b"X\x00\x00\x00\x04")
    late = rig.client(database="shop")
    late.gets(READY)
    late.send(query("SELECT 1"))
    newer = rig.accept_login()
    newer.gets(b"SELECT 1")
    newer.send(DONE)
    late.gets(READY)
    assert shop.desk.ledger.statistics().idle == 1, "a new client is served as ever"


def test_what_becomes_free_too_late_for_a_drop_is_closed_by_the_housekeeping(rig) -> None:
    client, server = rig.pair()
    client.send(b"X\x00\x00\x00\x04")
    rig.turn(2)
    (database,) = rig.worker.databases.values()
    database.vacating = True
    rig.later(2.0)
    assert server.ends().endswith(b"X\x00\x00\x00\x04")


def test_a_drain_sends_an_idle_session_away(rig) -> None:
    client, server = rig.pair("session")
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    rig.say(type="drain")
    assert b"PGL0303" in client.ends()
    rig.until(lambda: rig.heard("stopped"))


def test_a_lowered_budget_closes_what_is_idle(rigs) -> None:
    rig = rigs(budget=2)
    first, server = rig.pair()
    second = rig.client()
    second.gets(READY)
    first.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    second.send(query("SELECT 2"))
    other = rig.accept_login()
    other.gets(b"SELECT 2")
    for peer, client in ((server, first), (other, second)):
        peer.send(DONE)
        client.gets(READY)
    assert desk(rig).ledger.statistics().idle == 2
    rig.say(type="reload", settings=asdict(replace(rig.settings, budget=1)))
    rig.until(lambda: desk(rig).ledger.statistics().closing == 1)
    assert desk(rig).ledger.statistics().idle == 1


def test_a_request_granted_and_gone_in_the_same_turn_gives_its_place_back(rigs) -> None:
    """A grant may wait behind other decisions; the client may leave before its turn comes."""
    rig = rigs(budget=1)
    client, _ = rig.pair()
    (database,) = rig.worker.databases.values()
    (link,) = rig.worker.clients.values()
    stale = link.lease
    slot = database.desk.lease_idle(stale, rig.clock.now)
    database.perform([Grant(stale, slot)])
    assert desk(rig).ledger.statistics().idle == 1
    assert not client.look()


def test_a_direct_one_granted_to_nobody_is_closed(rig) -> None:
    client, server = rig.pair("direct")
    (database,) = rig.worker.databases.values()
    (link,) = rig.worker.clients.values()
    database.perform([Grant(link.lease, link.server.slot)])
    rig.accept()
    server.ends()


def test_an_error_of_ours_in_any_decision_is_contained(rigs, monkeypatch) -> None:
    rig = rigs(budget=1, wait_ms_max=1000)
    client, server = rig.pair()
    (database,) = rig.worker.databases.values()
    (link,) = rig.worker.clients.values()
    without_link, link.request = Slot("anna", None, 0.0), link.lease
    link.lease.refused = RefusedBecause.EXPIRED
    database.perform([Close(without_link), Reject(link.lease)])
    assert b"PGL0301" in client.gets(b"PGL0301"), "the next decision is carried out"
    assert rig.worker.internal_errors == len(rig.logged("internal_error")) > 0
    before = rig.worker.internal_errors
    monkeypatch.setattr(rig.worker, "with_addresses", lambda then: 1 / 0)
    stranger = rig.client(user="berta")
    server.ends()
    server.socket.close()
    rig.until(lambda: rig.worker.internal_errors > before)
    rig.later(1.1)
    assert b"an internal error" in stranger.ends()


def test_no_more_welcomes_are_remembered_than_so_many(rig, monkeypatch) -> None:
    client, _ = rig.pair()
    (database,) = rig.worker.databases.values()
    (link,) = rig.worker.clients.values()
    monkeypatch.setattr(databases, "WELCOMES_MAX", 1)
    welcome = Welcome({"a": "b"})
    database.keep_welcome(link.user, link.startup, welcome)
    assert list(database.welcomes.values()) == [welcome]


def test_lanes_of_users_that_are_gone_go_after_a_change(rigs) -> None:
    rig = rigs(auth="trust", users=())
    rig.pair()
    gone, _ = rig.pair(user="berta")
    lanes = rig.worker.databases["app"].desk.queue.lanes
    gone.socket.close()
    rig.until(lambda: len(rig.worker.clients) == 1)
    rig.later(1.1)
    assert list(lanes) == ["transaction:anna", "transaction:berta"], "nothing changed"
    rig.say(type="reload", settings=asdict(rig.settings))

    def looked_after() -> list[str]:
        rig.later(1.1)
        return list(lanes)

    rig.until(lambda: looked_after() == ["transaction:anna"])
    rig.client(user="berta").gets(READY)
    assert list(lanes) == ["transaction:anna", "transaction:berta"]
