# ruff: noqa: F821 -- the C names are declared in the .pxd
"""recv, send and epoll_wait; from C when compiled.

Through Python's socket objects a call costs about half a microsecond more (argument parsing,
handing over the interpreter lock), which is a tenth of a transaction's whole cost (fact A18 of
the protocol research). A worker has one thread and its sockets do not block, so nothing is lost
by keeping the lock.

`receive_some` gives b"" at the end of the stream and None when there is nothing; `send_some`
gives how many bytes the kernel took, 0 when it takes none now. Both raise OSError for everything
else.
"""

import errno
import os
import socket
from typing import TYPE_CHECKING

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython

if TYPE_CHECKING:
    import select

READ_BYTES = 65_536
EVENTS_MAX = 512
NOT_NOW = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


def receive_some(sock: socket.socket, fd: int) -> bytes | None:
    """At most `READ_BYTES` of what is there."""
    if cython.compiled:
        count = c_recv(fd, _buffer, READ_BYTES, 0)  # type: ignore[name-defined]
        if count >= 0:
            return _buffer[:count]  # type: ignore[name-defined,no-any-return]
        code = c_errno  # type: ignore[name-defined]
        if code in NOT_NOW:
            return None
        raise OSError(code, os.strerror(code))
    try:
        return sock.recv(READ_BYTES)
    except (BlockingIOError, InterruptedError):
        return None


def send_some(sock: socket.socket, fd: int, data: bytes) -> int:
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
        return sock.send(data)
    except (BlockingIOError, InterruptedError):
        return 0


class EpollEvents:
    """What one call of epoll_wait gave; asked for one by one, so that no objects are made."""

    __slots__ = ("_epoll", "_events", "_fd")

    def __init__(self, epoll: "select.epoll") -> None:
        self._epoll = epoll
        self._fd = epoll.fileno()
        self._events: list[tuple[int, int]] = []

    def wait(self, timeout_s: float) -> int:
        """How many descriptors are ready, at most `EVENTS_MAX`."""
        if cython.compiled:
            timeout_ms = int(timeout_s * 1000.0 + 0.999)
            count = c_epoll_wait(self._fd, _ready, EVENTS_MAX, timeout_ms)  # type: ignore[name-defined]
            return count if count > 0 else 0
        self._events = self._epoll.poll(timeout_s, EVENTS_MAX)
        return len(self._events)

    def fd(self, at: int) -> int:
        """The descriptor of the event at this place."""
        if cython.compiled:
            ready_fd: int = _ready[at].data.fd  # type: ignore[name-defined]
            return ready_fd
        return self._events[at][0]

    def mask(self, at: int) -> int:
        """What it is ready for."""
        if cython.compiled:
            ready_mask: int = _ready[at].events  # type: ignore[name-defined]
            return ready_mask
        return self._events[at][1]
