"""A listening socket of a door: accepts, tunes, hands on."""

import errno
import socket
from types import ModuleType
from typing import TYPE_CHECKING

from pglane.engine.dialer import tune
from pglane.engine.loop import Ready

if TYPE_CHECKING:
    from pglane.engine.worker import Worker

ACCEPTS_PER_TURN = 64
PAUSE_S = 0.5
"""How long nobody is accepted after the system could not; one line in the log each time."""
OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener(Ready):
    """One listening socket; it belongs to the supervisor too and outlives this worker."""

    __slots__ = ("_at_once", "_resting", "_socket", "_worker", "address", "door", "fd")

    def __init__(
        self, worker: "Worker", sock: socket.socket, door: ModuleType, address: str
    ) -> None:
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            tune(sock)  # what it accepts inherits that (tcp(7))
        self._worker = worker
        self._resting = False
        self._at_once = 1
        self._socket = sock
        self.door = door
        self.address = address
        self.fd = sock.fileno()
        worker.loop.add(self.fd, self, level=True)

    def on_ready(self, mask: int) -> None:
        """Called by the loop."""
        del mask
        self.read_again()

    def read_again(self) -> None:
        """Accepts one, or more while more come than that; the next turn tells of the others."""
        for _ in range(self._at_once):
            if self.fd < 0 or self._resting:
                return
            try:
                sock, peer = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._at_once = 1
                return
            except OSError as error:
                self._rest(error)
                return
            self._hand_on(sock, peer)
        self._at_once = min(2 * self._at_once, ACCEPTS_PER_TURN)

    def _rest(self, error: OSError) -> None:
        """Clients wait in the kernel's queue meanwhile."""
        if error.errno in OUT_OF_DESCRIPTORS:
            cause = "too many open files; raise the limit (ulimit -n) or lower clients_max"
            self._worker.log("error", "out_of_descriptors", f"cannot accept: {cause}")
        else:
            self._worker.log("error", "accept_failed", f"cannot accept: {error.strerror}")
        self._resting = True
        self._worker.loop.remove(self.fd)
        self._worker.loop.call_later(PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        if self.fd >= 0:
            self._worker.loop.add(self.fd, self, level=True)

    def fail(self) -> None:
        """What raised was about one client; of the others the next turn tells."""

    def _hand_on(self, sock: socket.socket, peer: object) -> None:
        sock.setblocking(False)
        if sock.family == socket.AF_UNIX:
            address = "unix"
        else:
            host, port = peer[0], peer[1]  # type: ignore[index]
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._worker.accepted(sock, self.door, address)

    def flush(self) -> None:
        """Nothing is written here."""

    def close(self) -> None:
        """Accepts no more."""
        if self.fd >= 0:
            self._worker.loop.remove(self.fd)
            self._socket.close()
            self.fd = -1
