# cython: boundscheck=False, wraparound=False
"""A non-blocking stream socket under the loop: read once a turn, send once a turn, never spin.

Bytes are written to a list and leave with one send at the end of the turn; those that are all
there is to send on, a whole request or all that is owed for one, leave at once from where they
were received, and never become an object. What the kernel does not take stays here, and the socket
is watched for writing only from then on. The owner is told when more than `high_bytes` wait (it
then pauses whoever feeds this transport) and when fewer than half of it do.

A peer may shut its side and still read (half-closed): an owner that wants to go on sending says
so in `on_shut`; then the end is seen when the peer is gone altogether.

An owner may be replaced, and the last to hold it be this, while one of its methods runs: each call
is made on a local, which holds it until then.

A connection that is being closed gets `LINGER_S_MAX` to take what is queued for it.

What is encrypted is another class (`tls_transport`): to those that are not it costs nothing.

What waits for a slow reader is counted (`memory`), and where the worker's memory is tight the
owner is told as soon as anything waits.

Pausing is a flag: edge-triggered readiness that nobody acts on costs nothing; `resume` reads
what came meanwhile. Bytes held for one slow reader are so at most `high_bytes` plus what one
read brings.
"""

import os
import select
import socket
from typing import Any

from pglane.engine.loop import HANG_UP_BITS, WRITE, Loop, Ready, Timer
from pglane.engine.memory import CONNECTION_BYTES, Memory
from pglane.engine.syscalls import (
    NOTHING,
    READ_BYTES,
    Chunk,
    borrowed,
    close_descriptor,
    send_part,
    send_some,
)
from pglane.wire.joining import joined

# Compiled, these are C integers: to compare with them costs no object.
_WRITE: int = WRITE
_HANG_UP_BITS: int = HANG_UP_BITS
_READ_BYTES: int = READ_BYTES
_CONNECTION_BYTES: int = CONNECTION_BYTES

SEND_BYTES_MAX = 262_144
"""Of what waits, more is not copied together for one send: the kernel rarely takes more."""
_SEND_BYTES_MAX: int = SEND_BYTES_MAX
JOINED_BYTES_MAX = 4096
"""Up to so many bytes what follows what waits is made one with it; more would be copied often."""
_JOINED_BYTES_MAX: int = JOINED_BYTES_MAX
LINGER_S_MAX = 5.0
"""How long a peer that does not read keeps a closing connection, and the bytes queued for it."""
GONE_BITS = select.POLLERR | select.POLLHUP
"""The peer has closed both sides, or reset the connection."""


class Owner:
    """Whose connection it is; a base class, so that compiled calls are direct."""

    __slots__ = ()

    def takes(self, chunk: Chunk) -> bool:
        """Bytes came; False: `on_data` is to have them."""
        del chunk
        return False

    def on_data(self, data: bytes) -> None:
        """Bytes came."""

    def on_secured(self) -> None:
        """The TLS handshake is over: what is written from now on is encrypted."""

    def on_end(self, reason: str) -> None:
        """The peer closed or the connection broke; called once."""

    def on_shut(self) -> bool:
        """The peer says that it sends no more; whether it is still to be written to."""
        return False

    def on_failure(self) -> None:
        """One of these methods raised: the connection is over, its state is not to be trusted."""
        self.on_end("an internal error")

    def on_full(self) -> None:
        """More than `high_bytes` wait to be sent."""

    def on_drained(self) -> None:
        """Fewer than half of `high_bytes` wait again."""


NOBODY = Owner()
"""Owns what has ended."""
_NOBODY: Owner = NOBODY
_NOTHING_QUEUED: list[bytes] = []  # of all that have no queue; nothing is put into it


class Transport(Ready):
    """One connected socket; its descriptor belongs to the transport.

    Attributes:
        fd: the descriptor.
        queued_bytes: written and not taken by the kernel yet.
        full: more than `high_bytes` wait, and since then not fewer than half.
        paused: the owner wants no data now.
        ended: the socket is closed or broken.
        half_closed: the peer sends no more, and is still written to.
    """

    __slots__ = (
        "_blocked",
        "_charged",
        "_closing",
        "_first",
        "_hung_up",
        "_lingering",
        "_loop",
        "_memory",
        "_own_bytes",
        "_owner",
        "_queue",
        "_readable",
        "_scheduled",
        "_watching_write",
        "ended",
        "fd",
        "full",
        "half_closed",
        "high_bytes",
        "paused",
        "queued_bytes",
    )

    def __init__(self, loop: Loop, fd: int, owner: Owner, high_bytes: int) -> None:
        self._set_up(loop, fd, owner, high_bytes)

    def _set_up(self, loop: Loop, fd: int, owner: Owner, high_bytes: int) -> None:
        self._loop = loop
        self._owner = owner
        self.fd = fd
        self.high_bytes = high_bytes
        self.queued_bytes = 0
        self.paused = False
        self.ended = False
        self._first: bytes | None = None  # most turns write once: that needs no list
        self._queue = _NOTHING_QUEUED
        self._blocked = False
        self._closing = False
        self.full = False
        self.half_closed = False
        self._hung_up = False
        self._lingering: Timer | None = None
        self._readable = False
        self._scheduled = False
        self._watching_write = False
        self._memory: Memory = loop.memory
        self._charged = 0  # of what is queued
        try:
            self._loop.add(fd, self)
        except OSError:
            close_descriptor(fd)
            raise
        self._own_bytes = _CONNECTION_BYTES
        self._memory.add(_CONNECTION_BYTES)

    def set_owner(self, owner: Owner) -> None:
        """Somebody else handles what comes from now on."""
        self._owner = owner

    # Reading -------------------------------------------------------------------------------

    def on_ready(self, mask: int) -> None:
        """Called by the loop."""
        if self.ended:
            return
        if mask & _WRITE and self._blocked:
            self._blocked = False
            self.flush()
        if mask & ~_WRITE and not self.ended:
            self._readable = True
            self._hung_up = mask & _HANG_UP_BITS != 0
            if not self.paused:
                self._read()
            elif self.half_closed and mask & GONE_BITS:
                self._end("closed by the peer")

    def read_again(self) -> None:
        """Called by the loop in the turn after one whose read left something."""
        self._scheduled = False
        if self._readable and not self.paused and not self.ended:
            self._read()

    def _read(self) -> None:
        if self._memory.alarmed:
            self._schedule()
            return
        chunk = self._loop.chunk
        count = chunk.receive(self.fd)
        if count <= 0:
            self._read_nothing(count, chunk.failure)
            return
        if self._closing:
            self._schedule()
            return
        if count == _READ_BYTES or self._hung_up:
            self._schedule()
        else:
            self._readable = False
        self._received(chunk)

    def read_first(self) -> None:
        """What came with the connection is read at once; who accepted it must not pay for that."""
        if self.ended or self._closing:
            return
        self._readable = True
        try:
            self._read()
        except Exception as error:  # noqa: BLE001 -- it costs one connection, not the worker
            self.fail()
            self._loop.on_failure(error)

    def _read_nothing(self, count: int, failure: int) -> None:
        if count == NOTHING:
            self._readable = False
        elif count == 0:
            self._peer_shut()
        else:
            self._end(os.strerror(failure))

    def _received(self, chunk: Chunk) -> None:
        owner = self._owner
        if not owner.takes(chunk):
            owner.on_data(chunk.whole())

    def _peer_shut(self) -> None:
        """The end of what the peer sends: of the connection too, unless its owner objects."""
        watch = select.poll()
        watch.register(self.fd, 0)
        owner = self._owner
        if self._closing or watch.poll(0) or not owner.on_shut():
            self._end("closed by the peer")
        elif not self.ended:
            self.pause()
            self.half_closed = True
            self._readable = False

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.again(self)

    def pause(self) -> None:
        """No more data until `resume`."""
        if not self.paused and not self.ended:
            self.paused = True
            self._loop.readiness.pause(self.fd, paused=True)

    def resume(self) -> None:
        """Data again; what came meanwhile is read in the next turn."""
        if self.paused and not self.ended and not self._closing and not self.half_closed:
            self.paused = False
            self._loop.readiness.pause(self.fd, paused=False)
            if self._readable:
                self._schedule()

    # Writing -------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Sends at the end of this turn; behind `close` nothing more."""
        if self.ended or self._closing:
            return
        first = self._first
        if first is None:
            self._loop.written(self)
            self._first = data
        elif not self._queue and not self._blocked and len(first) + len(data) <= _JOINED_BYTES_MAX:
            self._first = joined(first, data)
        else:
            self._enqueue(data)
        self.queued_bytes += len(data)
        if self.queued_bytes > self.high_bytes and not self.full:
            self._is_full()

    def _enqueue(self, data: bytes) -> None:
        if self._queue:
            self._queue.append(data)
        else:
            self._queue = [data]
        if self._blocked:
            self._charge(len(data))

    def _is_full(self) -> None:
        owner = self._owner
        self.full = True
        owner.on_full()

    def write_now(self, data: bytes, size: int) -> None:
        """Sends what lies at `data` at once, if nothing waits before it.

        What the kernel does not take, or cannot, is left to the end of this turn.
        """
        if self.ended or self._closing:
            return
        sent = 0
        if self._first is None and not self._blocked:
            sent = send_part(self.fd, data, size)
        if sent < size:
            self.write(data[sent:size])

    def send_now(self, data: bytes) -> None:
        """Sends `data` at once, if nothing waits before it; see `write_now`."""
        self.write_now(data, len(data))

    def write_all(self, parts: list[Any]) -> None:
        """Writes several `bytes`, as one where that is worth it, and empties the list."""
        part = _as_one(parts)
        if part:
            self.write(part)
        else:
            self._write_each(parts)

    def send_all(self, parts: list[Any]) -> None:
        """As `write_all`, and at once: for those who have nothing more to say in this turn."""
        part = _as_one(parts)
        if part:
            self.send_now(part)
        else:
            self._write_each(parts)

    def _write_each(self, parts: list[Any]) -> None:
        for part in parts:
            self.write(part)
        parts.clear()

    def flush(self) -> None:
        """One send; called by the loop at the end of the turn, or when the socket is writable."""
        data = self._first
        if data is None or self.ended or self._blocked:
            return
        if self._queue:
            data = self._gathered(data)
        try:
            sent = send_some(self.fd, data)
        except OSError:
            self._writing_failed()
            return
        self.queued_bytes -= sent
        if sent == len(data):
            self._first = None
            if self._queue:
                self._go_on_sending()
        else:
            self._first = data[sent:]
            self._block()
        if self.full or self._closing or self._charged:
            self._after_flush()

    def _gathered(self, data: bytes) -> bytes:
        """What is sent next: `data` and what waits behind it, as much as is worth a copy."""
        queue = self._queue
        count = len(queue)
        if self.queued_bytes > _SEND_BYTES_MAX:
            count = 0
            size = len(data)
            while count < len(queue) and size + len(queue[count]) <= _SEND_BYTES_MAX:
                size += len(queue[count])
                count += 1
        if count:
            data = b"".join([data, *queue[:count]])
            del queue[:count]
        return data

    def _go_on_sending(self) -> None:
        """The kernel took what was worth a copy, and there is more."""
        self._first = self._queue.pop(0)
        self._loop.written(self)

    def _charge(self, count: int) -> None:
        """So many bytes more wait beyond this turn, or fewer if it is negative."""
        self._charged += count
        self._memory.add(count)

    def _writing_failed(self) -> None:
        """The peer is gone; what it said before it went is still to be read, and then the end."""
        self._first = None
        self._queue = _NOTHING_QUEUED
        self.queued_bytes = 0
        self._readable = True
        self._hung_up = True
        self._schedule()
        if self._closing:
            self.abort()
        elif self.half_closed:
            self._end("closed by the peer")

    def _block(self) -> None:
        """The kernel's buffer is full: go on when the socket is writable."""
        self._blocked = True
        self._charge(self.queued_bytes - self._charged)
        if not self._watching_write or self._loop.readiness.level_triggered:
            self._watching_write = True
            self._loop.readiness.watch_write(self.fd)

    def _after_flush(self) -> None:
        if self._charged != self.queued_bytes:
            self._charge(self.queued_bytes - self._charged)
        if self._blocked and self._memory.is_tight():
            if not self.full and not self._closing:
                self._is_full()
        elif self.full and self.queued_bytes * 2 < self.high_bytes:
            owner = self._owner
            self.full = False
            owner.on_drained()
        if self._closing and self._first is None:
            self._await_end()

    # The end -------------------------------------------------------------------------------

    def close(self) -> None:
        """Closes once everything written is sent; what comes is thrown away."""
        if self.ended or self._closing:
            return
        self._closing = True
        if self._first is None:
            self.abort()
            return
        self._lingering = self._loop.call_later(LINGER_S_MAX, self.abort)
        self.flush()

    def _await_end(self) -> None:
        """Says that nothing more comes, and waits for the peer's end.

        To close while the peer is still sending would make the kernel answer with a reset, and a
        reset can overtake what was sent last: the reason why the connection ends.
        """
        try:
            self._shut_writing()
        except OSError:
            self.abort()
            return
        self._loop.readiness.pause(self.fd, paused=False)
        self.paused = False
        self._readable = True
        self._schedule()

    def shut_writing(self) -> None:
        """Tells the peer that nothing more comes; reading goes on."""
        if not self.ended:
            self.flush()
            try:
                self._shut_writing()
            except OSError:
                self._end("closed by the peer")

    def _shut_writing(self) -> None:
        with borrowed(self.fd) as sock:
            sock.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """Closes at once, without telling the owner."""
        if not self.ended:
            self.ended = True
            self._loop.closes(self.fd)
            close_descriptor(self.fd)
            self._discharge()
            if self._lingering is not None:
                self._lingering.cancel()

    def _discharge(self) -> None:
        """Nothing is held for it any more, though it itself may wait for a search for cycles."""
        self._first = None
        self._queue = _NOTHING_QUEUED
        self._memory.add(-self._own_bytes - self._charged)
        self._own_bytes = 0
        self._charged = 0

    def forget(self) -> None:
        """Whose it was need not wait for a search for cycles; called by the loop."""
        self._owner = _NOBODY

    def fail(self) -> None:
        """A handler raised; called by the loop."""
        if not self.ended:
            self.abort()
            owner = self._owner
            owner.on_failure()

    def local_address(self) -> tuple[str, int]:
        """Our end's address and port; asked of the kernel each time, so for people only."""
        if self.ended or self._closing:
            return "", 0
        with borrowed(self.fd) as sock:
            name = sock.getsockname()
            if sock.family == socket.AF_UNIX:
                return "unix", 0
        return str(name[0]), int(name[1])

    def tls_text(self) -> str:
        """Version and cipher of TLS, for people; empty where nothing is encrypted."""
        return ""

    def detach(self) -> socket.socket:
        """Gives the socket away, with nothing queued for it.

        A console client goes to the supervisor, one that begins TLS to another transport.
        """
        self.ended = True
        self._loop.remove(self.fd)
        self._discharge()
        return socket.socket(fileno=self.fd)

    def _end(self, reason: str) -> None:
        if not self.ended:
            self.abort()
            if not self._closing:
                owner = self._owner
                owner.on_end(reason)


def _as_one(parts: list[Any]) -> bytes:
    """Takes all of them out as one; b"", and they stay, if they are too long to be copied."""
    size = 0
    for part in parts:
        size += len(part)
    if not size or size > _SEND_BYTES_MAX:
        return b""
    data: bytes = b"".join(parts) if len(parts) > 1 else parts[0]
    parts.clear()  # to pop the last one shrinks the list by way of realloc
    return data


def open_transport(loop: Loop, fd: int, owner: Owner, high_bytes: int) -> Transport:
    """One, made without what it costs to call a class."""
    made = Transport.__new__(Transport)
    made._set_up(loop, fd, owner, high_bytes)
    return made
