"""One server connection: what it says goes to who holds it, and no faster than that one reads."""

import pytest

from pglane.connection.request_messages import FLUSH
from pglane.engine.server_link import TERMINATE
from tests.support.engine_rig import READY, error, message, query
from tests.unit.engine.test_database import DONE, desk

ROW = message(b"D", b"\x00\x01\x00\x00\x10\x00" + b"x" * 4096)


def test_a_client_that_does_not_read_stops_the_server(rigs) -> None:
    rig = rigs(unread_bytes_max=16_384)
    client, server = rig.pair()
    client.send(query("SELECT big"))
    server.gets(b"big")
    (link,) = rig.worker.clients.values()
    sent = 0
    for _ in range(400):
        try:
            sent += server.socket.send(ROW * 16)
        except BlockingIOError:
            break
        rig.turn()
    else:
        raise AssertionError("it took everything")
    assert link.transport.queued_bytes < 16_384 + 2 * 65_536
    held = client.look()
    for _ in range(400):
        if len(held) >= sent:
            break
        rig.turn()
        held = client.look()
    assert len(held) == sent
    assert not link.transport.full


def test_a_lease_that_ended_while_the_client_was_full_leaves_the_server_readable(rigs) -> None:
    rig = rigs(unread_bytes_max=16_384, budget=1)
    client, server = rig.pair()
    other = rig.client()
    other.gets(READY)
    client.send(query("SELECT big"))
    server.gets(b"big")
    (link, _) = rig.worker.clients.values()
    while not link.transport.full:
        server.send(ROW * 4)
        rig.turn()
    server.send(DONE)
    for _ in range(200):
        rig.turn()
        client.look()
    assert client.taken.endswith(DONE)
    other.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    server.send(DONE)
    other.gets(READY)


def test_a_server_that_does_not_read_stops_the_client(rig) -> None:
    client, server = rig.pair()
    client.send(query("COPY t FROM STDIN"))
    server.gets(b"COPY")
    server.send(message(b"G", b"\x00\x00\x00"))
    client.gets(b"G")
    link = next(iter(rig.worker.clients.values()))
    data, sent = message(b"d", b"x" * 8000), 0
    for _ in range(400):
        try:
            sent += client.socket.send(data)
        except BlockingIOError:
            break
        rig.turn()
    else:
        raise AssertionError("it took everything")
    assert link.server.transport.queued_bytes < 262_144 + 2 * 65_536
    # The server refuses the rest: the lease ends with bytes queued; the client must not be stuck.
    server.send(error("22P04") + READY)
    client.gets(READY)
    for _ in range(400):
        rig.turn()
        server.look()
    assert not link.transport.paused
    client.send(data[sent % len(data) :] + query("SELECT 1"))
    server.gets(b"SELECT 1")


@pytest.mark.parametrize("leaves", [False, True])
def test_half_a_message_of_a_failed_copy_does_not_swallow_what_comes_next(rigs, leaves) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    other = rig.client()
    other.gets(READY)
    client.send(query("COPY t FROM STDIN"))
    server.gets(b"COPY")
    server.send(message(b"G", b"\x00\x00\x00"))
    client.gets(b"G")
    data = message(b"d", b"x" * 9000)
    client.send(data[:4000])
    server.gets(data[:4000])
    server.send(error("22P04") + READY)
    client.gets(READY)
    other.send(query("SELECT 2"))
    rig.turn(3)
    assert server.look() == b"", "the server still waits for the rest of the message"
    if leaves:
        client.socket.close()
        server.ends()
        server.socket.close()
        rig.accept_login().gets(query("SELECT 2"))
        return
    client.send(data[4000:])
    assert server.gets(b"SELECT 2") == data[4000:] + query("SELECT 2")


def test_statements_it_forgot_are_forgotten(rig) -> None:
    client, server = rig.pair()
    client.send(message(b"P", b"one\x00SELECT 1\x00\x00\x00") + message(b"S"))
    server.gets(message(b"S"))
    server.send(message(b"1") + READY)
    client.gets(READY)
    slot = next(iter(desk(rig).ledger))
    assert len(slot.link.exchange.statements) == 1
    client.send(query("DISCARD ALL"))
    server.gets(b"DISCARD ALL")
    server.send(message(b"C", b"DISCARD ALL\x00") + READY)
    client.gets(READY)
    assert len(slot.link.exchange.statements) == 0


def test_a_setting_the_server_reports_is_the_clients(rig) -> None:
    client, server = rig.pair()
    client.send(query("SET client_encoding = 'LATIN1'"))
    server.gets(b"LATIN1")
    told = message(b"S", b"client_encoding\x00LATIN1\x00")
    server.send(message(b"C", b"SET\x00") + told + READY)
    client.gets(told)
    (link,) = rig.worker.clients.values()
    assert link.requests.encoding == "LATIN1"


def test_a_pipeline_with_an_error_goes_on_behind_its_sync(rig) -> None:
    client, server = rig.pair()
    client.send(message(b"P", b"\x00SELECT 1/0\x00\x00\x00") + message(b"H"))
    server.gets(message(b"H"))
    server.send(error("22012"))
    client.gets(b"22012")
    client.send(message(b"S") + query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(READY)
    client.gets(READY)


def test_nonsense_of_the_server_costs_the_connection(rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(message(b"!", b"nonsense"))
    assert b"PGL0603" in client.ends()
    server.gets(b"X\x00\x00\x00\x04")


def test_a_last_word_behind_a_whole_answer_costs_nobody_anything(rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE + error("57P01", "FATAL"))
    assert client.gets(READY) == DONE
    rig.turn(3)
    assert not client.ended


def test_what_a_client_that_is_gone_did_behind_a_discard_is_discarded_too(rig) -> None:
    client, server = rig.pair()
    client.send(query("DISCARD ALL") + query("PREPARE p AS SELECT 1"))
    server.gets(b"PREPARE p")
    client.socket.close()
    rig.accept().socket.close()  # a cancel that comes too late
    server.send(message(b"C", b"DISCARD ALL\x00") + READY)
    rig.turn(3)
    server.send(message(b"C", b"PREPARE\x00") + READY)
    server.gets(b"DISCARD ALL")


def test_a_direct_client_that_leaves_takes_its_server_along(rig) -> None:
    client, server = rig.pair("direct")
    client.send(b"unread")
    server.gets(b"unread")
    client.socket.close()
    rig.accept().socket.close()
    server.ends()
    server.socket.close()
    rig.until(lambda: desk(rig).ledger.used == 0)


def test_a_client_that_leaves_as_soon_as_it_may_go_on_is_put_in_order_once(rig) -> None:
    client, server = rig.pair()
    client.send(message(b"S") + message(b"C", b"Sa\x00") + TERMINATE)
    server.gets(FLUSH)
    server.send(READY)
    client.ends()
    assert desk(rig).ledger.statistics().idle == 1
    assert not rig.worker.internal_errors
