"""Coming in: connections until they are logged in, and the entrance that all of them pass.

Those that log in are bounded in number (unauthenticated_max) and time (login_ms_max). Each ends as
a `ClientLink`, as a cancel request carried out, as a console client handed to the supervisor, or
closed with a reason.

An application that connects for each transaction passes here each time, so what is the same for
everybody is not made for each: one timer looks after all logins (they are kept in the order in
which they came, and all have the same time), and an address is a text only where somebody reads
it.
"""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pglane.connection.client_login import ClientLogin, UserList
from pglane.connection.requests import ClientRequests
from pglane.connection.startup_settings import StartupSettings, startup_settings
from pglane.doors import transaction
from pglane.doors.lease import Need
from pglane.doors.session_state import ClientSessionState
from pglane.engine.cancel import CancelKeys
from pglane.engine.client_link import ClientLink
from pglane.engine.syscalls import Peer, peer_text
from pglane.engine.tls_transport import TlsTransport
from pglane.engine.transport import Owner, Transport
from pglane.errors import Refusal
from pglane.errors.entering import ConsoleForbidden, DirectTlsUnnamed, DoorNeedsPooling
from pglane.errors.waiting import (
    DatabaseDisabled,
    LoginTooSlow,
    ShuttingDown,
    TooManyClients,
    TooManyLogins,
)
from pglane.wire.server_messages import error_response

if TYPE_CHECKING:
    from types import ModuleType

    from pglane.config.settings import Settings
    from pglane.engine.client_tls import ClientTls
    from pglane.engine.loop import Timer
    from pglane.engine.worker import Worker
    from pglane.wire.startup import StartupMessage

CONSOLE = "pglane"
LOGIN_QUEUE_BYTES_MAX = 65_536


@dataclass(slots=True)
class Entered:
    """A client that has proved who it is."""

    user: str
    door: "ModuleType"
    peer: Peer
    number: int
    connected: float
    process_id: int
    key: bytes
    startup: "StartupMessage"
    wanted: StartupSettings


class Entrance:
    """The way in of one worker, for all its doors.

    Attributes:
        clients: those that are logged in, by number.
        cancel_keys: which of them a cancel request means.
        users: who may come in.
        closed: nobody is let in any more.
        tls: who gets TLS; None: nobody.
    """

    __slots__ = (
        "_clients_max",
        "_keys",
        "_login_s_max",
        "_logins",
        "_numbers",
        "_timer",
        "_unauthenticated_max",
        "cancel_keys",
        "clients",
        "closed",
        "loop",
        "tls",
        "users",
        "worker",
    )

    def __init__(self, worker: "Worker") -> None:
        self.worker = worker
        self.loop = worker.loop
        self.clients: dict[int, ClientLink] = {}
        self.cancel_keys = CancelKeys()
        self.closed = False
        self.tls: ClientTls | None = None
        self._numbers = 0
        self._logins: dict[LoginLink, None] = {}
        self._timer: Timer | None = None

    def apply(self, settings: "Settings", users: UserList) -> None:
        """The settings and users from now on."""
        self.users = users
        self._clients_max = settings.clients_max
        self._unauthenticated_max = settings.unauthenticated_max
        self._login_s_max = settings.login_ms_max / 1000
        if self._timer is not None:
            self._timer.cancel()
            self._await_oldest()

    # Logins --------------------------------------------------------------------------------

    def accepted(self, fd: int, door: "ModuleType", peer: Peer) -> None:
        """A new connection; bounded in number."""
        link = LoginLink(self, fd, door, peer)
        self._logins[link] = None
        if self._timer is None:
            self._await_oldest()
        if (
            self.closed
            or len(self._logins) > self._unauthenticated_max
            or len(self.clients) >= self._clients_max
        ):
            link.refuse(self._refusal_at_door())

    def _refusal_at_door(self) -> Refusal:
        """Why a client that has just connected may not stay."""
        if self.closed:
            return ShuttingDown(reason="It was told to stop")
        if len(self._logins) > self._unauthenticated_max:
            return TooManyLogins(seen=len(self._logins), allowed=self._unauthenticated_max)
        return self._too_many_clients()

    def _too_many_clients(self) -> Refusal:
        return TooManyClients(seen=len(self.clients), allowed=self._clients_max)

    def login_count(self) -> int:
        """Clients that are logging in."""
        return len(self._logins)

    def login_over(self, link: "LoginLink") -> None:
        """Logged in, refused or gone."""
        self._logins.pop(link, None)

    def close(self) -> None:
        """Nobody is let in any more."""
        self.closed = True
        for link in list(self._logins):
            link.refuse(ShuttingDown(reason="It was told to stop"))

    def _await_oldest(self) -> None:
        """The oldest login is the first whose time is over."""
        self._timer = None
        for link in self._logins:
            self._timer = self.loop.call_at(link.connected + self._login_s_max, self._time_is_over)
            return

    def _time_is_over(self) -> None:
        try:
            for link in list(self._logins):
                if link.connected + self._login_s_max > self.loop.now:
                    break
                link.too_slow()
        finally:
            self._await_oldest()

    # Clients -------------------------------------------------------------------------------

    def next_number(self) -> int:
        """A number no connection had before."""
        self._numbers += 1
        return self._numbers

    def enter(self, link: "LoginLink", login: ClientLogin, wanted: StartupSettings) -> None:
        """A client is logged in: it becomes a `ClientLink`, unless others were faster."""
        worker = self.worker
        if len(self.clients) >= self._clients_max:
            link.refuse(self._too_many_clients())
            return
        database = worker.database(wanted.database)
        if database.disabled:
            link.refuse(DatabaseDisabled(database=database.name))
            return
        worker.knows_keys(login)
        database.vacating = False
        database.traffic.logins += 1
        door = link.door
        startup = worker.vectors.of(wanted.settings)
        fresh = door.NAME == "direct"
        base = startup if door.EXACT_BASE else worker.vectors.of(shared_base(startup.items))
        requests = ClientRequests(
            database.watch.verdicts,
            worker.shapes,
            virtual=bool(door.REWRITES_NAMES),
            message_bytes_max=worker.settings.statement_bytes_max,
            statements_max=worker.settings.statements_per_client_max,
        )
        need = Need(startup, base, exact=True, fresh=fresh)
        assert login.startup is not None
        assert login.negotiation is not None
        process_id, key = self.cancel_keys.issue(long_key=login.negotiation.long_keys)
        entered = Entered(
            user=login.user,
            door=door,
            peer=link.peer,
            number=self.next_number(),
            connected=link.connected,
            process_id=process_id,
            key=key,
            startup=login.startup,
            wanted=wanted,
        )
        transport = link.transport
        client = ClientLink(entered, database, transport, requests, need)
        if door is transaction:
            report = functools.partial(worker.log_login_refusal, link.peer, login.user)
            client.session_state = ClientSessionState(database.session_state, report)
            requests.limit(client.session_state)
        self.clients[entered.number] = client
        transport.set_owner(client)
        transport.high_bytes = worker.settings.unread_bytes_max
        if login.rest:
            requests.reader.feed(login.rest)
        client.begin()

    def client_gone(self, client: ClientLink) -> None:
        """Its connection is over."""
        self.clients.pop(client.number, None)
        self.cancel_keys.withdraw(client.process_id)


def shared_base(startup: dict[str, str]) -> dict[str, str]:
    """What a server connection of the transaction door is opened with for a client.

    RESET goes back to what the connection was opened with, so that must be what the client asked
    for. Only application_name, which drivers fill with process ids, would keep too many
    connections apart: RESET of it gives the server's default (docs/reference/differences.md).
    """
    return {name: value for name, value in startup.items() if name != "application_name"}


class LoginLink(Owner):
    """One client connection that is not logged in yet.

    Attributes:
        connected: when, in seconds of the clock.
    """

    __slots__ = (
        "_entrance",
        "_login",
        "_over",
        "_tls",
        "_worker",
        "connected",
        "door",
        "peer",
        "transport",
    )

    def __init__(self, entrance: Entrance, fd: int, door: "ModuleType", peer: Peer) -> None:
        self._entrance = entrance
        self._worker = entrance.worker
        self._over = False
        self._login = ClientLogin(entrance.users, entrance.worker.nonce())
        self.door = door
        self.connected = entrance.loop.now
        self.peer = peer
        self.transport = Transport(entrance.loop, fd, self, LOGIN_QUEUE_BYTES_MAX)
        self._tls = entrance.tls
        if self._tls is not None:
            self._tls.prepare(self._login, peer)

    def on_data(self, data: bytes) -> None:
        """The client sent something; behind the end of its login it does not count."""
        if self._over:
            return
        login = self._login
        login.receive(data)
        if login.answers:
            self.transport.write(b"".join(login.answers))
            login.answers.clear()
        if login.begins_tls:
            self._begin_tls()
        elif login.cancel is not None:
            self._finish()
            self._worker.cancel(login.cancel, self.transport)
        elif login.refusal is not None:
            self.refuse(login.refusal)
        elif login.entered:
            self._enter()

    def _begin_tls(self) -> None:
        """What was answered leaves in the clear; everything behind it is encrypted."""
        assert self._tls is not None
        self.transport.flush()
        hello = self._login.begin_tls()
        transport = TlsTransport(self._entrance.loop, self.transport, self, self._tls.context)
        transport.direct = hello != b""
        self.transport = transport
        transport.begin(hello)

    def on_secured(self) -> None:
        """Who begins TLS without asking must say that it is for PostgreSQL (ALPN)."""
        transport = self.transport
        assert isinstance(transport, TlsTransport)
        if transport.direct and transport.session.selected_alpn_protocol() is None:
            self.refuse(DirectTlsUnnamed())

    def on_end(self, reason: str) -> None:
        """The client is gone."""
        if self._login.encrypted and not self._login.user and not self._over:
            text = f"a client's TLS ended before it logged in: {reason}"
            self._worker.log("info", "tls_login_failed", text, client=peer_text(self.peer))
        self._finish()

    def on_full(self) -> None:
        """A client that does not read what it asked for has no business here."""
        self._finish()
        self.transport.abort()

    def on_drained(self) -> None:
        """Nothing waits for this."""

    def refuse(self, refusal: Refusal) -> None:
        """Says why, and closes."""
        self.transport.write(error_response(refusal))
        self._worker.log_login_refusal(self.peer, self._login.user, refusal)
        self.transport.close()
        self._finish()

    def too_slow(self) -> None:
        """Its time to log in is over."""
        self._finish()
        waited_ms = (self._entrance.loop.now - self.connected) * 1000
        self.refuse(LoginTooSlow(waited_ms=waited_ms))

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            self._entrance.login_over(self)

    def _enter(self) -> None:
        login = self._login
        assert login.startup is not None
        wanted = startup_settings(login.startup, login.user)
        if isinstance(wanted, Refusal):
            self.refuse(wanted)
            return
        if wanted.database == CONSOLE:
            self._enter_console(wanted)
            return
        if wanted.replication and self.door.NAME != "direct":
            direct = self._worker.door_address("direct")
            self.refuse(
                DoorNeedsPooling(
                    door=self.door.NAME, value=wanted.replication, direct=direct or "not open"
                )
            )
            return
        self._finish()
        self._entrance.enter(self, login, wanted)

    def _enter_console(self, wanted: StartupSettings) -> None:
        login = self._login
        settings = self._worker.settings
        if login.user not in settings.admin_users and login.user not in settings.stats_users:
            self.refuse(ConsoleForbidden(user=login.user))
            return
        assert login.negotiation is not None
        self._finish()
        self.transport.flush()
        self._worker.hand_to_console(
            self.transport,
            {
                "user": login.user,
                "door": self.door.NAME,
                "client": peer_text(self.peer),
                "minor": login.negotiation.minor,
                "parameters": wanted.settings,
            },
            login.rest,
        )
