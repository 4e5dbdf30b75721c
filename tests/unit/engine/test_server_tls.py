"""TLS towards the server: the order of attempts, and how it begins."""

import hashlib
import socket
import ssl
from types import SimpleNamespace

import pytest

from pglane.config.settings import SSLMODES, Settings
from pglane.engine.dialer import Address
from pglane.engine.loop import EpollReadiness, Loop
from pglane.engine.server_tls import (
    ASKED,
    EARLY,
    NOT_OFFERED,
    OTHER,
    UNNAMED,
    Securing,
    ServerTls,
    is_disagreement,
)
from pglane.engine.transport import Owner, Transport
from tests.support.certificates import Authority
from tests.support.tls_peer import TlsPeer
from tests.unit.engine.test_transport import Clock

FAR = Address("inet", "192.0.2.1", 5432)
NEAR = Address("inet", "127.0.0.1", 5432)
FOLDER = Address("unix", "/run", 5432)
PLAIN, TLS = False, True


def tls(mode, **more):
    return ServerTls(Settings(server_host="localhost", server_tls_sslmode=mode, **more))


@pytest.mark.parametrize(
    ("mode", "order"),
    [
        ("disable", (PLAIN,)),
        ("allow", (PLAIN, TLS)),
        ("prefer", (TLS, PLAIN)),
        ("require", (TLS,)),
        ("auto", (TLS, PLAIN)),
    ],
)
def test_the_order_of_attempts(mode, order):
    assert tls(mode).attempts(FAR) == order
    assert tls(mode).demanded == (mode == "require")


class Session:
    """What is asked of TLS."""

    def __init__(self, certificate):
        self.certificate = certificate

    def getpeercert(self, binary_form):
        assert binary_form
        return self.certificate


@pytest.mark.parametrize(
    ("mode", "may", "must"),
    [("prefer", True, False), ("require", True, True), ("disable", False, False)],
)
def test_what_a_login_is_bound_to(mode, may, must, tmp_path):
    der = ssl.PEM_cert_to_DER_cert(Authority(tmp_path).file.read_text())
    for session, hash_of_it in ((Session(der), hashlib.sha256(der).digest()), (None, b"")):
        login = SimpleNamespace(binding=b"", must_bind=False)
        tls("prefer", server_tls_channel_binding=mode).bind(login, session)
        assert login.binding == (hash_of_it if may else b"")
        assert login.must_bind is must
    tls("prefer").bind(login, Session(None))
    assert login.binding == b""


def test_on_this_machine_auto_asks_for_it_where_the_server_insists():
    assert tls("auto").attempts(NEAR) == (PLAIN, TLS)
    assert tls("prefer").attempts(NEAR) == (TLS, PLAIN)


@pytest.mark.parametrize("mode", [mode for mode in SSLMODES if not mode.startswith("verify")])
def test_a_unix_socket_is_never_encrypted(mode):
    assert tls(mode).attempts(FOLDER) == (PLAIN,)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.sign("server", "localhost", "DNS:localhost")


class Rig:
    """A connection that is to be secured, and the server's end of it."""

    def __init__(self, certificate, settings) -> None:
        self.loop = Loop(Clock(), EpollReadiness())
        mine, self.server = socket.socketpair()
        mine.setblocking(False)
        self.server.setblocking(False)
        self.came: list[tuple[Transport | None, str]] = []
        self.plain = Transport(self.loop, mine.detach(), Owner(), 10_000)
        self.securing = Securing(self.loop, self.plain, settings, self.then)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        self.context = context
        self.securing.begin()
        self.turn()

    def then(self, transport, reason) -> None:
        self.came.append((transport, reason))

    def turn(self) -> None:
        self.loop.call_at(0.0, lambda: None)
        self.loop.turn()

    def shake(self, context=None) -> None:
        peer = TlsPeer(self.server, context or self.context, server_side=True)
        for _ in range(4):
            try:
                peer.look()
            except ssl.SSLError:
                return
            self.turn()

    def close(self) -> None:
        self.securing.transport.abort()
        self.plain.abort()
        self.server.close()
        self.loop.readiness.close()


@pytest.fixture
def rig(certificate):
    made = []

    def make(settings):
        made.append(Rig(certificate, settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_it_is_asked_for_and_begun(rig):
    one = rig(tls("require"))
    assert one.server.recv(100) == ASKED
    one.server.send(b"S")
    one.turn()
    one.shake()
    ((transport, reason),) = one.came
    assert reason == ""
    assert transport.tls_text().startswith("TLSv1.")


def test_it_begins_unasked(rig, certificate):
    one = rig(tls("require", server_tls_negotiation="direct"))
    one.context.set_alpn_protocols(["postgresql"])
    one.shake()
    assert one.came[0][1] == ""


def test_who_begins_unasked_must_be_answered_by_postgresql(rig):
    one = rig(tls("require", server_tls_negotiation="direct"))
    one.shake()
    assert one.came == [(None, UNNAMED)]


def test_a_server_without_it(rig):
    one = rig(tls("prefer"))
    one.server.send(b"N")
    one.turn()
    assert one.came == [(None, NOT_OFFERED)]
    assert not one.plain.ended


@pytest.mark.parametrize(("answer", "reason"), [(b"Sxyz", EARLY), (b"E\0\0\0\5", OTHER)])
def test_what_else_it_may_say_in_the_clear(rig, answer, reason):
    one = rig(tls("prefer"))
    one.server.send(answer)
    one.turn()
    assert one.came == [(None, reason)]
    assert one.plain.ended


def test_a_server_that_closes(rig):
    one = rig(tls("require"))
    assert one.server.recv(100) == ASKED
    one.server.close()
    one.turn()
    assert one.came == [(None, "closed by the peer")]


def test_a_certificate_for_another_name(rig, authority):
    settings = Settings(
        server_host="elsewhere",
        server_tls_sslmode="verify-full",
        server_tls_ca_file=str(authority.file),
    )
    one = rig(ServerTls(settings))
    assert one.server.recv(100) == ASKED
    one.server.send(b"S")
    one.turn()
    one.shake()
    ((transport, reason),) = one.came
    assert transport is None
    assert "certificate" in reason
    assert is_disagreement(reason)


def test_what_time_may_heal():
    assert not is_disagreement("closed by the peer")
    assert not is_disagreement(OTHER)
    assert is_disagreement(NOT_OFFERED)
