"""The admin console's connections: those of clients of the database `pglane`.

The worker accepts and authenticates them like everybody else, sends AuthenticationOk, and passes
the descriptor and what it had read beyond the login. From then on they are served here, in the
supervisor, so that no console costs another client a millisecond; only the snapshot itself is made
by the worker.

Everything is bounded: connections, message size, time without a command, time a client may take to
read an answer.
"""

import asyncio
import base64
import os
import secrets
import socket
from collections.abc import Callable

from pglane.control.actions import Act
from pglane.control.console_session import ConsoleSession, greeting
from pglane.control.log import Log
from pglane.control.shows import Ask
from pglane.engine.channel import Message
from pglane.errors import Refusal
from pglane.errors.processes import (
    ConsoleClosing,
    ConsoleFull,
    ConsoleIdle,
    ConsoleMalformed,
)
from pglane.wire.body import MalformedMessage
from pglane.wire.framing import MalformedStream, MessageReader
from pglane.wire.server_messages import error_response

CONSOLES_MAX = 50
MESSAGE_BYTES_MAX = 65_536
IDLE_MS_MAX = 600_000
UNREAD_MS_MAX = 10_000
"""A client that reads nothing of an answer for so long is cut."""
CLOSE_MS_MAX = 1_000
RECEIVE_BYTES = 65_536
TERMINATE = ord("X")


class Console:
    """Serves console connections.

    Args:
        ask: asks the worker for a snapshot.
        act_for: gives what carries out the actions of a user.
        log: where comings and goings are told.
        idle_ms_max: how long a connection may be silent.
    """

    def __init__(
        self,
        ask: Ask,
        act_for: Callable[[str], Act],
        log: Log,
        idle_ms_max: int = IDLE_MS_MAX,
    ) -> None:
        self._ask = ask
        self._act_for = act_for
        self._log = log
        self._idle_ms_max = idle_ms_max
        self._serving: set[asyncio.Task[None]] = set()
        self._closing = False

    async def serve(self, fd: int, message: Message) -> None:
        """Serves one connection until its end.

        Args:
            fd: the client's socket; ours from now on.
            message: the worker's `console` message.

        Raises:
            OSError: `fd` is no connected socket.
        """
        sock = socket.socket(fileno=fd)
        try:
            sock.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._serving) >= CONSOLES_MAX or self._closing:
                writer.write(error_response(self._full()))
                return
            self._serving.add(task)
            buffered = base64.b64decode(message.get("buffered", ""))
            act = self._act_for(str(message.get("user", "")))
            session = _Connection(self._ask, act, reader, writer, self._idle_ms_max)
            await session.serve(buffered)
        except asyncio.CancelledError:
            writer.write(error_response(ConsoleClosing()))
            raise
        except (OSError, TimeoutError):
            writer.transport.abort()  # gone, or not reading: there is nobody to tell
        finally:
            self._serving.discard(task)
            await _close(writer)

    def _full(self) -> Refusal:
        if self._closing:
            return ConsoleClosing()
        return ConsoleFull(limit=CONSOLES_MAX, idle_s=self._idle_ms_max // 1000)

    async def close(self) -> None:
        """Tells everybody that the gateway stops, and waits until they are told."""
        self._closing = True
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        if serving:
            await asyncio.wait(serving, timeout=2 * CLOSE_MS_MAX / 1000)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Lets the last words out, unless nobody reads them."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_MS_MAX / 1000):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


class _Connection:
    """Reads one client's messages and hands them to its session."""

    def __init__(
        self,
        ask: Ask,
        act: Act,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        idle_ms_max: int,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._idle_ms_max = idle_ms_max
        self._session = ConsoleSession(self._write, ask, act)
        self._messages = MessageReader(MESSAGE_BYTES_MAX)

    async def serve(self, buffered: bytes) -> None:
        """Greets the client and answers until it leaves or breaks a bound."""
        await self._write(greeting(os.getpid(), secrets.token_bytes(4)))
        data = buffered or await self._receive()
        try:
            while data and await self._answer(data):
                data = await self._receive()
        except (MalformedStream, MalformedMessage) as error:
            reason = ConsoleMalformed(reason=error, limit=MESSAGE_BYTES_MAX)
            await self._write(error_response(reason))

    async def _answer(self, data: bytes) -> bool:
        """Answers what is whole by now; False when the client has said goodbye."""
        messages = self._messages
        messages.feed(data)
        while messages.next():
            if messages.kind == TERMINATE:
                return False
            await self._session.handle(messages.kind, messages.body())
        return True

    async def _receive(self) -> bytes:
        """What the client sends next; empty when it leaves, or is made to leave."""
        try:
            async with asyncio.timeout(self._idle_ms_max / 1000):
                return await self._reader.read(RECEIVE_BYTES)
        except TimeoutError:
            await self._write(error_response(ConsoleIdle(idle_s=self._idle_ms_max // 1000)))
            return b""

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(UNREAD_MS_MAX / 1000):
            await self._writer.drain()
