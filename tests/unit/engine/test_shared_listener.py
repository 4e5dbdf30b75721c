"""The connection that listens for many: asked, lost, opened again, given up."""

from pglane.engine.shared_listener import AGAIN_S_MAX, UNUSED_S_MAX, UNWANTED_MAX
from tests.support.engine_rig import LOGIN_ANSWER, READY, STARTUP, error, message, query
from tests.support.listening import (
    LISTENED,
    UNLISTENED,
    barrier,
    goes_on,
    listens,
    notification,
)


def test_what_is_asked_meanwhile_is_asked_in_one_query(rigs) -> None:
    rig = rigs(budget=2)
    one, one_at = rig.pair()
    one.send(query("LISTEN a"))
    shared = rig.accept()
    assert b"client_encoding\0UTF8" in shared.gets(STARTUP)
    two = rig.client()
    two.gets(READY)
    two.send(query("LISTEN b"))
    two_at = rig.accept_login()
    rig.turn(3)
    shared.send(LOGIN_ANSWER)
    shared.gets(b'LISTEN "a"; LISTEN "b"\0')
    shared.send(LISTENED)
    for server in (one_at, two_at):
        server.gets(b"LISTEN")


def test_notifications_go_to_those_who_listen(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    shared.send(notification("a", "x") + notification("b", "y") + notification("a", "z"))
    rig.until(lambda: client.look().count(b"A") >= 2)
    assert client.taken == notification("a", "x") + notification("a", "z")


def test_a_listen_that_the_server_refuses_is_refused(rig) -> None:
    client, server = rig.pair()
    client.send(query("LISTEN a"))
    shared = rig.accept_login()
    shared.gets(b"LISTEN")
    shared.send(error("53200") + READY)
    server.gets(b"pglane refuses")
    server.send(error("42601") + READY)
    assert b"PGL0452" in client.gets(READY)


def test_a_standby_refuses_in_its_own_words(rig) -> None:
    client, server = rig.pair()
    client.send(query("LISTEN a"))
    shared = rig.accept_login()
    shared.gets(b"LISTEN")
    shared.send(error("25006") + READY)
    server.gets(b"LISTEN")
    server.send(error("25006") + READY)
    shared.gets(b"LISTEN")
    shared.send(error("25006") + READY)
    assert b"25006" in client.gets(READY)


def test_a_connection_that_cannot_be_opened_refuses_at_once(rig) -> None:
    client, server = rig.pair()
    client.send(query("LISTEN a"))
    shared = rig.accept()
    shared.gets(STARTUP)
    shared.send(error("53300", "FATAL"))
    server.gets(b"pglane refuses")
    server.send(error("42601") + READY)
    assert b"PGL0452" in client.gets(READY)
    assert rig.logged("listening_failed")
    listens(rig, client, server)


def test_a_lost_connection_is_opened_again_and_told_of(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    shared.send(error("57P01", "FATAL"))
    shared.socket.close()
    rig.until(lambda: rig.logged("listening_lost"))
    rig.later(0.2)
    again = rig.accept_login()
    again.gets(b'LISTEN "a"\0')
    again.send(LISTENED)
    assert b"PGL0455" in client.gets(b"PGL0455")
    again.send(notification("a", "x"))
    client.gets(notification("a", "x"))


def test_who_waits_for_a_barrier_goes_on_when_the_connection_is_lost(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(message(b"C", b"SELECT 1\0") + READY)
    shared.gets(b"Q\x00\x00\x00\x05\x00")
    shared.socket.close()
    client.gets(READY)
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    server.send(message(b"C", b"SELECT 1\0") + READY)
    client.gets(READY)


def test_a_listen_waits_for_the_connection_that_comes_back(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("LISTEN b"))
    shared.gets(b'LISTEN "b"\0')
    shared.socket.close()
    rig.until(lambda: rig.logged("listening_lost"))
    rig.later(0.2)
    again = rig.accept_login()
    again.gets(b'LISTEN "a"; LISTEN "b"\0')
    again.send(LISTENED)
    server.gets(b"LISTEN b")


def test_it_is_tried_so_long_and_then_those_who_listen_are_told(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    shared.socket.close()
    rig.until(lambda: rig.logged("listening_lost"))
    for pause_s in (0.2, 1.0, AGAIN_S_MAX):
        rig.later(pause_s)
        refused = rig.accept()
        refused.gets(STARTUP)
        refused.send(error("57P03", "FATAL"))
        refused.ends()
    assert b"PGL0454" in client.ends()


def test_nonsense_ends_it(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    shared.send(b"A\x00\x00\x00\x01")
    rig.until(lambda: rig.logged("listening_lost"))
    shared.ends()


def test_a_short_notification_ends_it(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    shared.send(message(b"A", b"\x00"))
    rig.until(lambda: rig.logged("listening_lost"))


def test_channels_that_nobody_wants_are_given_up(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.send(query("UNLISTEN a"))
    server.gets(b"UNLISTEN a")
    server.send(UNLISTENED)
    barrier(shared)
    client.gets(READY)
    rig.later(1.1)
    shared.gets(b'UNLISTEN "a"\0')
    shared.send(UNLISTENED)
    rig.turn(3)
    client.send(query("LISTEN a"))
    goes_on(client, server, shared)


def test_many_channels_that_nobody_wants_are_given_up_at_once(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    names = "; ".join(f"LISTEN c{number}" for number in range(UNWANTED_MAX + 1))
    client.send(query(names))
    shared.gets(b'LISTEN "c0"')
    shared.send(LISTENED)
    server.gets(b"LISTEN c0")
    server.send(message(b"C", b"LISTEN\0") * (UNWANTED_MAX + 1) + READY)
    barrier(shared)
    client.gets(READY)
    server.gets(b"UNLISTEN *")
    server.send(UNLISTENED)
    rig.turn(3)
    client.send(query("UNLISTEN *"))
    server.gets(b"UNLISTEN *")
    server.send(UNLISTENED)
    barrier(shared)
    shared.gets(b'UNLISTEN "c')


def test_a_connection_that_nobody_needs_is_closed(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    client.socket.close()
    rig.turn(3)
    rig.later(1.1)
    shared.gets(b'UNLISTEN "a"\0')
    shared.send(UNLISTENED)
    rig.turn(3)
    rig.later(UNUSED_S_MAX + 2)
    assert shared.ends().endswith(b"X\x00\x00\x00\x04")


def test_a_stop_ends_an_opening(rig) -> None:
    client, _ = rig.pair()
    client.send(query("LISTEN a"))
    shared = rig.accept()
    shared.gets(STARTUP)
    rig.worker.stop()
    rig.turn(3)
    shared.ends()
