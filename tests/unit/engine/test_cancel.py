"""A cancel request finds its lease, and the server connection is in quarantine meanwhile."""

from pglane.engine.cancel import CANCELS_MAX
from pglane.engine.cancel_keys import PROCESS_ID_MIN
from tests.support.engine_rig import READY, error, message, query, startup
from tests.unit.engine.test_database import DONE, desk

CANCEL = (80877102).to_bytes(4, "big")


def running(rig):
    client, server = rig.pair()
    client.send(query("SELECT pg_sleep(9)"))
    server.gets(b"pg_sleep")
    return client, server


def test_it_is_sent_with_the_servers_key_and_nothing_is_fed_meanwhile(rig) -> None:
    client, server = running(rig)
    canceler = rig.cancel(1)
    strike = rig.accept()
    assert strike.gets(CANCEL)[8:] == b"\x00\x00\x00\x2a\x00\x00\x00\x07"
    server.send(error("57014") + READY)
    client.gets(READY)
    client.send(query("SELECT 2"))
    rig.turn(3)
    assert server.look() == b"", "a cancel on its way must not hit the next query"
    assert not canceler.ended
    strike.socket.close()
    canceler.ends()
    server.gets(b"SELECT 2")


def test_a_wrong_key_does_nothing(rig) -> None:
    running(rig)
    rig.cancel(1, b"\x00\x00\x00\x00").ends()
    assert rig.nobody_connects()


def test_bytes_behind_a_cancel_request_do_not_repeat_it(rig) -> None:
    running(rig)
    canceler = rig.cancel(1)
    rig.accept()
    canceler.send(b"more and more")
    rig.turn(3)
    assert rig.nobody_connects()


def test_no_more_than_so_many_are_on_their_way_at_once(rig) -> None:
    client, server = running(rig)
    cancelers = [rig.cancel(1) for _ in range(CANCELS_MAX)]
    strikes = [rig.accept() for _ in cancelers]
    rig.cancel(1).ends()
    assert rig.nobody_connects()
    assert not any(canceler.ended for canceler in cancelers)
    for strike in strikes:
        strike.gets(CANCEL)
        strike.socket.close()
    for canceler in cancelers:
        canceler.ends()
    again = rig.cancel(1)
    rig.accept().socket.close()
    again.ends()
    server.send(error("57014") + READY)
    client.gets(READY)


def test_one_that_waits_is_told_and_keeps_its_connection(rigs) -> None:
    rig = rigs(budget=1)
    client, server = running(rig)
    waiting = rig.client()
    waiting.gets(READY)
    waiting.send(query("SELECT 2"))
    rig.turn(2)
    rig.cancel(3 if 3 in rig.worker.clients else max(rig.worker.clients)).ends()
    assert b"PGL0304" in waiting.gets(READY)
    assert not len(desk(rig).queue)


def test_one_that_is_too_slow_makes_the_server_connection_unfit_for_others(rig) -> None:
    client, server = running(rig)
    canceler = rig.cancel(1)
    rig.accept()
    rig.later(6.0)
    canceler.ends()
    server.send(DONE)
    client.gets(READY)
    server.gets(b"X\x00\x00\x00\x04")


def test_one_that_cannot_be_sent_is_over(rig) -> None:
    client, server = running(rig)
    rig.server.close()
    (rig.folder / ".s.PGSQL.5432").unlink()
    canceler = rig.cancel(1)
    canceler.ends()
    server.send(DONE)
    client.gets(READY)


def test_a_server_that_dies_meanwhile_is_only_lost_once(rig) -> None:
    client, server = running(rig)
    canceler = rig.cancel(1)
    strike = rig.accept()
    server.socket.close()
    client.ends()
    strike.send(b"a server says nothing here")
    strike.socket.close()
    canceler.ends()
    assert desk(rig).ledger.used == 0
    assert rig.worker.internal_errors == 0


def test_a_client_that_vanishes_has_its_query_cancelled(rig) -> None:
    client, server = running(rig)
    client.socket.close()
    strike = rig.accept()
    strike.gets(CANCEL)
    server.send(error("57014") + READY)
    rig.turn(2)
    assert desk(rig).ledger.statistics().leased == 1
    strike.socket.close()
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)


def test_a_client_that_says_goodbye_lets_its_query_end(rig) -> None:
    client, server = running(rig)
    client.send(message(b"X"))
    client.ends()
    assert rig.nobody_connects()
    server.send(DONE)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)


def test_one_that_leaves_before_its_welcome_is_found_no_more(rig) -> None:
    client = rig.client()
    rig.until(lambda: rig.worker.clients)
    (link,) = rig.worker.clients.values()
    assert rig.worker.cancel_keys.knows(link.process_id)
    client.socket.close()
    rig.until(lambda: not rig.worker.clients)
    assert not rig.worker.cancel_keys.knows(link.process_id)


def test_nobody_is_found_who_has_no_key(rig, monkeypatch) -> None:
    """The system gives random bytes once, and then no more."""
    client = rig.connect()
    rig.until(lambda: rig.worker.login_count() == 1)
    drawn = iter([bytes(4)])
    monkeypatch.setattr("secrets.token_bytes", lambda count: next(drawn))
    client.send(startup(user="anna", database="app"))
    client.ends()
    assert rig.worker.clients == {}
    assert not rig.worker.cancel_keys.knows(PROCESS_ID_MIN)


def test_one_that_comes_too_late_does_not_end_the_lease_of_an_open_unit(rigs) -> None:
    """Behind a Flush all is answered, and the transaction is open until the Sync."""
    rig = rigs(budget=1)
    client, server = rig.pair()
    other = rig.client()
    other.gets(READY)
    begun = message(b"P", b"\x00INSERT\x00\x00\x00") + message(b"B", bytes(8))
    client.send(begun + message(b"E", bytes(5)) + message(b"H"))
    server.gets(message(b"H"))
    other.send(query("SELECT 2"))
    canceler = rig.cancel(1)
    strike = rig.accept()
    strike.gets(CANCEL)
    executed = message(b"1") + message(b"2") + message(b"C", b"INSERT 0 1\x00")
    server.send(executed)
    client.gets(executed)
    strike.socket.close()
    canceler.ends()
    rig.turn(3)
    assert not server.look(), "somebody else's query would be part of that transaction"
    client.send(message(b"S"))
    assert server.gets(message(b"S")) == message(b"S")
    server.send(READY)
    client.gets(READY)
    server.gets(b"SELECT 2")
