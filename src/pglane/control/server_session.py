"""A connection to PostgreSQL of the supervisor's own: log in, ask, read rows.

Small on purpose: simple queries that return text, one at a time, each within a stated time. Login
and messages are the ones of the data plane (`connection.server_login`, `wire`), so that nothing
about PostgreSQL's protocol is written twice; only the sockets are asyncio's.
"""

import asyncio
import os
import secrets
from collections.abc import Sequence
from dataclasses import replace

from pglane.config.tls import ALPN
from pglane.connection.server_login import Credentials, ServerLogin
from pglane.connection.session_target import (
    QUESTION,
    READ_ONLY,
    STANDBY,
    is_told,
    misfit,
    passes,
)
from pglane.connection.startup_settings import server_startup
from pglane.engine.dialer import NOT_LET_IN, Address, server_text
from pglane.engine.server_tls import (
    ACCEPTED,
    ASKED,
    DECLINED,
    NOT_OFFERED,
    OTHER,
    UNNAMED,
    ServerTls,
)
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import Bind, Close, Execute, Parse, Sync
from pglane.wire.framing import MalformedStream, MessageReader
from pglane.wire.key_recipe import ITERATIONS_INLINE_MAX
from pglane.wire.scram import ScramKeys
from pglane.wire.server_messages import DataRow, ErrorResponse, ParameterStatus

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""Longest message of an answer; longer than any catalog row that is asked for."""
ROWS_MAX = 1_000_000
READ_BYTES = 65_536
DATA_ROW, ERROR, PARAMETER, READY = 0x44, 0x45, 0x53, 0x5A
ENDS = (0x43, 0x49)
"""CommandComplete and EmptyQueryResponse: the end of one statement's answer."""
OPEN_S_MAX = 10.0
"""Time for one address: one that does not answer must not cost the others theirs."""

KEPT = b"pglane"
"""The name of the statement that is planned once."""
RUN_KEPT = Bind(b"", KEPT).encode() + Execute(b"").encode() + Sync().encode()

Row = list[bytes | None]
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SETTINGS = {"application_name": "pglane monitor", "client_encoding": "UTF8"}


class SessionFailedError(Exception):
    """The server cannot be reached, does not let us in, or does not answer; the text says why.

    Attributes:
        passed_over: servers that are not what is wanted, and whether each is a standby.
        sqlstate: of the error that the server answered; empty if it answered none.
    """

    def __init__(
        self, reason: str, passed_over: dict[str, bool] | None = None, sqlstate: str = ""
    ) -> None:
        super().__init__(reason)
        self.passed_over = passed_over or {}
        self.sqlstate = sqlstate


class NotReachedError(SessionFailedError):
    """No address of the server answered, or those that did are not what is wanted."""


class NotThisWayError(SessionFailedError):
    """The server does not let us in with TLS, or not without."""


class QuestionRefusedError(SessionFailedError):
    """The server answered a question with an error; it may be asked another."""


class ServerSession:
    """One connection, logged in.

    Attributes:
        address: where it is.
        passed_over: servers that were not what is wanted, and whether each is a standby.
        reported: settings that the server told.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._messages = MessageReader(ANSWER_BYTES_MAX)
        self._kept = ""
        self.address = address
        self.passed_over: dict[str, bool] = {}
        self.reported: dict[str, str] = {}

    @property
    def standby(self) -> bool:
        """What the server says that it is; newer servers only, others are always the same."""
        return self.reported.get(STANDBY) == "on"

    @property
    def role(self) -> str:
        """The same in words, and whether it takes writes."""
        role = "a standby" if self.standby else "a primary"
        return f"{role}, read-only" if self.reported.get(READ_ONLY) == "on" else role

    @classmethod
    async def open(
        cls,
        addresses: Sequence[Address],
        user: str,
        credentials: Credentials,
        database: str,
        tls: ServerTls,
        wanted: str = "any",
    ) -> "ServerSession":
        """Logs in at the first address that answers and is what is wanted; each has its time.

        Raises:
            NotReachedError: none answers that is wanted.
            SessionFailedError: none lets us in.
        """
        failure = "the host name has no address"
        answer: SessionFailedError | None = None
        passed_over: dict[str, bool] = {}
        ways = [
            (kind, address, with_tls)
            for kind in passes(wanted)
            for address in addresses
            for with_tls in tls.attempts(address)
        ]
        for kind, address, with_tls in ways:
            try:
                async with asyncio.timeout(OPEN_S_MAX):
                    session = await cls._open(address, user, credentials, database, tls, with_tls)
                    wrong = await session._misfit(kind)
                if not wrong:
                    session.passed_over = passed_over
                    return session
                session.close()
                passed_over[str(address)] = session.standby
                failure = f"{address}: {wrong}"
            except TimeoutError:
                silence = f"{address}: no answer within {OPEN_S_MAX:g} s"
                failure = failure if answer else silence
            except OSError as error:
                failure = failure if answer else f"{address}: {_trouble(error)}"
            except NotThisWayError as error:
                if answer is None and not passed_over:
                    failure, answer = f"{address}: {error}", error
            except SessionFailedError as error:
                if len(addresses) == 1:
                    raise
                failure, answer = f"{address}: {error}", error
        if answer is None:
            raise NotReachedError(failure, passed_over)
        raise SessionFailedError(failure, passed_over, answer.sqlstate)

    @classmethod
    async def _open(
        cls,
        address: Address,
        user: str,
        credentials: Credentials,
        database: str,
        tls: ServerTls,
        with_tls: bool,
    ) -> "ServerSession":
        ends = await connect(address)
        ends = await secure(*ends, tls, address.host) if with_tls else ends
        clear = address.local or (with_tls and tls.demanded)
        credentials = replace(credentials, cleartext_allowed=clear)
        startup = server_startup(user, database, SETTINGS, check_interval=False)
        nonce = secrets.token_urlsafe(24).encode()
        inline_max = ITERATIONS_INLINE_MAX
        login = ServerLogin(user, startup, credentials, nonce, str(address), inline_max)
        tls.bind(login, ends[1].get_extra_info("ssl_object"))
        return await cls._log_in(login, ends, address)

    async def _misfit(self, wanted: str) -> str:
        if not is_told(wanted, self.reported):
            ((standby, read_only),) = await self.rows(QUESTION)
            told = zip((STANDBY, READ_ONLY), (standby, read_only), strict=True)
            self.reported |= {name: (value or b"").decode() for name, value in told}
        return misfit(wanted, self.reported)

    @classmethod
    async def _log_in(cls, login: ServerLogin, ends: Ends, address: Address) -> "ServerSession":
        session = cls(*ends, address)
        try:
            session._writer.write(login.begin())
            while not login.done and not login.failed:
                session._writer.write(login.receive(await session._read()))
                if login.lacks is not None:
                    keys = await asyncio.to_thread(ScramKeys.of_recipe, login.lacks)
                    session._writer.write(login.supply(keys))
        except BaseException:
            session.close()
            raise
        if login.failed:
            session.close()
            code = (login.error.get("C") or b"") if login.error is not None else b""
            if code[:2] == NOT_LET_IN and not login.asked:
                raise NotThisWayError(_reason(login), sqlstate=code.decode())
            raise SessionFailedError(_reason(login), sqlstate=code.decode("ascii", "replace"))
        session.reported = login.parameters
        return session

    async def rows(self, text: str) -> list[Row]:
        """What a simple query returns, all its rows together; as text, None for NULL.

        Raises:
            QuestionRefusedError: the server gave an error.
            SessionFailedError: the connection is lost, or its answers made no sense.
        """
        body = text.encode() + b"\x00"
        self._writer.write(b"Q" + (len(body) + 4).to_bytes(4, "big") + body)
        return await self._rows()

    async def rows_again(self, text: str) -> list[Row]:
        """As `rows`, of one statement that is asked again and again: it is planned once.

        Where something between us and the server does not keep it, it is asked as it is.
        """
        if text != self._kept:
            self._writer.write(Close(b"S", KEPT).encode() + Parse(KEPT, text.encode()).encode())
        self._writer.write(RUN_KEPT)
        try:
            rows = await self._rows()
        except QuestionRefusedError:
            self._kept = ""
            return await self.rows(text)
        self._kept = text
        return rows

    async def _rows(self) -> list[Row]:
        try:
            return await self._answer()
        except (MalformedStream, MalformedMessage, OSError) as error:
            raise SessionFailedError(str(error)) from error

    async def ask(self, text: str, parameters: Sequence[tuple[bytes, ...]]) -> list[list[Row]]:
        """The rows of one statement for each set of parameters, in one round trip.

        Raises:
            QuestionRefusedError: the server gave an error to one of them.
            SessionFailedError: the connection is lost, or its answers made no sense.
        """
        self._writer.write(Parse(b"", text.encode()).encode())
        for values in parameters:
            self._writer.write(Bind(b"", b"", parameters=values).encode())
            self._writer.write(Execute(b"").encode())
        self._writer.write(Sync().encode())
        found: list[list[Row]] = []
        try:
            rows = await self._answer(found)
        except (MalformedStream, MalformedMessage, OSError) as error:
            raise SessionFailedError(str(error)) from error
        if len(found) != len(parameters):
            seen = f"{len(found)} results and {len(rows)} rows for {len(parameters)} questions"
            raise SessionFailedError(seen)
        return found

    async def _answer(self, results: list[list[Row]] | None = None) -> list[Row]:
        """The rows up to ReadyForQuery; what belongs to each statement goes to `results`."""
        rows: list[Row] = []
        failure = sqlstate = ""
        messages = self._messages
        while True:
            while messages.next():
                kind = messages.kind
                if kind == DATA_ROW:
                    rows.append(list(DataRow.decode(messages.body()).values))
                elif kind in ENDS and results is not None:
                    results.append(rows)
                    rows = []
                elif kind == PARAMETER:
                    status = ParameterStatus.decode(messages.body())
                    self.reported[status.name.decode()] = status.value.decode("utf-8", "replace")
                elif kind == ERROR:
                    error = ErrorResponse.decode(messages.body())
                    failure = server_text(error)
                    sqlstate = (error.get("C") or b"").decode("ascii", "replace")
                elif kind == READY:
                    if failure:
                        raise QuestionRefusedError(failure, sqlstate=sqlstate)
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


async def connect(address: Address) -> Ends:
    """The two ends of a stream to `address`."""
    if address.family == "unix":
        return await asyncio.open_unix_connection(f"{address.address}/.s.PGSQL.{address.port}")
    return await asyncio.open_connection(address.address, address.port)


async def secure(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: ServerTls, name: str = ""
) -> Ends:
    """Makes TLS of a connection; closes it where that fails.

    Raises:
        NotThisWayError: the server does not offer it.
        OSError: the handshake failed, or its certificate is not good.
    """
    try:
        refused = await _shake(reader, writer, tls, name)
    except BaseException:
        writer.close()
        raise
    if refused:
        writer.close()
        raise NotThisWayError(refused)
    return reader, writer


async def _shake(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: ServerTls, name: str
) -> str:
    """Asks for TLS and does its handshake; why not, if the server does not want it."""
    assert tls.context is not None
    if not tls.direct:
        writer.write(ASKED)
        answer = await reader.read(READ_BYTES)
        if answer != ACCEPTED:
            return NOT_OFFERED if answer == DECLINED else OTHER
    await writer.start_tls(tls.context, server_hostname=name or tls.name)
    session = writer.get_extra_info("ssl_object")
    return UNNAMED if tls.direct and session.selected_alpn_protocol() != ALPN else ""


def _trouble(error: OSError) -> str:
    """What the system says; asyncio writes the address into its place."""
    text = error.strerror or str(error)
    if error.errno and text.startswith("Connect call failed"):
        return os.strerror(error.errno)
    return text


def _reason(login: ServerLogin) -> str:
    refusal = login.refusal
    if refusal is not None:
        return f"{refusal.text}. {refusal.detail_text}"
    return server_text(login.error)
