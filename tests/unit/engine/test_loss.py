"""What is true for a client whose server connection was lost."""

import pytest

from tests.support.engine_rig import READY, error, message, query
from tests.unit.engine.test_database import DONE, desk

BEGUN = message(b"C", b"BEGIN\x00") + message(b"Z", b"T")


def begun(rig, door: str = "transaction"):
    client, server = rig.pair(door)
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(BEGUN)
    client.gets(BEGUN)
    return client, server


def test_a_statement_that_was_sent_alone_is_in_doubt(rig) -> None:
    client, server = rig.pair()
    client.send(query("UPDATE t SET a = 1"))
    server.gets(b"UPDATE")
    server.socket.close()
    assert b"C08007\x00" in client.ends()


def test_a_commit_that_was_sent_is_in_doubt(rig) -> None:
    client, server = begun(rig)
    client.send(query("COMMIT"))
    server.gets(b"COMMIT")
    server.socket.close()
    assert b"C08007\x00" in client.ends()


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("text", ["", "UPDATE t SET a = 1"])
def test_inside_a_transaction_nothing_is_in_doubt(rig, text: str, stops: bool) -> None:
    client, server = begun(rig)
    if text:
        client.send(query(text))
        server.gets(b"UPDATE")
    if stops:
        rig.say(type="stop")
    else:
        server.socket.close()
    told = client.ends()
    assert b"PGL0602" in told
    assert b"while a transaction was open" in told


def test_an_idle_session_hears_that_its_server_is_gone(rig) -> None:
    client, server = rig.pair("session")
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    server.socket.close()
    assert b"while it was yours" in client.ends()


def test_the_servers_own_reason_is_handed_on_where_nothing_is_in_doubt(rig) -> None:
    client, server = begun(rig)
    server.send(error("57P01", "FATAL"))
    told = client.ends()
    assert b"57P01" in told
    assert b"so said the server" in told


def test_an_idle_server_connection_that_ends_is_nobodys_loss(rig) -> None:
    client, server = rig.pair()
    server.socket.close()
    rig.until(lambda: desk(rig).ledger.used == 0)
    assert not client.look()
    client.send(query("SELECT 1"))
    rig.accept_login().gets(b"SELECT 1")


@pytest.mark.parametrize("code", ["40001", "57P04"])
def test_a_conflict_with_recovery_leaves_no_doubt(rig, code: str) -> None:
    client, server = rig.pair()
    client.send(query("SELECT f()"))
    server.gets(b"SELECT f()")
    server.send(error(code, "FATAL"))
    told = client.ends()
    assert f"C{code}\0".encode() in told
    assert b"so said the server" in told


ROW = message(b"D", b"\x00\x01\x00\x00\x00\x0512345")


def amid_a_row(rig, door: str = "transaction"):
    """A client that was sent the first half of a row."""
    client, server = rig.pair(door)
    client.send(query("SELECT 12345"))
    server.gets(b"SELECT 12345")
    half = message(b"C", b"SELECT 0\x00") + ROW[:9]
    server.send(half)
    rig.until(lambda: client.look().endswith(half))
    client.forget()
    return client, server


def loses_its_server(client, server) -> None:
    server.socket.close()


def talks_nonsense(client, server) -> None:
    del server
    client.send(b"Q\x00\x00\x00\x01")


@pytest.mark.parametrize("door", ["transaction", "session", "direct"])
@pytest.mark.parametrize("happens", [loses_its_server, talks_nonsense])
def test_no_error_is_told_as_the_rest_of_a_row(rig, door: str, happens) -> None:
    client, server = amid_a_row(rig, door)
    happens(client, server)
    if door == "direct" and happens is talks_nonsense:
        server.gets(b"Q\x00\x00\x00\x01")  # whose matter it is
    else:
        assert client.ends() == b""


@pytest.mark.parametrize("door", ["transaction", "session"])
def test_a_stop_says_what_is_in_doubt(rig, door: str) -> None:
    client, server = rig.pair(door)
    client.send(query("UPDATE t SET a = 1"))
    server.gets(b"UPDATE")
    rig.say(type="stop")
    told = client.ends()
    assert b"C08007\x00" in told
    assert b"the gateway was told to stop" in told
    assert b"Nothing of yours was running" not in told


def test_a_stop_says_nothing_about_what_it_did_not_read(rig) -> None:
    client, server = rig.pair("direct")
    client.send(query("UPDATE t SET a = 1"))
    server.gets(b"UPDATE")
    rig.say(type="stop")
    assert client.ends() == b""


def test_a_stop_says_so_to_whom_nothing_is_lost(rig) -> None:
    client, server = rig.pair("session")
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    rig.say(type="stop")
    assert b"Nothing of yours was running" in client.ends()
