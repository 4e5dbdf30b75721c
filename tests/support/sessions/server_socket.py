"""The socket of one connection to the scripted server: what comes, what is kept, what goes."""

import socket
from typing import TYPE_CHECKING

from tests.support.engine_rig import CANCEL, error, message
from tests.support.sessions.session import IDLE, OPTION, Session

if TYPE_CHECKING:
    from tests.support.sessions.server import Server

BUFFER_BYTES = 8192
"""So much is kept of what nobody has asked to be flushed."""
LENGTH_MAX = 0x3FFFFFFF


class ServerSocket:
    """One connection; what its messages mean is told in `server`.

    Attributes:
        process_id: 0 until it is logged in.
        over: its socket is closed.
        running: steps that its statement still takes; 0: none runs.
        canceled: what runs is to fail.
    """

    def __init__(self, server: "Server", sock: socket.socket) -> None:
        sock.setblocking(False)
        self._server = server
        self._chance = server.chance
        self._manners = server.manners
        self._socket = sock
        self._came = b""
        self._kept = b""
        self._going = b""
        self._reported: dict[bytes, bytes] = {}
        self._strikes: int | None = None
        self._ends_when_sent = False
        self._began = False
        self.session = Session()
        self.process_id = 0
        self.over = False
        self.running = 0
        self.canceled = False

    def take(self, one: bytes, *, at_once: bool = False) -> None:
        """One message came; `at_once`: whatever it asks for takes no time."""
        raise NotImplementedError

    def get_on(self) -> None:
        """What runs gets on."""
        raise NotImplementedError

    def step(self) -> None:
        """Answers what has come, as far as it gets."""
        self._read()
        if not self._began and not self.over:
            self._begin()
        if self._strikes is not None:
            self._cancel()
        if self.running and not self.over:
            self.get_on()
        while not self.over and not self.running and (one := self._next()):
            self.take(one)
        if not self.over and not self._manners.keeps:
            self.flush()
        self._send()

    def close(self) -> None:
        if not self.over:
            self.over = True
            self._socket.close()

    def _read(self) -> None:
        try:
            while part := self._socket.recv(1 << 20):
                self._came += part
            self._gone()
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def _gone(self) -> None:
        """The other side has shut: what came before is answered as far as it is whole."""
        while not self.over and self._began and (one := self._next()):
            self.take(one, at_once=True)
        self.close()

    def _next(self) -> bytes:
        if not self._began or self._ends_when_sent or len(self._came) < 5:
            return b""
        length = int.from_bytes(self._came[1:5], "big")
        if not 4 <= length <= LENGTH_MAX:
            self.end(True, b"08P01")
            return b""
        size = 1 + length
        if len(self._came) < size:
            return b""
        one, self._came = self._came[:size], self._came[size:]
        return one

    def put(self, data: bytes) -> None:
        """Answers; when that goes is another matter."""
        self._kept += data
        if len(self._kept) >= BUFFER_BYTES:
            whole = len(self._kept) // BUFFER_BYTES * BUFFER_BYTES
            self._going += self._kept[:whole]
            self._kept = self._kept[whole:]
        if self._manners.flushes and self._chance.random() < self._manners.flushes:
            self.flush()

    def flush(self) -> None:
        """All that is kept goes."""
        self._going += self._kept
        self._kept = b""

    def _send(self) -> None:
        if self.over or not self._going:
            return
        size = len(self._going)
        if self._manners.cuts and self._chance.random() < self._manners.cuts:
            size = self._chance.randrange(1, size + 1)
        try:
            self._going = self._going[self._socket.send(self._going[:size]) :]
        except BlockingIOError:
            return
        except OSError:
            self.close()
        if self._ends_when_sent and not self._going:
            self.close()

    def end(self, told: bool, sqlstate: bytes) -> None:
        """The connection ends; `told`: with an error that says so."""
        if told:
            self.flush()
            self._going += error(sqlstate.decode(), "FATAL")
            self._ends_when_sent = True
            self._send()
        else:
            self.close()

    # Coming in -----------------------------------------------------------------------------

    def _begin(self) -> None:
        size = int.from_bytes(self._came[:4], "big")
        if len(self._came) < 8 or len(self._came) < size:
            return
        packet, self._came = self._came[:size], self._came[size:]
        if packet[4:8] == CANCEL:
            self._strikes = int.from_bytes(packet[8:12], "big")
            return
        self._began = True
        if self._chance.random() < self._manners.refuses:
            self._server.losses += 1
            self.end(self._chance.random() < 0.5, b"53300")
            return
        self.process_id = self._server.number()
        self._defaults_are(packet[8:])
        name = self.session.defaults[b"application_name"]
        self._reported[b"application_name"] = name
        self._going += (
            message(b"R", bytes(4))
            + message(b"S", b"client_encoding\0UTF8\0")
            + message(b"S", b"application_name\0" + name + b"\0")
            + message(b"K", self.process_id.to_bytes(4, "big") + bytes(4))
            + message(b"Z", IDLE)
        )

    def _defaults_are(self, body: bytes) -> None:
        words = body.split(b"\0")
        pairs = zip(words[::2], words[1::2], strict=False)
        given = {name: value for name, value in pairs if name}
        options = dict(OPTION.findall(given.pop(b"options", b"")))
        self.session = Session({**given, **options})

    def _cancel(self) -> None:
        """PostgreSQL sends the signal some time, then closes."""
        if self._chance.random() < 0.5:
            return
        assert self._strikes is not None
        target = self._server.find(self._strikes)
        if target is not None and target.running:
            target.canceled = True
        self._server.note("cancel strikes", self._strikes)
        self.close()
