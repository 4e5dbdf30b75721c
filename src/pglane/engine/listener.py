"""A listening socket of a door: accepts, tunes, hands on.

Where the kernel tells of a connection only when something came on it (`TCP_DEFER_ACCEPT`, see
`control.listeners`), that is read at once: one turn of the loop, and one wake, for both.
"""

import errno
import socket
from types import ModuleType

from pglane.engine.dialer import tune
from pglane.engine.login import Entrance
from pglane.engine.loop import Ready
from pglane.engine.syscalls import Acceptor

ACCEPTS_PER_TURN = 64
_ACCEPTS_PER_TURN: int = ACCEPTS_PER_TURN
PAUSE_S = 0.5
"""How long nobody is accepted after the system could not; one line in the log each time."""
OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def is_deferred(sock: socket.socket) -> bool:
    """Whether its connections are accepted when something has come on them."""
    option = getattr(socket, "TCP_DEFER_ACCEPT", None)
    return option is not None and sock.getsockopt(socket.IPPROTO_TCP, option) > 0


class Listener(Ready):
    """One listening socket; it belongs to the supervisor too and outlives this worker."""

    __slots__ = (
        "_acceptor",
        "_at_once",
        "_brings_data",
        "_entrance",
        "_loop",
        "_resting",
        "_socket",
        "_turn",
        "_unix",
        "address",
        "door",
        "fd",
    )

    def __init__(
        self,
        entrance: Entrance,
        sock: socket.socket,
        door: ModuleType,
        address: str,
        acceptor: Acceptor | None = None,
    ) -> None:
        sock.setblocking(False)
        self._unix = sock.family == socket.AF_UNIX
        if not self._unix:
            tune(sock)  # what it accepts inherits that (tcp(7))
        self._acceptor = Acceptor(sock) if acceptor is None else acceptor
        self._entrance = entrance
        self._loop = entrance.loop
        self._resting = False
        self._at_once = 1
        self._turn = 0
        self._brings_data = not self._unix and is_deferred(sock)
        self._socket = sock
        self.door = door
        self.address = address
        self.fd = sock.fileno()
        self._loop.add(self.fd, self, False, True)

    def on_ready(self, mask: int) -> None:  # noqa: ARG002 -- `del` of a C integer is not C
        """Called by the loop."""
        self.read_again()

    def read_again(self) -> None:
        """Accepts one, or more while more come than that; the next turn tells of the others."""
        if self._loop.turns != self._turn + 1:
            self._at_once = 1
        self._turn = self._loop.turns
        for _ in range(self._at_once):
            if self.fd < 0 or self._resting:
                return
            try:
                fd = self._acceptor.accept()
            except OSError as error:
                self._rest(error)
                return
            if fd < 0:
                self._at_once = 1
                return
            peer = b"" if self._unix else self._acceptor.peer()
            transport = self._entrance.accepted(fd, self.door, peer)
            if self._brings_data:
                transport.read_first()
        self._at_once = min(2 * self._at_once, _ACCEPTS_PER_TURN)

    def _rest(self, error: OSError) -> None:
        """Clients wait in the kernel's queue meanwhile."""
        if error.errno in OUT_OF_DESCRIPTORS:
            cause = "too many open files; raise the limit (ulimit -n) or lower clients_max"
            self._entrance.worker.log("error", "out_of_descriptors", f"cannot accept: {cause}")
        else:
            self._entrance.worker.log("error", "accept_failed", f"cannot accept: {error.strerror}")
        self._resting = True
        self._loop.remove(self.fd)
        self._loop.call_later(PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        if self.fd >= 0:
            self._loop.add(self.fd, self, False, True)

    def fail(self) -> None:
        """What raised was about one client; of the others the next turn tells."""

    def flush(self) -> None:
        """Nothing is written here."""

    def close(self) -> None:
        """Accepts no more."""
        if self.fd >= 0:
            self._loop.remove(self.fd)
            self._socket.close()
            self.fd = -1
