"""A connection to PostgreSQL of the supervisor's own: log in, ask, read rows.

Small on purpose: simple queries that return text, one at a time, each within a stated time. Login
and messages are the ones of the data plane (`connection.server_login`, `wire`), so that nothing
about PostgreSQL's protocol is written twice; only the sockets are asyncio's.
"""

import asyncio
import secrets
from collections.abc import Sequence

from pglane.connection.server_login import Credentials, ServerLogin
from pglane.connection.startup_settings import server_startup
from pglane.engine.dialer import Address, server_text
from pglane.wire.body import MalformedMessage
from pglane.wire.framing import MalformedStream, MessageReader
from pglane.wire.server_messages import DataRow, ErrorResponse

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""Longest message of an answer; longer than any catalog row that is asked for."""
ROWS_MAX = 1_000_000
READ_BYTES = 65_536
DATA_ROW, ERROR, READY = 0x44, 0x45, 0x5A

Row = list[bytes | None]


class SessionFailedError(Exception):
    """The server cannot be reached, does not let us in, or does not answer; the text says why."""


class QuestionRefusedError(SessionFailedError):
    """The server answered a question with an error; it may be asked another."""


class ServerSession:
    """One connection, logged in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._messages = MessageReader(ANSWER_BYTES_MAX)

    @classmethod
    async def open(
        cls, addresses: Sequence[Address], user: str, password: bytes, database: str
    ) -> "ServerSession":
        """Logs in at the first address that answers; the caller bounds the time.

        Raises:
            SessionFailedError: none lets us in.
        """
        failure = "the host name has no address"
        for address in addresses:
            try:
                return await cls._log_in(address, user, password, database)
            except OSError as error:
                failure = f"{address}: {error.strerror or error}"
        raise SessionFailedError(failure)

    @classmethod
    async def _log_in(
        cls, address: Address, user: str, password: bytes, database: str
    ) -> "ServerSession":
        settings = {"application_name": "pglane monitor", "client_encoding": "UTF8"}
        startup = server_startup(user, database, settings, check_interval=False)
        credentials = Credentials(password, None, address.local)
        nonce = secrets.token_urlsafe(24).encode()
        login = ServerLogin(user, startup, credentials, nonce, str(address))
        session = cls(*await connect(address))
        try:
            session._writer.write(login.begin())
            while not login.done and not login.failed:
                session._writer.write(login.receive(await session._read()))
        except BaseException:
            session.close()
            raise
        if login.failed:
            session.close()
            raise SessionFailedError(_reason(login))
        return session

    async def rows(self, text: str) -> list[Row]:
        """What a simple query of one statement returns; columns as text, None for NULL.

        Raises:
            QuestionRefusedError: the server gave an error.
            SessionFailedError: the connection is lost, or its answers made no sense.
        """
        body = text.encode() + b"\x00"
        self._writer.write(b"Q" + (len(body) + 4).to_bytes(4, "big") + body)
        try:
            return await self._answer()
        except (MalformedStream, MalformedMessage, OSError) as error:
            raise SessionFailedError(str(error)) from error

    async def _answer(self) -> list[Row]:
        rows: list[Row] = []
        failure = ""
        messages = self._messages
        while True:
            while messages.next():
                kind = messages.kind
                if kind == DATA_ROW:
                    rows.append(list(DataRow.decode(messages.body()).values))
                elif kind == ERROR:
                    failure = server_text(ErrorResponse.decode(messages.body()))
                elif kind == READY:
                    if failure:
                        raise QuestionRefusedError(failure)
                    return rows
                if len(rows) > ROWS_MAX:
                    raise SessionFailedError(f"an answer has more than {ROWS_MAX} rows")
            messages.feed(await self._read())

    async def _read(self) -> bytes:
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise SessionFailedError("the server closed the connection")
        return data

    def close(self) -> None:
        """Ends it; PostgreSQL notices by the closed socket."""
        self._writer.close()


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The two ends of a stream to `address`."""
    if address.family == "unix":
        return await asyncio.open_unix_connection(f"{address.address}/.s.PGSQL.{address.port}")
    return await asyncio.open_connection(address.address, address.port)


def _reason(login: ServerLogin) -> str:
    refusal = login.refusal
    if refusal is not None:
        return f"{refusal.text}. {refusal.detail_text}"
    return server_text(login.error)
