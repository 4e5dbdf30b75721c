"""Between two clients: settings are applied, read back, cleaned, whoever leaves meanwhile."""

import pytest

from tests.support.engine_rig import APPLIED, READY, Peer, Rig, error, message, query
from tests.support.session_answers import row, set_something
from tests.unit.engine.test_database import DONE, desk


def other_settings(rig: Rig) -> tuple[Peer, Peer]:
    """A client whose settings are not those of the one server connection, which is idle."""
    _, server = rig.pair()
    client = rig.client(application_name="other")
    server.gets(b"set_config")
    server.send(APPLIED)
    client.gets(READY)
    return client, server


def test_settings_are_applied_before_the_first_request(rigs) -> None:
    rig = rigs(budget=1)
    client, server = other_settings(rig)
    client.send(query("SELECT 1"))
    assert server.gets(b"SELECT 1") == query("SELECT 1")


def test_a_client_that_leaves_while_its_settings_are_applied_leaves_the_server(rigs) -> None:
    rig = rigs(budget=1)
    first, server = rig.pair()
    client = rig.client(application_name="other")
    server.gets(b"set_config")
    client.socket.close()
    rig.turn(3)
    server.send(APPLIED)
    rig.turn(2)
    assert desk(rig).ledger.statistics().idle == 1
    first.send(query("SELECT 1"))
    assert b"'application_name', NULL" in server.gets(b"application_name")


def test_settings_the_server_refuses_end_the_client_with_its_words(rigs) -> None:
    rig = rigs(budget=1)
    _, server = rig.pair()
    client = rig.client(application_name="other")
    server.gets(b"set_config")
    server.send(error("22023") + READY)
    told = client.ends()
    assert b"FATAL" in told
    assert b"so said the server" in told
    assert desk(rig).ledger.statistics().idle == 1


def test_a_cancel_does_not_hit_a_query_of_ours(rigs) -> None:
    rig = rigs(budget=1)
    client, server = set_something(rig)
    (link,) = rig.worker.clients.values()
    canceler = rig.connect()
    key = link.key
    body = (80877102).to_bytes(4, "big") + link.process_id.to_bytes(4, "big") + key
    canceler.send((len(body) + 4).to_bytes(4, "big") + body)
    canceler.ends()
    assert rig.nobody_connects()


@pytest.fixture
def waiting(rigs) -> tuple[Rig, Peer, Peer, Peer]:
    """A client whose request waits behind a query of ours, and what cancels it."""
    rig = rigs(budget=1)
    first, server = rig.pair()
    first.send(message(b"P", b"\x00SELECT 1\x00\x00\x00") + message(b"S"))
    server.gets(message(b"S"))
    server.send(message(b"1") + READY)
    first.gets(READY)
    client = rig.client("session")
    client.gets(READY)
    client.send(query("SELECT pg_sleep(9)"))
    assert b"pg_sleep" not in server.gets(b"DEALLOCATE ALL")
    canceler = rig.cancel(max(rig.worker.clients))
    assert rig.nobody_connects(), "it would hit the query of ours"
    assert not canceler.look()
    assert not canceler.ended
    return rig, client, server, canceler


def test_a_cancel_amid_a_query_of_ours_hits_the_request_behind_it(waiting) -> None:
    rig, client, server, canceler = waiting
    server.send(message(b"C", b"DEALLOCATE ALL\x00") + READY)
    server.gets(b"pg_sleep")
    strike = rig.accept()
    strike.gets((80877102).to_bytes(4, "big"))
    server.send(error("57014") + READY)
    assert b"57014" in client.gets(READY)
    assert not canceler.ended
    strike.socket.close()
    canceler.ends()
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")


def test_a_cancel_amid_a_query_of_ours_is_over_with_its_client(waiting) -> None:
    rig, client, server, canceler = waiting
    client.socket.close()
    canceler.ends()
    server.send(message(b"C", b"DEALLOCATE ALL\x00") + READY)
    server.gets(b"DISCARD ALL")
    assert rig.nobody_connects()


def test_a_transaction_left_open_is_rolled_back_and_cleaned(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(message(b"C", b"BEGIN\x00") + message(b"Z", b"T"))
    client.gets(message(b"Z", b"T"))
    client.socket.close()
    server.gets(b"ROLLBACK")
    assert desk(rig).ledger.statistics().cleaning == 1
    server.send(message(b"C", b"ROLLBACK\x00") + READY)
    server.gets(b"RESET ALL")
    server.send(message(b"C", b"RESET\x00") + READY)
    rig.turn(2)
    assert desk(rig).ledger.statistics().idle == 1


def test_what_is_cleaned_while_its_database_is_vacated_is_closed(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(message(b"C", b"BEGIN\x00") + message(b"Z", b"T"))
    client.gets(message(b"Z", b"T"))
    client.socket.close()
    server.gets(b"ROLLBACK")
    rig.worker.vacate_databases()
    server.send(message(b"C", b"ROLLBACK\x00") + READY)
    server.gets(b"RESET ALL")
    server.send(message(b"C", b"RESET\x00") + READY)
    rig.turn(2)
    assert desk(rig).ledger.statistics().closing == 1


def test_what_cannot_be_cleaned_is_closed(rigs) -> None:
    rig = rigs(budget=1, transaction_session_state="pin")
    client, server = rig.pair()
    client.send(query("CREATE TEMP TABLE t (a int)"))
    server.gets(b"CREATE")
    server.send(message(b"C", b"CREATE TABLE\x00") + READY)
    client.gets(READY)
    assert desk(rig).ledger.statistics().leased == 1
    client.send(b"X\x00\x00\x00\x04")
    server.gets(b"DISCARD ALL")
    server.send(error("57014") + READY)
    server.gets(b"X\x00\x00\x00\x04")


@pytest.mark.parametrize("left", [False, True])
def test_a_text_that_should_have_failed_is_cleaned_behind(rigs, left: bool) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("WHAT IS THIS"))
    server.gets(b"WHAT ")
    server.send(message(b"C", b"SELECT 1\x00") + READY)
    server.gets(b"RESET ALL")  # no setting is named: nothing is asked
    if left:
        client.socket.close()
        rig.turn(3)
    server.send(message(b"C", b"RESET\x00") + READY)
    rig.turn(2)
    if left:
        server.gets(b"RESET ALL")
        server.send(message(b"C", b"RESET\x00") + READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)


def test_the_server_connection_in_the_clients_state_comes_first(rigs) -> None:
    rig = rigs(budget=2)
    client, server = set_something(rig)
    server.send(row(b"anna", b"none", b'[["work_mem", "9MB", false, true]]'))
    client.gets(READY)
    client.send(query("SELECT 0"))
    server.gets(b"SELECT 0")
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 1"))
    another = rig.accept_login()
    another.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    another.send(DONE)  # the newest idle one from here on, and in another state
    other.gets(READY)
    client.send(query("SELECT 2"))
    assert server.gets(b"SELECT 2") == query("SELECT 2")


@pytest.mark.parametrize("name", [b"one", b""])
def test_a_session_forgets_the_statements_of_others(rigs, name: bytes) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    parse = message(b"P", name + b"\x00SELECT 1\x00\x00\x00")
    client.send(parse + message(b"S"))
    server.gets(message(b"S"))
    server.send(message(b"1") + READY)
    client.gets(READY)
    session = rig.client("session")
    session.gets(READY)
    session.send(query("SELECT 1"))
    server.gets(b"DEALLOCATE ALL")
    session.socket.close()
    rig.turn(3)
    server.send(message(b"C", b"DEALLOCATE ALL\x00") + READY)
    server.gets(b"DISCARD ALL")
    server.send(message(b"C", b"DISCARD ALL\x00") + READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    server.send(DONE)


def drawn(rig: Rig) -> tuple[Peer, Peer, Peer]:
    """A client that has drawn a value, another one, and the one server connection."""
    first, server = rig.pair()
    first.send(query("INSERT INTO t VALUES (1)"))
    server.gets(b"INSERT")
    server.send(DONE)
    first.gets(READY)
    other = rig.client()
    other.gets(READY)
    return first, other, server


def test_what_others_drew_stays_where_nobody_asks(rigs) -> None:
    _first, other, server = drawn(rigs(budget=1))
    other.send(query("SELECT 1"))
    assert server.gets(b"SELECT 1") == query("SELECT 1")


@pytest.mark.parametrize("succeeds", [True, False])
def test_what_others_drew_is_discarded_where_somebody_asks(rigs, *, succeeds: bool) -> None:
    rig = rigs(budget=1)
    _first, other, server = drawn(rig)
    other.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(message(b"C", b"BEGIN\x00") + message(b"Z", b"T"))
    other.send(query("INSERT INTO t VALUES (1)"))
    server.gets(b"INSERT")
    server.send(message(b"C", b"INSERT 0 1\x00") + message(b"Z", b"T"))
    other.send(query("INSERT INTO t VALUES (2); SELECT lastval()"))
    server.gets(b"pglane refuses")
    server.send(error("42601") + message(b"Z", b"E"))
    assert b"PGL0413" in other.gets(message(b"Z", b"E"))
    other.send(query("ROLLBACK"))
    server.gets(b"ROLLBACK")
    server.send(message(b"C", b"ROLLBACK\x00") + READY)
    other.gets(READY)
    other.send(query("SELECT 2"))
    assert server.gets(b"DISCARD") == query("DISCARD SEQUENCES")
    server.send(DONE if succeeds else error("XX000") + READY)
    assert server.gets(b"SELECT 2") == query("SELECT 2")
    server.send(DONE)
    other.gets(READY)
    other.send(query("SELECT 3"))
    if succeeds:
        assert server.gets(b"SELECT 3") == query("SELECT 3")
    else:
        server.ends()
