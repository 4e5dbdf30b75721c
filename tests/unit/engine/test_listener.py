"""A listening socket: accepts, and rests when the system cannot."""

import errno
import os
import socket

import pytest

from pglane.doors import transaction
from pglane.engine.listener import PAUSE_S, Listener
from pglane.engine.login import Entrance
from pglane.engine.loop import EpollReadiness, Loop, PollReadiness
from pglane.engine.syscalls import Acceptor, Peer, peer_text
from pglane.engine.transport import Owner, Transport


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


class FakeWorker:
    def __init__(self, readiness: object) -> None:
        self.clock = Clock()
        self.loop = Loop(self.clock, readiness)
        self.events: list[str] = []

    def log(self, level: str, event: str, text: str) -> None:
        self.events.append(event)


class FakeOwner(Owner):
    """Keeps what comes, and in which turn."""

    def __init__(self, entrance: "FakeEntrance") -> None:
        self.entrance = entrance
        self.heard: list[tuple[bytes, int]] = []
        self.failures = 0

    def on_data(self, data: bytes) -> None:
        self.heard.append((data, self.entrance.loop.turns))
        if data == b"broken":
            raise ValueError("on_data")

    def on_failure(self) -> None:
        self.failures += 1


class FakeEntrance(Entrance):
    """Keeps whoever comes."""

    def __init__(self, readiness: object) -> None:
        Entrance.__init__(self, FakeWorker(readiness))
        self.clock = self.worker.clock
        self.events = self.worker.events
        self.came: list[tuple[socket.socket, str]] = []
        self.raising = False
        self.turn_of_last = 0
        self.owner = FakeOwner(self)

    def accepted(self, fd: int, door: object, peer: Peer) -> Transport:
        self.came.append((socket.socket(fileno=fd), peer_text(peer)))
        self.turn_of_last = self.loop.turns
        if self.raising:
            raise ValueError("accepted")
        return Transport(self.loop, os.dup(fd), self.owner, 1000)

    def turn(self, times: int = 2) -> None:
        for _ in range(times):
            self.loop.call_at(0.0, lambda: None)
            self.loop.turn()


class FailingAcceptor(Acceptor):
    """Fails as long as it has errors."""

    def __init__(self, sock: socket.socket, errors: list[int]) -> None:
        Acceptor.__init__(self, sock)
        self.errors = errors

    def accept(self) -> int:
        if self.errors:
            raise OSError(self.errors[0], "no")
        return Acceptor.accept(self)


@pytest.fixture(params=[EpollReadiness, PollReadiness])
def entrance(request):
    made = FakeEntrance(request.param())
    yield made
    made.loop.readiness.close()
    for sock, _ in made.came:
        sock.close()


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request):
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as made:
        yield made


def test_everybody_is_accepted_and_tuned(entrance, server) -> None:
    listener = Listener(entrance, server, transaction, "x")
    clients = [socket.create_connection(server.getsockname()[:2]) for _ in range(70)]
    turns = 0
    while len(entrance.came) < 70:
        entrance.turn()
        turns += 1
        assert turns < 70, "a crowd is not let in one by one"
    sock, address = entrance.came[0]
    host, port = clients[0].getsockname()[:2]
    assert address == (f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    for client in clients:
        client.close()
    listener.close()
    listener.close()
    listener.read_again()


@pytest.mark.parametrize(
    ("code", "event"), [(errno.EMFILE, "out_of_descriptors"), (errno.EINVAL, "accept_failed")]
)
def test_it_rests_when_the_system_cannot_and_says_so_once(entrance, server, code, event) -> None:
    failing = FailingAcceptor(server, [code])
    listener = Listener(entrance, server, transaction, "x", failing)
    client = socket.create_connection(server.getsockname()[:2])
    entrance.turn(5)
    assert entrance.events == [event]
    assert entrance.came == []
    failing.errors.clear()
    entrance.turn(5)
    assert entrance.came == [], "not before its rest is over"
    entrance.clock.now += PAUSE_S
    entrance.turn()
    assert len(entrance.came) == 1
    client.close()
    failing.errors.append(code)
    listener.read_again()
    listener.close()
    entrance.clock.now += PAUSE_S
    entrance.turn()


def test_who_gave_up_is_no_reason_to_rest(entrance, server) -> None:
    listener = Listener(entrance, server, transaction, "x")
    listener.read_again()
    assert entrance.events == []
    listener.flush()
    listener.close()


def test_an_error_about_one_client_does_not_keep_the_others_out(entrance, server) -> None:
    raised: list[Exception] = []
    entrance.loop.on_failure = raised.append
    entrance.raising = True
    listener = Listener(entrance, server, transaction, "x")
    clients = [socket.create_connection(server.getsockname()[:2]) for _ in range(2)]
    entrance.turn(4)
    assert len(entrance.came) == len(raised) == 2
    for client in clients:
        client.close()
    listener.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_DEFER_ACCEPT"), reason="a thing of Linux")
def test_what_came_with_a_connection_is_read_in_the_same_turn(entrance, server) -> None:
    raised: list[Exception] = []
    entrance.loop.on_failure = raised.append
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
    listener = Listener(entrance, server, transaction, "x")
    silent, broken, client = (socket.create_connection(server.getsockname()[:2]) for _ in range(3))
    entrance.turn()
    assert entrance.came == [], "nobody has said anything"
    for sock, text in ((broken, b"broken"), (client, b"hello")):
        sock.sendall(text)
        while not entrance.owner.heard:
            entrance.turn(1)
        assert entrance.owner.heard.pop() == (text, entrance.turn_of_last)
    assert (len(raised), entrance.owner.failures) == (1, 1)
    for each in (silent, broken, client):
        each.close()
    listener.close()
