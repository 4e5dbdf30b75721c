# ruff: noqa: F821 -- the C names are declared in the .pxd
"""accept, recv, send, close, epoll_wait and the clock; from C when compiled.

Through Python's socket objects a call costs about half a microsecond more (argument parsing,
handing over the interpreter lock), which is a tenth of a transaction's whole cost (fact A18 of
the protocol research). A worker has one thread and its sockets do not block, so nothing is lost
by keeping the lock.

A connection is its descriptor here, not a socket object: to make one costs a login more than all
the calls that it is made for. Whoever needs a name or an option of it borrows one (`borrowed`).

What is received lies in one buffer of the process until it is known to whom it goes (`Chunk`):
most of it goes on at once and never becomes an object. `send_some` gives how many bytes the kernel
took, 0 when it takes none now, and raises OSError for everything else.
"""

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython

if TYPE_CHECKING:
    import select

READ_BYTES = 65_536
EVENTS_MAX = 512
_EVENTS_MAX: int = EVENTS_MAX  # compiled, C integers
_READ_BYTES: int = READ_BYTES
_NOTHING: int = -1
_FAILED: int = -2
NOT_NOW = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)
NOBODY_THERE = (*NOT_NOW, errno.ECONNABORTED)
"""What accept says when there is nobody, or nobody any more."""

IPV6_BYTES = 28
_IPV6_BYTES: int = IPV6_BYTES
"""Of an address of the kernel's: family, port, flow, 16 bytes, scope; others are shorter."""

MAPPED = bytes(10) + b"\xff\xff"
"""What stands before an IPv4 address in the clothes of IPv6."""

Peer = bytes | tuple[str, int]
"""Who connected: the kernel's address as it is, or what Python makes of it; see `peer_text`."""


class Acceptor:
    """Takes connections from a listening socket."""

    __slots__ = ("_fd", "_peer", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._fd = sock.fileno()
        self._peer: Peer = b""

    def accept(self) -> int:
        """The descriptor of a connection, which does not block; -1 when there is none."""
        if cython.compiled:
            accepted: int = c_accept(self._fd)  # type: ignore[name-defined]
            if accepted >= 0:
                return accepted
            code = c_errno  # type: ignore[name-defined]
            if code in NOBODY_THERE:
                return -1
            raise OSError(code, os.strerror(code))
        try:
            sock, self._peer = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return -1
        sock.setblocking(False)
        return sock.detach()

    def peer(self) -> Peer:
        """The address of the one that was accepted last."""
        if cython.compiled:
            return c_peer_address[:c_peer_bytes]  # type: ignore[name-defined,no-any-return]
        return self._peer


def peer_text(peer: Peer) -> str:
    """host:port of a peer, for people; `unix` if it has no address."""
    if not peer:
        return "unix"
    if isinstance(peer, tuple):
        host, port = peer[0], peer[1]
    else:
        port = int.from_bytes(peer[2:4], "big")
        ipv4 = len(peer) < IPV6_BYTES
        host = socket.inet_ntop(
            socket.AF_INET if ipv4 else socket.AF_INET6, peer[4:8] if ipv4 else peer[8:24]
        )
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def peer_network(peer: Peer) -> bytes:
    """Whom a peer is counted with: its IPv4 address, or the 64 bits that a network has of IPv6.

    b"" if it has no address.
    """
    if isinstance(peer, tuple):
        host = peer[0]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        address = socket.inet_pton(family, host)
    elif len(peer) < _IPV6_BYTES:
        raw: bytes = peer
        data = raw
        return data[4:8] if raw else raw
    else:
        address = peer[8:24]
    if address[:12] == MAPPED:
        return address[12:16]
    return address[:8]


@contextmanager
def borrowed(fd: int) -> Iterator[socket.socket]:
    """A socket object for a moment; the descriptor stays whose it is."""
    sock = socket.socket(fileno=fd)
    try:
        yield sock
    finally:
        sock.detach()


def close_descriptor(fd: int) -> None:
    """Nothing can be done about an error here."""
    if cython.compiled:
        c_close(fd)  # type: ignore[name-defined]
    else:
        os.close(fd)


NOTHING = -1
FAILED = -2


class Chunk:
    """What one recv brought; true until the next one.

    Attributes:
        data: where it lies. Compiled, an address: whoever keeps it keeps `whole()`.
        size: how many bytes it is.
        failure: the error's number when `receive` gave FAILED.
    """

    __slots__ = ("data", "failure", "size")

    def __init__(self) -> None:
        self.size = 0
        self.failure = 0
        self.data: bytes
        if cython.compiled:
            self.data = _buffer  # type: ignore[name-defined]
        else:
            self.data = b""

    def receive(self, fd: int) -> int:
        """Takes at most `READ_BYTES`: how many, 0 at the end of the stream, NOTHING or FAILED."""
        if cython.compiled:
            count: int = c_recv(fd, _buffer, _READ_BYTES, 0)  # type: ignore[name-defined]
            if count < 0:
                code = c_errno  # type: ignore[name-defined]
                self.failure = code
                return _NOTHING if code in NOT_NOW else _FAILED
            self.size = count
            return count
        try:
            self.data = os.read(fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return NOTHING
        except OSError as error:
            self.failure = error.errno or 0
            return FAILED
        self.size = len(self.data)
        return self.size

    def put(self, data: bytes) -> bool:
        """Takes these for what came (they were decrypted); False if they are too many."""
        size = len(data)
        if size > _READ_BYTES:
            return False
        if cython.compiled:
            source: bytes = data
            c_copy(_buffer, source, size)  # type: ignore[name-defined]
        else:
            self.data = data
        self.size = size
        return True

    def whole(self) -> bytes:
        """All of it, to be kept."""
        data = self.data
        return data[: self.size]


def send_part(fd: int, data: bytes, size: int) -> int:
    """Sends the beginning of what lies at `data`: how many bytes the kernel took.

    0 for every failure: who sends the rest will meet it.
    """
    if cython.compiled:
        sent: int = c_send_bytes(fd, data, size, c_no_signal)  # type: ignore[name-defined]
        return sent if sent > 0 else 0
    try:
        return os.write(fd, data[:size])
    except OSError:
        return 0


def send_some(fd: int, data: bytes) -> int:
    """Sends from the beginning of `data` what the kernel takes."""
    if cython.compiled:
        sent: int = c_send(fd, data, len(data), c_no_signal)  # type: ignore[name-defined]
        if sent >= 0:
            return sent
        code = c_errno  # type: ignore[name-defined]
        if code in NOT_NOW:
            return 0
        raise OSError(code, os.strerror(code))
    try:
        return os.write(fd, data)
    except (BlockingIOError, InterruptedError):
        return 0


def monotonic_s() -> float:
    """`time.monotonic`, without an object of its own."""
    if cython.compiled:
        seconds = c_monotonic_s()  # type: ignore[name-defined]
        if seconds >= 0.0:
            return seconds  # type: ignore[no-any-return]
    return time.monotonic()


class AlarmClock:
    """A descriptor that is ready when a time has come (timerfd_create(2)).

    Attributes:
        fd: the descriptor; -1 where there is none (not compiled, not Linux, or none to be had).
    """

    __slots__ = ("fd",)

    def __init__(self) -> None:
        self.fd = c_alarm_open() if cython.compiled else -1  # type: ignore[name-defined]

    def set(self, after_s: float) -> None:
        """It rings once in so many seconds, and not at the time that was set before."""
        if c_alarm_set(self.fd, after_s):  # type: ignore[name-defined]
            raise OSError(c_errno, os.strerror(c_errno))  # type: ignore[name-defined]

    def __del__(self) -> None:
        if self.fd >= 0:
            close_descriptor(self.fd)


class EpollEvents:
    """What one call of epoll_wait gave, as numbers, so that no objects are made.

    Attributes:
        bits: what any of them is ready for.
        events: one by one: descriptor << 32 | what it is ready for.
    """

    __slots__ = ("_epoll", "_fd", "bits", "events")

    events: list[int]

    def __init__(self, epoll: "select.epoll") -> None:
        self._epoll = epoll
        self._fd = epoll.fileno()
        self.bits = 0
        if not cython.compiled:
            self.events = [0] * EVENTS_MAX

    def add(self, fd: int, mask: int) -> None:
        """Watches a descriptor."""
        if cython.compiled:
            self._control(c_epoll_add, fd, mask)  # type: ignore[name-defined]
        else:
            self._epoll.register(fd, mask)

    def modify(self, fd: int, mask: int) -> None:
        """Watches it for something else."""
        if cython.compiled:
            self._control(c_epoll_modify, fd, mask)  # type: ignore[name-defined]
        else:
            self._epoll.modify(fd, mask)

    def _control(self, operation: int, fd: int, mask: int) -> None:
        if c_epoll_control(self._fd, operation, fd, mask):  # type: ignore[name-defined]
            raise OSError(c_errno, os.strerror(c_errno))  # type: ignore[name-defined]

    def wait(self, timeout_s: float) -> int:
        """How many descriptors are ready, at most `EVENTS_MAX`."""
        bits = 0
        if cython.compiled:
            timeout_ms = int(timeout_s * 1000.0 + 0.999)
            count = c_epoll_wait(self._fd, _ready, _EVENTS_MAX, timeout_ms)  # type: ignore[name-defined]
            for at in range(count):
                fd = _ready[at].data.fd  # type: ignore[name-defined]
                mask = _ready[at].events  # type: ignore[name-defined]
                bits |= mask
                self.events[at] = fd << 32 | mask
            self.bits = bits
            return count if count > 0 else 0
        ready = self._epoll.poll(timeout_s, EVENTS_MAX)
        for at, (fd, mask) in enumerate(ready):
            bits |= mask
            self.events[at] = fd << 32 | mask
        self.bits = bits
        return len(ready)
