"""Leases on borrowed places are taken back, and what is told is true."""

import pytest

from pglane.config.lanes import LaneMatch, LaneSettings
from tests.support.engine_rig import READY, message, query
from tests.unit.engine.test_database import DONE, desk
from tests.unit.engine.test_overdue import FAILED, IN_TRANSACTION, begins, cancelled

OTP = LaneSettings("otp", reserve=1, borrow_hold_ms=500, match=(LaneMatch(user="otto"),))
HASTY = LaneSettings("hasty", door="transaction", hold_ms_max=500, match=(LaneMatch(),))
ABORTED = message(b"Z", b"E")
DIRECT = LaneSettings("direct", hold_ms_max=500, match=(LaneMatch(),))


def owner_waits(rig):
    """Somebody is known at the gateway and asks for what is lent."""
    owner = rig.client(user="otto")
    rig.turn(3)
    return owner


def loses(client):
    """It is told at its next statement, stays, and rolls back; gives what it was told."""
    client.send(query("SELECT 3"))
    told = client.gets(ABORTED)
    assert b"57P01" in told
    assert b"FATAL" not in told
    client.send(query("SELECT 4"))
    assert b"25P02" in client.gets(ABORTED)
    client.send(query("ROLLBACK"))
    assert client.gets(READY) == message(b"C", b"ROLLBACK\0") + READY
    return told


def test_who_thinks_in_a_transaction_loses_it_when_the_owner_has_waited(rigs):
    rig = rigs(budget=1, lanes=(OTP,))
    client, server = begins(rig)
    rig.later(5.0)
    assert not client.look(), "nobody needs the place"
    owner = owner_waits(rig)
    rig.later(0.1)
    server.ends()
    assert not client.look(), "it has asked for nothing that this could answer"
    told = loses(client)
    assert b"borrow_hold_ms of lane otp is 500" in told
    assert rig.nobody_connects(), "the place is used until the backend is gone"
    server.socket.close()
    rig.accept_login()
    owner.gets(READY)
    lane = desk(rig).queue.lanes["transaction:anna"]
    assert lane.counters.recalls == 1


@pytest.mark.parametrize(
    "texts", [("SELECT 1", "UPDATE t SET n = 1"), ("DELETE FROM t", "TABLE t")]
)
def test_who_has_only_read_loses_before_who_has_written(rigs, texts):
    """Whichever of the two is younger."""
    rig = rigs(budget=2, lanes=(OTP,))
    one, server = begins(rig)
    other = rig.client()
    other.gets(READY)
    other.send(query("BEGIN; SELECT 1"))
    another = rig.accept_login()
    another.gets(b"BEGIN")
    another.send(IN_TRANSACTION)
    other.gets(b"BEGIN")
    for client, connection, text in ((one, server, texts[0]), (other, another, texts[1])):
        client.send(query(text))
        connection.gets(text.encode())
        connection.send(message(b"C", b"DONE\x00") + message(b"Z", b"T"))
        client.gets(b"DONE")
    rig.later(5.0)
    owner_waits(rig)
    rig.later(0.1)
    reader, writer = (one, other) if texts[0] == "SELECT 1" else (other, one)
    servers = (server, another) if reader is one else (another, server)
    servers[0].ends()
    loses(reader)
    assert not writer.look()
    assert not servers[1].look()


def test_what_runs_is_cancelled_first_and_ended_when_that_did_not_help(rigs):
    rig = rigs(budget=1, lanes=(OTP,))
    client, server = rig.pair()
    client.send(query("UPDATE stock SET n = 1"))
    server.gets(b"UPDATE")
    owner_waits(rig)
    rig.later(0.6)
    canceler = rig.accept()
    rig.until(lambda: len(canceler.look()) == 16, "a cancel request")
    canceler.socket.close()
    rig.later(0.3)
    assert b"08007" in client.ends(), "it may have been committed"


def test_what_is_cancelled_is_told_why_and_its_client_stays(rigs):
    rig = rigs(budget=1, lanes=(OTP,))
    client, server = rig.pair()
    client.send(query("SELECT pg_sleep(60)"))
    server.gets(b"SELECT")
    owner_waits(rig)
    rig.later(0.6)
    cancelled(rig, server)
    told = client.gets(READY)
    assert b"PGL0310" in told
    assert b"so said the server" not in told
    rig.later(0.3)
    assert not client.ended


def test_a_transaction_whose_statement_was_cancelled_is_taken_back_too(rigs):
    rig = rigs(budget=1, lanes=(OTP,))
    client, server = begins(rig)
    client.send(query("SELECT pg_sleep(60)"))
    server.gets(b"pg_sleep")
    owner_waits(rig)
    rig.later(0.6)
    canceler = rig.accept()
    rig.until(lambda: len(canceler.look()) == 16, "a cancel request")
    canceler.socket.close()
    server.send(FAILED)
    client.gets(FAILED)
    rig.later(0.3)
    server.ends()
    loses(client)


def test_who_has_sent_commit_is_left_alone(rigs):
    rig = rigs(budget=1, lanes=(OTP,))
    client, server = begins(rig)
    client.send(query("COMMIT"))
    server.gets(b"COMMIT")
    owner_waits(rig)
    for _ in range(4):
        rig.later(0.5)
    assert rig.nobody_connects()
    server.send(DONE)
    assert client.gets(READY) == DONE


@pytest.mark.parametrize("door", ["transaction", "direct"])
def test_a_lease_that_outstays_its_lane_ends_while_somebody_waits(rigs, door: str) -> None:
    rig = rigs(budget=1, lanes=(HASTY if door == "transaction" else DIRECT,))
    if door == "transaction":
        client, server = begins(rig)
    else:
        client, _ = rig.pair("direct")
    rig.client(user="berta")
    rig.turn(3)
    rig.later(0.6)
    if door == "transaction":
        server.ends()
        assert b"hold_ms_max of lane hasty is 500" in loses(client)
    else:
        client.ends()


@pytest.mark.parametrize(
    "text",
    [
        "SET work_mem = '5MB'",  # a rollback undoes it; that it did is read from the server
        "PREPARE a AS SELECT 1",  # a rollback does not undo it
        "LISTEN a",
        "CREATE TABLE t ()",
    ],
)
def test_who_may_lose_more_than_its_transaction_is_ended(rigs, text):
    rig = rigs(budget=1, lanes=(OTP,))
    client, server = begins(rig)
    client.send(query(text))
    if text == "LISTEN a":
        listener = rig.accept_login()
        listener.gets(b"LISTEN")
        listener.send(message(b"C", b"LISTEN\0") + READY)
    server.gets(text.encode())
    server.send(message(b"C", b"DONE\0") + message(b"Z", b"T"))
    client.gets(b"DONE")
    rig.later(5.0)
    owner_waits(rig)
    rig.later(0.1)
    told = client.ends()
    assert b"57P01" in told
    assert b"FATAL" in told


def test_what_it_just_sends_is_answered(rigs):
    """The first half of a statement came before, the second one after."""
    rig = rigs(budget=1, lanes=(OTP,))
    client, server = begins(rig)
    sent = query("COMMIT")
    client.send(sent[:7])
    rig.later(5.0)
    owner_waits(rig)
    rig.later(0.1)
    server.ends()
    client.send(sent[7:])
    told = client.gets(READY)
    assert b"57P01" in told, "nobody reads that a COMMIT was answered with ROLLBACK"
    assert b"ROLLBACK\0" not in told
