"""Limits in time: who is over one hears which, and what runs is cancelled first."""

import pytest

from pglane.config.limits import Override
from tests.support.engine_rig import READY, error, message, query
from tests.unit.engine.test_database import DONE

IN_TRANSACTION = message(b"C", b"BEGIN\x00") + message(b"Z", b"T")
FAILED = message(b"Z", b"E")


def cancelled(rig, server):
    """The next connection to the server is a cancel request; it is carried out."""
    canceler = rig.accept()
    rig.until(lambda: len(canceler.look()) == 16, "a cancel request")
    canceler.socket.close()
    server.send(error("57014") + READY)


def asks(rig, text="SELECT 1"):
    client, server = rig.pair()
    client.send(query(text))
    server.gets(text.encode())
    return client, server


def begins(rig):
    client, server = asks(rig, "BEGIN; SELECT 1")
    server.send(IN_TRANSACTION)
    client.gets(b"Z\x00\x00\x00\x05T")
    return client, server


def test_a_statement_that_is_too_long_is_cancelled_and_its_client_stays(rigs):
    where = (Override("user", "anna", "query_ms_max", 1000, "a.toml:3"),)
    rig = rigs(overrides=where)
    client, server = asks(rig)
    rig.later(0.9)
    assert rig.nobody_connects()
    rig.later(0.2)
    cancelled(rig, server)
    told = client.gets(READY)
    assert b"C57014" in told
    assert b"query_ms_max is 1000 ms for user anna (a.toml:3)" in told
    assert b"so said the server" not in told
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    server.send(error("57014") + READY)
    assert b"so said the server" in client.gets(READY)


def test_a_cancel_that_comes_too_late_changes_no_later_answer(rigs):
    rig = rigs(query_ms_max=1000)
    client, server = asks(rig)
    rig.later(1.1)
    canceler = rig.accept()
    rig.until(lambda: len(canceler.look()) == 16, "a cancel request")
    server.send(DONE)
    client.gets(READY)
    canceler.socket.close()
    rig.turn(3)
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    server.send(error("57014") + READY)
    assert b"so said the server" in client.gets(READY)


def test_what_does_not_end_when_cancelled_loses_its_server_connection(rigs):
    rig = rigs(query_ms_max=1000, cancel_ms_max=2000)
    client, _ = asks(rig, "INSERT INTO t VALUES (1)")
    rig.later(1.1)
    canceler = rig.accept()
    rig.until(lambda: len(canceler.look()) == 16, "a cancel request")
    canceler.socket.close()
    rig.later(1.9)
    assert not client.look()
    rig.later(0.3)
    told = client.ends()
    assert b"C08007" in told
    assert b"query_ms_max is 1000 ms for everybody" in told


def test_who_makes_progress_is_not_too_long(rigs):
    rig = rigs(query_ms_max=1000)
    client, server = rig.pair()
    client.send(query("SELECT 1") * 3)
    server.gets(query("SELECT 1") * 3)
    for _ in range(2):
        rig.later(0.7)
        server.send(DONE)
        client.gets(READY)
        rig.later(0.1)
    assert rig.nobody_connects()
    rig.later(1.1)
    cancelled(rig, server)
    assert b"57014" in client.gets(READY)


def strikes(rig):
    """The cancel request that is on its way is carried out."""
    canceler = rig.accept()
    rig.until(lambda: len(canceler.look()) == 16, "a cancel request")
    canceler.socket.close()
    rig.turn(3)


def test_a_copy_that_fails_by_itself_is_not_what_was_cancelled(rigs):
    """The cancel hits what was sent behind it, and that is told in our words."""
    rig = rigs(query_ms_max=1000)
    client, server = asks(rig, "COPY t FROM STDIN")
    server.send(message(b"G", b"\0\0\0"))
    client.gets(b"G")
    client.send(message(b"f", b"no more\0") + query("SELECT 2"))
    server.gets(b"SELECT 2")
    rig.later(1.1)
    strikes(rig)
    server.send(error("57014", routine="CopyGetData") + READY)
    assert b"so said the server" in client.gets(READY)
    server.send(error("57014", routine="ProcessInterrupts") + READY)
    told = client.gets(READY)
    assert b"so said the server" not in told
    assert b"query_ms_max is 1000 ms" in told
    assert b"Others were sent behind it" in told


def test_what_is_pipelined_behind_a_cancelled_statement_has_its_own_time(rigs):
    rig = rigs(query_ms_max=1000, cancel_ms_max=1500)
    client, server = rig.pair()
    client.send(query("SELECT 1") * 2)
    server.gets(query("SELECT 1") * 2)
    rig.later(1.1)
    strikes(rig)
    server.send(error("57014") + READY)
    assert b"query_ms_max" in client.gets(READY)
    for _ in range(3):
        client.send(query("SELECT 1"))
        server.gets(b"SELECT 1")
        for _ in range(8):
            rig.later(0.1)
        server.send(DONE)
        assert client.gets(READY) == DONE
    assert not client.ended


def test_whatever_a_cancel_has_hit_is_told_so_however_late_its_answer_comes(rigs):
    rig = rigs(query_ms_max=1000)
    client, server = rig.pair()
    client.send(query("SELECT 1") * 3)
    server.gets(query("SELECT 1") * 3)
    rig.later(1.1)
    strikes(rig)
    for _ in range(2):
        server.send(DONE)
        assert client.gets(READY) == DONE
        rig.later(0.2)
    server.send(error("57014") + READY)
    assert b"query_ms_max" in client.gets(READY)


def test_the_next_statement_has_its_own_time(rigs):
    rig = rigs(query_ms_max=1000)
    client, server = asks(rig)
    rig.later(0.8)
    server.send(DONE)
    client.gets(READY)
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    rig.later(0.8)
    assert rig.nobody_connects()


def test_a_query_of_our_own_is_not_cancelled_but_has_its_bound(rigs):
    rig = rigs(query_ms_max=1000, cancel_ms_max=1000)
    client, server = rig.pair()
    client.send(query("SET work_mem = '9MB'"))
    server.gets(b"work_mem")
    server.send(message(b"C", b"SET\x00") + READY)
    server.gets(b"SELECT")
    client.gets(READY)
    client.send(query("SELECT 2"))
    rig.turn(2)
    rig.later(1.1)
    rig.later(0.2)
    assert rig.nobody_connects()
    rig.later(1.1)
    assert b"57P01" in client.ends()


def test_a_pause_within_a_transaction_ends_the_client_and_the_transaction(rigs):
    rig = rigs(idle_transaction_ms_max=1000)
    client, server = begins(rig)
    rig.later(0.9)
    assert not client.look()
    rig.later(0.2)
    told = client.ends()
    assert b"C25P03" in told
    assert b"idle_transaction_ms_max is 1000 ms for everybody (default)" in told
    assert server.ends().endswith(message(b"X"))


def test_an_open_unit_is_a_pause_too(rigs):
    rig = rigs(idle_transaction_ms_max=1000)
    client, server = rig.pair()
    client.send(message(b"P", b"\x00SELECT 1\x00\x00\x00") + message(b"H"))
    server.gets(message(b"H"))
    server.send(message(b"1"))
    client.gets(message(b"1"))
    rig.later(1.1)
    assert b"C25P03" in client.ends()


def test_a_transaction_that_is_too_long_ends(rigs):
    rig = rigs(transaction_ms_max=1000)
    client, server = begins(rig)
    rig.later(0.6)
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    server.send(message(b"Z", b"T"))
    client.gets(b"Z\x00\x00\x00\x05T")
    rig.later(0.5)
    told = client.ends()
    assert b"SFATAL" in told
    assert b"C25P04" in told
    assert b"transaction_ms_max is 1000 ms" in told


def test_a_statement_of_a_transaction_that_is_too_long_is_cancelled(rigs):
    rig = rigs(transaction_ms_max=1000, cancel_ms_max=9000)
    client, server = begins(rig)
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    rig.later(1.1)
    canceler = rig.accept()
    rig.until(lambda: len(canceler.look()) == 16, "a cancel request")
    canceler.socket.close()
    server.send(error("57014") + FAILED)
    told = client.gets(FAILED)
    assert b"SERROR" in told
    assert b"C25P04" in told
    client.send(query("ROLLBACK"))
    server.gets(b"ROLLBACK")
    server.send(message(b"C", b"ROLLBACK\x00") + READY)
    client.gets(READY)
    rig.later(2.0)
    assert not client.look()


@pytest.mark.parametrize("door", ["transaction", "session"])
def test_a_client_that_asks_for_nothing_ends(rigs, door):
    rig = rigs(client_idle_ms_max=1000)
    client, server = rig.pair(door)
    rig.later(0.7)
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    rig.later(2.0)
    assert not client.look()
    server.send(DONE)
    client.gets(READY)
    rig.later(0.7)
    assert not client.look()
    rig.later(0.5)
    assert b"C57P05" in client.ends()


def test_at_the_direct_door_the_end_of_its_answers_shows_who_is_idle(rigs):
    rig = rigs(client_idle_ms_max=1000, query_ms_max=100, idle_transaction_ms_max=100)
    client, server = rig.pair("direct")
    client.send(query("SELECT pg_sleep(9)"))
    server.gets(b"pg_sleep")
    for _ in range(12):
        rig.later(0.5)
    assert not client.look()
    server.send(DONE)
    client.gets(READY)
    rig.later(0.1)
    rig.later(0.7)
    assert not client.look()
    rig.later(0.5)
    assert b"C57P05" in client.ends()


def test_who_waits_is_not_idle(rigs):
    rig = rigs(budget=1, client_idle_ms_max=1000)
    _, _ = asks(rig)
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 2"))
    rig.turn(2)
    rig.later(1.5)
    assert not other.look()


def test_many_idle_clients_are_looked_at_some_a_turn(rigs, monkeypatch):
    monkeypatch.setattr("pglane.engine.overdue.CLIENTS_A_TURN", 1)
    rig = rigs(client_idle_ms_max=1000)
    first, _ = rig.pair()
    others = [rig.client() for _ in range(3)]
    for other in others:
        other.gets(READY)
    rig.later(1.2)
    rig.turn(5)
    for client in (first, *others):
        assert b"C57P05" in client.ends()


def test_limits_that_are_lifted_are_not_looked_for(rig):
    worker = rig.worker
    assert worker.overdue._timer is None
    settings = worker.settings
    rig.say(type="reload", settings=settings_with(settings, query_ms_max=500))
    rig.until(lambda: worker.overdue._timer is not None)
    client, server = asks(rig)
    rig.later(0.6)
    cancelled(rig, server)
    client.gets(READY)
    rig.say(type="reload", settings=settings_with(settings, query_ms_max=0))
    rig.until(lambda: worker.overdue._timer is None)


def settings_with(settings, **changes):
    import json  # noqa: PLC0415

    return json.loads(settings.to_json()) | changes
