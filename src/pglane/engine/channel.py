"""The channel between supervisor and worker: JSON objects and file descriptors over a socket pair.

A frame is a 32-bit big-endian length and that many bytes of one JSON object (ASCII only, so that
text with odd bytes in it survives as escapes). A frame may carry file descriptors: they are sent
with its first byte (SCM_RIGHTS) and the object says how many in "fds". The kernel keeps the order
of descriptors and bytes, never tears the descriptors of one send apart, and delivers them not
later than the bytes they were sent with (unix(7)). So a frame that is whole finds its descriptors
at the head of the queue, whatever the split of the byte stream.

Both ends trust each other (parent and child), therefore anything malformed is a bug and raises.
JSON and not pickle: what passes can be read by people, and a message can do nothing by itself.

Who writes must not block a data plane: a worker queues `encode`d bytes and passes them to
`send_some` when the socket is writable; `send_message` is for a peer that may wait.
"""

import json
import os
import select
import socket
from array import array
from collections import deque
from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]

HEADER_BYTES = 4
FRAME_BYTES_MAX = 64 * 1024 * 1024
FDS_MAX = 16
"""Descriptors in one message; the kernel's own limit is 253 (SCM_MAX_FD)."""
RECEIVE_BYTES = 256 * 1024
SEND_WAIT_MS_MAX = 5_000

_FD_BYTES = array("i").itemsize
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class ChannelError(Exception):
    """The peer sent what the channel cannot carry; the only cure is a new pair of sockets."""


def encode(message: Message) -> bytes:
    """One frame. A message that travels with descriptors must have "fds" set by the caller.

    Raises:
        ValueError: the object is larger than `FRAME_BYTES_MAX`, or holds NaN or an infinity.
        TypeError: it holds something JSON has no form for.
    """
    body = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(body) > FRAME_BYTES_MAX:
        msg = f"a message of {len(body)} bytes, allowed are {FRAME_BYTES_MAX}"
        raise ValueError(msg)
    return len(body).to_bytes(HEADER_BYTES, "big") + body


class ChannelReader:
    """Bytes and descriptors in, messages out; owns descriptors until `next` hands them over."""

    __slots__ = ("_buffer", "_fds")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._fds: deque[int] = deque()

    def feed(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Appends what one `receive` gave."""
        self._buffer += data
        self._fds.extend(fds)

    def next(self) -> tuple[Message, list[int]] | None:
        """The next whole message and the descriptors it came with; None when none is whole.

        Raises:
            ChannelError: a length above `FRAME_BYTES_MAX`, a body that is not one JSON object,
                or fewer descriptors than it says.
        """
        buffer = self._buffer
        if len(buffer) < HEADER_BYTES:
            return None
        length = int.from_bytes(buffer[:HEADER_BYTES], "big")
        if length > FRAME_BYTES_MAX:
            msg = f"a frame of {length} bytes, allowed are {FRAME_BYTES_MAX}"
            raise ChannelError(msg)
        end = HEADER_BYTES + length
        if len(buffer) < end:
            return None
        message = _decode_body(bytes(buffer[HEADER_BYTES:end]))
        del buffer[:end]
        return message, self._claim(message)

    def _claim(self, message: Message) -> list[int]:
        count = message.get("fds", 0)
        if not isinstance(count, int) or not 0 <= count <= len(self._fds):
            msg = f"{message.get('type')!r} says {count!r} descriptors, {len(self._fds)} are here"
            raise ChannelError(msg)
        return [self._fds.popleft() for _ in range(count)]

    def close_fds(self) -> None:
        """Closes the descriptors that no message has claimed; call it when the channel ends."""
        while self._fds:
            os.close(self._fds.popleft())


def _decode_body(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = f"a frame of {len(body)} bytes is not JSON"
        raise ChannelError(msg) from error
    if not isinstance(message, dict):
        msg = f"a frame holds a {type(message).__name__}, expected an object"
        raise ChannelError(msg)
    return message


def send_some(sock: socket.socket, data: bytes, fds: Sequence[int] = ()) -> int:
    """One sendmsg; how many bytes of `data` went out. The descriptors go with the first byte.

    Raises:
        BlockingIOError: nothing was sent, no descriptor either (non-blocking socket).
        OSError: the peer is gone.
    """
    if not fds:
        return sock.send(data)
    return sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))])


def send_message(sock: socket.socket, message: Message, fds: Sequence[int] = ()) -> None:
    """Sends one message and waits until all of it is in the kernel; the caller keeps its fds.

    The socket may be non-blocking. Meant for small messages and a peer that reads.

    Raises:
        ValueError: more than `FDS_MAX` descriptors, or too large a message.
        TimeoutError: the peer did not make room within `SEND_WAIT_MS_MAX`; the channel is broken.
        OSError: the peer is gone.
    """
    if len(fds) > FDS_MAX:
        msg = f"{len(fds)} descriptors in one message, allowed are {FDS_MAX}"
        raise ValueError(msg)
    data = encode({**message, "fds": len(fds)} if fds else message)
    sent = 0
    while sent < len(data):
        try:
            sent += send_some(sock, data[sent:], () if sent else fds)
        except BlockingIOError:
            _wait_writable(sock)


def _wait_writable(sock: socket.socket) -> None:
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    if not poll.poll(SEND_WAIT_MS_MAX):
        msg = f"the peer of the channel has not read for {SEND_WAIT_MS_MAX} ms"
        raise TimeoutError(msg)


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """One recvmsg: bytes (empty at end of stream) and descriptors, closed on exec.

    Raises:
        BlockingIOError: nothing is there (non-blocking socket).
        ChannelError: descriptors were lost on the way (this process is out of them).
        OSError: the peer is gone.
    """
    room = socket.CMSG_SPACE(FDS_MAX * _FD_BYTES)
    data, ancillary, flags, _ = sock.recvmsg(RECEIVE_BYTES, room, _CLOSE_ON_EXEC)
    fds = array("i")
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(value[: len(value) - len(value) % _FD_BYTES])
    if flags & socket.MSG_CTRUNC:
        for fd in fds:
            os.close(fd)
        msg = "descriptors were lost on the channel: this process may open no more of them"
        raise ChannelError(msg)
    if not _CLOSE_ON_EXEC:
        for fd in fds:
            os.set_inheritable(fd, False)
    return data, fds.tolist()
