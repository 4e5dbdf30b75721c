"""A worker's end of the channel to its supervisor.

Nothing here may block or be long: rows for the console leave in chunks, one a turn.
"""

import base64
import socket
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from pglane.engine import failover
from pglane.engine.channel import ChannelError, ChannelReader, encode, receive, send_some
from pglane.engine.loop import WRITE, Ready

if TYPE_CHECKING:
    from pglane.engine.worker import Worker

ROWS_PER_CHUNK = 100
QUEUE_FRAMES_MAX = 10_000
"""Log lines beyond this many unsent frames are dropped."""


class ControlLink(Ready):
    """The channel."""

    def __init__(self, worker: "Worker", sock: socket.socket) -> None:
        self._worker = worker
        self._socket = sock
        self._reader = ChannelReader()
        self._queue: deque[tuple[bytes, socket.socket | None]] = deque()
        self._rows: deque[tuple[int, Iterator[dict[str, object]]]] = deque()
        self._blocked = False
        self.fd = sock.fileno()
        worker.loop.add(self.fd, self)

    def on_ready(self, mask: int) -> None:
        """Called by the loop."""
        if mask & WRITE and self._blocked:
            self._blocked = False
            self.flush()
            if self._rows:
                self._worker.loop.again(self)
        if mask & ~WRITE:
            self._read()

    def _read(self) -> None:
        while True:
            try:
                data, fds = receive(self._socket)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if not data:
                self._worker.loop.stop()
                return
            self._reader.feed(data, fds)
            try:
                while (message := self._reader.next()) is not None:
                    self._take_safely(message[0])
            except ChannelError as error:
                self._worker.failed(error)
                self._worker.loop.stop()
                return

    def _take_safely(self, message: dict[str, Any]) -> None:
        """An error of ours costs this message only; without a start there is no worker."""
        try:
            self._take(message)
        except Exception as error:  # noqa: BLE001 -- it costs one connection, not the worker
            self._worker.failed(error)
            if message["type"] == "start":
                self.flush()
                self._worker.loop.stop()

    def _take(self, message: dict[str, Any]) -> None:
        worker = self._worker
        match message["type"]:
            case "start":
                worker.start(message)
            case "drain":
                worker.drain()
            case "leave":
                worker.leave()
            case "command":
                worker.operating.take(message)
            case "stop":
                worker.stop()
            case "reload":
                worker.reload(message)
            case "roles" | "resolved" | "keys":
                self._take_answer(message)
            case "defaults" | "roleless" | "ddl" | "catalog" | "unprinted" | "looked" | "monitor":
                worker.watched(message)
            case "server" | "server_changed" | "server_role":
                failover.told(message, worker)
            case "snapshot":
                worker.snapshot(message["id"], message["what"])
            case _:
                """A message of a later supervisor: nothing to do."""

    def _take_answer(self, message: dict[str, Any]) -> None:
        """What the worker asked for."""
        worker = self._worker
        match message["type"]:
            case "roles":
                worker.roles.heard(message)
            case "keys":
                worker.key_making.heard(message)
            case _:
                worker.resolved(message)

    def send(self, message: dict[str, Any]) -> None:
        """Queues a message; a log line is dropped if the supervisor does not read."""
        if message["type"] == "log" and len(self._queue) >= QUEUE_FRAMES_MAX:
            return
        self._enqueue(encode(message), None)

    def send_console(self, sock: socket.socket, told: dict[str, Any], rest: bytes) -> None:
        """Hands a console client over."""
        buffered = base64.b64encode(rest).decode()
        message = {"type": "console", "fds": 1, "buffered": buffered, **told}
        self._enqueue(encode(message), sock)

    def send_rows(self, number: int, rows: Iterator[dict[str, object]]) -> None:
        """Answers a snapshot, chunk by chunk."""
        self._rows.append((number, rows))
        self._worker.loop.again(self)

    def read_again(self) -> None:
        """The next chunk of rows."""
        if not self._rows or self._blocked:
            return
        number, rows = self._rows[0]
        chunk = list(islice(rows, ROWS_PER_CHUNK))
        last = len(chunk) < ROWS_PER_CHUNK
        self.send({"type": "snapshot_rows", "id": number, "rows": chunk, "last": last})
        if last:
            self._rows.popleft()
        if self._rows:
            self._worker.loop.again(self)

    def _enqueue(self, frame: bytes, sock: socket.socket | None) -> None:
        if not self._queue:
            self._worker.loop.written(self)
        self._queue.append((frame, sock))

    def flush(self) -> None:
        """Sends what the supervisor's end takes."""
        while self._queue and not self._blocked:
            frame, sock = self._queue[0]
            try:
                sent = send_some(self._socket, frame, [sock.fileno()] if sock is not None else [])
            except BlockingIOError:
                self._block()
                return
            except OSError:
                self._forget_queue()
                return
            if sent and sock is not None:
                sock.close()
                sock = None
            if sent < len(frame):
                self._queue[0] = (frame[sent:], sock)
            else:
                self._queue.popleft()

    def _forget_queue(self) -> None:
        """The supervisor is gone; its console clients go too."""
        for _, sock in self._queue:
            if sock is not None:
                sock.close()
        self._queue.clear()

    def _block(self) -> None:
        self._blocked = True
        self._worker.loop.readiness.watch_write(self.fd)
