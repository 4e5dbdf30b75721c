"""What a failed opening means to whom."""

import pytest

from pglane.engine.opening import is_about_interval, is_denied, is_lasting, told_of
from pglane.wire.server_messages import ErrorResponse
from tests.support.engine_rig import LOGIN_ANSWER, READY, STARTUP, error, query
from tests.unit.engine.test_database import DONE, desk


def said(sqlstate: str, text: str = "no") -> ErrorResponse:
    return ErrorResponse((("C", sqlstate.encode()), ("M", text.encode())))


@pytest.mark.parametrize(
    "sqlstate", ["28P01", "28000", "3D000", "42501", "22023", "0A000", "55000", "58P01"]
)
def test_what_time_does_not_heal_is_told_at_once_to_all_who_need_the_same(rigs, sqlstate) -> None:
    rig = rigs(opening_max=1)
    first, second = rig.client(), rig.client()
    stranger = rig.client(user="berta")
    server = rig.accept()
    server.gets(STARTUP)
    server.send(error(sqlstate, "FATAL"))
    for each in (first, second):
        assert sqlstate.encode() in each.ends()
    assert not stranger.look().endswith(b"E")
    assert is_lasting(said(sqlstate))
    rig.later(1.0)
    rig.accept().gets(b"berta")


def test_who_is_let_in_here_and_not_there_is_told_whose_login_was_refused(rig) -> None:
    client = rig.client()
    server = rig.accept()
    server.gets(STARTUP)
    server.send(error("28P01", "FATAL"))
    told = client.ends()
    assert b"C28P01" in told
    assert b"DPostgreSQL said this to the gateway" in told
    assert b"PGL0608" in told
    assert b"\0HWas the role's password changed in PostgreSQL?" in told
    (line,) = rig.logged("server_connection_failed")
    assert "PGL0608" in line["fields"]["detail"]
    assert "password" in line["fields"]["hint"]


def test_who_can_be_served_by_what_is_open_is_not_ended_by_a_password_changed_since(rigs) -> None:
    """A rotation: connections of before go on, one more is refused, and nobody has to notice."""
    rig = rigs(budget=3)
    first, server = rig.pair()
    first.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    second = rig.client()
    second.gets(READY)
    second.send(query("SELECT 2"))
    rig.accept().send(error("28P01", "FATAL"))
    rig.until(lambda: rig.logged("server_connection_failed"))
    server.send(DONE)
    first.gets(READY)
    server.gets(b"SELECT 2")
    direct = rig.client("direct")
    rig.later(0.2)
    rig.accept().send(error("28P01", "FATAL"))
    assert b"PGL0608" in direct.ends(), "nothing that is open serves it"


def test_what_a_session_keeps_serves_nobody_else(rigs) -> None:
    rig = rigs(budget=3)
    first, server = rig.pair("session")
    first.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    second = rig.client("session")
    second.gets(READY)
    second.send(query("SELECT 2"))
    rig.accept().send(error("28P01", "FATAL"))
    assert b"PGL0608" in second.ends()


def test_what_postgresql_says_by_itself_is_kept() -> None:
    own = ErrorResponse((("C", b"28000"), ("D", b"seen"), ("H", b"do"), ("R", b"auth_failed")))
    told = told_of(own, "anna")
    assert [code for code, _ in told.fields] == ["C", "R", "D", "H"]
    assert (told.get("D") or b"").startswith(b"seen PostgreSQL said this to the gateway")
    assert told.get("H") == b"do"
    assert told_of(said("3D000"), "anna") == said("3D000")


def test_only_of_a_wrong_password_a_password_is_spoken() -> None:
    assert b"password" in (told_of(said("28P01"), "anna").get("H") or b"")
    hint = told_of(said("28000"), "anna").get("H") or b""
    assert b"pg_hba.conf" in hint
    assert b"password" not in hint


@pytest.mark.parametrize(
    "sqlstate", ["53300", "57P03", "57P01", "57P02", "53200", "58030", "XX000"]
)
def test_what_time_heals_is_waited_out(rigs, sqlstate) -> None:
    rig = rigs()
    client = rig.client()
    server = rig.accept()
    server.gets(STARTUP)
    server.send(error(sqlstate, "FATAL"))
    rig.turn(3)
    assert rig.nobody_connects(), "not before the pause is over"
    rig.later(1.0)
    rig.accept_login()
    client.gets(READY)
    assert not is_lasting(said(sqlstate))


def denied() -> bytes:
    body = b"SFATAL\0VFATAL\0C53300\0Mzu viele\0RInitializeSessionUserId\0\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


def test_a_role_without_a_connection_left_is_told_so(rigs) -> None:
    rig = rigs(wait_ms_max=2000)
    client = rig.client()
    for _ in range(14):
        server = rig.accept()
        server.gets(STARTUP)
        server.send(denied())
        rig.turn(3)
        rig.later(0.12)
    assert len(rig.logged("server_connection_failed")) == 1
    assert not desk(rig).failure
    rig.later(0.15)
    told = client.ends()
    assert b"PGL0607" in told
    assert b"C53300" in told
    assert is_denied(said("53300")) is False


def test_a_server_that_is_full_is_not_called_unreachable(rigs) -> None:
    rig = rigs(wait_ms_max=2000)
    client = rig.client()
    server = rig.accept()
    server.gets(STARTUP)
    server.send(error("53300", "FATAL"))
    rig.turn(3)
    rig.later(2.0)
    assert b"PGL0607" in client.ends()


def test_an_old_server_is_asked_again_without_what_it_does_not_know(rig) -> None:
    client = rig.client()
    server = rig.accept()
    assert b"client_connection_check_interval" in server.gets(STARTUP)
    text = 'unrecognized configuration parameter "client_connection_check_interval"'
    body = f"SFATAL\0VFATAL\0C42704\0M{text}\0\0".encode()
    server.send(b"E" + (len(body) + 4).to_bytes(4, "big") + body)
    again = rig.accept()
    assert b"check_interval" not in again.gets(STARTUP)
    again.send(LOGIN_ANSWER)
    client.gets(READY)
    assert is_about_interval(said("42704", text))
    assert not is_about_interval(said("42704"))


@pytest.mark.parametrize(
    "asked",
    [
        {"client_connection_check_interval": "soon"},
        {"options": "-c Client-Connection-Check\\_Interval=soon"},
        {"timezone": "check_interval"},
    ],
)
def test_what_a_client_asks_for_itself_takes_the_interval_from_nobody(rig, asked) -> None:
    client = rig.client(**asked)
    server = rig.accept()
    server.gets(STARTUP)
    text = 'invalid value for parameter "client_connection_check_interval": "soon"'
    body = f"SFATAL\0VFATAL\0C22023\0M{text}\0\0".encode()
    server.send(b"E" + (len(body) + 4).to_bytes(4, "big") + body)
    assert b"22023" in client.ends()
    assert rig.worker.check_interval


def test_a_direct_client_that_left_while_it_was_opened_leaves_nothing(rig) -> None:
    client = rig.client("direct")
    server = rig.accept()
    server.gets(STARTUP)
    client.socket.close()
    rig.turn(3)
    server.send(LOGIN_ANSWER)
    canceler = rig.accept()
    canceler.socket.close()
    assert server.ends() == b""
    server.socket.close()
    rig.until(lambda: desk(rig).ledger.used == 0)


def test_a_direct_client_gets_bytes_unread_also_those_behind_the_login(rig) -> None:
    client = rig.client("direct")
    server = rig.accept()
    server.gets(STARTUP)
    notice = b"N\x00\x00\x00\x0dMhello\x00\x00"
    server.send(LOGIN_ANSWER + notice)
    assert client.gets(notice)
    client.send(b"anything at all")
    assert server.gets(b"anything") == b"anything at all"
    server.send(b"and back")
    assert client.gets(b"and back") == b"and back"
    server.socket.close()
    client.ends()


def test_a_waiting_name_is_not_dialled_after_the_stop(rigs) -> None:
    rig = rigs(server_host="db.example")
    rig.clock.now += 5.0
    client = rig.client()
    rig.until(lambda: rig.heard("resolve"))
    rig.worker.stop()
    rig.say(type="resolved", addresses=[], error="too late")
    rig.turn(2)
    assert rig.nobody_connects()
    assert b"PGL0303" in client.ends()


def test_a_name_without_addresses_is_told_at_the_deadline(rigs) -> None:
    rig = rigs(server_host="db.example", wait_ms_max=50)
    rig.worker._addresses._known.clear()
    client = rig.client()
    rig.until(lambda: rig.heard("resolve"))
    rig.say(type="resolved", addresses=[], error="the name db.example cannot be resolved")
    rig.turn(2)
    rig.later(0.06)
    assert b"cannot be resolved" in client.ends()
