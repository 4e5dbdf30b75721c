"""Opening a server connection: connect, log in, hand over; one address after another.

A `Dial` ends in exactly one call: `on_open(login, transport, address)` or `on_failure(reason,
error)`, where `error` is the server's own ErrorResponse if it gave one.

With and without TLS is tried in the order of `ServerTls.attempts`: the second where the server
cannot do the first, or does not let us in by it (a rule of pg_hba.conf), as libpq does.

Who is logged in where not the wanted kind of server is (`session_target`) leaves again and goes on
to the next. Each address has the whole time: one that does not answer must not cost the others'.
"""

import errno
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pglane.connection.server_login import ServerLogin
from pglane.connection.session_target import (
    SessionTarget,
    TargetQuestion,
    is_told,
    misfit,
    passes,
)
from pglane.engine.loop import Loop, Ready
from pglane.engine.server_tls import NOT_OFFERED, Securing, ServerTls, is_disagreement
from pglane.engine.tls_transport import TlsTransport
from pglane.engine.transport import NOBODY, Owner, Transport
from pglane.errors import Refusal
from pglane.errors.server import ServerTlsFailed
from pglane.wire.key_recipe import KeyRecipe
from pglane.wire.scram import ScramKeys
from pglane.wire.server_messages import ErrorResponse, error_response

KEEPALIVE_IDLE_S = 60
QUEUE_BYTES_MAX = 262_144
TERMINATE = b"X\x00\x00\x00\x04"
ANY = SessionTarget()
NOT_LET_IN = b"28"
"""Class of SQLSTATE: a rule for this user, address, or way (with TLS or without)."""
PASSING = (b"53", b"57", b"58")
"""Classes of SQLSTATE: the server, and not who asks, is the reason; time heals it."""
CONNECTING = frozenset({errno.EINPROGRESS, errno.EAGAIN, errno.EWOULDBLOCK})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: family is inet, inet6 or unix; `host` is what it was named."""

    family: str
    address: str
    port: int
    host: str = ""

    def __str__(self) -> str:
        return self.address if self.family == "unix" else f"{self.address}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether bytes to it never leave this machine."""
        return self.family == "unix" or self.address.startswith("127.") or self.address == "::1"


def open_socket(address: Address) -> socket.socket:
    """A non-blocking socket that is connecting.

    Raises:
        OSError: it cannot even be tried.
    """
    families = {"inet": socket.AF_INET, "inet6": socket.AF_INET6, "unix": socket.AF_UNIX}
    sock = socket.socket(families[address.family], socket.SOCK_STREAM)
    sock.setblocking(False)
    if address.family != "unix":
        tune(sock)
    target: object = (
        f"{address.address}/.s.PGSQL.{address.port}"
        if address.family == "unix"
        else (address.address, address.port)
    )
    code = sock.connect_ex(target)  # type: ignore[arg-type]
    if code not in CONNECTING and code != 0:
        sock.close()
        raise OSError(code, os.strerror(code))
    if address.family == "unix" and code != 0:
        # Not under way: the server's queue of connections is full (connect(2)).
        sock.close()
        raise OSError(code, "its queue of new connections is full")
    return sock


def tune(sock: socket.socket) -> None:
    """Small messages at once; a peer that vanished is noticed."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6)


MakeKeys = Callable[[KeyRecipe, Callable[[ScramKeys], None]], None]


def make_at_once(recipe: KeyRecipe, then: Callable[[ScramKeys], None]) -> None:
    """Where nobody else is to be served meanwhile."""
    then(ScramKeys.of_recipe(recipe))


class Connecting(Ready):
    """A socket until it is connected; `then` gets it, or the reason why not."""

    __slots__ = ("_loop", "_socket", "_then", "fd")

    def __init__(
        self, loop: Loop, sock: socket.socket, then: Callable[[socket.socket | None, str], None]
    ) -> None:
        self._loop = loop
        self._socket = sock
        self._then = then
        self.fd = sock.fileno()
        loop.add(self.fd, self, write=True)

    def on_ready(self, mask: int) -> None:
        """Called by the loop."""
        del mask
        self._loop.remove(self.fd)
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._socket.close()
            self._then(None, os.strerror(code))
            return
        self._then(self._socket, "")

    def read_again(self) -> None:
        """Never asked for."""

    def flush(self) -> None:
        """Never asked for."""

    def abandon(self) -> None:
        """Gives up."""
        self._loop.remove(self.fd)
        self._socket.close()


class Dial(Owner):
    """One attempt to open a server connection.

    Attributes:
        make_keys: makes SCRAM keys that take long to compute, and calls when they are there.
    """

    __slots__ = (
        "_asked_read_only",
        "_connecting",
        "_loop",
        "_make_login",
        "_on_failure",
        "_on_open",
        "_plans",
        "_question",
        "_securing",
        "_timer",
        "_tls",
        "_transport",
        "_wanted",
        "_with_tls",
        "_within_s",
        "address",
        "login",
        "make_keys",
        "over",
    )

    def __init__(
        self,
        loop: Loop,
        addresses: Sequence[Address],
        make_login: Callable[[Address, bool], ServerLogin],
        on_open: Callable[["Dial", Transport], None],
        on_failure: Callable[["Dial", str, ErrorResponse | None], None],
        within_s: float,
        tls: ServerTls,
        target: SessionTarget = ANY,
    ) -> None:
        self._loop = loop
        self._tls = tls
        self._with_tls = False
        self._wanted = ""
        self._asked_read_only = target.asked_read_only
        self._question: TargetQuestion | None = None
        self._plans = [
            (address, with_tls, kind)
            for kind in passes(target.wanted)
            for address in addresses
            for with_tls in tls.attempts(address)
        ]
        self._make_login = make_login
        self.make_keys: MakeKeys = make_at_once
        self._on_open = on_open
        self._on_failure = on_failure
        self._connecting: Connecting | None = None
        self._securing: Securing | None = None
        self._transport: Transport | None = None
        self._within_s = within_s
        self._timer = loop.call_later(within_s, self._too_slow)
        self.login: ServerLogin | None = None
        self.address: Address = addresses[0]
        self.over = False

    def begin(self) -> None:
        """Tries the first address."""
        self._next("no address")

    def _next(self, reason: str, error: ErrorResponse | None = None) -> None:
        """Goes on with the next plan; without one the last failure is told."""
        self._connecting = None
        self._securing = None
        self._transport = None
        while self._plans:
            self.address, self._with_tls, self._wanted = self._plans.pop(0)
            try:
                sock = open_socket(self.address)
            except OSError as failure:
                self._leave_address()
                reason, error = f"{self.address}: {failure.strerror}", None
                continue
            self._connecting = Connecting(self._loop, sock, self._connected)
            self._timer.cancel()
            self._timer = self._loop.call_later(self._within_s, self._too_slow)
            return
        self._fail(reason, error)

    def _leave_address(self) -> None:
        """It cannot be reached, with or without TLS."""
        self._plans = [plan for plan in self._plans if plan[0] != self.address]

    def _leave_round(self) -> None:
        """It is not what is wanted in this round, with or without TLS."""
        here = (self.address, self._wanted)
        self._plans = [plan for plan in self._plans if (plan[0], plan[2]) != here]

    def _may_go_on(self) -> bool:
        """Whether the other way, with TLS or without, is to be tried here."""
        here = (self.address, self._wanted)
        return bool(self._plans) and (self._plans[0][0], self._plans[0][2]) == here

    def _connected(self, sock: socket.socket | None, reason: str) -> None:
        if sock is None:
            self._leave_address()
            self._next(f"{self.address}: {reason}")
            return
        self._connecting = None
        self._transport = Transport(self._loop, sock.detach(), self, QUEUE_BYTES_MAX)
        if self._with_tls:
            self._securing = Securing(
                self._loop, self._transport, self._tls, self._secured, self.address.host
            )
            self._securing.begin()
        else:
            self._log_in(self._transport)

    def _secured(self, transport: Transport | None, reason: str) -> None:
        """TLS is there, or cannot be had."""
        self._securing = None
        if transport is not None:
            transport.set_owner(self)
            self._log_in(transport)
        elif reason == NOT_OFFERED and self._may_go_on():
            self._plans.pop(0)
            self._with_tls = False
            assert self._transport is not None
            self._transport.set_owner(self)
            self._log_in(self._transport)
        else:
            if self._transport is not None:
                self._transport.abort()
            told = f"{self.address}: {reason}"
            refusal = ServerTlsFailed(reason=told, mode=self._tls.mode)
            self._next(told, refused_by_us(refusal) if is_disagreement(reason) else None)

    def _log_in(self, transport: Transport) -> None:
        self._transport = transport
        self.login = self._make_login(self.address, self._with_tls)
        self._tls.bind(
            self.login, transport.session if isinstance(transport, TlsTransport) else None
        )
        transport.write(self.login.begin())

    def on_data(self, data: bytes) -> None:
        """The server answers the login."""
        login, transport = self.login, self._transport
        assert login is not None
        assert transport is not None
        if self._question is not None:
            self._question.receive(data)
            if self._question.over:
                login.parameters.update(self._question.reported)
                self._judge(login, transport)
            return
        waited = login.lacks is not None
        self._go_on(login, transport, login.receive(data))
        if login.lacks is not None and not waited:
            self.make_keys(login.lacks, lambda keys: self._supply(login, transport, keys))

    def _supply(self, login: ServerLogin, transport: Transport, keys: ScramKeys) -> None:
        """What the login lacked is computed; unless it took too long, it goes on."""
        if not self.over and self._transport is transport:
            self._go_on(login, transport, login.supply(keys))

    def _go_on(self, login: ServerLogin, transport: Transport, answer: bytes) -> None:
        if login.failed:
            self._refused(login, transport)
            return
        if answer:
            transport.write(answer)
        if login.done:
            if is_told(self._wanted, login.parameters):
                self._judge(login, transport)
            else:
                self._question = TargetQuestion()
                transport.write(self._question.begin())

    def _judge(self, login: ServerLogin, transport: Transport) -> None:
        """Whether this is a server that is wanted; if not, the next one is tried."""
        self._question = None
        wrong = misfit(self._wanted, login.parameters, asked_read_only=self._asked_read_only)
        if not wrong:
            self._finish()
            self._on_open(self, transport)
            return
        transport.set_owner(NOBODY)
        transport.write(TERMINATE)
        transport.close()
        self._leave_round()
        self._next(f"{self.address}: {wrong}")

    def _refused(self, login: ServerLogin, transport: Transport) -> None:
        error = login.error or refused_by_us(login.refusal)
        code = (login.error.get("C") or b"") if login.error is not None else b""
        if code[:2] == NOT_LET_IN and not login.asked and self._may_go_on():
            transport.abort()
            self._next(server_text(error), error)
        elif code[:2] in PASSING and self._plans:
            # It starts, stops, or is full: another one may not be.
            transport.abort()
            self._leave_address()
            self._next(f"{self.address}: {server_text(error)}", error)
        else:
            self._fail(server_text(error), error)

    def on_end(self, reason: str) -> None:
        """The server closed before the login was done."""
        self._next(f"{self.address}: {reason} during the login")

    def on_full(self) -> None:
        """A login never fills a buffer."""

    def on_drained(self) -> None:
        """A login never fills a buffer."""

    def abandon(self) -> None:
        """Nobody wants it any more."""
        self._finish()
        self._let_go()

    def _let_go(self) -> None:
        if self._connecting is not None:
            self._connecting.abandon()
        if self._securing is not None:
            self._securing.transport.abort()
        if self._transport is not None:
            self._transport.abort()

    def _too_slow(self) -> None:
        """The next one may answer."""
        if not self.over:
            self._let_go()
            self._leave_address()
            self._question = None
            self._next(f"{self.address}: no answer in time (connect_ms_max)")

    def _fail(self, reason: str, error: ErrorResponse | None) -> None:
        if not self.over:
            self.abandon()
            self._on_failure(self, reason, error)

    def _finish(self) -> None:
        self.over = True
        self._timer.cancel()


def refused_by_us(refusal: Refusal | None) -> ErrorResponse | None:
    """Our own reason not to go on, in the form of the server's."""
    if refusal is None:
        return None
    return ErrorResponse.decode(error_response(refusal)[5:])


def server_text(error: ErrorResponse | None) -> str:
    """The server's message, for a log line."""
    if error is None:
        return ""
    parts = (error.get("M"), error.get("D"))
    return ". ".join(part.decode("utf-8", "replace") for part in parts if part)
