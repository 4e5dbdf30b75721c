"""A whole worker in the test's own process: one thread, an injected clock, a scripted server.

Nothing waits: `Rig.until` turns the loop without waiting until a condition holds or it has turned
too often. Clients and the server are plain non-blocking sockets over Unix sockets.
"""

import json
import socket
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pglane.config.settings import Settings, User
from pglane.engine.channel import ChannelReader, encode, receive
from pglane.engine.worker import Worker

TURNS_MAX = 400
PORT = 5432
STARTUP = b"\x00\x03\x00\x00"
READY = b"Z\x00\x00\x00\x05I"
LOGIN_ANSWER = (
    b"R\x00\x00\x00\x08\x00\x00\x00\x00"
    b"S\x00\x00\x00\x19client_encoding\x00UTF8\x00"
    b"K\x00\x00\x00\x0c\x00\x00\x00\x2a\x00\x00\x00\x07" + READY
)
CANCEL = (80877102).to_bytes(4, "big")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def query(text: str) -> bytes:
    return message(b"Q", text.encode() + b"\x00")


def error(sqlstate: str, severity: str = "ERROR", routine: str = "") -> bytes:
    told = f"S{severity}\0V{severity}\0C{sqlstate}\0Mso said the server\0"
    told += f"R{routine}\0\0" if routine else "\0"
    return message(b"E", told.encode())


def startup(**parameters: str) -> bytes:
    body = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items())
    return (len(body) + 9).to_bytes(4, "big") + STARTUP + body + b"\x00"


APPLIED = message(b"D", b"\x00\x01\x00\x00\x00\x011") + message(b"C", b"SELECT 1\x00") + READY
"""The answer to one query of one row, as set_config() gives it."""


class Peer:
    """One end of a connection, and what came on it."""

    def __init__(self, rig: "Rig", sock: socket.socket) -> None:
        sock.setblocking(False)
        self.rig = rig
        self.socket = sock
        self.taken = b""
        self.ended = False

    def look(self) -> bytes:
        """Reads what is there; all that came since `forget`."""
        while not self.ended:
            try:
                part = self.socket.recv(1 << 20)
            except BlockingIOError:
                break
            except ConnectionResetError:
                part = b""
            self.ended = not part
            self.taken += part
        return self.taken

    def forget(self) -> None:
        self.taken = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def gets(self, wanted: bytes) -> bytes:
        """Turns until these bytes came; gives all and forgets it."""
        self.rig.until(lambda: wanted in self.look(), f"{wanted!r}, seen {self.taken!r}")
        told = self.taken
        self.forget()
        return told

    def ends(self) -> bytes:
        """Turns until the other side closed; gives what came before."""
        self.rig.until(lambda: self.look() is not None and self.ended, "an end of stream")
        return self.taken

    def kinds(self) -> str:
        """Type bytes of the messages that came."""
        told, at = "", 0
        while at < len(self.taken):
            told += chr(self.taken[at])
            at += 1 + int.from_bytes(self.taken[at + 1 : at + 5], "big")
        return told


class Rig:
    """A worker with its three doors, a server and a supervisor."""

    def __init__(self, **changes: Any) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pglane-rig-"))
        self.clock = Clock()
        self.control, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)
        self.control.setblocking(False)
        self.reader = ChannelReader()
        self.told: list[dict[str, Any]] = []
        self.passed: list[int] = []
        self.peers: list[Peer] = []
        self.worker = Worker(self.theirs, self.clock)
        self.loop = self.worker.loop
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.folder / f".s.PGSQL.{PORT}"))
        self.server.listen(64)
        self.server.setblocking(False)
        user = User(name="anna", verifier="", password="secret")
        base = Settings(auth="trust", users=(user,), server_host=str(self.folder))
        self.settings = replace(base, **{"budget": 2, "server_port": PORT, **changes})
        self.start()

    def start(self) -> None:
        listeners = []
        for door in ("transaction", "session", "direct"):
            sock = socket.socket(socket.AF_UNIX)
            sock.bind(str(self.folder / door))
            sock.listen(64)
            listeners.append({"fd": sock.detach(), "door": door, "address": "unix"})
        address = {"family": "unix", "address": str(self.folder), "port": PORT}
        self.say(
            type="start",
            settings=asdict(self.settings),
            addresses=[address],
            listeners=listeners,
        )
        self.until(lambda: self.heard("ready"), "ready")

    # The supervisor -------------------------------------------------------------------------

    def say(self, **told: Any) -> None:
        self.control.sendall(encode(json.loads(json.dumps(told))))

    def listen(self) -> None:
        while True:
            try:
                data, fds = receive(self.control)
            except (BlockingIOError, ConnectionResetError):
                return
            if not data:
                return
            self.reader.feed(data, fds)
            while (found := self.reader.next()) is not None:
                self.told.append(found[0])
                self.passed += found[1]

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """All messages of a type so far."""
        self.listen()
        return [told for told in self.told if told["type"] == kind]

    def logged(self, event: str) -> list[dict[str, Any]]:
        return [told for told in self.heard("log") if told["event"] == event]

    # Turning --------------------------------------------------------------------------------

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.call_at(0.0, lambda: None)
            self.loop.turn()

    def later(self, seconds: float) -> None:
        self.clock.now += seconds
        self.turn(2)

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        for _ in range(TURNS_MAX):
            if condition():
                return
            self.turn()
        raise AssertionError(f"not in {TURNS_MAX} turns: {what or condition}")

    # Connections ----------------------------------------------------------------------------

    def connect(self, door: str = "transaction") -> Peer:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.folder / door))
        self.peers.append(Peer(self, sock))
        return self.peers[-1]

    def accept(self) -> Peer:
        """The next connection that comes to the server."""
        came: list[socket.socket] = []

        def look() -> bool:
            try:
                came.append(self.server.accept()[0])
            except BlockingIOError:
                return False
            return True

        self.until(look, "a connection to the server")
        self.peers.append(Peer(self, came[0]))
        return self.peers[-1]

    def nobody_connects(self) -> bool:
        self.turn(3)
        try:
            self.server.accept()
        except BlockingIOError:
            return True
        return False

    def accept_login(self) -> Peer:
        """The next server connection, logged in."""
        server = self.accept()
        server.gets(STARTUP)
        server.send(LOGIN_ANSWER)
        return server

    def client(self, door: str = "transaction", user: str = "anna", **more: str) -> Peer:
        """A client that has sent its startup packet."""
        peer = self.connect(door)
        peer.send(startup(**{"user": user, "database": "app", **more}))
        return peer

    def pair(
        self, door: str = "transaction", user: str = "anna", **more: str
    ) -> tuple[Peer, Peer]:
        """A client that is welcome, and the server connection opened for that."""
        client = self.client(door, user, **more)
        server = self.accept_login()
        if "application_name" in more and door == "transaction":
            server.gets(b"set_config")
            server.send(APPLIED)
        client.gets(READY)
        return client, server

    def cancel(self, client_number: int, key: bytes | None = None) -> Peer:
        """A connection that asks for the cancel of a client's query."""
        link = self.worker.clients[client_number]
        body = CANCEL + link.process_id.to_bytes(4, "big") + (link.key if key is None else key)
        canceler = self.connect()
        canceler.send((len(body) + 4).to_bytes(4, "big") + body)
        return canceler

    def close(self) -> None:
        for peer in self.peers:
            peer.socket.close()
        self.server.close()
        self.control.close()
        self.worker.stop()
        self.turn(3)
        self.later(60.0)  # every bound of a connection that lingers is over
        self.loop.readiness.close()
        self.theirs.close()
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()
