"""The monitors of all databases: which there are, and as whom they log in."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pglane.config.settings import Settings
from pglane.control.log import Log
from pglane.control.monitor import WATCHING, Monitor, Send
from pglane.control.monitor_logins import (
    CONNECTIONS_QUERY,
    MonitorLogin,
    connections_max,
    lent_login,
    logins,
)
from pglane.control.resolver import Resolver
from pglane.control.server_session import NotReachedError, ServerSession, SessionFailedError
from pglane.engine.dialer import Address
from pglane.engine.server_tls import ServerTls
from pglane.errors.refused import RefusedError

MONITORS_MAX = 64
"""Databases watched at once; beyond it a database is served, and not watched."""
SERVER = ("server_host", "server_port", "server_target_session_attrs")
"""Settings that say which server is meant."""


class Monitors:
    """The monitors of all databases.

    Args:
        log: where it is told when one fails.
        send: sends a message to the worker; False when there is none.
        resolver: finds the server's addresses.
    """

    def __init__(self, log: Log, send: Send, resolver: Resolver) -> None:
        self._log = log
        self._send = send
        self._resolver = resolver
        self._settings = Settings()
        self._running: dict[str, tuple[Monitor, asyncio.Task[None]]] = {}
        self._lent: dict[str, MonitorLogin] = {}

    def configure(self, settings: Settings) -> None:
        """Takes over settings; a connection that exists is kept, unless to another server."""
        moved = any(getattr(self._settings, key) != getattr(settings, key) for key in SERVER)
        self._settings = settings
        for monitor, _ in self._running.values():
            monitor.poll_s = settings.monitor_ms / 1000
            if moved:
                monitor.move()

    def watch(self, database: str) -> None:
        """The worker has a server connection there, its first."""
        known = self._running.get(database)
        if known is not None:
            known[0].tell_again()
            return
        if not self._settings.monitor_ms:
            return
        if len(self._running) >= MONITORS_MAX:
            text = f"{MONITORS_MAX} databases are watched already; {database} is not"
            self._log.write("warning", "monitor_limit", text, database=database)
            return
        monitor = Monitor(database, self.open, self._send, self._log)
        monitor.poll_s = self._settings.monitor_ms / 1000
        task = asyncio.get_running_loop().create_task(monitor.run())
        self._running[database] = (monitor, task)
        task.add_done_callback(lambda task: self._ended(database, task))

    def _ended(self, database: str, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._running.pop(database, None)
            text = f"an internal error ended the monitor of database {database}"
            self._log.write("error", "monitor_broken", text, error=repr(error))

    def look(self, database: str, number: int) -> None:
        """Something has changed there: look now, and tell the worker by this number."""
        known = self._running.get(database)
        if known is not None:
            known[0].look(number)

    def unwatch(self, database: str) -> None:
        """The worker has no server connection there any more."""
        known = self._running.pop(database, None)
        if known is not None:
            known[0].end()
            known[1].cancel()
        self._lent.pop(database, None)

    def lend(self, database: str, told: Mapping[str, Any], *, is_news: bool) -> None:
        """A role of clients is let in there: the monitor may log in as that one can.

        What proves it is kept until the monitor has logged in.

        Args:
            database: where.
            told: the role, and what its clients have shown (`monitor_logins.lent_login`).
            is_news: it was let in just now; then it is tried at once.
        """
        known = self._running.get(database)
        if known is not None and known[0].state != WATCHING:
            self._lent[database] = lent_login(self._settings, told)
            if is_news:
                known[0].retry()

    async def open(self, database: str) -> ServerSession:
        """Logs in there as the monitors do.

        Raises:
            SessionFailedError: that cannot be done; what was wrong with the first of the ways.
        """
        failure: SessionFailedError | None = None
        for login in logins(self._settings, self._lent.get(database)):
            try:
                session = await self._log_in(login, database)
            except NotReachedError:
                raise
            except SessionFailedError as error:
                failure = failure or error
            else:
                self._lent.pop(database, None)
                return session
        assert failure is not None
        raise failure

    async def _log_in(self, login: MonitorLogin, database: str) -> ServerSession:
        settings = self._settings
        found, error = await self._resolver.resolve(settings.server_host, settings.server_port)
        if error:
            raise NotReachedError(error)
        addresses = [Address(**each) for each in found]
        try:
            tls = ServerTls(settings)
        except RefusedError as refused:
            raise SessionFailedError(str(refused)) from refused
        session = await ServerSession.open(
            addresses,
            login.user,
            login.credentials,
            database,
            tls,
            settings.server_target_session_attrs,
        )
        if login.lent:
            await _leave_to_its_clients(session, login.user)
        return session

    async def close(self) -> None:
        """Ends all of them."""
        tasks = [task for _, task in self._running.values()]
        for database in list(self._running):
            self.unwatch(database)
        await asyncio.gather(*tasks, return_exceptions=True)


async def _leave_to_its_clients(session: ServerSession, user: str) -> None:
    """Leaves again where a role has too few connections for its clients and us.

    Raises:
        SessionFailedError: it has.
    """
    most = connections_max(await session.rows(CONNECTIONS_QUERY))
    if most >= 0:
        session.close()
        raise SessionFailedError(f"role {user} may have no more than {most} connections")
