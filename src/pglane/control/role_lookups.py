"""Asks PostgreSQL for roles: what is kept of their passwords, and what they may do.

A worker asks for some users in their databases at once, and asks no more until it has the answer;
so names that nobody has cost the server two cheap statements for a hundred of them. One connection
of our own does it, logged in as `clients.auth_user` to one database (roles are the cluster's). It
is extra to the budget, as the monitors are: an answer never waits for a server connection that
waits for a client that waits for the answer.

Two questions: `clients.auth_query` for the secrets, one by one as it is written for one user; and
ours for the rest, which anybody may ask. It comes second: of a role that is dropped between them
it must be said that it was dropped, not that its password is another.

A name that the database asked cannot hold, for its encoding is not UTF-8, is an error to all that
is asked with it (SQLSTATE class 22). Then each half is asked by itself, down to that name: nobody
has it. One such name costs a few more statements for each doubling of what was asked.

What fails for the moment is tried again for `ANSWER_S_MAX`, then the worker is told so. The
connection stays while it is used, and `IDLE_S` longer.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from pglane.config.settings import Settings
from pglane.connection.server_login import Credentials
from pglane.control.log import Log
from pglane.control.monitors import SERVER
from pglane.control.resolver import Resolver
from pglane.control.server_session import (
    QuestionRefusedError,
    Row,
    ServerSession,
    SessionFailedError,
)
from pglane.engine.channel import Message
from pglane.engine.dialer import Address
from pglane.engine.server_tls import ServerTls
from pglane.errors.refused import RefusedError

ANSWER_S_MAX = 5.0
"""A login waits for it: less than it has in all (`login_ms_max`)."""
RETRY_S = 0.2
IDLE_S = 60.0
DATA_EXCEPTION = "22"
"""Class of SQLSTATEs; 22P05 and 22021 are about characters."""
RIGHTS = """
SELECT asked.place, r.oid, r.rolcanlogin,
       CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END,
       coalesce(r.rolvaliduntil <= pg_catalog.now(), false),
       coalesce(pg_catalog.has_database_privilege(r.oid, d.oid, 'CONNECT'), true)
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]))
     WITH ORDINALITY AS asked (role, base, place)
JOIN pg_catalog.pg_roles r ON r.rolname = asked.role
LEFT JOIN pg_catalog.pg_database d ON d.datname = asked.base
"""

Send = Callable[[Message], bool]
Pair = tuple[str, str]
"""User and database."""
Name = TypeVar("Name")
Found = TypeVar("Found")


class RoleLookups:
    """The supervisor's side of `engine.roles`.

    Args:
        log: where it is told when roles cannot be read.
        send: sends a message to the worker; False when there is none.
        resolver: finds the server's addresses.
    """

    def __init__(self, log: Log, send: Send, resolver: Resolver) -> None:
        self._log = log
        self._send = send
        self._resolver = resolver
        self._settings = Settings()
        self._session: ServerSession | None = None
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()  # another login may do better
        self._idle: asyncio.TimerHandle | None = None
        self._unreached = ""  # why the last attempt of this question failed
        self._odd = ""  # what is wrong with an answer of auth_query
        self._told = ""
        self._server = ""  # what the server was when we logged in: a primary, a standby

    def configure(self, settings: Settings) -> None:
        """Takes over settings; the next question is asked by a new login if that is another."""
        moved = any(getattr(self._settings, key) != getattr(settings, key) for key in SERVER)
        if moved or _login(settings) != _login(self._settings):
            self.close()
            self._changed.set()
        self._settings = settings

    async def answer(self, message: Message) -> None:
        """Answers one question of the worker."""
        pairs = [(str(user), str(base)) for user, base in message["roles"]]
        found: list[dict[str, Any]] = []
        failure = ""
        async with self._lock:
            try:
                async with asyncio.timeout(ANSWER_S_MAX):
                    found = await self._found(pairs)
            except QuestionRefusedError as error:
                failure = str(error)
            except TimeoutError:
                self.close()
                failure = self._unreached or f"no answer within {ANSWER_S_MAX:g} s"
            self._tell(failure or self._odd)
        self._send({"type": "roles", "id": message["id"], "found": found, "failed": failure})

    async def _found(self, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        """Asks until there is an answer or an error that stays."""
        self._unreached = self._odd = ""
        while True:
            try:
                return await self._ask(pairs)
            except QuestionRefusedError:
                raise
            except SessionFailedError as error:
                self.close()
                self._unreached = str(error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), RETRY_S)
                self._changed.clear()

    async def _ask(self, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        session = self._session
        if session is None:
            session = self._session = await self._open()
            self._server = session.role
        self._use()
        if session.role != self._server:
            raise SessionFailedError(f"it is {session.role} now, and was {self._server}")
        users = list(dict.fromkeys(user for user, _ in pairs))
        secrets = await self._each(partial(self._secrets, session), users)
        rights = await self._each(partial(self._rights, session), pairs)
        return [
            {
                "user": user,
                "database": base,
                **rights.get((user, base), {}),
                "secret": secrets.get(user, ""),
            }
            for user, base in pairs
        ]

    async def _each(
        self, ask: Callable[[Sequence[Name]], Awaitable[dict[Name, Found]]], names: Sequence[Name]
    ) -> dict[Name, Found]:
        """What is found of each; nothing of a name that cannot be asked for."""
        try:
            return await ask(names)
        except QuestionRefusedError as error:
            if not error.sqlstate.startswith(DATA_EXCEPTION):
                raise
            if len(names) == 1:
                self._odd = f"a name cannot be asked for (SQLSTATE {error.sqlstate})"
                return {}
        half = len(names) // 2
        return {**await self._each(ask, names[:half]), **await self._each(ask, names[half:])}

    async def _rights(
        self, session: ServerSession, pairs: Sequence[Pair]
    ) -> dict[Pair, dict[str, Any]]:
        users = _array([user for user, _ in pairs])
        bases = _array([base for _, base in pairs])
        ((*rows,),) = await session.ask(RIGHTS, [(users, bases)])
        return {pairs[place - 1]: right for place, right in map(_right, rows)}

    async def _secrets(self, session: ServerSession, users: Sequence[str]) -> dict[str, str]:
        questions = [(user.encode(),) for user in users]
        answers = await session.ask(self._settings.auth_query, questions)
        return {user: self._secret(user, rows) for user, rows in zip(users, answers, strict=True)}

    def _secret(self, user: str, rows: Sequence[Row]) -> str:
        """What one answer says; one that makes no sense says nothing."""
        if not rows or rows == [[None] * len(rows[0])]:  # so a function says that there is none
            return ""
        if len(rows) > 1 or len(rows[0]) < 2 or rows[0][0] != user.encode():
            self._odd = "clients.auth_query must give name and secret of the user, in one row"
            return ""
        return (rows[0][1] or b"").decode("ascii", "replace")

    async def _open(self) -> ServerSession:
        settings = self._settings
        found, error = await self._resolver.resolve(settings.server_host, settings.server_port)
        if error:
            raise SessionFailedError(error)
        try:
            tls = ServerTls(settings)
        except RefusedError as refused:
            raise SessionFailedError(str(refused)) from refused
        user, password, database = _login(settings)
        addresses = [Address(**each) for each in found]
        wanted = settings.server_target_session_attrs
        credentials = Credentials(password.encode())
        return await ServerSession.open(addresses, user, credentials, database, tls, wanted)

    def _tell(self, problem: str) -> None:
        """Each problem is told once, until there is another or none."""
        if problem and problem != self._told:
            text = f"roles cannot be looked up: {problem}"
            self._log.write("warning", "roles_unreadable", text)
        self._told = problem

    def _use(self) -> None:
        """Whoever does not use it for a while closes it."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._close_idle)

    def _close_idle(self) -> None:
        if self._lock.locked():
            self._use()
        else:
            self.close()

    def close(self) -> None:
        """Ends the connection; the next question opens another."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._session is not None:
            self._session.close()
            self._session = None


def _login(settings: Settings) -> tuple[str, str, str]:
    """Who asks, with which password, in which database."""
    database = settings.auth_dbname or settings.server_database
    passwords = {user.name: user.password for user in settings.users}
    own = settings.server_password if settings.auth_user == settings.server_user else ""
    return settings.auth_user, passwords.get(settings.auth_user) or own, database


def _right(row: Row) -> tuple[int, dict[str, Any]]:
    place, oid, may_log_in, connections_max, expired, may_connect = (
        (column or b"").decode() for column in row
    )
    return int(place), {
        "oid": oid,
        "may_log_in": may_log_in == "t",
        "connections_max": int(connections_max),
        "expired": expired == "t",
        "may_connect": may_connect == "t",
    }


def _array(texts: Sequence[str]) -> bytes:
    """As PostgreSQL reads an array of texts."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return ("{" + ",".join(f'"{text}"' for text in quoted) + "}").encode()
