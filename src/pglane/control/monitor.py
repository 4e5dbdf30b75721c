"""A monitor connection: what the gateway knows of a database beyond what its clients send.

One connection for each database that clients use through a door that lends, extra to the budget,
opened when the worker says that it has a server connection there and closed when it has none any
more (an open connection would keep the database from being dropped). It asks a cheap question
every `server.monitor_ms` and tells the worker when an epoch changed (`connection.epochs`).

As whom it logs in, `monitor_logins` says. A monitor that cannot log in tries again with a pause
that doubles, or as soon as there is another way, and says so once; the worker goes on with its
last knowledge.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable

from pglane.connection.catalog import Closure
from pglane.connection.catalog_listing import Listing, closure_of, read_listing
from pglane.connection.catalog_queries import (
    CATALOG_EPOCH,
    LISTING,
    SESSION_SETTINGS,
    texts_query,
)
from pglane.connection.catalog_texts import PrintedTexts
from pglane.connection.epochs import POLL, ROLELESS, epoch_of
from pglane.control.log import Log
from pglane.control.server_session import (
    QuestionRefusedError,
    Row,
    ServerSession,
    SessionFailedError,
)
from pglane.engine.channel import Message

ANSWER_S_MAX = 30.0
"""Time for one question; the server's catalogs are small."""
PAUSE_TIMES = 10
"""After reading the catalogs nothing is read for so many times as long; what had to be printed
does not count, for it is not printed again. What could not be printed has a pause of its own."""
ASKED_TIMES = 1
"""The same when the worker waits for it: until then every client pays more than that reading."""
RETRY_S_MIN, RETRY_S_MAX = 0.5, 30.0
REFUSED_S = 2.0
"""When catalogs that could not be read are tried again, and texts that could not be printed."""
REFUSED_ONE_S = 0.1
"""The same for each text, where many could not. The server's log has a line for each time, and
each may have waited for a lock: this is ten lines a second at most, and a tenth of the time."""
PASSING = ("40001", "40P01", "55P03", "57014")
"""SQLSTATEs with which the server does not list what is there, because somebody has locked it."""
PASSING_MAX = 5
"""So often in a row that is tried again at once; what still fails then counts as unreadable."""
UNPRINTED_TOLD = 3
"""Readings in which something could not be printed; fewer are what any DDL may cause."""
PAUSE_S_MIN = 0.01
CONNECTING, WATCHING = "connecting", "watching"

Send = Callable[[Message], bool]
Open = Callable[[str], Awaitable[ServerSession]]


class Monitor:
    """Watches one database until it is told to end.

    Attributes:
        state: CONNECTING, WATCHING, or what went wrong.
        told: the last message to the worker of each kind; a new worker gets them again.
    """

    def __init__(self, database: str, open_session: Open, send: Send, log: Log) -> None:
        self._database = database
        self._open = open_session
        self._send = send
        self._log = log
        self.state = CONNECTING
        self.told: dict[str, Message] = {}
        self.poll_s = 1.0
        self._server = ""
        self._seen: bytes | None = None
        self._snapshot: bytes | None = None
        self._catalogs = self._listed = ""
        self._texts = PrintedTexts()
        self._read_at = 0.0
        self._read_s = self._printed_s = self._again_at = 0.0
        self._asked = self._passed = self._unprinted = 0
        self._ended = False
        self._moves = False
        self._woken = asyncio.Event()

    def end(self) -> None:
        """No more questions."""
        self._ended = True
        self._woken.set()

    def move(self) -> None:
        """Another server is meant from now on."""
        self._moves = True
        self._woken.set()

    def retry(self) -> None:
        """There is another way to log in: no use to wait."""
        if self.state not in (CONNECTING, WATCHING):
            self._woken.set()

    def look(self, number: int) -> None:
        """The next question is due at once; what it finds answers this call of the worker."""
        self._asked = number
        if self.state == WATCHING:
            self._woken.set()

    async def run(self) -> None:
        """Connects, watches, and connects again when that fails."""
        retry_s = RETRY_S_MIN
        while not self._ended:
            try:
                session = await self._connected()
                retry_s = RETRY_S_MIN
                try:
                    await self._watch(session)
                finally:
                    session.close()
            except (SessionFailedError, TimeoutError) as error:
                self._failed(str(error) or f"no answer within {ANSWER_S_MAX:g} s")
                await self._pause(retry_s)
                retry_s = min(retry_s * 2, RETRY_S_MAX)

    async def _connected(self) -> ServerSession:
        self._moves = False
        async with asyncio.timeout(ANSWER_S_MAX):
            session = await self._opened()
            for text in SESSION_SETTINGS:
                await session.rows(text)
        self._seen = self._snapshot = None
        self._catalogs = self._listed = ""
        self._texts = PrintedTexts()
        self._unprinted = 0
        self._server = session.role
        address = session.address
        if address.host:
            self._tell("server", host=address.host, port=address.port)
        return session

    async def _opened(self) -> ServerSession:
        """Logged in; servers that are not what is wanted may have been, when we last looked."""
        try:
            session = await self._open(self._database)
        except SessionFailedError as error:
            self._tell_roles(error.passed_over)
            raise
        self._tell_roles(session.passed_over)
        return session

    def _tell_roles(self, standby_at: dict[str, bool]) -> None:
        for address, standby in standby_at.items():
            self._send({"type": "server_role", "address": address, "standby": standby})

    async def _watch(self, session: ServerSession) -> None:
        while not self._ended and not self._moves:
            async with asyncio.timeout(ANSWER_S_MAX):
                await self._look(session)
            if session.role != self._server:
                reason = f"{session.address} is {session.role} now, and was {self._server}"
                self._send({"type": "server_changed", "reason": reason})
                raise SessionFailedError(reason)
            await self._pause(self._next_s())

    def _next_s(self) -> float:
        """How long until the next look; sooner when the catalogs are still to be read."""
        if self._seen == self._snapshot:
            return self.poll_s
        wait_s = self._due_at() - asyncio.get_running_loop().time()
        return min(self.poll_s, max(wait_s, PAUSE_S_MIN))

    def _due_at(self) -> float:
        """When the catalogs may be read again, by what the last reading took."""
        return self._read_at + (ASKED_TIMES if self._asked else PAUSE_TIMES) * self._read_s

    async def _look(self, session: ServerSession) -> None:
        """One question; a second and third one only when something changed."""
        asked = self._asked
        ((snapshot, loaded, defaults),) = await session.rows_again(POLL)
        self._tell("defaults", epoch=epoch_of(loaded, defaults))
        if snapshot != self._seen:
            await self._look_for_roleless(session)
        self._seen = snapshot
        clock = asyncio.get_running_loop().time
        if snapshot == self._snapshot:
            self._texts.confirm()
            self._looked(asked)
            if not self._is_again_due():
                return
        began = clock()
        if began < self._due_at():
            return
        self._printed_s = 0.0
        try:
            await self._look_at_catalogs(session, asked=bool(asked))
        except QuestionRefusedError as error:
            self._refused(error, began)
        else:
            self._passed = 0
            self._read_at = clock()
            self._read_s = self._read_at - began - self._printed_s
            self._snapshot = snapshot
            self._succeeded()
            self._looked(asked)

    def _refused(self, error: QuestionRefusedError, began: float) -> None:
        """The right to read is missing, or somebody has locked a catalog."""
        self._catalogs = ""
        self._passed += 1
        if error.sqlstate in PASSING and self._passed <= PASSING_MAX:
            self._read_at, self._read_s = began, 0.0
            return
        self._read_at, self._read_s = began + REFUSED_S, 0.0
        self._failed(f"its catalogs cannot be read: {error}")

    async def _look_for_roleless(self, session: ServerSession) -> None:
        """Sessions whose role was dropped, by their process ids."""
        pids = [int(pid or 0) for (pid,) in await session.rows(ROLELESS)]
        if pids or "roleless" in self.told:
            self._tell("roleless", pids=pids)

    def _looked(self, asked: int) -> None:
        """What had taken effect when the worker asked is read, and told."""
        if asked and asked == self._asked:
            self._asked = 0
            self._send({"type": "looked", "database": self._database, "look": asked})

    async def _look_at_catalogs(self, session: ServerSession, *, asked: bool) -> None:
        """Reads what has changed; whether anything has is asked first where nobody waits."""
        epoch = ""
        if not asked:
            (seen,) = await session.rows(CATALOG_EPOCH)
            epoch = epoch_of(*seen)
            if epoch == self._catalogs and not self._is_again_due():
                return
        self._catalogs = ""
        (row,) = await session.rows(LISTING)
        listing = await asyncio.to_thread(self._take, row)
        listed = epoch_of(*row)
        if listed != self._listed:
            self._tell("ddl", epoch=listed)
        printed = await self._print(session)
        if listed != self._listed or printed or "catalog" not in self.told:
            closure = await asyncio.to_thread(self._closure, listing)
            told = closure.message()
            # Another body of a function gives another epoch, whatever follows from it.
            number = epoch_of(json.dumps(told).encode(), listing.functions_epoch.encode())
            self._tell("catalog", epoch=number, **told)
        self._listed = listed
        if not printed:  # what was printed is to be confirmed by the next listing
            self._catalogs = epoch

    def _take(self, row: Row) -> Listing:
        listing = read_listing(row)
        self._texts.take(listing)
        return listing

    def _is_again_due(self) -> bool:
        """Whether what could not be printed is to be asked for again."""
        now = asyncio.get_running_loop().time()
        return bool(self._texts.unprinted) and now >= self._again_at

    async def _print(self, session: ServerSession) -> bool:
        """Has all texts printed that are not known; whether any was."""
        printed = False
        refusals, reason = 0, ""
        clock = asyncio.get_running_loop().time
        began = clock()
        for portion in self._texts.lacking(again=self._is_again_due()):
            text = texts_query(portion.part, portion.numbers, briefly=portion.briefly)
            try:
                rows = await session.rows(text)
            except QuestionRefusedError as error:
                self._texts.refuse(portion)
                reason = str(error)
                refusals += 1
            else:
                await asyncio.to_thread(self._texts.keep, portion, rows)
                printed = True
        if refusals and began >= self._again_at:
            self._again_at = clock() + max(REFUSED_S, REFUSED_ONE_S * refusals)
        self._note_unprinted(reason)
        self._printed_s = clock() - began
        return printed

    def _note_unprinted(self, reason: str) -> None:
        """What cannot be printed is told where that lasts, and when it is over."""
        count = self._texts.unprinted
        if count or "unprinted" in self.told:
            self._tell("unprinted", texts=count)
        self._unprinted += bool(reason)
        if reason and count and self._unprinted == UNPRINTED_TOLD:
            self._log.write(
                "warning",
                "texts_not_printed",
                f"in database {self._database} PostgreSQL does not print some definitions of "
                f"functions, views, defaults and their like ({count}): {reason}. After statements "
                "that may lead to them the session is looked at; they are asked for until it does",
                database=self._database,
            )
        if not count:
            if self._unprinted >= UNPRINTED_TOLD:
                text = f"all definitions in database {self._database} are printed"
                self._log.write("info", "texts_printed", text, database=self._database)
            self._unprinted = 0

    def _closure(self, listing: Listing) -> Closure:
        return closure_of(listing, self._texts.words)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # makes no task, as `wait_for` does
                await self._woken.wait()
        self._woken.clear()

    def _tell(self, kind: str, **told: object) -> None:
        """Tells the worker what it does not know yet."""
        message: Message = {"type": kind, "database": self._database, **told}
        if self.told.get(kind) != message:
            self.told[kind] = message
            self._send(message)

    def tell_again(self) -> None:
        """A new worker knows nothing, and has asked nothing."""
        self._asked = 0
        for message in self.told.values():
            self._send(message)

    def _succeeded(self) -> None:
        if self.state != WATCHING:
            self.state = WATCHING
            text = f"database {self._database} is watched"
            self._log.write("info", "monitor_connected", text, database=self._database)
            self._tell("monitor", state=self.state)

    def _failed(self, reason: str) -> None:
        # What is not watched may have changed: the worker forgets what it was told.
        self._catalogs = ""
        self.told.pop("catalog", None)
        if self.state != reason:
            self.state = reason
            self._log.write(
                "warning",
                "monitor_failed",
                f"database {self._database} is not watched: {reason}. Until this works, "
                "changed defaults may not be noticed, and after nearly each transaction the "
                "session is looked at; server.monitor_user can name another role",
                database=self._database,
            )
            self._tell("monitor", state=reason)
