"""Opening a server connection: one address after another, one deadline, one ending."""

import select
import socket
import tempfile
from pathlib import Path

import pytest

from pglane.config.settings import Settings
from pglane.connection.server_login import Credentials, ServerLogin
from pglane.engine.dialer import Address, Dial, open_socket, refused_by_us, server_text
from pglane.engine.loop import EpollReadiness, Loop, PollReadiness
from pglane.engine.server_tls import ServerTls
from pglane.wire.server_messages import ErrorResponse
from pglane.wire.startup import StartupMessage
from tests.support.engine_rig import LOGIN_ANSWER, error


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


class Rig:
    def __init__(self, readiness: object) -> None:
        self.clock = Clock()
        self.loop = Loop(self.clock, readiness)
        self.opened: list[object] = []
        self.failed: list[tuple[str, ErrorResponse | None]] = []
        self.servers: list[socket.socket] = []
        self.dials: list[Dial] = []
        self.tls = ServerTls(Settings(server_tls_sslmode="disable"))

    def dial(self, *addresses: Address) -> Dial:
        def login(address: Address, encrypted: bool) -> ServerLogin:
            assert encrypted == (self.tls.mode == "require")
            packet = StartupMessage(3, 0, {"user": b"anna"})
            return ServerLogin("anna", packet, Credentials(), b"nonce", str(address))

        dial = Dial(
            self.loop,
            addresses,
            login,
            lambda _, transport: self.opened.append(transport),
            lambda _, reason, refusal: self.failed.append((reason, refusal)),
            5.0,
            self.tls,
        )
        self.dials.append(dial)
        dial.begin()
        return dial

    def turn(self, times: int = 3) -> None:
        for _ in range(times):
            self.loop.call_at(0.0, lambda: None)
            self.loop.turn()

    def until(self, condition) -> None:
        for _ in range(400):
            if condition():
                return
            self.turn(1)
        raise AssertionError("not in 400 turns")

    def listen(self, family: str = "inet") -> tuple[socket.socket, Address]:
        host = "::1" if family == "inet6" else "127.0.0.1"
        kind = socket.AF_INET6 if family == "inet6" else socket.AF_INET
        server = socket.create_server((host, 0), family=kind)
        self.servers.append(server)
        return server, Address(family, host, server.getsockname()[1])

    def closed(self) -> Address:
        """An address nobody listens at."""
        server, address = self.listen()
        server.close()
        return address


@pytest.fixture(params=[EpollReadiness, PollReadiness])
def rig(request):
    made = Rig(request.param())
    yield made
    for each in made.opened:
        each.abort()
    for each in made.dials:
        if not each.over:
            each.abandon()
    for each in made.servers:
        each.close()
    made.loop.readiness.close()


@pytest.mark.parametrize("family", ["inet", "inet6"])
def test_a_login_that_is_done_ends_the_dial(rig, family: str) -> None:
    server, address = rig.listen(family)
    dial = rig.dial(address)
    rig.turn()
    with server.accept()[0] as peer:
        peer.sendall(LOGIN_ANSWER)
        rig.until(lambda: rig.opened)
        assert (rig.failed, dial.over) == ([], True)
        rig.clock.now += 10.0
        rig.turn()
        assert rig.failed == [], "the deadline is no more"


def test_the_next_address_is_tried_and_the_last_reason_is_told(rig) -> None:
    first, second = rig.closed(), rig.closed()
    rig.dial(first, second)
    rig.until(lambda: rig.failed)
    assert rig.failed == [(f"{second}: Connection refused", None)]


def test_one_that_closes_during_the_login_is_followed_by_the_next(rig) -> None:
    bad, first = rig.listen()
    good, second = rig.listen()
    rig.dial(first, second)
    rig.turn()
    bad.accept()[0].close()
    good.settimeout(0.0)
    accepted: list[socket.socket] = []

    def came() -> bool:
        try:
            accepted.append(good.accept()[0])
        except BlockingIOError:
            return False
        return True

    rig.until(came)
    accepted[0].sendall(LOGIN_ANSWER)
    rig.until(lambda: rig.opened)
    accepted[0].close()


def test_what_the_server_says_is_told(rig) -> None:
    server, address = rig.listen()
    rig.dial(address)
    rig.turn()
    with server.accept()[0] as peer:
        peer.sendall(error("28P01", "FATAL"))
        rig.until(lambda: rig.failed)
    reason, refusal = rig.failed[0]
    assert reason == "so said the server"
    assert refusal is not None
    assert refusal.get("C") == b"28P01"


def test_what_we_cannot_do_is_told_in_our_words(rig) -> None:
    server, address = rig.listen()
    rig.dial(address)
    rig.turn()
    with server.accept()[0] as peer:
        peer.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x03")
        rig.until(lambda: rig.failed)
    reason, refusal = rig.failed[0]
    assert "PGL0605" in reason
    assert refusal is not None


def test_one_that_says_nothing_is_given_up(rig) -> None:
    server, address = rig.listen()
    rig.dial(address)
    rig.turn()
    rig.clock.now += 5.0
    rig.turn()
    assert rig.failed == [(f"{address}: no answer in time (connect_ms_max)", None)]
    server.close()


def test_one_that_is_abandoned_tells_nobody(rig) -> None:
    server, address = rig.listen()
    for turns in (0, 3):
        dial = rig.dial(address)
        rig.turn(turns)
        dial.abandon()
    rig.clock.now += 9.0
    rig.turn()
    assert (rig.opened, rig.failed) == ([], [])
    server.close()


def test_a_full_queue_of_a_unix_socket_is_a_reason_not_a_wait() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="pglane-dial-") as folder,
        socket.socket(socket.AF_UNIX) as server,
    ):
        server.bind(str(Path(folder, ".s.PGSQL.1")))
        server.listen(0)
        opened: list[socket.socket] = []
        with pytest.raises(OSError, match="queue of new connections is full"):
            for _ in range(20):
                one = open_socket(Address("unix", folder, 1))
                opened.append(one)
        for each in opened:
            each.close()


def test_a_socket_that_is_not_there_is_told_in_words(rig) -> None:
    rig.dial(Address("unix", "/nonexistent", 1))
    assert rig.failed == [("/nonexistent: No such file or directory", None)]


@pytest.mark.parametrize(
    ("family", "host", "local"),
    [
        ("unix", "/run", True),
        ("inet", "127.0.0.9", True),
        ("inet6", "::1", True),
        ("inet", "10.0.0.1", False),
    ],
)
def test_what_stays_on_this_machine(family: str, host: str, local: bool) -> None:
    assert Address(family, host, 5432).local is local


def test_a_servers_message_is_told_with_its_detail() -> None:
    told = ErrorResponse((("M", b"no"), ("D", b"because")))
    assert server_text(told) == "no. because"
    assert server_text(None) == ""
    assert refused_by_us(None) is None


def test_each_address_has_the_whole_time(rig) -> None:
    silent, first = rig.listen()
    good, second = rig.listen()
    rig.dial(first, second)
    rig.turn()
    rig.clock.now += 5.1
    rig.turn()
    assert rig.failed == []
    rig.clock.now += 4.0
    rig.turn()
    with silent.accept()[0], good.accept()[0] as peer:
        peer.sendall(LOGIN_ANSWER)
        rig.until(lambda: rig.opened)


def test_one_that_starts_or_is_full_is_followed_by_the_next(rig) -> None:
    bad, first = rig.listen()
    good, second = rig.listen()
    rig.dial(first, second)
    rig.turn()
    with bad.accept()[0] as peer:
        peer.sendall(error("57P03", "FATAL"))
        rig.turn()
    rig.until(lambda: ready(good))
    with good.accept()[0] as peer:
        peer.sendall(error("53300", "FATAL"))
        rig.until(lambda: rig.failed)
    ((reason, refusal),) = rig.failed
    assert refusal.get("C") == b"53300"


def ready(server: socket.socket) -> bool:
    return bool(select.select([server], [], [], 0)[0])
