"""A server of a few lines for the lab's clients: lets everybody in, answers as it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from pglane.lab.place import Place
from pglane.wire.framing import MessageReader
from pglane.wire.login_messages import AuthenticationOk
from pglane.wire.server_messages import (
    CommandComplete,
    DataRow,
    ErrorResponse,
    FieldDescription,
    ReadyForQuery,
    RowDescription,
    notice_response,
)
from pglane.wire.startup import StartupMessage, StartupReader

READY = ReadyForQuery(b"I").encode()
DONE = CommandComplete(b"SELECT 1").encode() + READY
HANG_UP = b"hang up"
SILENCE = b""

Answer = Callable[[str], bytes]


def row(*values: str | None) -> bytes:
    """One row and the end of its answer."""
    return DataRow(tuple(None if v is None else v.encode() for v in values)).encode() + DONE


def table(*rows: dict[str, str]) -> bytes:
    """Rows with the names of their columns, and the end of their answer."""
    names = list(rows[0]) if rows else ["port"]
    fields = tuple(FieldDescription(name.encode(), 0, 0, 25, -1, -1, 0) for name in names)
    lines = [DataRow(tuple(each[name].encode() for name in names)).encode() for each in rows]
    return RowDescription(fields).encode() + b"".join(lines) + DONE


def notice(message: str, detail: str = "") -> bytes:
    """What comes without having been asked for."""
    return notice_response("NOTICE", "00000", message, detail, "")


def error(sqlstate: str, message: str, hint: str = "") -> bytes:
    """An error; not the end of an answer."""
    fields = (("S", b"ERROR"), ("C", sqlstate.encode()), ("M", message.encode()))
    return ErrorResponse(fields + ((("H", hint.encode()),) if hint else ())).encode()


class LabServer:
    """Those who came: their startup packets, and what they asked."""

    def __init__(self, answer: Answer, welcome: bytes) -> None:
        self.startups: list[StartupMessage] = []
        self.asked: list[str] = []
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()
        self._answer = answer
        self._welcome = welcome

    def place(self, user: str = "app", **more: object) -> Place:
        return Place(self.port, user, "shop", "secret", **more)  # type: ignore[arg-type]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            writer.transport.abort()

    async def stop(self) -> None:
        """Nobody is served any more, and nothing is left open."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beginning = StartupReader()
        packet = None
        while packet is None:
            data = await reader.read(4096)
            if not data:
                return
            beginning.feed(data)
            packet = beginning.next()
        assert isinstance(packet, StartupMessage)
        self.startups.append(packet)
        writer.write(self._welcome)
        messages = MessageReader(1 << 20)
        while data := await reader.read(4096):
            messages.feed(data)
            while messages.next():
                if messages.kind != ord("Q"):
                    break
                text = messages.body()[:-1].decode()
                self.asked.append(text)
                answer = self._answer(text)
                if answer == HANG_UP:
                    return
                writer.write(answer)


@contextlib.asynccontextmanager
async def lab_server(
    answer: Answer = lambda _text: DONE, welcome: bytes = AuthenticationOk().encode() + READY
) -> AsyncIterator[LabServer]:
    """A listening one."""
    one = LabServer(answer, welcome)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await one.stop()
