"""What becomes of a lease whose statement may have left what no text shows."""

import json

import pytest

from pglane.connection.sql_statements import SqlStatement
from pglane.wire.mentions import Names
from tests.support.engine_rig import READY, Peer, Rig, error, message, query

CLEAN = (b"17", b"f", b"f", b"f", b"f")
LOCKED = (b"17", b"t", b"f", b"f", b"f")
NAMES = Names((b"locks",), (), (b"pg_sleep",))


def row(*values: bytes) -> bytes:
    body = len(values).to_bytes(2, "big")
    body += b"".join(len(value).to_bytes(4, "big") + value for value in values)
    return message(b"D", body) + message(b"C", b"SELECT 1\x00") + READY


@pytest.fixture
def calling(rigs):
    """A client and its server connection, and a way to call a doubtful function."""
    rig = rigs(budget=1)
    client, server = rig.pair()
    database = rig.worker.databases["app"]
    database.watch.sight.learn(NAMES)
    database.watch.computes = False
    database.watch.renew()
    return rig, client, server


def call(client: Peer, server: Peer, text: str = "SELECT locks()") -> None:
    client.send(query(text))
    server.gets(text.encode())
    server.send(message(b"C", b"SELECT 1\x00") + READY)
    server.gets(b"pg_listening_channels")


def reads_settings(server: Peer) -> None:
    server.gets(b"RESET ROLE")
    server.send(row(b"anna", b"none"))
    server.gets(b"pg_settings")
    server.send(row(b"anna", b"none", json.dumps([]).encode(), b"[]"))


def resets(server: Peer) -> None:
    """Whatever settings there were, nobody else gets them."""
    server.gets(b"RESET ALL")
    server.send(message(b"C", b"RESET\x00") + READY)


def idle(rig: Rig) -> bool:
    return rig.worker.databases["app"].desk.ledger.statistics().idle == 1


def pinned(rig: Rig) -> bool:
    (client,) = rig.worker.clients.values()
    return client.pinned


def test_nothing_is_there_and_the_second_look_is_short(calling):
    rig, client, server = calling
    call(client, server)
    server.send(row(*CLEAN))
    reads_settings(server)
    rig.until(lambda: idle(rig))
    call(client, server)
    server.send(row(*CLEAN))
    rig.until(lambda: idle(rig))
    assert server.look() == b""
    assert rig.worker.databases["app"].watch.probes == 2


def test_other_settings_are_read_back_again(calling):
    rig, client, server = calling
    call(client, server)
    server.send(row(*CLEAN))
    reads_settings(server)
    rig.until(lambda: idle(rig))
    call(client, server)
    server.send(row(b"18", *CLEAN[1:]))
    server.gets(b"pg_settings")
    server.send(row(b"anna", b"none", b'[["work_mem", "9MB", false, true]]', b"[]"))
    rig.until(lambda: idle(rig))
    (link,) = rig.worker.clients.values()
    assert link.vector.items["work_mem"] == "9MB"


@pytest.mark.parametrize(
    ("text", "kept"),
    [("SELECT locks()", ["a"]), ("DEALLOCATE ALL; SELECT locks()", [])],
)
def test_what_the_server_connection_did_not_take_is_asked_for_though_nothing_changed(
    calling, text, kept
):
    """No hash has a statement that could not be prepared here, or tells that all were dropped."""
    rig, client, server = calling
    call(client, server)
    server.send(row(*CLEAN))
    reads_settings(server)
    rig.until(lambda: idle(rig))
    (link,) = rig.worker.clients.values()
    vectors = rig.worker.vectors
    lacking = SqlStatement("a", "PREPARE a AS SELECT a FROM gone", link.vector.parse_key)
    link.settings_are(vectors.of({}, vectors.statements(frozenset({lacking}))))
    client.send(query(text))
    server.gets(b"PREPARE")
    server.send(error("42P01") + READY)
    server.gets(text.encode())
    server.send(message(b"C", b"SELECT 1\x00") + READY)
    server.gets(b"pg_listening_channels")
    server.send(row(*CLEAN))
    server.gets(b"pg_prepared_statements")
    server.send(row(b"anna", b"none", b"[]", b"[]"))
    rig.until(lambda: idle(rig))
    assert list(link.vector.prepared.by_name) == kept


def test_what_code_computes_the_name_of_goes_to_nobody(calling):
    """Each time; what is known of the settings is remembered all the same."""
    rig, client, server = calling
    rig.worker.databases["app"].watch.computes = True
    call(client, server)
    server.send(row(*CLEAN))
    reads_settings(server)
    resets(server)
    rig.until(lambda: idle(rig))
    call(client, server)
    server.send(row(*CLEAN))
    resets(server)
    rig.until(lambda: idle(rig))
    assert server.look() == b""


def test_a_client_loses_nothing_while_others_are_kept_from_what_it_left(calling):
    rig, client, server = calling
    rig.worker.databases["app"].watch.computes = True
    call(client, server)
    server.send(row(*CLEAN))
    reads_settings(server)
    client.gets(READY)
    server.gets(b"RESET ALL")
    server.send(error("57P01", "FATAL"))
    server.socket.close()
    rig.turn(3)
    assert client.look() == b""
    assert not client.ended
    client.send(query("SELECT 1"))
    rig.accept().socket.close()  # what ran on it is cancelled
    rig.accept_login().gets(b"SELECT 1")


def test_while_ddl_is_unread_settings_go_to_nobody(calling):
    """However certain it is what the statement does."""
    rig, client, server = calling
    rig.worker.databases["app"].unread = True
    call(client, server)
    server.send(row(*CLEAN))
    reads_settings(server)
    resets(server)
    rig.until(lambda: idle(rig))


@pytest.mark.parametrize("text", ["DO $$ BEGIN SET app.x = 1; END $$", "SELECT locks('app.x')"])
def test_a_custom_setting_that_the_text_names_goes_with_the_client(calling, text):
    rig, client, server = calling
    client.send(query(text))
    server.gets(text.encode())
    server.send(message(b"C", b"SELECT 1\x00") + READY)
    server.gets(b'"app.x"')
    server.send(row(*CLEAN))
    server.gets(b"RESET ROLE")
    server.send(row(b"anna", b"none"))
    server.gets(b"current_setting('app.x', true)")
    server.send(row(b"7", b"anna", b"none", b"[]", b"[]"))
    if text.startswith("DO"):
        resets(server)
    rig.until(lambda: idle(rig))
    (link,) = rig.worker.clients.values()
    assert link.vector.items["app.x"] == "7"
    assert not link.requests.named


def test_what_cannot_be_moved_stays_with_its_client_and_is_named(calling):
    rig, client, server = calling
    call(client, server)
    server.send(row(*LOCKED))
    rig.until(lambda: pinned(rig))
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    (line,) = rig.logged("unseen_state")
    assert "advisory lock" in line["text"]
    assert len(line["fields"]["fingerprints"]) == 16
    assert len(rig.worker.databases["app"].watch.sight.stateful) == 1


def test_of_several_statements_none_is_blamed(calling):
    rig, client, server = calling
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(message(b"C", b"BEGIN\x00") + message(b"Z", b"T"))
    for text in ("SELECT locks()", "SELECT locks(), 1", "SELECT locks()"):
        client.send(query(text))
        server.gets(text.encode())
        server.send(message(b"C", b"SELECT 1\x00") + message(b"Z", b"T"))
    client.send(query("COMMIT"))
    server.gets(b"COMMIT")
    server.send(message(b"C", b"COMMIT\x00") + READY)
    server.gets(b"pg_listening_channels")
    server.send(row(*LOCKED))
    rig.until(lambda: pinned(rig))
    assert not rig.worker.databases["app"].watch.sight.stateful
    assert len(rig.logged("unseen_state")[0]["fields"]["fingerprints"].split()) == 2


def test_an_unknown_call_that_left_nothing_is_not_looked_at_again(calling):
    rig, client, server = calling
    call(client, server, "SELECT what(1)")
    server.send(row(*CLEAN))
    reads_settings(server)
    resets(server)
    rig.until(lambda: idle(rig))
    client.send(query("SELECT what(2)"))
    server.gets(b"what(2)")
    server.send(message(b"C", b"SELECT 1\x00") + READY)
    rig.until(lambda: idle(rig))
    assert server.look() == b""


def test_a_client_that_left_meanwhile_is_cleaned_behind(calling):
    rig, client, server = calling
    call(client, server)
    client.socket.close()
    rig.turn(3)
    server.send(row(*LOCKED))
    server.gets(b"DISCARD ALL")


@pytest.mark.parametrize("answer", [error("57014") + READY, row(b"17")])
def test_a_session_that_cannot_be_looked_at_is_closed(calling, answer):
    rig, client, server = calling
    call(client, server)
    server.send(answer)
    reads_settings(server)
    server.gets(b"X\x00\x00\x00\x04")
    assert rig.logged("probe_failed")


def test_hashes_are_bounded(calling, monkeypatch):
    monkeypatch.setattr("pglane.engine.handover.SUMS_MAX", 0)
    rig, client, server = calling
    call(client, server)
    server.send(row(*CLEAN))
    reads_settings(server)
    rig.until(lambda: idle(rig))
    call(client, server)
    server.send(row(*CLEAN))
    rig.until(lambda: idle(rig))
