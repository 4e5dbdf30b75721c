"""A driver's own BEGIN is answered here where tags say lanes, and is true all the same."""

import pytest

from pglane.config.lanes import LaneSettings
from tests.support.engine_rig import APPLIED, READY, error, message, query
from tests.unit.engine.test_database import DONE, desk

BULK = LaneSettings("bulk", door="transaction", rank=1)
IN_BLOCK, FAILED = message(b"Z", b"T"), message(b"Z", b"E")
BEGUN = message(b"C", b"BEGIN\x00") + IN_BLOCK
TAGGED = "SELECT 1 /*lane='bulk'*/"
SELECTED = message(b"C", b"SELECT 1\x00")
SYNC = message(b"S")


def parse(text: str) -> bytes:
    return message(b"P", b"\0" + text.encode() + b"\0\0\0") + message(b"B", bytes(8)) + SYNC


@pytest.fixture
def rig(rigs):
    return rigs(budget=1, lanes=(BULK,))


@pytest.fixture
def pair(rig):
    """A client that is in a block, and a server connection that does not know."""
    client, server = rig.pair()
    client.send(query("BEGIN READ ONLY"))
    assert client.gets(IN_BLOCK) == BEGUN
    rig.turn(3)
    assert not server.look()
    return client, server


def lane(rig, number=1):
    return rig.worker.clients[number].lease.lane.name


def holds_nothing(rig):
    return desk(rig).ledger.statistics().leased == 0


def test_the_begin_waits_for_the_first_statement_whose_tag_counts(rig, pair):
    client, server = pair
    assert holds_nothing(rig)
    client.send(query(TAGGED))
    assert server.gets(b"BEGIN") == query("BEGIN READ ONLY")
    assert lane(rig) == "bulk"
    rig.turn(3)
    assert not server.look(), "the statement must not run if the BEGIN fails"
    server.send(BEGUN)
    assert server.gets(b"SELECT") == query(TAGGED)
    server.send(SELECTED + IN_BLOCK)
    assert client.gets(IN_BLOCK) == SELECTED + IN_BLOCK, "the answer to the BEGIN was given"
    client.send(query("COMMIT"))
    server.gets(b"COMMIT")
    server.send(message(b"C", b"COMMIT\0") + READY)
    client.gets(READY)
    assert holds_nothing(rig)


def test_settings_come_before_the_begin(rigs):
    rig = rigs(budget=1, lanes=(BULK,))
    client, server = rig.pair(application_name="one")
    other = rig.client(application_name="two")
    server.gets(b"two")
    server.send(APPLIED)
    other.gets(READY)
    client.send(query("BEGIN"))
    client.gets(IN_BLOCK)
    client.send(query(TAGGED))
    assert b"BEGIN" not in server.gets(b"one")
    server.send(APPLIED)
    server.gets(b"BEGIN")
    server.send(BEGUN)
    server.gets(b"SELECT")


@pytest.mark.parametrize("text", ["COMMIT", "ROLLBACK"])
def test_a_block_with_nothing_in_it_costs_no_server_connection(rig, pair, text):
    client, server = pair
    client.send(query(text))
    assert client.gets(READY) == message(b"C", text.encode() + b"\0") + READY
    client.send(query("SELECT 2"))
    assert server.gets(b"SELECT") == query("SELECT 2")


def test_a_begin_with_more_behind_it_begins_a_lease_in_the_lane_of_that(rig):
    client, server = rig.pair()
    client.send(query("BEGIN") + query(TAGGED))
    assert server.gets(b"bulk") == query("BEGIN") + query(TAGGED)
    assert lane(rig) == "bulk"


@pytest.mark.parametrize(
    ("door", "sent", "lanes"),
    [
        ("session", query("BEGIN"), (BULK,)),
        ("transaction", query("BEGIN"), ()),
        ("transaction", query("BEGIN; SELECT 1"), (BULK,)),
        ("transaction", parse("BEGIN"), (BULK,)),
    ],
)
def test_any_other_begin_goes_to_the_server_at_once(rigs, door, sent, lanes):
    rig = rigs(budget=1, lanes=lanes)
    client, server = rig.pair(door)
    client.send(sent)
    assert server.gets(b"BEGIN") == sent


def test_who_is_refused_is_in_a_failed_block(rigs):
    rig = rigs(budget=1, lanes=(BULK,), wait_ms_max=1000)
    holder, server = rig.pair()
    client = rig.client()
    client.gets(READY)
    holder.send(query("SELECT pg_sleep(9)"))
    server.gets(b"pg_sleep")
    client.send(query("BEGIN"))
    client.gets(IN_BLOCK)
    client.send(query("SELECT 1"))
    rig.turn(2)
    rig.later(1.0)
    told = client.gets(FAILED)
    assert b"PGL0301" in told
    assert READY not in told
    for refused in (query("SELECT 2"), parse("SELECT 2")):
        client.send(refused)
        told = client.gets(FAILED)
        assert b"25P02" in told
        assert told.count(b"Z\0") == 1
    client.send(query("COMMIT"))
    assert client.gets(READY) == message(b"C", b"ROLLBACK\0") + READY
    server.send(DONE)
    holder.gets(READY)
    client.send(query("SELECT 3"))
    assert server.gets(b"SELECT") == query("SELECT 3")


def test_what_a_failed_block_may_not_refuse_is_answered_by_the_server(rigs):
    rig = rigs(budget=1, lanes=(BULK,))
    client, server = rig.pair()
    client.send(query("BEGIN"))
    client.gets(IN_BLOCK)
    client.send(query("SELECT 1"))
    server.gets(b"BEGIN")
    server.send(error("0A000") + READY)
    assert b"0A000" in client.gets(FAILED)
    assert holds_nothing(rig)
    both = query("ROLLBACK; SELECT 2")
    client.send(both)
    assert b"SAVEPOINT" in server.gets(b"BEGIN")
    server.send(message(b"C", b"BEGIN\0") + error("3B001") + FAILED)
    assert server.gets(b"SELECT") == both
    server.send(message(b"C", b"ROLLBACK\0") + DONE)
    assert client.gets(READY) == message(b"C", b"ROLLBACK\0") + DONE


def test_a_begin_that_fails_is_the_answer_to_the_statement(rig, pair):
    client, server = pair
    client.send(query("INSERT INTO t VALUES (1)") + query("SELECT 2"))
    server.gets(b"BEGIN")
    server.send(error("57014") + READY)
    told = client.gets(FAILED)
    assert b"57014" in told
    assert b"25P02" in told, "what was sent behind it"
    assert told.count(FAILED) == 2
    assert not server.look()
    client.send(query("ROLLBACK"))
    client.gets(READY)


def has_unnamed(rig):
    """The client's statements by name, of which the unnamed one is there."""
    statements = rig.worker.clients[max(rig.worker.clients)].requests.statements
    statements[b""] = object()
    return statements


def test_a_query_that_is_answered_here_destroys_the_unnamed_statement(rig):
    client, _ = rig.pair()
    statements = has_unnamed(rig)
    client.send(query("BEGIN"))
    client.gets(IN_BLOCK)
    assert statements == {}
    has_unnamed(rig)
    client.send(query("COMMIT"))
    client.gets(READY)
    assert statements == {}


def test_a_parse_that_fails_here_destroys_the_unnamed_statement(rig, pair):
    client, server = pair
    statements = has_unnamed(rig)
    client.send(parse("SELECT 2"))
    server.gets(b"BEGIN")
    server.send(error("0A000") + READY)
    client.gets(FAILED)
    assert statements == {}
    has_unnamed(rig)
    client.send(parse("SELECT 3"))
    assert b"25P02" in client.gets(FAILED)
    assert statements == {}


def test_a_begin_that_makes_no_sense_costs_the_server_connection(rig, pair):
    client, server = pair
    client.send(query("SELECT 1"))
    server.gets(b"BEGIN")
    server.send(message(b"C", b"BEGIN\0") + READY)
    assert b"PGL0602" in client.ends()


def test_a_client_that_leaves_meanwhile_leaves_nothing(rig, pair):
    client, server = pair
    client.send(query("SELECT 1"))
    server.gets(b"BEGIN")
    client.socket.close()
    rig.turn(3)
    server.send(BEGUN)
    server.gets(b"ROLLBACK")
    server.send(message(b"C", b"ROLLBACK\0") + READY)
    rig.until(lambda: holds_nothing(rig))


def test_who_leaves_a_block_says_nothing_to_a_server(rig, pair):
    client, server = pair
    client.send(message(b"X"))
    client.ends()
    rig.turn(3)
    assert not server.look()
    assert holds_nothing(rig)


def test_cancelling_what_waits_fails_the_block(rigs):
    rig = rigs(budget=1, lanes=(BULK,))
    holder, server = rig.pair()
    client = rig.client()
    client.gets(READY)
    holder.send(query("SELECT pg_sleep(9)"))
    server.gets(b"pg_sleep")
    client.send(query("BEGIN"))
    client.gets(IN_BLOCK)
    client.send(query("SELECT 1"))
    rig.turn(2)
    rig.cancel(max(rig.worker.clients)).ends()
    told = client.gets(FAILED)
    assert b"PGL0304" in told


def test_a_reload_without_lanes_changes_no_block(rig, pair):
    client, server = pair
    rig.worker.databases["app"].reads_tags = False
    client.send(query("SELECT 1"))
    assert server.gets(b"BEGIN") == query("BEGIN READ ONLY")


def test_a_block_is_limited_as_any_that_idles(rigs):
    rig = rigs(lanes=(BULK,), idle_transaction_ms_max=1000, client_idle_ms_max=500)
    client, _ = rig.pair()
    client.send(query("BEGIN"))
    client.gets(IN_BLOCK)
    rig.later(0.9)
    rig.turn(3)
    assert not client.look()
    rig.later(0.3)
    assert b"idle_transaction_ms_max is 1000" in client.ends()
