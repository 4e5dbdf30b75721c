"""Opening a server connection: connect, log in, hand over; one address after another.

A `Dial` ends in exactly one call: `on_open(login, transport, address)` or `on_failure(reason,
error)`, where `error` is the server's own ErrorResponse if it gave one. What a server may take
for both is one deadline.
"""

import errno
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pglane.connection.server_login import ServerLogin
from pglane.engine.loop import Loop, Ready
from pglane.engine.transport import Owner, Transport
from pglane.errors import Refusal
from pglane.wire.server_messages import ErrorResponse, error_response

KEEPALIVE_IDLE_S = 60
CONNECTING = frozenset({errno.EINPROGRESS, errno.EAGAIN, errno.EWOULDBLOCK})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: family is inet, inet6 or unix."""

    family: str
    address: str
    port: int

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
    """One attempt to open a server connection."""

    __slots__ = (
        "_addresses",
        "_connecting",
        "_loop",
        "_make_login",
        "_on_failure",
        "_on_open",
        "_timer",
        "_transport",
        "address",
        "login",
        "over",
    )

    def __init__(
        self,
        loop: Loop,
        addresses: Sequence[Address],
        make_login: Callable[[Address], ServerLogin],
        on_open: Callable[["Dial", Transport], None],
        on_failure: Callable[["Dial", str, ErrorResponse | None], None],
        within_s: float,
    ) -> None:
        self._loop = loop
        self._addresses = list(addresses)
        self._make_login = make_login
        self._on_open = on_open
        self._on_failure = on_failure
        self._connecting: Connecting | None = None
        self._transport: Transport | None = None
        self._timer = loop.call_later(within_s, self._too_slow)
        self.login: ServerLogin | None = None
        self.address: Address = self._addresses[0]
        self.over = False

    def begin(self) -> None:
        """Tries the first address."""
        self._next("no address")

    def _next(self, reason: str) -> None:
        self._connecting = None
        self._transport = None
        while self._addresses:
            self.address = self._addresses.pop(0)
            try:
                sock = open_socket(self.address)
            except OSError as error:
                reason = f"{self.address}: {error.strerror}"
                continue
            self._connecting = Connecting(self._loop, sock, self._connected)
            return
        self._fail(reason, None)

    def _connected(self, sock: socket.socket | None, reason: str) -> None:
        if sock is None:
            self._next(f"{self.address}: {reason}")
            return
        self._connecting = None
        self._transport = Transport(self._loop, sock.detach(), self, 262_144)
        self.login = self._make_login(self.address)
        self._transport.write(self.login.begin())

    def on_data(self, data: bytes) -> None:
        """The server answers the login."""
        login, transport = self.login, self._transport
        assert login is not None
        assert transport is not None
        answer = login.receive(data)
        if login.failed:
            error = login.error or refused_by_us(login.refusal)
            self._fail(server_text(error), error)
            return
        if answer:
            transport.write(answer)
        if login.done:
            self._finish()
            self._on_open(self, transport)

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
        if self._connecting is not None:
            self._connecting.abandon()
        if self._transport is not None:
            self._transport.abort()

    def _too_slow(self) -> None:
        if not self.over:
            reason = f"{self.address}: no answer in time (connect_ms_max)"
            self._fail(reason, None)

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
