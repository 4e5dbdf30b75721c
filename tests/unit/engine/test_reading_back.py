"""What becomes of a session that its client changed: read, carried, or left where it is."""

import json

import pytest

from pglane.wire.mentions import Names
from tests.support.engine_rig import READY, Peer, Rig, error, message, query
from tests.support.session_answers import row, set_something, tells, tells_rights
from tests.unit.engine.test_database import DONE, desk


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


PREPARE = "PREPARE a AS SELECT 1"


def prepares(rig: Rig) -> tuple[Peer, Peer]:
    """A client that has prepared a statement by SQL, on the one server connection."""
    client, server = rig.pair()
    client.send(query(PREPARE))
    server.gets(b"PREPARE a")
    server.send(message(b"C", b"PREPARE\x00") + READY)
    assert b"pg_settings" not in server.gets(b"pg_prepared_statements")
    server.send(row(b'[["a", "PREPARE a AS SELECT 1"]]'))
    client.gets(READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)
    return client, server


def test_a_statement_goes_and_comes_with_its_client(rigs) -> None:
    rig = rigs(budget=1)
    client, server = prepares(rig)
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 1"))
    assert server.gets(b"DEALLOCATE") == query('DEALLOCATE "a"')
    server.send(message(b"C", b"DEALLOCATE\x00") + READY)
    server.gets(b"SELECT 1")
    server.send(DONE)
    other.gets(READY)
    client.send(query("EXECUTE a"))
    assert server.gets(b"PREPARE") == query(PREPARE)
    server.send(message(b"C", b"PREPARE\x00") + READY)
    server.gets(b"EXECUTE a")


def test_a_statement_that_cannot_be_prepared_is_tried_again_next_time(rigs) -> None:
    rig = rigs(budget=1)
    client, server = prepares(rig)
    (link,) = rig.worker.clients.values()
    (slot,) = desk(rig).ledger
    slot.link.now_holds(rig.worker.vectors.empty)
    for _ in range(2):
        client.send(query("SELECT 2"))
        assert server.gets(b"PREPARE") == query(PREPARE)
        server.send(error("42P01") + READY)
        server.gets(b"SELECT 2")
        server.send(DONE)
        client.gets(READY)
    assert list(link.vector.prepared.by_name) == ["a"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("PREPARE b AS SELECT 2", ["a", "b"]),
        ("DEALLOCATE c; PREPARE b AS SELECT 2", ["a", "b"]),
        ("DEALLOCATE ALL; PREPARE b AS SELECT 2", ["b"]),
    ],
)
def test_a_statement_that_could_not_be_prepared_outlives_a_look(rigs, text: str, kept) -> None:
    """It is not on the server connection that is asked what is prepared."""
    rig = rigs(budget=1)
    client, server = prepares(rig)
    (link,) = rig.worker.clients.values()
    (slot,) = desk(rig).ledger
    slot.link.now_holds(rig.worker.vectors.empty)
    client.send(query(text))
    assert server.gets(b"PREPARE") == query(PREPARE)
    server.send(error("42P01") + READY)
    server.gets(b"PREPARE b")
    server.send(message(b"C", b"PREPARE\x00") + READY)
    server.gets(b"pg_prepared_statements")
    server.send(row(b'[["b", "PREPARE b AS SELECT 2"]]'))
    client.gets(READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)
    assert list(link.vector.prepared.by_name) == kept
    assert list(slot.link.vector.prepared.by_name) == ["b"]


@pytest.mark.parametrize("left", [False, True])
def test_where_a_statement_cannot_be_dropped_all_are(rigs, left: bool) -> None:
    rig = rigs(budget=1)
    _, server = prepares(rig)
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 1"))
    server.gets(b"DEALLOCATE")
    if left:
        other.socket.close()
        rig.turn(3)
    server.send(error("26000") + READY)
    assert server.gets(b"DEALLOCATE ALL") == query("DEALLOCATE ALL")
    server.send(message(b"C", b"DEALLOCATE ALL\x00") + READY)
    if left:
        rig.until(lambda: desk(rig).ledger.statistics().idle == 1)
    else:
        server.gets(b"SELECT 1")


def test_a_text_with_more_in_it_keeps_its_client(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("PREPARE a AS SELECT 1; SELECT 2"))
    server.gets(b"PREPARE a")
    server.send(message(b"C", b"PREPARE\x00") + READY)
    server.gets(b"pg_prepared_statements")
    server.send(row(b'[["a", "PREPARE a AS SELECT 1; SELECT 2"]]'))
    (link,) = rig.worker.clients.values()
    rig.until(lambda: link.pinned)


def test_what_a_prepared_statement_does_is_known_when_it_is_executed(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    watch = rig.worker.databases["app"].watch
    watch.sight.learn(Names((), (), (b"set_config",)))
    watch.renew()
    text = "PREPARE a AS SELECT set_config('app.x', '1', false)"
    client.send(query(text))
    server.gets(b"PREPARE a")
    server.send(message(b"C", b"PREPARE\x00") + READY)
    tells_rights(server)
    tells_of_app(server, b"", text)
    client.gets(READY)
    client.send(query("EXECUTE a"))
    server.gets(b"EXECUTE")
    server.send(message(b"C", b"SELECT 1\x00") + READY)
    server.gets(b"app.x")
    server.send(row(b"1", b"anna", b"none", b"[]"))
    (link,) = rig.worker.clients.values()
    rig.until(lambda: link.vector.items == {"app.x": "1"})


def tells_of_app(server: Peer, value: bytes, text: str) -> None:
    """The answer to everything, with one custom setting that does not exist yet."""
    server.gets(b"pg_prepared_statements")
    statements = json.dumps([["a", text]]).encode()
    answer = row(value, b"anna", b"none", b"[]", statements)
    server.send(answer.replace(b"\0\0\0\0", b"\xff\xff\xff\xff", 1))


def test_a_client_that_leaves_amid_a_prepare_leaves_nothing_prepared(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query(PREPARE))
    server.gets(b"PREPARE a")
    server.send(message(b"C", b"PREPARE\x00") + READY)
    server.gets(b"pg_prepared_statements")
    client.socket.close()
    rig.turn(3)
    server.send(row(b"[]"))
    server.gets(b"DISCARD ALL")


def test_a_session_forgets_what_others_prepared_by_sql(rigs) -> None:
    rig = rigs(budget=1)
    _, server = prepares(rig)
    session = rig.client("session")
    session.gets(READY)
    session.send(query("SELECT 1"))
    server.gets(b"DEALLOCATE ALL")
    server.send(message(b"C", b"DEALLOCATE ALL\x00") + READY)
    server.gets(b"SELECT 1")


@pytest.mark.parametrize("left", [False, True])
def test_what_cannot_be_dropped_at_all_is_met_by_nobody(rigs, left: bool) -> None:
    """A statement_timeout of the last client, or a cancel that comes late, can stop it."""
    rig = rigs(budget=1)
    _, server = prepares(rig)
    session = rig.client("session")
    session.gets(READY)
    session.send(query("SELECT 1"))
    server.gets(b"DEALLOCATE ALL")
    if left:
        session.socket.close()
        rig.turn(3)
    server.send(error("57014") + READY)
    server.gets(b"X\x00\x00\x00\x04")
    server.socket.close()
    if left:
        rig.until(lambda: not desk(rig).ledger.used)
    else:
        rig.accept_login().gets(b"SELECT 1")


def test_dropping_a_name_of_the_protocol_asks_nothing(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("DEALLOCATE nosuch"))
    server.gets(b"DEALLOCATE")
    server.send(error("26000") + READY)
    client.gets(READY)
    rig.until(lambda: desk(rig).ledger.statistics().idle == 1)


@pytest.mark.parametrize("ends", [False, True])
def test_a_question_about_rights_that_fails_leaves_no_block(rigs, ends: bool) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    client.send(query("SET ROLE r"))
    server.gets(b"SET ROLE")
    server.send(message(b"C", b"SET\x00") + READY)
    server.gets(b"RESET ROLE")
    server.send(error("57014") + message(b"Z", b"E"))
    server.gets(query("ROLLBACK"))
    if ends:
        server.send(error("57014") + READY)
        assert b"could not be rolled back" in client.ends()
    else:
        server.send(message(b"C", b"ROLLBACK\x00") + READY)
        (link,) = rig.worker.clients.values()
        rig.until(lambda: link.pinned)
