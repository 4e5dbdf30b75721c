"""Settings in one packet with the request that needs them: what if they are refused?"""

import pytest

from pglane.engine.server_link import TERMINATE
from tests.support.engine_rig import APPLIED, READY, Peer, Rig, error, message, query
from tests.unit.engine.test_database import DONE, desk

FAILED = message(b"Z", b"E")
REFUSED = error("25P02") + FAILED
ROLLED_BACK = message(b"C", b"ROLLBACK\x00") + READY
BLOCK = message(b"C", b"BEGIN\x00") + APPLIED[: -len(READY)] + message(b"C", b"COMMIT\x00") + READY
INSERT = query("INSERT INTO t VALUES (1)")


@pytest.fixture
def riding(rigs) -> tuple[Rig, Peer, Peer]:
    """A client whose request was sent with its settings; the server has not answered."""
    rig = rigs(budget=1)
    client, server = rig.pair()
    other = rig.client(application_name="other")
    server.gets(b"set_config")
    server.send(APPLIED)
    other.gets(READY)
    client.send(INSERT)
    told = server.gets(b"INSERT")
    assert told.endswith(INSERT)
    assert b"BEGIN ISOLATION" in told
    assert b"'application_name', NULL, false) IS NULL; COMMIT" in told
    return rig, client, server


def begins_anew(server: Peer) -> None:
    """The server refuses settings and request; both are undone, and the settings asked again."""
    server.send(error("42501") + FAILED + REFUSED)
    assert server.gets(b"ROLLBACK") == query("ROLLBACK")
    server.send(ROLLED_BACK)
    told = server.gets(b"set_config")
    assert b"BEGIN" not in told
    assert b"INSERT" not in told


def test_both_are_answered(riding) -> None:
    rig, client, server = riding
    server.send(BLOCK + DONE)
    assert client.gets(READY) == DONE
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)
    client.send(INSERT)
    assert server.gets(b"INSERT") == INSERT, "the state is there"


def test_what_is_sent_meanwhile_waits(riding) -> None:
    rig, client, server = riding
    client.send(query("COMMIT"))
    rig.turn(3)
    assert server.look() == b""
    server.send(BLOCK + DONE)
    assert client.gets(READY) == DONE
    assert server.gets(b"COMMIT") == query("COMMIT")
    server.send(DONE)
    client.gets(READY)


def test_a_refused_request_is_made_again_and_its_client_never_learns(riding) -> None:
    _, client, server = riding
    begins_anew(server)
    assert client.look() == b""
    server.send(APPLIED)
    assert server.gets(b"INSERT") == INSERT
    server.send(DONE)
    assert client.gets(READY) == DONE


def test_what_came_meanwhile_stays_behind_it(riding) -> None:
    _, client, server = riding
    client.send(query("SELECT 2"))
    begins_anew(server)
    server.send(APPLIED)
    assert server.gets(b"SELECT 2") == INSERT + query("SELECT 2")
    server.send(DONE + DONE)
    client.gets(DONE + DONE)


def test_settings_that_are_refused_again_end_the_client_with_the_servers_words(riding) -> None:
    rig, client, server = riding
    begins_anew(server)
    server.send(error("42501") + READY)
    told = client.ends()
    assert b"FATAL" in told
    assert b"42501" in told
    assert b"25P02" not in told
    assert desk(rig).ledger.statistics().idle == 1


def test_a_prepared_statement_is_described_before_it_is_made_anew(rigs) -> None:
    """It waits for an answer in the middle of its request."""
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(message(b"P", b"one\x00SELECT $1\x00\x00\x00") + message(b"S"))
    server.gets(message(b"S"))
    server.send(message(b"1") + READY)
    client.gets(READY)
    other = rig.client(application_name="other")
    server.gets(b"set_config")
    server.send(APPLIED)
    other.gets(READY)
    rig.worker.shapes.renew()
    for link in rig.worker.clients.values():
        for slot in link.database.desk.ledger:
            slot.link.exchange.statements.clear()
    client.send(message(b"B", b"\x00one\x00" + bytes(6)) + message(b"E", bytes(5)) + message(b"S"))
    told = server.gets(message(b"H"))
    assert b"COMMIT" in told
    server.send(error("42501") + FAILED + error("25P02"))
    assert server.gets(message(b"S")) == message(b"S")
    server.send(FAILED)
    server.gets(b"ROLLBACK")
    server.send(ROLLED_BACK)
    server.gets(b"set_config")
    server.send(APPLIED)
    server.gets(message(b"H"))
    server.send(message(b"1") + message(b"t", b"\x00\x00") + message(b"n"))
    server.gets(message(b"S"))
    server.send(message(b"2") + DONE)
    assert client.gets(READY) == message(b"2") + DONE


def test_if_it_cannot_be_rolled_back_the_client_hears_that_the_server_is_lost(riding) -> None:
    rig, client, server = riding
    server.send(error("42501") + FAILED + REFUSED)
    server.gets(b"ROLLBACK")
    server.send(error("XX000") + FAILED)
    told = client.ends()
    assert b"08007" not in told, "nothing of it ran"
    assert b"FATAL" in told
    assert desk(rig).ledger.statistics().closing == 1


def test_a_commit_that_fails_leaves_the_outcome_unknown(riding) -> None:
    _, client, server = riding
    server.send(error("40001") + READY + DONE)
    assert b"08007" in client.ends()
    assert server.gets(b"X") == message(b"X")


@pytest.mark.parametrize("refused", [False, True])
def test_a_client_that_leaves_leaves_the_server(riding, refused: bool) -> None:
    rig, client, server = riding
    client.socket.close()
    rig.turn(3)
    if refused:
        server.send(error("42501") + FAILED + REFUSED)
        server.gets(b"ROLLBACK")
        server.send(ROLLED_BACK)
    else:
        server.send(BLOCK + DONE)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)


def test_a_client_that_says_good_bye_has_had_its_request(riding) -> None:
    _, client, server = riding
    client.send(message(b"X"))
    begins_anew(server)
    server.send(APPLIED)
    assert server.gets(b"INSERT") == INSERT


def cancels(rig: Rig) -> Peer:
    """The client cancels."""
    number = min(rig.worker.clients)
    canceler = rig.cancel(number)
    rig.turn(3)
    return canceler


def test_a_cancel_waits_until_it_hits_the_request(riding) -> None:
    rig, client, server = riding
    canceler = cancels(rig)
    assert rig.nobody_connects()
    server.send(BLOCK)
    struck = rig.accept()
    struck.gets(b"\x00\x00\x00\x2a")
    struck.socket.close()
    canceler.ends()
    server.send(error("57014") + READY)
    assert b"57014" in client.gets(READY)


def test_a_cancel_that_comes_too_late_or_too_early_hits_nothing(riding) -> None:
    rig, client, server = riding
    canceler = cancels(rig)
    server.send(BLOCK + DONE)
    client.gets(READY)
    canceler.ends()
    assert rig.nobody_connects()


def test_a_cancel_of_a_refused_request_hits_nothing(riding) -> None:
    rig, _, server = riding
    canceler = cancels(rig)
    begins_anew(server)
    canceler.ends()
    assert rig.nobody_connects()


def test_a_client_that_is_gone_has_its_request_cancelled(riding) -> None:
    rig, client, server = riding
    client.socket.close()
    rig.turn(3)
    assert rig.nobody_connects()
    server.send(BLOCK)
    struck = rig.accept()
    struck.gets(b"\x00\x00\x00\x2a")
    struck.socket.close()
    server.send(error("57014") + READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)


def test_a_cancel_ends_with_its_server_connection(riding) -> None:
    rig, client, server = riding
    canceler = cancels(rig)
    server.socket.close()
    canceler.ends()
    assert b"08007" in client.ends()
    assert rig.heard("ready")


def test_a_client_that_is_gone_before_its_request_was_sent_leaves_nothing_behind(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("COPY t FROM STDIN"))
    server.gets(b"COPY")
    server.send(error("42P01") + READY)
    client.gets(READY)
    other = rig.client(application_name="other")
    server.gets(b"set_config")
    server.send(APPLIED)
    other.gets(READY)
    client.send(message(b"S"))  # it waits until all is answered: there may be a COPY
    server.gets(b"BEGIN ISOLATION")
    client.socket.close()
    rig.turn(3)
    server.send(BLOCK)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)
    assert not rig.worker.internal_errors


def test_a_client_that_leaves_behind_its_settings_is_put_in_order_once(riding) -> None:
    rig, client, server = riding
    client.send(TERMINATE)
    rig.turn(2)
    server.send(BLOCK + DONE)
    client.ends()
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)
    assert not rig.worker.internal_errors
