"""Clients behind failed logins; no real time passes."""

import socket

import pytest

from pglane.config.settings import User
from pglane.connection.failed_logins import FREE, FREE_OF_NETWORK
from pglane.doors import DOORS
from pglane.engine.proof_delays import is_local
from pglane.engine.syscalls import peer_network
from pglane.wire.client_messages import PasswordMessage
from pglane.wire.md5 import md5_stored
from tests.support.engine_rig import Peer, startup

HERE, THERE = ("192.0.2.1", 9), ("192.0.2.2", 9)
OK = b"R\0\0\0\x08\0\0\0\0"


@pytest.fixture
def rig(rigs):
    """Passwords are asked for in the clear, as if nobody could listen."""
    users = tuple(
        User(name, md5_stored(name.encode(), b"right").decode(), "right")
        for name in ("anna", "berta")
    )
    return rigs(auth="plain", users=users, unauthenticated_per_address_max=4)


def come(rig, peer=HERE) -> Peer:
    """A client that has connected from there."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    rig.peers.append(Peer(rig, ours))
    rig.worker.entrance.accepted(theirs.detach(), DOORS["transaction"], peer)
    return rig.peers[-1]


def say(rig, password, user="anna") -> Peer:
    """A client, through a Unix socket, that has said a password."""
    client = come(rig, b"")
    client.send(startup(user=user, database="app"))
    client.gets(b"R\0\0\0\x08\0\0\0\x03")
    client.send(PasswordMessage(password.encode()).encode())
    return client


def fail(rig, times=1, user="anna"):
    for _ in range(times):
        client = say(rig, "wrong", user)
        rig.turn(5)
        if not client.look():
            rig.later(5.0)
        assert b"PGL0201" in client.ends()


def test_a_proof_waits_behind_failed_ones(rig) -> None:
    fail(rig, FREE + 1)
    client = say(rig, "right")
    rig.turn(5)
    assert client.look() == b""
    rig.later(0.05)
    assert client.look() == b""
    rig.later(0.06)
    client.gets(OK)


def test_another_user_does_not(rig) -> None:
    fail(rig, FREE + 4)
    say(rig, "right", "berta").gets(OK)


def test_the_right_password_ends_it(rig) -> None:
    fail(rig, FREE + 1)
    client = say(rig, "right")
    rig.later(0.2)
    client.gets(OK)
    fail(rig, FREE)
    say(rig, "right").gets(OK)


def test_those_that_wait_are_looked_at_one_by_one(rig) -> None:
    fail(rig, FREE + 1)
    clients = [say(rig, "wrong") for _ in range(4)]
    rig.turn(5)
    rig.later(0.11)
    assert sum(b"PGL0201" in client.look() for client in clients) == 1
    rig.later(0.11)
    assert sum(b"PGL0201" in client.look() for client in clients) == 1
    rig.later(0.11)
    assert sum(b"PGL0201" in client.look() for client in clients) == 2


def test_to_leave_and_come_again_is_no_way_around(rig) -> None:
    fail(rig, FREE + 1)
    client = say(rig, "wrong")
    rig.turn(5)
    client.socket.close()
    rig.turn(5)
    assert rig.worker.login_count() == 1
    rig.later(0.11)
    rig.until(lambda: rig.worker.login_count() == 0)
    assert len(rig.logged("failed_logins")) == 1


def test_a_password_that_comes_before_it_is_asked_for_waits_too(rig) -> None:
    fail(rig, FREE + 1)
    client = come(rig, b"")
    client.send(startup(user="anna", database="app") + PasswordMessage(b"right").encode())
    client.gets(b"R\0\0\0\x08\0\0\0\x03")
    rig.turn(5)
    assert client.look() == b""
    rig.later(0.11)
    client.gets(OK)


def test_who_waits_too_long_is_told_why(rigs) -> None:
    users = (User("anna", md5_stored(b"anna", b"right").decode()),)
    rig = rigs(auth="plain", users=users, login_ms_max=300)
    for wait_s in (0.0, 0.0, 0.0, 0.0, 0.1, 0.2):
        client = say(rig, "wrong")
        rig.turn(5)
        rig.later(wait_s)
        assert b"PGL0201" in client.ends()
    client = say(rig, "right")
    rig.turn(5)
    rig.later(0.31)
    told = client.ends()
    assert b"PGL0211" in told
    assert OK not in told
    rig.later(10.0)
    assert rig.worker.login_count() == 0


def test_the_log_tells_some_by_themselves_and_the_others_together(rig) -> None:
    for _ in range(FREE + 6):
        client = say(rig, "wrong")
        rig.turn(5)
        rig.later(5.0)
        assert b"PGL0201" in client.ends()
    alone = [line for line in rig.logged("refused") if line["fields"]["code"] == "PGL0201"]
    assert len(alone) == FREE
    assert {line["fields"]["sqlstate"] for line in alone} == {"28P01"}
    (line,) = rig.logged("failed_logins")
    assert line["level"] == "warning"
    assert line["fields"] == {"user": "anna", "client": "a Unix socket", "failures": 1}


def test_connections_of_one_address_are_counted(rig) -> None:
    idle = [come(rig) for _ in range(4)]
    assert b"PGL0307" in come(rig).ends()
    elsewhere = come(rig, THERE)
    nearby = [come(rig, ("127.0.0.1", 9)) for _ in range(6)]
    rig.turn(3)
    assert not any(client.look() for client in [*idle, elsewhere, *nearby])
    idle[0].socket.close()
    rig.until(lambda: rig.worker.login_count() == 10)
    late = come(rig)
    rig.turn(3)
    assert late.look() == b""


def test_many_names_from_one_network_wait_a_little_each(rigs) -> None:
    """By md5, which may be asked for without TLS."""
    rig = rigs(auth="md5", users=(User("anna", "md5" + "0" * 32),))
    answer = PasswordMessage(b"md5" + b"1" * 32).encode()

    def ask(user: str, peer=HERE) -> Peer:
        client = come(rig, peer)
        client.send(startup(user=user, database="app"))
        client.gets(b"R\0\0\0\x0c\0\0\0\x05")
        client.send(answer)
        rig.turn(5)
        return client

    for number in range(FREE_OF_NETWORK + 1):
        assert b"PGL0201" in ask(f"user{number}").ends()
    slow, quick = ask("one more"), ask("one more", THERE)
    assert b"PGL0201" in quick.ends()
    assert slow.look() == b""
    rig.later(1.01)
    assert b"PGL0201" in slow.ends()
    (line,) = rig.logged("failed_logins")
    assert line["fields"] == {"user": "", "client": "192.0.2.1", "failures": 1}
    assert "of several users" in line["text"]


@pytest.mark.parametrize(
    ("peer", "network", "local"),
    [
        (b"", b"", True),
        (("127.0.0.1", 9), b"\x7f\0\0\1", True),
        (("::1", 9), bytes(8), True),
        (("::ffff:127.0.0.1", 9), b"\x7f\0\0\1", True),
        (("192.0.2.1", 9), b"\xc0\0\2\1", False),
        (("::ffff:192.0.2.1", 9), b"\xc0\0\2\1", False),
        (("2001:db8:1:2:3::4", 9), b"\x20\1\r\xb8\0\1\0\2", False),
        (b"\2\0\0\x09" + b"\xc0\0\2\1" + bytes(8), b"\xc0\0\2\1", False),
        (
            b"\x0a\0\0\x09\0\0\0\0" + b"\x20\1\r\xb8\0\1\0\2" + bytes(12),
            b"\x20\1\r\xb8\0\1\0\2",
            False,
        ),
    ],
)
def test_whom_a_peer_is_counted_with(peer, network, local) -> None:
    assert peer_network(peer) == network
    assert is_local(network) is local
