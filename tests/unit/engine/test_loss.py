"""What is true for a client whose server connection was lost."""

import pytest

from pglane.engine.loss import MOVES_MAX
from tests.support import protocol as p
from tests.support.engine_rig import APPLIED, CANCEL, LOGIN_ANSWER, READY, error, message, query
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
    assert (b"PGL0315" if stops else b"PGL0602") in told
    assert b"C57P01\0" in told
    assert b"while a transaction was open" in told
    assert (b"PostgreSQL's log" in told) is not stops


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


# ------------------------------------------------- what may have ended the block

COMMITTED = message(b"C", b"COMMIT\x00")
PARSED, BOUND = message(b"1"), message(b"2")
STILL = message(b"Z", b"T")


def extended(text: str, portal: str = "") -> bytes:
    return p.parse(text) + p.bind(portal=portal) + p.execute(portal)


@pytest.mark.parametrize("door", ["transaction", "session"])
def test_what_follows_a_flushed_commit_is_in_doubt(rig, door: str) -> None:
    """No ReadyForQuery has said that the block is over; its Sync commits what came behind."""
    client, server = begun(rig, door)
    client.send(extended("COMMIT") + p.flush())
    server.gets(b"COMMIT")
    server.send(PARSED + BOUND + COMMITTED)
    client.gets(COMMITTED)
    client.send(extended("INSERT INTO t VALUES (1)") + p.sync())
    server.gets(b"INSERT")
    server.socket.close()
    assert b"C08007\x00" in client.ends()


@pytest.mark.parametrize("door", ["transaction", "session"])
@pytest.mark.parametrize("ends", [p.flush(), p.sync()])
def test_a_commit_that_was_bound_before_is_in_doubt_when_it_is_executed(
    rig, door: str, ends: bytes
) -> None:
    client, server = begun(rig, door)
    client.send(p.parse("COMMIT") + p.bind(portal="c") + ends)
    server.gets(b"COMMIT")
    answer = PARSED + BOUND + (STILL if ends == p.sync() else b"")
    server.send(answer)
    client.gets(answer)
    client.send(query("SELECT 1") if ends == p.sync() else p.flush())
    if ends == p.sync():
        server.gets(b"SELECT 1")
        server.send(message(b"C", b"SELECT 1\x00") + STILL)
        client.gets(STILL)
    client.send(p.execute("c") + p.sync())
    server.gets(p.sync())
    server.socket.close()
    assert b"C08007\x00" in client.ends()


@pytest.mark.parametrize(
    ("text", "doubt"), [("COMMIT", True), ("CALL p()", True), ("INSERT INTO t VALUES (1)", False)]
)
def test_what_has_committed_is_in_doubt_until_the_sync_is_answered(
    rig, text: str, doubt: bool
) -> None:
    """What is told before ReadyForQuery counts for the whole unit."""
    client, server = rig.pair()
    client.send(extended(text) + p.flush())
    server.gets(text.encode())
    server.send(PARSED + BOUND + COMMITTED)
    client.gets(COMMITTED)
    server.send(error("57P01", "FATAL"))
    assert (b"C08007\x00" if doubt else b"C57P01\x00") in client.ends()


def test_a_begin_that_was_bound_leaves_nothing_in_doubt(rig) -> None:
    client, server = rig.pair()
    client.send(extended("BEGIN") + p.sync())
    server.gets(b"BEGIN")
    server.send(PARSED + BOUND + BEGUN)
    client.gets(BEGUN)
    client.send(query("INSERT INTO t VALUES (1)"))
    server.gets(b"INSERT")
    server.socket.close()
    assert b"while a transaction was open" in client.ends()


def test_after_a_commit_by_the_extended_protocol_the_next_block_is_in_no_doubt(rig) -> None:
    client, server = begun(rig, "session")
    client.send(extended("COMMIT") + p.sync())
    server.gets(b"COMMIT")
    server.send(PARSED + BOUND + COMMITTED + READY)
    client.gets(READY)
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(BEGUN)
    client.gets(BEGUN)
    client.send(query("INSERT INTO t VALUES (1)"))
    server.gets(b"INSERT")
    server.socket.close()
    assert b"while a transaction was open" in client.ends()


def test_a_text_that_cannot_be_read_may_have_been_a_commit(rig) -> None:
    client = rig.client("session")
    server = rig.accept()
    server.gets(b"user")
    server.send(LOGIN_ANSWER.replace(b"_encoding\x00UTF8", b"_encoding\x00SJIS"))
    client.gets(READY)
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(BEGUN)
    client.gets(BEGUN)
    text = b"COMMIT -- \x83\x5c\x00"
    client.send(message(b"Q", text))
    server.gets(text)
    server.socket.close()
    assert b"C08007\x00" in client.ends()


# ------------------------------------------------- who has nothing there loses nothing

WARNED = message(b"N", b"SWARNING\0VWARNING\0C57P02\0Msays good-bye\0\0")
FAREWELLS = [b"", WARNED, error("57P01", "FATAL"), WARNED + error("57P01", "FATAL")]


def says_farewell(server, words: bytes) -> None:
    if words:
        server.send(words)
    server.socket.close()


def next_login(rig):
    """The next server connection; cancel requests that come before it are let go."""
    server = rig.accept()
    rig.until(server.look)
    while CANCEL in server.taken:
        server.socket.close()
        server = rig.accept()
        rig.until(server.look)
    server.forget()
    server.send(LOGIN_ANSWER)
    return server


def in_block(*answers: bytes) -> bytes:
    return message(b"C", b"BEGIN\x00") + b"".join(answers) + COMMITTED + READY


@pytest.mark.parametrize("words", FAREWELLS)
def test_a_farewell_while_a_lease_is_prepared_reaches_no_client(rigs, words: bytes) -> None:
    """It came behind the last answer to somebody else, who has the server connection no more."""
    rig = rigs(budget=1)
    first, server = rig.pair(application_name="first")
    second = rig.client(application_name="second")
    server.gets(b"set_config")
    server.send(APPLIED)
    second.gets(READY)
    first.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    second.send(query("SELECT 2") + query("SELECT 3"))
    server.send(in_block(APPLIED[: -len(READY)]))
    server.send(DONE)
    assert first.gets(READY) == DONE
    assert b"SELECT 2" not in server.gets(b"set_config")
    says_farewell(server, words)
    another = next_login(rig)
    another.gets(b"set_config")
    another.send(APPLIED)
    another.gets(b"SELECT 3")
    another.send(DONE)
    assert second.gets(READY) == DONE
    assert not second.ended


@pytest.mark.parametrize("words", FAREWELLS)
def test_a_farewell_while_a_cancel_is_on_its_way_reaches_no_client(rig, words: bytes) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    rig.cancel(1)
    canceler = rig.accept()
    server.send(DONE)
    assert client.gets(READY) == DONE
    says_farewell(server, words)
    rig.turn(3)
    assert not client.look()
    assert not client.ended
    canceler.socket.close()
    client.send(query("SELECT 2"))
    another = next_login(rig)
    another.gets(b"SELECT 2")
    another.send(DONE)
    assert client.gets(READY) == DONE


def test_a_farewell_behind_an_answer_with_effects_is_told(rig) -> None:
    """What the client has set there is gone, as it would be without us."""
    client, server = rig.pair()
    client.send(query("SET work_mem = '1MB'"))
    server.gets(b"SET")
    server.send(message(b"C", b"SET\x00") + READY)
    client.gets(READY)
    server.send(error("57P01", "FATAL"))
    assert b"C57P01\x00" in client.ends()


def test_a_login_whose_server_connection_ends_asks_another_one(rig) -> None:
    client = rig.client(application_name="comes")
    server = rig.accept_login()
    server.gets(b"set_config")
    says_farewell(server, error("57P01", "FATAL"))
    another = next_login(rig)
    another.gets(b"set_config")
    another.send(APPLIED)
    assert b"57P01" not in client.gets(READY)


def test_who_loses_one_after_the_other_is_told_at_last(rig) -> None:
    client = rig.client(application_name="ends them")
    for _ in range(MOVES_MAX + 1):
        server = next_login(rig)
        server.gets(b"set_config")
        says_farewell(server, error("57P01", "FATAL"))
    assert b"C57P01\x00" in client.ends()


def test_who_was_answered_meanwhile_may_lose_as_many_again(rig) -> None:
    client, server = rig.pair()
    for _ in range(MOVES_MAX + 1):
        client.send(query("SELECT 1"))
        server.gets(b"SELECT 1")
        rig.cancel(1)
        canceler = rig.accept()
        server.send(DONE)
        client.gets(READY)
        server.socket.close()
        rig.turn(3)
        canceler.socket.close()
        client.send(query("SELECT 2"))
        server = next_login(rig)
        server.gets(b"SELECT 2")
        server.send(DONE)
        assert client.gets(READY) == DONE


def test_a_warning_inside_a_transaction_is_told(rig) -> None:
    client, server = begun(rig)
    server.send(WARNED)
    client.gets(WARNED)


def test_a_session_that_loses_its_server_connection_is_told(rig) -> None:
    client, server = rig.pair("session")
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    server.send(WARNED + error("57P01", "FATAL"))
    told = client.ends()
    assert WARNED in told
    assert b"C57P01\x00" in told
