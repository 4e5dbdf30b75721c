"""Between two clients: settings are applied, read back, cleaned, whoever leaves meanwhile."""

import json

import pytest

from tests.support.engine_rig import APPLIED, READY, Peer, Rig, error, message, query
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


def row(*values: bytes) -> bytes:
    """The answer to one query of one row."""
    columns = b"".join(len(value).to_bytes(4, "big") + value for value in values)
    body = len(values).to_bytes(2, "big") + columns
    return message(b"D", body) + message(b"C", b"SELECT 1\x00") + READY


def tells_rights(server: Peer) -> None:
    """Which rights the server connection began with."""
    server.gets(b"RESET ROLE")
    server.send(row(b"anna", b"none"))


def tells(server: Peer, *settings: tuple[str, str], role: bytes = b"none") -> None:
    """All that is set in the session."""
    server.gets(b"pg_settings")
    rows = [[name, value, False, True] for name, value in settings]
    server.send(row(b"anna", role, json.dumps(rows).encode()))


def set_something(rig: Rig) -> tuple[Peer, Peer]:
    client, server = rig.pair()
    client.send(query("SET work_mem = '9MB'"))
    server.gets(b"SET work_mem")
    server.send(message(b"C", b"SET\x00") + READY)
    tells_rights(server)
    server.gets(b"pg_settings")
    return client, server


def test_what_a_client_set_is_read_back_and_travels(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("SET work_mem = '9MB'"))
    server.gets(b"SET work_mem")
    server.send(message(b"C", b"SET\x00") + READY)
    tells_rights(server)
    tells(server, ("work_mem", "9MB"))
    rig.turn(3)
    (link,) = rig.worker.clients.values()
    assert link.vector.items == {"work_mem": "9MB"}
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 1"))
    assert b"'work_mem', NULL" in server.gets(b"work_mem")


def test_a_setting_that_is_known_is_read_back_by_its_name(rigs) -> None:
    rig = rigs(budget=1)
    client, server = set_something(rig)
    server.send(row(b"anna", b"none", b'[["work_mem", "9MB", false, true]]'))
    client.gets(READY)
    client.send(query("SET work_mem = '7MB'"))
    server.gets(b"SET work_mem")
    server.send(message(b"C", b"SET\x00") + READY)
    assert b"pg_settings" not in server.gets(b"current_setting")
    server.send(row(b"7MB"))
    client.gets(READY)
    (link,) = rig.worker.clients.values()
    rig.until(lambda: link.vector.items == {"work_mem": "7MB"})


def test_a_role_is_the_clients_own(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("SET ROLE r"))
    server.gets(b"SET ROLE")
    server.send(message(b"C", b"SET\x00") + READY)
    tells_rights(server)
    assert b"pg_settings" not in server.gets(b"current_setting")
    server.send(row(b"anna", b"r"))
    client.gets(READY)
    (link,) = rig.worker.clients.values()
    rig.until(lambda: link.vector.items == {"role": "r"})


@pytest.mark.parametrize("answer", [error("57014") + READY, row(b"one", b"two"), row(b"\xe4")])
def test_where_reading_back_fails_the_client_stays_where_its_settings_are(
    rigs, answer: bytes
) -> None:
    rig = rigs(budget=1)
    client, server = set_something(rig)
    client.send(query("SELECT 1"))
    server.send(answer)
    server.gets(b"SELECT 1")
    (link,) = rig.worker.clients.values()
    assert link.pinned
    server.send(DONE)
    rig.turn(3)
    client.socket.close()
    server.gets(b"DISCARD ALL")


@pytest.mark.parametrize("left", [False, True])
def test_rights_that_are_not_told_keep_the_client_where_it_is(rigs, left: bool) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("SET ROLE r"))
    server.gets(b"SET ROLE")
    server.send(message(b"C", b"SET\x00") + READY)
    server.gets(b"RESET ROLE")
    if left:
        client.socket.close()
        rig.turn(3)
    server.send(error("57014") + READY)
    if left:
        server.gets(b"DISCARD ALL")
    else:
        (link,) = rig.worker.clients.values()
        rig.until(lambda: link.pinned)


def test_a_setting_that_cannot_be_carried_keeps_the_client_where_it_is(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("SET session_preload_libraries = 'x'"))
    server.gets(b"SET session")
    server.send(message(b"C", b"SET\x00") + READY)
    (link,) = rig.worker.clients.values()
    rig.until(lambda: link.pinned)


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


def test_a_client_that_leaves_while_it_is_read_back_leaves_a_clean_server(rigs) -> None:
    rig = rigs(budget=1)
    client, server = set_something(rig)
    client.socket.close()
    rig.turn(3)
    server.send(row(b"anna", b"none", b"[]"))
    server.gets(b"RESET ALL")
    assert desk(rig).ledger.statistics().cleaning == 1
    server.send(message(b"C", b"RESET\x00") + READY)
    rig.turn(2)
    assert desk(rig).ledger.statistics().idle == 1


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
    server.gets(b"SELECT ")  # no setting is named: nothing is asked
    server.send(row())
    server.gets(b"RESET ALL")
    if left:
        client.socket.close()
        rig.turn(3)
    server.send(message(b"C", b"RESET\x00") + READY)
    rig.turn(2)
    if left:
        server.gets(b"RESET ALL")
        server.send(message(b"C", b"RESET\x00") + READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)


def test_after_reset_all_only_the_role_is_the_clients_own(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair(application_name="mine")
    client.send(query("RESET ALL"))
    server.gets(b"RESET ALL")
    server.send(message(b"C", b"RESET\x00") + READY)
    tells_rights(server)
    tells(server, role=b"r")
    client.gets(READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)
    (link,) = rig.worker.clients.values()
    assert link.vector.items == {"application_name": "mine", "role": "r"}
    client.send(query("SELECT 1"))
    server.gets(b"'application_name', 'mine'")


def test_what_is_sent_behind_discard_all_is_the_clients_own(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("DISCARD ALL") + query("SET work_mem = '9MB'"))
    server.gets(b"SET work_mem")
    done = message(b"C", b"DISCARD ALL\x00") + READY
    server.send(done + message(b"C", b"SET\x00") + READY)
    tells_rights(server)
    tells(server, ("work_mem", "9MB"))
    client.gets(READY)
    (link,) = rig.worker.clients.values()
    rig.until(lambda: link.vector.items == {"work_mem": "9MB"})


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


def test_a_session_forgets_the_statements_of_others(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    parse = message(b"P", b"one\x00SELECT 1\x00\x00\x00")
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
