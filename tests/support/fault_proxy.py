"""A network that breaks: between the gateway and PostgreSQL, at a message of a test's choice.

Messages are told apart by their headers, in both directions, and counted from `arm` on over all
connections together. The chosen one is the last that passes, or the first that does not, or only
half of it gets through; then both sides of its connection end. Encryption is not to be had here.
"""

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.protocol import ssl_request

TO_SERVER, TO_CLIENT = "to the server", "to the client"
BEFORE, WITHIN, BEHIND = "before", "within", "behind"


@dataclass(frozen=True)
class Cut:
    """Where it breaks: the `number`-th message of a direction, from 0.

    Attributes:
        like: the first message from there on that holds these bytes; empty: any.
    """

    direction: str
    number: int
    place: str
    reset: bool = False
    like: bytes = b""

    def __str__(self) -> str:
        how = "reset" if self.reset else "end"
        which = f"{self.like!r}" if self.like else f"message {self.number}"
        return f"{how} {self.place} {which} {self.direction}"


class _Side:
    """One direction of one connection: bytes in, whole messages out."""

    def __init__(self, source: socket.socket, sink: socket.socket, untyped: bool) -> None:
        self.source = source
        self.sink = sink
        self._untyped = untyped  # a client's first message has no type
        self._rest = b""

    def messages(self) -> list[bytes] | None:
        """What the next read completes; None at the end."""
        try:
            data = self.source.recv(1 << 16)
        except OSError:
            return None
        if not data:
            return None
        self._rest += data
        found: list[bytes] = []
        while (size := self._size()) and len(self._rest) >= size:
            message, self._rest = self._rest[:size], self._rest[size:]
            if self._untyped and message == ssl_request():
                self.source.sendall(b"N")
                continue
            found.append(message)
            self._untyped = False
        return found

    def _size(self) -> int:
        at = 0 if self._untyped else 1
        if len(self._rest) < at + 4:
            return 0
        (length,) = struct.unpack_from("!I", self._rest, at)
        return at + int(length)


class FaultProxy:
    """Listens on loopback, forwards to a server there.

    Attributes:
        port: where it listens.
        counts: messages by direction since `arm` or `watch`.
        happened: whether the cut has been made.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.counts = {TO_SERVER: 0, TO_CLIENT: 0}
        self.happened = False
        self._cut: Cut | None = None
        self._lock = threading.Lock()
        self._servers: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def arm(self, cut: Cut | None) -> None:
        """Counts anew, and breaks at `cut`; None: only counts."""
        with self._lock:
            self.counts = {TO_SERVER: 0, TO_CLIENT: 0}
            self.happened = False
            self._cut = cut

    def close(self) -> None:
        """No new connections; those that exist end with their peers."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)

    def break_all(self) -> None:
        """Ends every connection that crosses."""
        with self._lock:
            for one in self._servers:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._run(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        """One connection, if the server can be reached."""
        address = ("127.0.0.1", self._server_port)
        with client, contextlib.suppress(OSError), socket.create_connection(address) as server:
            with self._lock:
                self._servers.add(server)
            try:
                self._carry(client, server)
            finally:
                with self._lock:
                    self._servers.remove(server)

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        """Until one of its ends or the cut."""
        sides = {
            client: (TO_SERVER, _Side(client, server, untyped=True)),
            server: (TO_CLIENT, _Side(server, client, untyped=False)),
        }
        for one in sides:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        going = True
        while going:
            ready, _, _ = select.select(list(sides), [], [])
            going = all(self._forward(*sides[one]) for one in ready)

    def _forward(self, direction: str, side: _Side) -> bool:
        """What there is to read; whether the connection goes on."""
        messages = side.messages()
        if messages is None:
            return False
        passing, cut = self._passing(direction, messages)
        side.sink.sendall(passing)
        if cut is not None and cut.reset:
            for one in (side.sink, side.source):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return cut is None

    def _passing(self, direction: str, messages: list[bytes]) -> tuple[bytes, Cut | None]:
        """What of a read still goes through, and the cut behind it, if there is one."""
        with self._lock:
            first = self.counts[direction]
            self.counts[direction] += len(messages)
            cut = self._cut
            if cut is None or self.happened or cut.direction != direction:
                return b"".join(messages), None
            at = max(cut.number - first, 0)
            while at < len(messages) and cut.like not in messages[at]:
                at += 1
            if at >= len(messages):
                return b"".join(messages), None
            self.happened = True
        struck = messages[at]
        part = {BEFORE: 0, WITHIN: len(struck) // 2, BEHIND: len(struck)}[cut.place]
        return b"".join(messages[:at]) + struck[:part], cut
