"""Stands between gateway and PostgreSQL and counts round trips.

A turn begins when bytes come from the gateway behind bytes of the server: whoever waits for an
answer before it sends on makes two turns of it, who sends both at once makes one.
"""

import selectors
import socket
import threading
from types import TracebackType
from typing import Self

CHUNK_BYTES = 1 << 20
NOT_COUNTED = b"pglane "
"""In the startup packet of connections that serve no client: the monitor, the listener."""


class _Line:
    """One connection of the gateway, passed on."""

    def __init__(self, gateway: socket.socket, server: socket.socket) -> None:
        self.ends = (gateway, server)
        self.counted: bool | None = None
        self.asking = False


class TurnCounter:
    """A proxy on a port of its own.

    Attributes:
        port: where the gateway shall connect to.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._turns = 0
        self._selector = selectors.DefaultSelector()
        self._stopping, self._stop = socket.socketpair()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._stopping, selectors.EVENT_READ)
        self._lines: list[_Line] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def turns(self) -> int:
        """How many there were since it was asked last."""
        turns, self._turns = self._turns, 0
        return turns

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._stopping:
                    return
                if key.fileobj is self._listening:
                    self._accept()
                else:
                    self._pass_on(key.data, key.fileobj)  # type: ignore[arg-type]

    def _accept(self) -> None:
        gateway, _ = self._listening.accept()
        server = socket.create_connection(("127.0.0.1", self._server_port))
        line = _Line(gateway, server)
        self._lines.append(line)
        for end in line.ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(end, selectors.EVENT_READ, line)

    def _pass_on(self, line: _Line, source: socket.socket) -> None:
        gateway, server = line.ends
        if source.fileno() < 0:
            return  # its line ended in the same round
        try:
            data = source.recv(CHUNK_BYTES)
            if source is not gateway:
                line.asking = False
            elif data:
                self._count(line, data)
            (server if source is gateway else gateway).sendall(data)
        except OSError:
            data = b""
        if not data:
            for end in line.ends:
                self._selector.unregister(end)
                end.close()

    def _count(self, line: _Line, data: bytes) -> None:
        if line.counted is None:
            line.counted = NOT_COUNTED not in data
        if line.counted and not line.asking:
            self._turns += 1
        line.asking = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.send(b"x")
        self._thread.join()
        self._selector.close()
        ends = [end for line in self._lines for end in line.ends]
        for one in (self._listening, self._stopping, self._stop, *ends):
            one.close()
