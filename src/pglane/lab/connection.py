"""A light client: simple queries, one at a time, on asyncio.

The load of a scenario must cost little beside what it loads: two cores serve clients, gateway and
database together. So this client knows the simple protocol only, decodes what it is asked to, and
computes a password's keys once for each place, as poolers of applications do. What it shares with
the gateway is the protocol's own text: messages, SCRAM and the login.
"""

import asyncio
import secrets
from typing import Any

from pglane.connection.server_login import Credentials, ServerLogin
from pglane.lab.place import Place
from pglane.wire.client_messages import Query, Terminate
from pglane.wire.framing import MessageReader
from pglane.wire.scram import ScramKeys
from pglane.wire.server_messages import DataRow, ErrorResponse, RowDescription
from pglane.wire.startup import StartupMessage

ANSWER_BYTES_MAX = 1 << 20
NONCE_BYTES = 18
ERROR, READY, ROW, HEAD, NOTICE = ord("E"), ord("Z"), ord("D"), ord("T"), ord("N")
NOTICES_MAX = 16
"""Of one connection, that are kept until somebody reads them."""
LOST = "08006"

Row = tuple[str | None, ...]


class AskedInVain(Exception):
    """The server, or what stands before it, said no.

    Attributes:
        sqlstate: its code; 08006 when the connection ended without a word.
        told: message, detail and hint, one below the other.
    """

    def __init__(self, sqlstate: str, told: str) -> None:
        super().__init__(f"{sqlstate}: {told}")
        self.sqlstate = sqlstate
        self.told = told


def in_vain(error: ErrorResponse) -> AskedInVain:
    """What an ErrorResponse says."""
    told = {code: text.decode("utf-8", "replace") for code, text in error.fields}
    texts = [told[kind] for kind in "MDH" if kind in told]
    return AskedInVain(told.get("C", ""), "\n".join(texts))


class Connection(asyncio.Protocol):
    """One connection; made by `connect`.

    Attributes:
        lost: it is closed, whoever closed it.
        columns: names of the columns of the last rows.
        notices: what it was told without having asked, and when, by the loop's clock.
    """

    keys: dict[tuple[str, int, str], ScramKeys] = {}  # noqa: RUF012 -- shared on purpose

    def __init__(self, place: Place) -> None:
        self.place = place
        self.lost = False
        self.columns: tuple[str, ...] = ()
        self.notices: list[tuple[float, str]] = []
        self._known = (place.user, place.port, place.password)
        self._login: ServerLogin | None = ServerLogin(
            place.user,
            _startup(place),
            Credentials(place.password.encode(), self.keys.get(self._known), True),
            secrets.token_urlsafe(NONCE_BYTES).encode(),
            f"{place.host}:{place.port}",
        )
        self._reader = MessageReader(ANSWER_BYTES_MAX)
        self._transport: Any = None
        self._rows: list[Row] = []
        self._error: AskedInVain | None = None
        self._waiter: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()

    async def logged_in(self) -> None:
        """Returns when the server is ready for the first query."""
        await self._waiter

    async def ask(self, text: str) -> list[Row]:
        """The rows of all statements of a text.

        Raises:
            AskedInVain: an error; the connection lives on unless `lost`.
        """
        if self.lost:
            raise AskedInVain(LOST, "the connection is closed")
        self._rows = []
        self._error = None
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(Query(text.encode()).encode())
        return await self._waiter

    @property
    def port(self) -> int:
        """Our end's, by which a gateway's console can name it."""
        found = self._transport.get_extra_info("sockname")
        return int(found[1]) if found else 0

    def close(self) -> None:
        """Says goodbye."""
        self.lost = True
        if self._transport is not None:
            self._transport.write(Terminate().encode())
            self._transport.close()

    # --- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins the login."""
        self._transport = transport
        assert self._login is not None
        self._transport.write(self._login.begin())

    def data_received(self, data: bytes) -> None:
        """Goes on with the login, or with an answer."""
        if self._login is not None:
            self._log_in(self._login, data)
            return
        reader = self._reader
        reader.feed(data)
        while reader.next():
            if reader.kind == ROW:
                row = DataRow.decode(reader.body())
                self._rows.append(tuple(_text(value) for value in row.values))
            elif reader.kind == HEAD:
                described = RowDescription.decode(reader.body())
                self.columns = tuple(one.name.decode() for one in described.fields)
            elif reader.kind == ERROR:
                self._error = in_vain(ErrorResponse.decode(reader.body()))
            elif reader.kind == NOTICE and len(self.notices) < NOTICES_MAX:
                moment = asyncio.get_running_loop().time()
                self.notices.append((moment, in_vain(ErrorResponse.decode(reader.body())).told))
            elif reader.kind == READY:
                self._end(self._error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        self.lost = True
        told = f"the connection ended: {exc}" if exc else "the connection ended"
        self._end(self._error or AskedInVain(LOST, told))

    def _log_in(self, login: ServerLogin, data: bytes) -> None:
        self._transport.write(login.receive(data))
        if login.failed:
            error = in_vain(login.error) if login.error else AskedInVain("", str(login.refusal))
            self._end(error)
            self.close()
        elif login.done:
            if login.keys is not None:
                self.keys[self._known] = login.keys
            self._login = None
            self._end(None)

    def _end(self, error: AskedInVain | None) -> None:
        if self._waiter.done():
            return
        if error is None:
            self._waiter.set_result(self._rows)
        else:
            self._waiter.set_exception(error)
            self._waiter.exception()  # whoever waited may have gone


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _startup(place: Place) -> StartupMessage:
    told = {"user": place.user.encode(), "database": place.database.encode()}
    if place.application:
        told["application_name"] = place.application.encode()
    return StartupMessage(3, 0, told)


async def connect(place: Place) -> Connection:
    """A connection that is logged in.

    Raises:
        AskedInVain: it was refused.
        OSError: nobody listens.
    """
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: Connection(place), place.host, place.port)
    try:
        await made.logged_in()
    except BaseException:
        made.close()
        raise
    return made
