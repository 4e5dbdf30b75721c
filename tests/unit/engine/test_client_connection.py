"""What is true of a client however it asks: how it is pinned, how it ends."""

from tests.support.engine_rig import READY, message, query
from tests.unit.engine.test_database import DONE, desk


def test_a_pinned_client_keeps_its_server_connection_until_it_leaves(rigs) -> None:
    rig = rigs(budget=1, transaction_session_state="pin")
    client, server = rig.pair()
    client.send(query("CREATE TEMP TABLE x ()"))
    server.gets(b"CREATE")
    server.send(message(b"C", b"LISTEN\x00") + READY)
    client.gets(READY)
    assert desk(rig).ledger.statistics().leased == 1
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    client.send(query("DISCARD ALL"))
    server.gets(b"DISCARD ALL")
    server.send(message(b"C", b"DISCARD ALL\x00") + READY)
    client.gets(READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)


def test_a_client_leaves_once(rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    (link,) = rig.worker.clients.values()
    link.leave(polite=False)
    assert link.is_gone()
    link.leave(polite=False)
    client.ends()
    assert rig.worker.clients == {}
    assert rig.worker.internal_errors == 0


def test_what_a_client_asked_before_its_stream_broke_is_answered_and_its_slot_is_free(rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1") + query("SELECT 2") + b"Q\x00\x00\x00\x03")
    assert b"C08P01" in client.ends()
    server.gets(b"SELECT 2")
    rig.accept().socket.close()  # the cancel request
    server.send(DONE + DONE)
    rig.until(lambda: desk(rig).ledger.statistics().leased == 0)
