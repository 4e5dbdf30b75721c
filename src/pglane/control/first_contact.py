"""The first contact with PostgreSQL: a wrong port is told at the start, not to the first client.

The doors open whether or not PostgreSQL is there, for it may come later. Beside that a connection
is opened as the monitors do it, and closed. Who cannot be reached is told once for each reason,
and tried again with a pause that doubles, until it answers or a client's request has reached it.
Who answers and lets nobody in is told, and not asked again: each attempt would be one more wrong
password in its log. Only a server that is starting, stopping or full is. Who lets us in is asked
how many connections there may be at all.
"""

import asyncio
import contextlib
from collections.abc import Callable

from pglane.config.hosts import servers_text
from pglane.config.settings import Settings
from pglane.control.log import Log
from pglane.control.monitor import Open
from pglane.control.monitor_logins import configured_login
from pglane.control.server_session import NotReachedError, ServerSession, SessionFailedError
from pglane.errors.catalogue import Refusal
from pglane.errors.processes import ServerLetsNobodyIn, ServerNotThere

RETRY_S_MIN, RETRY_S_MAX = 0.5, 30.0
LockedOut = Callable[[str], Refusal]
INVALID = "28P01"
CONTACT_S_MAX = 60.0
"""Time for one attempt, over all addresses."""
PASSING = ("57P03", "57P01", "57P02", "53300")
"""SQLSTATEs that go away by themselves: it is starting, stopping, or full."""
CONNECTIONS = """\
SELECT pg_catalog.current_setting('max_connections')::int
  - pg_catalog.current_setting('superuser_reserved_connections')::int
  - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int"""
"""How many of ordinary roles there may be (`reserved_connections`: since PostgreSQL 16)."""


class FirstContact:
    """Seeks the server until it is found.

    Args:
        log: where it is told.
        open_session: logs in to a database.
        locked_out: what to say of a server of our own that refuses our password; None: it is not
            ours.
    """

    def __init__(self, log: Log, open_session: Open, locked_out: LockedOut | None = None) -> None:
        self._log = log
        self._locked_out = locked_out
        self._open = open_session
        self._task: asyncio.Task[None] | None = None
        self._told = ""
        self._ended = asyncio.Event()

    def seek(self, settings: Settings) -> None:
        """Begins; what is sought so far is given up."""
        self.end()
        self._ended = asyncio.Event()
        self._told = ""
        if settings.server_host:
            self._task = asyncio.get_running_loop().create_task(self._seek(settings))

    def end(self) -> None:
        """Seeks no longer: it was found by others, or nobody wants it any more."""
        self._ended.set()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _seek(self, settings: Settings) -> None:
        place = servers_text(settings.server_host, settings.server_port)
        pause_s = RETRY_S_MIN
        ended = self._ended  # a cancel that meets a wait that is over is lost (wait_for of 3.11)
        while not await self._attempt(settings, place):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), pause_s)
                return
            pause_s = min(pause_s * 2, RETRY_S_MAX)

    async def _attempt(self, settings: Settings, place: str) -> bool:
        """Whether that was the last one."""
        try:
            async with asyncio.timeout(CONTACT_S_MAX):
                session = await self._open(settings.server_database)
        except TimeoutError:
            self._tell_absence(place, f"no answer within {CONTACT_S_MAX:g} s")
            return False
        except NotReachedError as error:
            self._tell_absence(place, str(error))
            return False
        except SessionFailedError as error:
            return self._judge(settings, place, error)
        await self._compare(settings, place, session)
        session.close()
        if self._told:
            text = f"PostgreSQL at {place} is reached now"
            self._log.write("info", "server_reached", text)
        return True

    async def _compare(self, settings: Settings, place: str, session: ServerSession) -> None:
        """A budget that PostgreSQL cannot keep is told before the first client waits for it."""
        try:
            async with asyncio.timeout(CONTACT_S_MAX):
                ((told,),) = await session.rows(CONNECTIONS)
            allowed = int(told or b"")
        except (SessionFailedError, TimeoutError, ValueError):
            return  # something between us and the server does not answer that
        if settings.budget > allowed:
            self._log.write(
                "warning",
                "budget_too_large",
                f"server.budget is {settings.budget} for each database, and PostgreSQL at "
                f"{place} has {allowed} connections for all roles but superusers: beyond those "
                "clients will wait. Lower server.budget, or raise max_connections",
                budget=settings.budget,
                connections=allowed,
            )

    def _judge(self, settings: Settings, place: str, error: SessionFailedError) -> bool:
        """It answered. Without a password of ours it may still let clients in, with theirs."""
        login = configured_login(settings)
        if login.proves or error.sqlstate[:2] not in ("", "28"):
            database = settings.server_database
            told = {"address": place, "user": login.user, "database": database}
            refusal: Refusal = ServerLetsNobodyIn(**told, reason=error)
            if self._locked_out is not None and error.sqlstate == INVALID:
                refusal = self._locked_out(str(error))
            if self._is_news(str(error)):
                self._log.refusal("server_login_refused", refusal)
        return error.sqlstate not in PASSING

    def _tell_absence(self, place: str, reason: str) -> None:
        if self._is_news(reason):
            self._log.refusal("server_not_there", ServerNotThere(address=place, reason=reason))

    def _is_news(self, reason: str) -> bool:
        """Said once for each reason, not for each attempt."""
        is_news = reason != self._told
        self._told = reason
        return is_news
