"""A client that does exactly what a test says, proper or not, byte by byte."""

import hashlib
import select
import socket
import struct
from types import TracebackType
from typing import Self

from tests.support import protocol
from tests.support.protocol import PROTOCOL_3_0, Message
from tests.support.scram import ScramClient
from tests.support.target import Target

TIMEOUT_S = 10.0


class LoginRefusedError(Exception):
    """The server answered the login with an ErrorResponse."""

    def __init__(self, answer: Message) -> None:
        super().__init__(repr(answer))
        self.answer = answer
        self.sqlstate = answer.sqlstate


class ConnectionEndedError(Exception):
    """The other side closed; `messages` are those read just before."""

    def __init__(self, messages: list[Message]) -> None:
        super().__init__(f"end of stream after {messages[-3:]!r}")
        self.messages = messages


class ScriptedClient:
    """A socket and the few habits of a PostgreSQL client.

    Attributes:
        parameters: the newest ParameterStatus values by name.
        backend_pid, cancel_key: from BackendKeyData.
        status: transaction status of the newest ReadyForQuery, "" before the first.
    """

    def __init__(self, target: Target, timeout_s: float = TIMEOUT_S) -> None:
        self.target = target
        self.socket = socket.create_connection((target.host, target.port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.parameters: dict[str, str] = {}
        self.notices: list[Message] = []
        self.backend_pid = 0
        self.cancel_key = b""
        self.status = ""
        self.negotiated: Message | None = None
        self._unread = b""
        self._in_body = False

    @classmethod
    def login(
        cls,
        target: Target,
        version: int = PROTOCOL_3_0,
        timeout_s: float = TIMEOUT_S,
        **parameters: str,
    ) -> Self:
        """Connects and logs in with the target's user.

        Raises:
            LoginRefusedError: the login was answered with an error.
        """
        client = cls(target, timeout_s)
        try:
            client.send_startup(version, **parameters)
            client.authenticate()
        except BaseException:
            client.close()
            raise
        return client

    # ----------------------------------------------------------------- login

    def send_startup(self, version: int = PROTOCOL_3_0, **parameters: str) -> None:
        wanted = {"user": self.target.user, "database": self.target.database, **parameters}
        self.send(protocol.startup(wanted, version))

    def authenticate(self) -> None:
        """Answers whatever the server asks until ReadyForQuery."""
        while True:
            got = self.read_message()
            if got.kind == "R":
                self._answer(got.body)
            elif got.kind == "E":
                raise LoginRefusedError(got)
            elif got.kind == "v":
                self.negotiated = got
            elif got.kind == "Z":
                return

    def _answer(self, body: bytes) -> None:
        (code,) = struct.unpack_from("!I", body)
        secret = self.target.password
        if code == 3:
            self.send(protocol.message("p", secret.encode() + b"\0"))
        elif code == 5:
            inner = hashlib.md5(secret.encode() + self.target.user.encode()).hexdigest()
            outer = hashlib.md5(inner.encode() + body[4:8]).hexdigest()
            self.send(protocol.message("p", b"md5" + outer.encode() + b"\0"))
        elif code == 10:
            assert b"SCRAM-SHA-256\0" in body
            self._scram = ScramClient(secret)
            first = self._scram.first()
            start = b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first
            self.send(protocol.message("p", start))
        elif code == 11:
            self.send(protocol.message("p", self._scram.final(body[4:])))
        elif code == 12:
            self._scram.check(body[4:])
        else:
            assert code == 0, f"authentication request {code}"

    # ------------------------------------------------------- sending, reading

    def send(self, *parts: bytes) -> None:
        """Sends all parts in one go."""
        self.socket.sendall(b"".join(parts))

    def send_bytewise(self, data: bytes) -> None:
        """Sends every byte in a packet of its own."""
        for at in range(len(data)):
            self.socket.sendall(data[at : at + 1])

    def _read_exactly(self, count: int, sofar: list[Message]) -> bytes:
        while len(self._unread) < count:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                raise ConnectionEndedError(sofar)
            self._unread += data
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    def read_message(self, sofar: list[Message] | None = None) -> Message:
        """The next message; keeps parameters, key, notices and status up to date.

        Raises:
            ConnectionEndedError: the stream ended first.
            TimeoutError: nothing came in time.
        """
        seen = sofar if sofar is not None else []
        head = self._read_exactly(5, seen)
        (length,) = struct.unpack_from("!I", head, 1)
        self._in_body = True
        got = Message(chr(head[0]), self._read_exactly(length - 4, seen))
        self._in_body = False
        if got.kind == "S":
            name, value = got.parameter
            self.parameters[name] = value
        elif got.kind == "K":
            self.backend_pid = struct.unpack_from("!I", got.body)[0]
            self.cancel_key = got.body[4:]
        elif got.kind == "Z":
            self.status = got.status
        elif got.kind == "N":
            self.notices.append(got)
        return got

    def read_until(self, last: str = "Z", times: int = 1) -> list[Message]:
        """All messages up to the `times`-th of kind `last`, ParameterStatus left out."""
        messages: list[Message] = []
        while times:
            got = self.read_message(messages)
            if got.kind != "S":
                messages.append(got)
            times -= got.kind == last
        return messages

    def read_to_end(self) -> list[Message]:
        """All messages until the other side closes."""
        messages: list[Message] = []
        try:
            while True:
                messages.append(self.read_message(messages))
        except ConnectionEndedError:
            return messages

    def has_unread(self, within_s: float = 0.0) -> bool:
        """Whether bytes (or the end of the stream) are there, or come in time."""
        return bool(self._unread) or bool(select.select([self.socket], [], [], within_s)[0])

    def has_part(self) -> bool:
        """Whether a part of a message has come, and not its end."""
        return bool(self._unread) or self._in_body

    # ---------------------------------------------------------------- habits

    def query(self, sql: str | bytes) -> list[Message]:
        """Simple Query and its whole answer."""
        self.send(protocol.query(sql))
        return self.read_until()

    def value(self, sql: str) -> str | None:
        """The one value that a simple Query returns."""
        answer = self.query(sql)
        found = protocol.rows(answer)
        assert len(found) == 1, answer
        return found[0][0]

    def extended(self, *parts: bytes) -> list[Message]:
        """Extended messages, a Sync behind them, and the whole answer."""
        self.send(*parts, protocol.sync())
        return self.read_until()

    def cancel(self, pid: int | None = None, key: bytes | None = None) -> bytes:
        """Sends a CancelRequest on a connection of its own; what came back before its end."""
        address = (self.target.host, self.target.port)
        with socket.create_connection(address, timeout=TIMEOUT_S) as line:
            line.sendall(
                protocol.cancel_request(
                    self.backend_pid if pid is None else pid,
                    self.cancel_key if key is None else key,
                )
            )
            return line.recv(100)

    def reset(self) -> None:
        """Ends the connection with a TCP RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """Closes the socket without a Terminate."""
        self.socket.close()

    def __del__(self) -> None:
        """A failed test must not warn about its sockets in the middle of the next one."""
        if hasattr(self, "socket"):
            self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
