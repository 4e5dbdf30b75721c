"""What clients are told when they come in while nobody knows whether it is true."""

import pytest

from pglane.engine.doubted import DOUBTED_S
from pglane.engine.welcome import Welcome
from pglane.wire.server_messages import parameter_status
from tests.support.engine_rig import (
    LOGIN_ANSWER,
    READY,
    STARTUP,
    Peer,
    Rig,
    error,
    message,
    query,
)

ANSWER = message(b"C", b"SELECT 1\0") + READY
IN_TRANSACTION = message(b"C", b"BEGIN\0") + message(b"Z", b"T")
COMMITTED = message(b"C", b"COMMIT\0") + READY
ROME, UTC = parameter_status(b"TimeZone", b"Europe/Rome"), parameter_status(b"TimeZone", b"UTC")
NO_SUPERUSER = parameter_status(b"is_superuser", b"off")
SUPERUSER = parameter_status(b"is_superuser", b"on")


def login_answer(*told: bytes) -> bytes:
    return LOGIN_ANSWER[:9] + b"".join(told) + LOGIN_ANSWER[9:]


def accept(rig: Rig, *told: bytes) -> Peer:
    server = rig.accept()
    server.gets(STARTUP)
    server.send(login_answer(*told))
    return server


def held(rig: Rig, *told: bytes, **startup: str) -> tuple[Peer, Peer]:
    """The only server connection there may be, in a transaction that does nothing."""
    holder = rig.client(**startup)
    server = accept(rig, *(told or (UTC, NO_SUPERUSER)))
    holder.gets(READY)
    holder.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(IN_TRANSACTION)
    holder.gets(b"BEGIN")
    return holder, server


def defaults_change(rig: Rig) -> None:
    rig.say(type="defaults", database="app", epoch="a")
    rig.turn(2)
    rig.say(type="defaults", database="app", epoch="b")
    rig.turn(2)


def release(holder: Peer, server: Peer) -> None:
    holder.send(query("COMMIT"))
    server.gets(b"COMMIT")
    server.send(COMMITTED)
    server.ends()
    server.socket.close()


@pytest.fixture
def small(rigs) -> Rig:
    return rigs(budget=1)


def test_a_login_is_let_in_by_what_was_true_and_told_before_its_first_answer(small) -> None:
    holder, server = held(small)
    defaults_change(small)
    client = small.client()
    small.turn(3)
    assert READY not in client.look()
    small.later(DOUBTED_S + 0.1)
    assert UTC in client.gets(READY)
    client.send(query("SELECT 1"))
    small.turn(3)
    assert not client.look()
    release(holder, server)
    fresh = accept(small, ROME, NO_SUPERUSER)
    fresh.gets(b"SELECT 1")
    fresh.send(ANSWER)
    assert client.gets(READY) == ROME + ANSWER
    late = small.client()
    assert ROME in late.gets(READY), "what is known again is told at once"


def test_who_is_served_meanwhile_is_told_what_is_true(small) -> None:
    holder, server = held(small)
    defaults_change(small)
    client = small.client()
    release(holder, server)
    accept(small, ROME, NO_SUPERUSER)
    assert ROME in client.gets(READY)
    small.later(DOUBTED_S + 0.1)
    assert not client.look()


def test_who_was_let_in_meanwhile_and_waits_again_is_not_let_in_twice(small) -> None:
    holder, server = held(small)
    defaults_change(small)
    client = small.client()
    release(holder, server)
    fresh = accept(small, ROME, NO_SUPERUSER)
    client.gets(READY)
    other = small.client()
    other.gets(READY)
    other.send(query("BEGIN"))
    fresh.gets(b"BEGIN")
    fresh.send(IN_TRANSACTION)
    other.gets(b"BEGIN")
    client.send(query("SELECT 1"))
    small.turn(3)
    small.later(DOUBTED_S + 0.1)
    assert not client.look()


def test_one_that_left_meanwhile_is_not_let_in(small) -> None:
    held(small)
    defaults_change(small)
    client = small.client()
    small.turn(3)
    client.socket.close()
    small.turn(3)
    small.later(DOUBTED_S + 0.1)
    assert len(small.worker.clients) == 1
    assert not small.logged("internal_error")


def test_a_role_that_became_a_superuser_gets_no_further_than_the_door(rigs) -> None:
    small = rigs(budget=1, superusers_from=())
    holder, server = held(small)
    defaults_change(small)
    client = small.client()
    small.turn(3)
    small.later(DOUBTED_S + 0.1)
    client.gets(READY)
    client.send(query("SELECT 1"))
    small.turn(3)
    release(holder, server)
    fresh = accept(small, SUPERUSER)
    assert b"PGL" in client.ends()
    assert b"SELECT 1" not in fresh.look()


def test_where_it_was_a_superuser_it_waits(small) -> None:
    held(small, SUPERUSER)
    defaults_change(small)
    client = small.client()
    small.turn(3)
    small.later(DOUBTED_S + 0.1)
    small.turn(3)
    assert READY not in client.look()


def test_where_another_role_is_asked_for_it_waits(small) -> None:
    held(small)
    (database,) = small.worker.databases.values()
    welcome = Welcome({"is_superuser": "off"}, harmless=True)
    welcome.doubted = True
    database.keep_welcome("anna", small.worker.vectors.of({"role": "other"}), welcome)
    client = small.client(role="other")
    small.turn(3)
    small.later(DOUBTED_S + 0.1)
    small.turn(3)
    assert READY not in client.look()


@pytest.mark.parametrize("code", ["57P01", "57P02", ""])
def test_after_the_server_ended_a_connection_the_next_login_asks(rigs, code: str) -> None:
    rig = rigs()
    client = rig.client()
    server = accept(rig, UTC)
    client.gets(READY)
    if code:
        server.send(error(code, "FATAL"))
    server.socket.close()
    rig.turn(3)
    late = rig.client()
    fresh = accept(rig, ROME)
    assert ROME in late.gets(READY)
    client.send(query("SELECT 1"))
    fresh.gets(b"SELECT 1")
    fresh.send(ANSWER)
    assert client.gets(READY) == ROME + ANSWER


def test_a_session_that_timed_out_says_nothing_of_the_others(rigs) -> None:
    rig = rigs()
    client = rig.client()
    server = accept(rig, UTC)
    client.gets(READY)
    server.send(error("57P05", "FATAL"))
    server.socket.close()
    rig.turn(3)
    assert UTC in rig.client().gets(READY)


def test_what_a_new_server_connection_tells_otherwise_is_told_to_all(rigs) -> None:
    """Whatever the reason: nobody else has said that anything changed."""
    rig = rigs()
    holder, _ = held(rig)
    client = rig.client()
    client.gets(READY)
    client.send(query("SELECT 1"))
    fresh = accept(rig, ROME, NO_SUPERUSER)
    fresh.gets(b"SELECT 1")
    fresh.send(ANSWER)
    assert client.gets(READY) == ROME + ANSWER
    assert holder.look() == b""


def test_where_no_server_connection_is_left_the_next_login_asks(rigs) -> None:
    rig = rigs(server_idle_ms_max=100)
    client = rig.client()
    server = accept(rig, UTC)
    client.gets(READY)
    rig.later(2.0)
    server.ends()
    server.socket.close()
    rig.until(lambda: rig.worker.databases["app"].desk.ledger.used == 0)
    rig.later(2.0)
    late = rig.client()
    accept(rig, ROME)
    assert ROME in late.gets(READY)
