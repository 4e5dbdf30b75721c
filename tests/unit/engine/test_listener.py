"""A listening socket: accepts, and rests when the system cannot."""

import errno
import socket

import pytest

from pglane.doors import transaction
from pglane.engine.listener import PAUSE_S, Listener
from pglane.engine.loop import EpollReadiness, Loop, PollReadiness


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


class FakeWorker:
    def __init__(self, readiness: object) -> None:
        self.clock = Clock()
        self.loop = Loop(self.clock, readiness)
        self.came: list[tuple[socket.socket, str]] = []
        self.events: list[str] = []
        self.raising = False

    def accepted(self, sock: socket.socket, door: object, address: str) -> None:
        self.came.append((sock, address))
        if self.raising:
            raise ValueError("accepted")

    def log(self, level: str, event: str, text: str) -> None:
        self.events.append(event)

    def turn(self, times: int = 2) -> None:
        for _ in range(times):
            self.loop.call_at(0.0, lambda: None)
            self.loop.turn()


class FailingSocket:
    """A listening socket whose accept fails first."""

    def __init__(self, sock: socket.socket, errors: list[int]) -> None:
        self._sock = sock
        self.errors = errors

    def accept(self):
        if self.errors:
            raise OSError(self.errors[0], "no") if len(self.errors) else None
        return self._sock.accept()

    def __getattr__(self, name: str):
        return getattr(self._sock, name)


@pytest.fixture(params=[EpollReadiness, PollReadiness])
def worker(request):
    made = FakeWorker(request.param())
    yield made
    made.loop.readiness.close()
    for sock, _ in made.came:
        sock.close()


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request):
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as made:
        yield made


def test_everybody_is_accepted_and_tuned(worker, server) -> None:
    listener = Listener(worker, server, transaction, "x")
    clients = [socket.create_connection(server.getsockname()[:2]) for _ in range(70)]
    turns = 0
    while len(worker.came) < 70:
        worker.turn()
        turns += 1
        assert turns < 70, "a crowd is not let in one by one"
    sock, address = worker.came[0]
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
def test_it_rests_when_the_system_cannot_and_says_so_once(worker, server, code, event) -> None:
    failing = FailingSocket(server, [code])
    listener = Listener(worker, failing, transaction, "x")
    client = socket.create_connection(server.getsockname()[:2])
    worker.turn(5)
    assert worker.events == [event]
    assert worker.came == []
    failing.errors.clear()
    worker.turn(5)
    assert worker.came == [], "not before its rest is over"
    worker.clock.now += PAUSE_S
    worker.turn()
    assert len(worker.came) == 1
    client.close()
    failing.errors.append(code)
    listener.read_again()
    listener.close()
    worker.clock.now += PAUSE_S
    worker.turn()


def test_who_gave_up_is_no_reason_to_rest(worker, server) -> None:
    failing = FailingSocket(server, [errno.ECONNABORTED])
    listener = Listener(worker, failing, transaction, "x")
    listener.read_again()
    assert worker.events == []
    listener.flush()
    listener.close()


def test_an_error_about_one_client_does_not_keep_the_others_out(worker, server) -> None:
    raised: list[Exception] = []
    worker.loop.on_failure = raised.append
    worker.raising = True
    listener = Listener(worker, server, transaction, "x")
    clients = [socket.create_connection(server.getsockname()[:2]) for _ in range(2)]
    worker.turn(4)
    assert len(worker.came) == len(raised) == 2
    for client in clients:
        client.close()
    listener.close()
