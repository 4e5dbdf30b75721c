"""One client: asks, waits, is refused, is heard again."""

from itertools import islice

import pytest

from pglane.engine.client_link import HELD_BYTES_MAX, LEASED
from pglane.pool.ledger import IDLE as IDLE_SLOT
from tests.support.engine_rig import READY, error, message, query, startup
from tests.unit.engine.test_database import DONE, desk


def queued(rig, asked: bytes):
    """A client that waits with what it asked, the holder, and the only server connection."""
    holder, server = rig.pair()
    client = rig.client()
    client.gets(READY)
    holder.send(query("SELECT 0"))
    server.gets(b"SELECT 0")
    client.send(asked)
    rig.turn(2)
    return client, holder, server


@pytest.fixture
def waiting(rigs):
    """A rig, a client that waits, the holder, and the server connection."""
    rig = rigs(budget=1, wait_ms_max=1000)
    client, holder, server = queued(rig, query("SELECT 1"))
    return rig, client, holder, server


def test_a_query_that_waited_goes_on_and_is_not_kept(waiting) -> None:
    rig, client, holder, server = waiting
    link = rig.worker.clients[max(rig.worker.clients)]
    assert link.requests.reader.buffer == query("SELECT 1")
    server.send(DONE)
    assert server.gets(b"SELECT 1") == query("SELECT 1")
    assert link.requests.reader.buffer == b""
    server.send(DONE)
    client.gets(READY)
    holder.gets(READY)


UNIT = (
    message(b"P", b"\x00SELECT $1\x00\x00\x00")
    + message(b"B", b"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x011\x00\x00")
    + message(b"D", b"P\x00")
    + message(b"E", b"\x00\x00\x00\x00\x00")
    + message(b"S")
)
UNIT_DONE = message(b"1") + message(b"2") + message(b"n") + DONE


def test_a_unit_in_one_piece_goes_on_and_is_not_kept(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    reader = rig.worker.clients[1].requests.reader
    before = reader.buffer
    for _ in range(2):
        client.send(UNIT)
        assert server.gets(UNIT) == UNIT
        assert reader.buffer is before, "nobody copied it"
        server.send(UNIT_DONE)
        assert client.gets(READY) == UNIT_DONE


def test_a_unit_that_waited_goes_on_and_is_not_kept(rigs) -> None:
    rig = rigs(budget=1)
    client, holder, server = queued(rig, UNIT)
    link = rig.worker.clients[max(rig.worker.clients)]
    assert link.requests.reader.buffer == UNIT
    server.send(DONE)
    assert server.gets(UNIT) == UNIT
    assert link.requests.reader.buffer == b""
    server.send(UNIT_DONE)
    assert client.gets(READY) == UNIT_DONE


PREPARES = message(b"P", b"a\x00SELECT $1\x00\x00\x00") + message(b"S")
BINDS = message(b"B", b"\x00a\x00\x00\x00\x00\x01\x00\x00\x00\x011\x00\x00")
REST = message(b"E", b"\x00\x00\x00\x00\x00") + message(b"S")
BOUND_DONE = message(b"2") + DONE


def name_in(parse: bytes) -> bytes:
    """The name of ours in a Parse."""
    return parse[5 : parse.index(b"\x00", 5)]


def test_a_statement_with_a_name_is_bound_and_its_request_not_kept(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(PREPARES)
    ours = name_in(server.gets(message(b"S")))
    server.send(message(b"1") + READY)
    client.gets(READY)
    reader = rig.worker.clients[1].requests.reader
    before = reader.buffer
    for _ in range(2):
        client.send(BINDS + REST)
        sent = server.gets(REST)
        assert sent.startswith(b"B")
        assert b"\x00" + ours + b"\x00" in sent
        assert reader.buffer is before, "nobody copied it"
        server.send(BOUND_DONE)
        assert client.gets(READY) == BOUND_DONE
    assert desk(rig).ledger.count(IDLE_SLOT) == 1


def test_who_binds_what_is_not_here_has_it_prepared_first(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(PREPARES)
    server.gets(message(b"S"))
    server.send(message(b"1") + READY)
    client.gets(READY)
    server.socket.close()
    rig.turn(2)
    client.send(BINDS + REST)
    another = rig.accept_login()
    assert b"SELECT $1" in another.gets(b"SELECT $1")


def test_a_request_that_fails_us_costs_its_client_and_its_server_connection(rigs) -> None:
    rig = rigs(budget=1)
    raised: list[Exception] = []
    rig.worker.loop.on_failure = raised.append
    client, server = rig.pair()
    rig.worker.clients[1].requests.statements = None  # nothing a client could do
    client.send(UNIT)
    rig.turn(3)
    assert len(raised) == 1
    client.ends()
    assert not rig.worker.clients
    server.ends()  # in which state it is nobody knows
    server.socket.close()
    rig.until(lambda: desk(rig).ledger.used == 0, "its place is free")


@pytest.mark.parametrize("text", [b"SET work_mem = 1", b"SELECT 1; SELECT 2"])
def test_a_unit_that_needs_care_goes_on_as_well(rigs, text: bytes) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    asked = UNIT.replace(message(b"P", b"\x00SELECT $1\x00\x00\x00"), b"")
    asked = message(b"P", b"\x00" + text + b"\x00\x00\x00") + asked
    client.send(asked)
    assert server.gets(asked) == asked


def test_all_that_waited_goes_on_in_order(waiting) -> None:
    rig, client, _, server = waiting
    client.send(query("SELECT 2") + message(b"P", b"\x00SELECT 3\x00\x00\x00"))
    rig.turn(2)
    server.send(DONE)
    together = query("SELECT 1") + query("SELECT 2") + message(b"P", b"\x00SELECT 3\x00\x00\x00")
    assert server.gets(b"SELECT 3") == together


def test_a_query_that_waited_is_looked_at(rigs) -> None:
    rig = rigs(budget=1)
    client, holder, server = queued(rig, query("LISTEN news"))
    server.send(DONE)
    holder.gets(READY)
    assert not server.look(), "it is listened to elsewhere"


def test_what_comes_while_it_waits_is_held_up_to_a_bound(waiting) -> None:
    rig, client, _, server = waiting
    sent, data = 0, query("SELECT " + "x" * 8000)
    for _ in range(400):
        try:
            sent += client.socket.send(data)
        except BlockingIOError:
            break
        rig.turn()
    else:
        raise AssertionError("it took everything")
    link = rig.worker.clients[max(rig.worker.clients)]
    assert link.requests.reader.buffered_bytes() < HELD_BYTES_MAX + 65_536 + len(data)
    server.send(DONE)
    assert b"xxx" in server.gets(b"xxx")
    assert not link.transport.paused


def test_a_refused_request_is_dropped_whole_and_the_next_is_heard(waiting) -> None:
    rig, client, holder, server = waiting
    client.send(message(b"P", b"\x00SELECT 2\x00\x00\x00"))
    rig.later(1.0)
    assert b"PGL0301" in client.gets(READY)
    rig.turn(2)
    server.send(DONE)
    holder.gets(READY)
    client.send(message(b"S"))
    server.gets(message(b"S"))


def test_a_refused_parse_leaves_no_unnamed_statement_that_another_bind_could_hit(waiting) -> None:
    """What is sent behind a unit is sent before anybody has read that the unit was refused."""
    rig, client, holder, server = waiting
    statements = rig.worker.clients[max(rig.worker.clients)].requests.statements
    statements[b""] = object()
    client.send(message(b"P", b"\x00SELECT 2\x00\x00\x00") + message(b"S"))
    rig.later(1.0)
    client.gets(READY)
    assert statements == {}
    server.send(DONE)
    holder.gets(READY)


def test_a_refused_pipeline_is_dropped_up_to_its_sync(rigs) -> None:
    rig = rigs(budget=1, wait_ms_max=1000)
    client, holder, server = queued(rig, message(b"P", b"\x00SELECT 2\x00\x00\x00"))
    rig.later(1.0)
    told = client.gets(b"PGL0301")
    assert READY not in told
    client.send(message(b"H") + message(b"S"))
    client.gets(READY)
    client.send(message(b"P", b"\x00SELECT 3\x00\x00\x00") + message(b"X"))
    rig.turn(2)
    assert len(desk(rig).queue) == 1


def test_a_refused_client_may_say_goodbye(rigs) -> None:
    rig = rigs(budget=1, wait_ms_max=1000)
    client, holder, server = queued(rig, message(b"P", b"\x00SELECT 2\x00\x00\x00"))
    rig.later(1.0)
    client.gets(b"PGL0301")
    client.send(message(b"X"))
    client.ends()


@pytest.mark.parametrize(
    "sent", [message(b"H"), message(b"d", b"x"), message(b"c"), message(b"f", b"\x00")]
)
def test_what_means_nothing_outside_asks_for_nothing(rig, sent: bytes) -> None:
    client, server = rig.pair()
    client.send(sent + sent)
    rig.turn(2)
    assert server.look() == b""
    client.send(query("SELECT 1"))
    assert server.gets(b"SELECT 1") == query("SELECT 1")


def test_half_a_message_asks_for_nothing(rig) -> None:
    client, server = rig.pair()
    whole = query("SELECT 1")
    client.send(whole[:7])
    rig.turn(2)
    assert desk(rig).ledger.statistics().leased == 0
    client.send(whole[7:])
    server.gets(whole)


@pytest.mark.parametrize("leased", [False, True])
def test_a_length_that_cannot_be_ends_it(rig, leased: bool) -> None:
    client, server = rig.pair()
    if leased:
        client.send(query("BEGIN"))
        server.gets(b"BEGIN")
        server.send(message(b"C", b"BEGIN\x00") + message(b"Z", b"T"))
        client.gets(message(b"Z", b"T"))
    client.send(b"Q\x00\x00\x00\x01")
    assert b"PGL05" in client.ends()
    if leased:
        server.gets(b"ROLLBACK")
    assert rig.worker.internal_errors == 0


def test_a_message_out_of_place_ends_it(rig) -> None:
    client, server = rig.pair()
    client.send(message(b"p", b"password\x00"))
    assert b"PGL05" in client.ends()


def test_a_prepared_statement_works_on_another_server_connection(rigs) -> None:
    rig = rigs(budget=2)
    client, server = rig.pair()
    client.send(message(b"P", b"one\x00SELECT 1\x00\x00\x00") + message(b"S"))
    server.gets(message(b"S"))
    server.send(message(b"1") + READY)
    client.gets(READY)
    holder = rig.client()
    holder.gets(READY)
    holder.send(query("SELECT 0"))
    server.gets(b"SELECT 0")
    bind = message(b"B", b"\x00one\x00\x00\x00\x00\x00\x00\x00")
    client.send(bind + message(b"E", b"\x00\x00\x00\x00\x00") + message(b"S"))
    other = rig.accept_login()
    prepared = other.gets(message(b"H"))
    assert b"SELECT 1" in prepared
    other.send(message(b"1") + message(b"t", b"\x00\x00") + message(b"n"))
    other.gets(message(b"S"))
    other.send(message(b"2") + message(b"C", b"SELECT 1\x00") + READY)
    assert client.gets(READY).startswith(message(b"2"))


def test_an_error_of_ours_costs_the_client_and_its_server_connection(rig) -> None:
    client, server = rig.pair()
    client.send(query("SET work_mem = 64"))
    server.gets(b"SET")
    (link,) = rig.worker.clients.values()
    link.door = None
    server.send(message(b"C", b"SET\x00") + message(b"Z", b"I"))
    client.ends()
    assert rig.worker.internal_errors >= 1
    rig.until(lambda: rig.worker.clients == {} or desk(rig).ledger.statistics().leased == 0)


def test_a_client_that_fails_leaves_a_server_connection_nobody_trusts(rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    (link,) = rig.worker.clients.values()
    link.transport.fail()
    client.ends()
    rig.accept().socket.close()
    server.send(error("57014") + READY)
    server.gets(b"X\x00\x00\x00\x04")


def eager(rig, door: str = "transaction", **more: str):
    """A client that sends a request behind its startup packet, before anything is answered."""
    client = rig.connect(door)
    client.send(startup(user="anna", database="app", **more) + query("SELECT 1"))
    return client


@pytest.mark.parametrize("door", ["transaction", "session", "direct"])
def test_what_comes_before_the_welcome_is_asked_once_and_behind_it(rig, door: str) -> None:
    client = eager(rig, door)
    server = rig.accept_login()
    server.gets(b"SELECT 1")
    assert client.look().endswith(READY)
    assert client.kinds() == "RSKZ"
    (link,) = rig.worker.clients.values()
    assert link.phase == LEASED
    assert link.request is None
    client.send(query("SELECT 2"))
    server.send(DONE)
    server.gets(b"SELECT 2")
    assert rig.nobody_connects()


def test_what_comes_before_the_welcome_stands_in_line_once(rigs) -> None:
    """Twice, the line would have no end, and who walks along it neither."""
    rig = rigs(budget=1)
    clients = [eager(rig) for _ in range(3)]
    server = rig.accept_login()
    for left in (2, 1, 0):
        server.gets(b"SELECT 1")
        assert len(list(islice(desk(rig).queue, 9))) == left
        server.send(DONE)
    for client in clients:
        client.gets(DONE)


def test_what_was_answered_here_before_something_malformed_is_told_to_nobody_else(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(message(b"C", b"Sa\x00") + b"Q\x00\x00\x00\x00")
    told = client.ends()
    assert told.startswith(message(b"3"))
    assert b"invalid message length" in told
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    assert other.gets(READY) == DONE
