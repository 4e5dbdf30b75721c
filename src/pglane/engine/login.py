"""Coming in: connections until they are logged in, and the entrance that all of them pass.

Those that log in are bounded in number (unauthenticated_max, and per address) and time
(login_ms_max). Where passwords were tried in vain, proofs have to wait (`engine.proof_delays`).
Each ends as a `ClientLink`, as a cancel request carried out, as a console client handed to the
supervisor, or closed with a reason.

An application that connects for each transaction passes here each time, so what is the same for
everybody is not made for each: one timer looks after all logins (they are kept in the order in
which they came, and all have the same time), and an address is a text only where somebody reads
it.
"""

from typing import TYPE_CHECKING

from pglane.connection.client_login import ClientLogin, client_login
from pglane.connection.failed_logins import FailedLogins
from pglane.connection.startup_settings import StartupSettings
from pglane.connection.user_list import Greeting, UserList
from pglane.doors.session_state import client_session_state
from pglane.engine import lane_wishes
from pglane.engine.admission import Admission
from pglane.engine.cancel_keys import CancelKeys
from pglane.engine.client_counts import ClientCounts
from pglane.engine.client_link import ClientLink, client_link
from pglane.engine.network_logins import NetworkLogins
from pglane.engine.origins import AllowedOrigins
from pglane.engine.proof_delays import Waiting, held_back, is_local, note_failure
from pglane.engine.randomness import RandomBytes, RandomText
from pglane.engine.syscalls import Peer, peer_network, peer_text
from pglane.engine.tls_transport import TlsTransport
from pglane.engine.transport import NOBODY, Owner, Transport, open_transport
from pglane.errors import Refusal
from pglane.errors.entering import (
    ConsoleForbidden,
    DirectTlsUnnamed,
    DoorNeedsPooling,
    LoginHeldBack,
    PasswordWrong,
)
from pglane.errors.roles import RolesUnreadable
from pglane.errors.waiting import (
    DatabaseDisabled,
    LoginTooSlow,
    ShuttingDown,
    TooManyClients,
    TooManyLogins,
    TooManyLoginsFromThere,
)
from pglane.wire.server_messages import error_response

if TYPE_CHECKING:
    from types import ModuleType

    from pglane.config.settings import Settings
    from pglane.connection.role import KnownRole
    from pglane.engine.client_tls import ClientTls
    from pglane.engine.loop import Timer
    from pglane.engine.worker import Worker

CONSOLE = "pglane"
LOGIN_QUEUE_BYTES_MAX = 65_536
TIGHT_LOGINS_MAX = 16
"""Where memory is tight, or all clients there may be are there, so few may log in at once:
somebody has to reach the console."""
LARGE_LOGIN_BYTES = 2_048
"""What is kept of a login that sent more is counted: packet and parameters."""
NONCE_CHARACTERS = 32
"""Of base64: 24 random bytes."""

# Compiled, these are C integers: to compare with them costs no object.
_LOGIN_QUEUE_BYTES_MAX: int = LOGIN_QUEUE_BYTES_MAX
_TIGHT_LOGINS_MAX: int = TIGHT_LOGINS_MAX
_LARGE_LOGIN_BYTES: int = LARGE_LOGIN_BYTES
_NONCE_CHARACTERS: int = NONCE_CHARACTERS


class Entrance:
    """The way in of one worker, for all its doors.

    Attributes:
        clients: those that are logged in, by number.
        cancel_keys: which of them a cancel request means.
        counts: of them, by user, database and door.
        users: who may come in.
        closed: nobody is let in any more.
        tls: who gets TLS; None: nobody.
        failures: failed logins of late.
        origins: who may come from where.
        restricted: somebody may not come from everywhere.
    """

    __slots__ = (
        "_clients_max",
        "_login_s_max",
        "_logins",
        "_networks",
        "_nonces",
        "_numbers",
        "_per_address_max",
        "_timer",
        "_unauthenticated_max",
        "cancel_keys",
        "clients",
        "closed",
        "counts",
        "failures",
        "loop",
        "origins",
        "restricted",
        "tls",
        "users",
        "worker",
    )

    def __init__(self, worker: "Worker") -> None:
        self.worker = worker
        self.loop = worker.loop
        self.clients: dict[int, ClientLink] = {}
        self._nonces = RandomText()
        self.cancel_keys = CancelKeys(RandomBytes())
        self.counts = ClientCounts()
        self.closed = False
        self.tls: ClientTls | None = None
        self._numbers = 0
        self._logins: dict[LoginLink, None] = {}
        self._networks = NetworkLogins()
        self.failures = FailedLogins()
        self._timer: Timer | None = None

    def apply(self, settings: "Settings", users: UserList) -> None:
        """The settings and users from now on."""
        self.users = users
        self.origins = AllowedOrigins(settings)
        self.restricted = self.origins.restricted
        self._clients_max = settings.clients_max
        self.counts.apply(settings, self.clients.values())
        self._unauthenticated_max = settings.unauthenticated_max
        self._per_address_max = settings.unauthenticated_per_address_max
        self.failures.delay_s_max = settings.failed_login_ms_max / 1000
        self._login_s_max = settings.login_ms_max / 1000
        timer = self._timer
        if timer is not None:
            timer.cancel()
            self._await_oldest()

    # Logins --------------------------------------------------------------------------------

    def accepted(self, fd: int, door: "ModuleType", peer: Peer) -> Transport:
        """A new connection; bounded in number."""
        link = login_link(self, fd, door, peer)
        self._logins[link] = None
        network = link.network
        of_network = self._networks.come(network)
        if self._timer is None:
            self._await_oldest()
        if (
            self.closed
            or len(self._logins) > self._unauthenticated_max
            or (len(self._logins) > _TIGHT_LOGINS_MAX and self._is_crowded())
        ):
            link.refuse(self._refusal_at_door())
        elif of_network > self._per_address_max and network and not is_local(network):
            allowed = self._per_address_max
            link.refuse(TooManyLoginsFromThere(seen=of_network, allowed=allowed))
        return link.transport

    def _is_crowded(self) -> bool:
        """Whether few may log in at once: nearly all of them in vain."""
        return len(self.clients) >= self._clients_max or self.loop.memory.is_tight()

    def _refusal_at_door(self) -> Refusal:
        """Why a client that has just connected may not stay."""
        if self.closed:
            return ShuttingDown(reason="It was told to stop")
        if len(self._logins) > self._unauthenticated_max:
            return TooManyLogins(seen=len(self._logins), allowed=self._unauthenticated_max)
        if len(self.clients) >= self._clients_max:
            return self._too_many_clients()
        return self.worker.relief.refusal()

    def _too_many_clients(self) -> Refusal:
        return TooManyClients(seen=len(self.clients), limit=self.counts.all)

    def login_count(self) -> int:
        """Clients that are logging in."""
        return len(self._logins)

    def logins(self) -> list["LoginLink"]:
        """Those."""
        return list(self._logins)

    def login_over(self, link: "LoginLink") -> None:
        """Logged in, refused or gone."""
        del self._logins[link]
        self._networks.go(link.network)

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

    def nonce(self) -> bytes:
        """A fresh SCRAM nonce."""
        return self._nonces.take(_NONCE_CHARACTERS)

    def enter(self, link: "LoginLink", login: ClientLogin, admission: Admission) -> None:
        """A client is logged in: it becomes a `ClientLink`, unless others were faster."""
        if len(self.clients) >= self._clients_max:
            link.refuse(self._too_many_clients())
            return
        if self.counts.active and (full := self.counts.full(admission)) is not None:
            link.refuse(TooManyClients(seen=full[0], limit=full[1]))
            return
        if admission.database.disabled:
            link.refuse(DatabaseDisabled(database=admission.database.name))
            return
        if self.loop.memory.is_tight():
            link.refuse(self.worker.relief.refusal())
            return
        if admission.keeps_keys:
            self.worker.knows_keys(login)
        admission.database.vacating = False
        admission.database.traffic.logins += 1
        transport = link.transport
        number = self.next_number()
        client = client_link(admission, transport, link.peer, number)
        if client.lane_wished and (refusal := lane_wishes.enter(client)) is not None:
            admission.database.part(client)
            link.refuse(refusal)
            return
        if admission.role is not None:
            self.worker.roles.entered(admission.role)
        client.connected = client.requested = link.connected
        if link.kept_bytes > _LARGE_LOGIN_BYTES:
            client.weight = self.loop.memory.weigh(2 * link.kept_bytes)
        client.key = self.cancel_keys.new_key(admission.long_keys)
        if admission.session_state is not None:
            client.session_state = client_session_state(
                admission.session_state, link.peer, login.user
            )
            client.requests.limit(client.session_state)
        client.asked = -1.0 - self.loop.now
        client.process_id = self.cancel_keys.assign(client)  # it has its key by now
        self.clients[number] = client
        if self.counts.active:
            self.counts.enters(client)
        transport.set_owner(client)
        transport.high_bytes = admission.unread_bytes_max
        rest = login.take_rest()
        if rest:
            client.requests.reader.feed(rest)
        client.begin(admission)

    def client_gone(self, client: ClientLink) -> None:
        """Its connection is over."""
        gone = self.clients.pop(client.number, None)
        if self.counts.active and gone is not None:
            self.counts.leaves(client)
        if client.role is not None and gone is not None:
            self.worker.roles.left(client.role)
        self.cancel_keys.withdraw(client.process_id)
        if self.closed:
            self.worker.stop_when_empty()


class LoginLink(Owner):
    """One client connection that is not logged in yet.

    Attributes:
        connected: when, in seconds of the clock.
        kept_bytes: of all it has sent.
        failures: failed logins of late, of all.
        network: with whom it is counted; b"": it came by a Unix socket.
    """

    __slots__ = (
        "_entrance",
        "_login",
        "_over",
        "_tls",
        "_waiting",
        "connected",
        "door",
        "failures",
        "kept_bytes",
        "loop",
        "network",
        "peer",
        "transport",
        "worker",
    )

    def __init__(self, entrance: Entrance, fd: int, door: "ModuleType", peer: Peer) -> None:
        self._set_up(entrance, fd, door, peer)

    def _set_up(self, entrance: Entrance, fd: int, door: "ModuleType", peer: Peer) -> None:
        self._entrance = entrance
        self._over = False
        self._login = client_login(entrance.users, entrance.nonce())
        self.door = door
        self.failures = entrance.failures
        self.loop = entrance.loop
        self.worker = entrance.worker
        self._waiting: Waiting | None = None
        self.connected = entrance.loop.now
        self.kept_bytes = 0
        self.peer = peer
        self.network = peer_network(peer)
        self.transport = open_transport(entrance.loop, fd, self, _LOGIN_QUEUE_BYTES_MAX)
        self._login.private = not peer
        self._tls = entrance.tls
        if self._tls is not None:
            self._tls.prepare(self._login, peer)

    def on_data(self, data: bytes) -> None:
        """The client sent something; behind the end of its login it does not count."""
        if self._over:
            return
        self.kept_bytes += len(data)
        self.loop.memory.add(len(data))
        if self.failures.any:
            self._waiting = held_back(self, self._login, data)
            if self._waiting is not None:
                return
        self.look_at(data)

    def look_at(self, data: bytes) -> None:
        """What the client sent counts now."""
        self._waiting = None
        self._login.receive(data)
        self._go_on()

    def _go_on(self) -> None:
        """Does what the login says is to be done now."""
        login, transport = self._login, self.transport
        answer = login.answer
        if answer:
            login.answer = b""
            transport.write(answer)
        if login.begins_tls:
            self._begin_tls()
        elif login.cancel is not None:
            self._finish()
            self._entrance.worker.cancel(login.cancel, transport)
        elif login.refusal is not None:
            self._refuse_login(login.refusal)
        elif login.entered:
            self._enter()
        elif login.asks:
            login.asks = False
            self._entrance.worker.roles.find(login.user, login.database, self._found)
        elif login.early:
            early, login.early = login.early, b""
            self.on_data(early)

    def _found(self, role: "KnownRole | None") -> None:
        """PostgreSQL was asked for its role; None: in vain."""
        if self._over:
            return
        if role is None and not self._entrance.users.knows(self._login.user):
            self.refuse(RolesUnreadable())
            return
        self._login.learn(role)
        self._go_on()

    def _begin_tls(self) -> None:
        """What was answered leaves in the clear; everything behind it is encrypted."""
        assert self._tls is not None
        clear = self.transport
        clear.flush()
        hello = self._login.begin_tls()
        transport = TlsTransport(self._entrance.loop, clear, self, self._tls.context)
        transport.direct = hello != b""
        self.transport = transport
        transport.begin(hello)

    def on_secured(self) -> None:
        """Who begins TLS without asking must say that it is for PostgreSQL (ALPN)."""
        transport = self.transport
        assert isinstance(transport, TlsTransport)
        if transport.direct and transport.session.selected_alpn_protocol() is None:
            self.refuse(DirectTlsUnnamed())
        elif self._entrance.users.certificates is not None:
            assert self._tls is not None
            self._login.certificate_name = self._tls.name_of(transport.session)

    def on_end(self, reason: str) -> None:
        """The client is gone."""
        if self._login.encrypted and not self._login.user and not self._over:
            text = f"a client's TLS ended before it logged in: {reason}"
            self._entrance.worker.log(
                "info", "tls_login_failed", text, client=peer_text(self.peer)
            )
        self._finish()

    def on_full(self) -> None:
        """A client that does not read what it asked for has no business here."""
        transport = self.transport
        self._finish()
        transport.abort()

    def on_drained(self) -> None:
        """Nothing waits for this."""

    def refuse(self, refusal: Refusal) -> None:
        """Says why, and closes."""
        self.worker.log_login_refusal(self.peer, self._login.user, refusal)
        self._say(refusal)

    def _refuse_login(self, refusal: Refusal) -> None:
        """The same, where it was about the login itself; failures are logged up to a measure."""
        failed = isinstance(refusal, PasswordWrong)
        greeting = self._login.greeting
        if failed and greeting is not None and greeting.role is not None:
            self._entrance.worker.roles.doubt(greeting.role)
        if failed and not note_failure(self.failures, self, self._login.user):
            self._say(refusal)
        else:
            self.refuse(refusal)

    def _say(self, refusal: Refusal) -> None:
        transport = self.transport
        transport.write(error_response(refusal))
        transport.close()
        self._finish()
        self.loop.call_later(0.0, self.let_go)

    def let_go(self) -> None:
        """What it sent need not wait for its peer; not before no method of its runs any more."""
        transport = self.transport
        transport.set_owner(NOBODY)

    def too_slow(self) -> None:
        """Its time to log in is over."""
        self._finish()
        now = self._entrance.loop.now
        if self._waiting is not None:
            waited_ms = (now - self._waiting.began) * 1000
            self.refuse(LoginHeldBack(user=self._login.user, waited_ms=waited_ms))
            return
        self.refuse(LoginTooSlow(waited_ms=(now - self.connected) * 1000))

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            self.loop.memory.add(-self.kept_bytes)
            if self._waiting is not None:
                self._waiting.end()
            self._entrance.login_over(self)

    def _enter(self) -> None:
        greeting = self._login.greeting
        assert greeting is not None
        if self.failures.any:
            self.failures.succeeded(self._login.user, self.network)
        if greeting.role is not None and self._is_objected_to(greeting):
            return
        if self._entrance.restricted and self._is_elsewhere():
            return
        admission = greeting.by_door.get(self.door)
        if admission is None or not admission.is_current():
            admission = self._admission(greeting)
            if admission is None:
                return
            greeting.by_door[self.door] = admission
        self._finish()
        self._entrance.enter(self, self._login, admission)

    def _is_objected_to(self, greeting: Greeting) -> bool:
        """Whether PostgreSQL would not let it in, its password notwithstanding."""
        role, seen = greeting.role, greeting.seen
        assert role is not None
        assert seen is not None
        refusal = self._entrance.worker.roles.objection(role, seen)
        if refusal is not None:
            self.refuse(refusal)
        return refusal is not None

    def _is_elsewhere(self) -> bool:
        """Refuses a user who may not come from where it comes from."""
        refusal = self._entrance.origins.objection(self._login.user, self.peer)
        if refusal is not None:
            self.refuse(refusal)
        return refusal is not None

    def _admission(self, greeting: Greeting) -> Admission | None:
        """Works out what it asks for; None: it was refused, or handed to the console."""
        wanted = greeting.wanted()
        if isinstance(wanted, Refusal):
            self.refuse(wanted)
            return None
        if wanted.database == CONSOLE:
            self._enter_console(greeting, wanted)
            return None
        if wanted.replication and self.door.NAME != "direct":
            direct = self._entrance.worker.door_address("direct") or "not open"
            self.refuse(
                DoorNeedsPooling(door=self.door.NAME, value=wanted.replication, direct=direct)
            )
            return None
        database = self._entrance.worker.database(wanted.database)
        return Admission(self._entrance.worker, self.door, greeting, database)

    def _enter_console(self, greeting: Greeting, wanted: StartupSettings) -> None:
        login = self._login
        settings = self._entrance.worker.settings
        if login.user not in settings.admin_users and login.user not in settings.stats_users:
            self.refuse(ConsoleForbidden(user=login.user))
            return
        transport = self.transport
        self._finish()
        transport.flush()
        self._entrance.worker.hand_to_console(
            transport,
            {
                "user": login.user,
                "door": self.door.NAME,
                "client": peer_text(self.peer),
                "minor": greeting.negotiation.minor,
                "parameters": wanted.settings,
            },
            login.take_rest(),
        )


def login_link(entrance: Entrance, fd: int, door: "ModuleType", peer: Peer) -> LoginLink:
    """One, made without what it costs to call a class."""
    made = LoginLink.__new__(LoginLink)
    made._set_up(entrance, fd, door, peer)
    return made
