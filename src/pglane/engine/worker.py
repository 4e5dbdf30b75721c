"""A worker: moves bytes and decides, nothing else.

It is started by the supervisor with one end of a socket pair, gets settings and listening
sockets, serves until it is told to drain or stop, and stops at once when the supervisor's end
closes. All its objects are wired here.
"""

import json
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from pglane.config.hosts import servers_text
from pglane.config.settings import Settings
from pglane.connection.client_login import ClientLogin
from pglane.connection.prepared_statements import Shapes
from pglane.connection.server_login import Credentials, ServerLogin
from pglane.connection.session_target import READ_ONLY, SessionTarget
from pglane.connection.settings import Vectors
from pglane.connection.startup_settings import direct_startup, server_startup
from pglane.connection.user_list import UserList, secret_of
from pglane.doors import DOORS
from pglane.engine import failover
from pglane.engine.addresses import ServerAddresses
from pglane.engine.cancel import CANCELS_MAX, ServerCancel
from pglane.engine.client_connection import WAITING, ClientConnection
from pglane.engine.client_link import ClientLink
from pglane.engine.client_tls import ClientTls, client_certificates
from pglane.engine.control_link import ControlLink
from pglane.engine.database import Database
from pglane.engine.dialer import Address, Dial
from pglane.engine.key_making import KeyMaking
from pglane.engine.lane_board import LaneBoard
from pglane.engine.listener import Listener
from pglane.engine.login import Entrance
from pglane.engine.loop import Loop
from pglane.engine.loss import end_at_stop
from pglane.engine.operating import Operating
from pglane.engine.overdue import Overdue
from pglane.engine.questions import snapshot_rows
from pglane.engine.relay import join
from pglane.engine.relief import Relief
from pglane.engine.roles import Roles
from pglane.engine.server_link import ServerLink
from pglane.engine.server_tls import ServerTls
from pglane.engine.syscalls import Peer, peer_text
from pglane.engine.transport import Owner, Transport
from pglane.errors import Refusal
from pglane.errors.refused import RefusedError
from pglane.errors.waiting import CanceledWhileWaiting
from pglane.wire.key_recipe import ITERATIONS_INLINE_MAX
from pglane.wire.md5 import Md5Hash
from pglane.wire.scram import ScramKeys
from pglane.wire.startup import CancelRequest, StartupMessage

if TYPE_CHECKING:
    from pglane.wire.scram import Verifier

HOUSEKEEPING_S = 1.0
STATEMENT_PREFIX_BYTES = 6
CONSOLE_QUEUE_BYTES_MAX = 262_144
DATABASES_MAX = 100
"""Beyond it those that nobody was ever served in are forgotten: clients choose the names."""
EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 -- to be compared with
"""Who listens there is connected to by another name."""
STOP_S = 0.05
"""Time for the last words to leave."""


class Worker:
    """One worker process.

    Attributes:
        loop: its event loop.
        settings: as told by the supervisor.
        clients: those that are logged in, by number.
        databases: by name, made when first asked for.
        draining: no new leases; it ends when the last one does.
        leaving: no new clients; it ends when the last one leaves.
        operating: what was told at the console.
        key_making: has SCRAM keys computed that take long.
        overdue: looks for those who are over a limit in time.
        roles: what PostgreSQL says of its roles.
        relief: looks after its memory.
        internal_errors: exceptions that cost a connection each.
    """

    def __init__(
        self, control: socket.socket, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.loop = Loop(clock)
        self.settings = Settings()
        self.server_tls = ServerTls(self.settings)
        self.databases: dict[str, Database] = {}
        self._databases_max = DATABASES_MAX
        self.entrance = Entrance(self)
        self.clients = self.entrance.clients
        self.cancel_keys = self.entrance.cancel_keys
        self.vectors = Vectors(note=self.loop.memory.note)
        self.shapes = Shapes(note=self.loop.memory.note)
        self.statement_prefix = b"pglane_%b_" % secrets.token_hex(STATEMENT_PREFIX_BYTES).encode()
        self.check_interval = True
        self.draining = False
        self.leaving = False
        self.random = random.SystemRandom().random
        self._listeners: list[Listener] = []
        self._client_keys: dict[str, ScramKeys] = {}
        self._server_keys: dict[str, ScramKeys] = {}
        self._passwords: dict[str, bytes] = {}
        self._hashes: dict[str, Md5Hash] = {}
        self._verifiers: dict[str, Verifier | Md5Hash] = {}
        self._mock_secret = secrets.token_bytes(32)
        self._stopping = False
        self.internal_errors = 0
        self._lane_board: LaneBoard | None = None
        self._control = ControlLink(self, control)
        self.key_making = KeyMaking(self._control.send)
        self._addresses = ServerAddresses(self.loop, self._control.send)
        self.operating = Operating(self)
        self.overdue = Overdue(self)
        self.roles = Roles(self)
        self.relief = Relief(self)
        self.loop.on_failure = self.failed
        self.started_wall_s = time.time() - self.loop.now  # noqa: TID251 -- for showing dates only

    def run(self) -> None:
        """Serves until it is told to stop."""
        self.loop.run()

    # What the supervisor says --------------------------------------------------------------

    def start(self, message: dict[str, Any]) -> None:
        """Settings and listening sockets are here: open the doors."""
        self._apply(Settings.from_json(json.dumps(message["settings"])))
        self.relief.begin()
        self._addresses.learn(message.get("addresses") or [])
        self.operating.begin(message.get("held") or {})
        if "lane_board" in message:
            self._lane_board = LaneBoard(message["lane_board"])
        for told in message["listeners"]:
            sock = socket.socket(fileno=told["fd"])
            door = DOORS[told["door"]]
            self._listeners.append(Listener(self.entrance, sock, door, told["address"]))
        self.loop.call_later(HOUSEKEEPING_S, self._keep_house)
        self._control.send({"type": "ready"})

    def _apply(self, settings: Settings) -> None:
        self.settings = settings
        self._apply_tls(settings)
        known = {
            user.name: secret_of(user.verifier.encode())
            for user in settings.users
            if user.verifier
        }
        self._hashes = {name: each for name, each in known.items() if isinstance(each, Md5Hash)}
        passwords = {user.name: user.password.encode() for user in settings.users}
        for user in [
            name for name in self._server_keys if self._passwords.get(name) != passwords.get(name)
        ]:
            self.forget_keys(user)
        self._passwords = passwords
        before, self._verifiers = self._verifiers, known
        for user in [name for name in self._client_keys if before.get(name) != known.get(name)]:
            self._client_keys.pop(user)
        secret = settings.salt_secret.encode() or self._mock_secret
        asks = bool(settings.auth_user)
        users = UserList(
            known,
            auth=settings.auth,
            mock_secret=secret,
            asks=asks,
            certificates=client_certificates(settings),
        )
        self.roles.apply(settings)
        self.entrance.apply(settings, users)
        self.overdue.apply(settings)
        self.loop.memory.limit(settings.memory_bytes_max)

    def _apply_tls(self, settings: Settings) -> None:
        """Files that broke since the supervisor tried them change nothing."""
        try:
            server_tls = ServerTls(settings)
            self.entrance.tls = ClientTls.of(settings)
        except RefusedError as error:
            self.log("error", "tls_not_applied", f"TLS stays as it was: {error}")
        else:
            self.server_tls = server_tls

    def reload(self, message: dict[str, Any]) -> None:
        """Settings that may change while clients are connected."""
        before = self.settings
        self._apply(Settings.from_json(json.dumps(message["settings"])))
        failover.settings_changed(self, before)
        for database in self.databases.values():
            database.apply(self.settings)
            database.watch.verdicts.resize(self.settings.verdict_cache_entries)

    def drain(self) -> None:
        """No new clients; leases end, then the worker does."""
        self.draining = True
        self._close_entrances()
        for database in self.databases.values():
            database.close_idle()
        for client in list(self.clients.values()):
            if client.has_nothing_under_way():
                client.end_for_drain()
        self.stop_when_empty()

    def leave(self) -> None:
        """No new clients; ends when those that are here have left."""
        self.leaving = True
        self._close_entrances()
        self.stop_when_empty()

    def stop(self) -> None:
        """Ends at once: everything is closed."""
        if self._stopping:
            return
        self._stopping = True
        self._close_entrances()
        for client in list(self.clients.values()):
            end_at_stop(client)
        for database in self.databases.values():
            database.stop()
        self._control.send({"type": "stopped"})
        self.loop.call_later(STOP_S, self.loop.stop)

    def _close_entrances(self) -> None:
        self._close_listeners()
        self.entrance.close()

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def stop_when_empty(self) -> None:
        """The last client of a worker that drains, or that is being left, is gone."""
        if (self.draining or self.leaving) and not self.clients:
            self.stop()

    # Clients -------------------------------------------------------------------------------

    def login_count(self) -> int:
        """Clients that are logging in."""
        return self.entrance.login_count()

    def lookup_count(self) -> int:
        """Names being looked up."""
        return self._addresses.lookup_count()

    def next_number(self) -> int:
        """A number no connection had before."""
        return self.entrance.next_number()

    def nonce(self) -> bytes:
        """A fresh SCRAM nonce."""
        return self.entrance.nonce()

    def lacks_password(self, user: str) -> bool:
        """Whether the role's server connections need keys that its clients show."""
        return not self._passwords.get(user)

    def knows_keys(self, login: ClientLogin) -> None:
        """A client has shown keys that may open server connections of its role."""
        known = self._client_keys.get(login.user)
        if known is None or known.client_key != login.client_key:
            keys = login.keys
            if keys is not None:
                self._client_keys[login.user] = keys

    def database(self, name: str) -> Database:
        """The database of that name; made when first asked for."""
        known = self.databases.get(name)
        if known is None:
            if len(self.databases) >= self._databases_max:
                self._forget_databases()
            known = self.databases[name] = Database(self, name)
            self.operating.applies(known)
        return known

    def _forget_databases(self) -> None:
        """Those in which nobody was ever served, and nobody waits: most likely there are none."""
        occupied = {client.database for client in self.clients.values()}
        for name, database in list(self.databases.items()):
            if database not in occupied and database.was_never_used():
                database.forget()
                del self.databases[name]
        self.entrance.users.forget()  # what is remembered of packets leads to them
        self._databases_max = max(DATABASES_MAX, 2 * len(self.databases))

    def vacate_databases(self) -> None:
        """A database is about to be created, renamed or dropped.

        PostgreSQL waits some seconds for others to leave it (or the template it is copied from).
        Where a client is it would wait in vain on private connections too; elsewhere it must not
        find server connections that we keep.
        """
        occupied = {client.database.name for client in self.clients.values()}
        for name, database in self.databases.items():
            if name not in occupied:
                database.vacate()

    # Servers -------------------------------------------------------------------------------

    def dial(
        self,
        database: Database,
        client: ClientLink,
        addresses: Sequence[Address],
        on_open: Callable[[Dial, Transport], None],
        on_failure: Callable[[Dial, str, Any], None],
    ) -> Dial:
        """An attempt to open a server connection for a client's role; not begun yet."""
        if client.need.fresh:
            startup = direct_startup(client.login_startup, check_interval=self.check_interval)
        else:
            startup = server_startup(
                client.user,
                database.name,
                client.need.base.items,
                check_interval=self.check_interval,
            )
        return self.dial_as(client.user, startup, addresses, on_open, on_failure)

    def dial_as(
        self,
        user: str,
        startup: StartupMessage,
        addresses: Sequence[Address],
        on_open: Callable[[Dial, Transport], None],
        on_failure: Callable[[Dial, str, Any], None],
    ) -> Dial:
        """An attempt to open a server connection; not begun yet."""
        tls = self.server_tls

        def login(address: Address, encrypted: bool) -> ServerLogin:
            password = self._passwords.get(user, b"")
            clear = address.local or (encrypted and tls.demanded)
            credentials = Credentials(password, self._keys_of(user), clear, self._hash_of(user))
            inline_max = ITERATIONS_INLINE_MAX
            return ServerLogin(user, startup, credentials, self.nonce(), str(address), inline_max)

        dial = Dial(
            self.loop,
            addresses,
            login,
            on_open,
            on_failure,
            self.settings.connect_ms_max / 1000,
            tls,
            SessionTarget(
                self.settings.server_target_session_attrs,
                asked_read_only=READ_ONLY.encode() in startup.encode(),
            ),
        )
        dial.make_keys = self.key_making.make
        return dial

    def _keys_of(self, user: str) -> ScramKeys | None:
        """Those that worked at the server, or that a client without a password here has shown."""
        known = self._server_keys.get(user)
        if known is not None or self._passwords.get(user):
            return known
        return self._client_keys.get(user)

    def _hash_of(self, user: str) -> Md5Hash | None:
        return self._hashes.get(user) or self.roles.hashes.get(user)

    def role_changed(self, link: ServerLink) -> None:
        """A server has said that it is a standby no more, or from now on."""
        failover.reported_another_role(link)

    def logged_in(self, user: str, login: ServerLogin) -> None:
        """SCRAM keys that worked save the next login's computing."""
        if login.keys is not None:
            self._server_keys[user] = login.keys

    def forget_keys(self, user: str) -> None:
        """The server did not take them, or they are of another password."""
        self._server_keys.pop(user, None)

    def forget_secrets(self, user: str) -> None:
        """What clients have shown, or PostgreSQL has told, of a role that has changed or left."""
        self._server_keys.pop(user, None)
        self._client_keys.pop(user, None)
        self.roles.hashes.pop(user, None)

    def address_text(self) -> str:
        """The server's address for people."""
        return servers_text(self.settings.server_host, self.settings.server_port)

    def with_addresses(self, then: Callable[[Sequence[Address], str], None]) -> None:
        """Calls `then` with the server's addresses, or with none and why."""
        self._addresses.ask(self.settings.server_host, self.settings.server_port, then)

    def forget_addresses(self) -> None:
        """They are looked up anew for the next server connection."""
        self._addresses.forget()

    def known_addresses(self) -> tuple[list[Address], float]:
        """The server's addresses as last looked up, and for how many seconds they are fresh."""
        return self._addresses.known()

    def resolved(self, message: dict[str, Any]) -> None:
        """The supervisor looked the name up."""
        self._addresses.resolved(message.get("addresses") or [], message.get("error") or "")

    # The monitor ---------------------------------------------------------------------------

    def tell_monitor(self, kind: str, database: Database, user: str) -> None:
        """Tells the supervisor to watch a database, or as whom it may: a role that is let in.

        What its clients have shown goes along, over a socket that nobody else has.
        """
        keys = self._keys_of(user)
        known_hash = self._hash_of(user)
        login = {
            "user": user,
            "keys": keys.told() if keys is not None else None,
            "md5": known_hash.stored.decode() if known_hash is not None else None,
        }
        self._control.send({"type": kind, "database": database.name, "login": login})

    def watched(self, message: dict[str, Any]) -> None:
        """The monitor of a database has something to tell."""
        database = self.databases.get(message["database"])
        if database is not None:
            database.watch.heard(message)

    def tell_supervisor(self, message: dict[str, Any]) -> None:
        """Sends it a message."""
        self._control.send(message)

    # Cancel --------------------------------------------------------------------------------

    def cancel(self, request: CancelRequest, transport: Transport) -> None:
        """Carries out a cancel request; its connection is closed when the signal has been sent."""
        client = self.cancel_keys.find(request)
        server = client.server if client is not None else None
        if client is not None and client.phase == WAITING:
            client.database.cancel_waiting(client, CanceledWhileWaiting())
        idle = server is None or not (server.raw or server.exchange.outstanding())
        if server is None or idle or (server.busy and not server.is_before_a_request()):
            # Nothing of the client's runs; a query of ours must not be hit in its place.
            transport.close()
        elif server.cancels + len(server.held_cancels) >= CANCELS_MAX:
            transport.close()
        else:
            self.cancel_request(server, transport.close)

    def cancel_request(self, server: ServerLink, done: Callable[[], None]) -> None:
        """Cancels what runs for a client; if a query of ours is before it, when that is over."""
        if server.busy:
            server.held_cancels.append(done)
        else:
            self.cancel_server(server, done)

    def cancel_server(self, server: ServerLink, done: Callable[[], None] | None = None) -> None:
        """Cancels what runs on a server connection; it is in quarantine until that is over."""

        def over() -> None:
            if done is not None:
                done()
            server.quarantine_over()

        assert server.dialled is not None
        server.database.pipelines.fall_back(server)
        within_s = self.settings.cancel_ms_max / 1000
        tls = self.server_tls if server.transport.tls_text() else None
        ServerCancel(self.loop, server, server.dialled, within_s, over, tls)

    # People --------------------------------------------------------------------------------

    def hand_to_console(self, transport: Transport, told: dict[str, Any], rest: bytes) -> None:
        """A console client goes to the supervisor, socket and all; through us if by TLS."""
        if not transport.tls_text():
            self._control.send_console(transport.detach(), told, rest)
            return
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        join(transport, Transport(self.loop, ours.detach(), Owner(), CONSOLE_QUEUE_BYTES_MAX))
        self._control.send_console(theirs, told, rest)

    def snapshot(self, number: int, what: str) -> None:
        """Rows for the console, in chunks so that no client waits for them."""
        self._control.send_rows(number, snapshot_rows(self, what))

    def door_address(self, door: str) -> str:
        """host:port of a door, as a client may name it; empty if it is not open."""
        told = next((each.address for each in self._listeners if door == each.door.NAME), "")
        host, _, port = told.rpartition(":")
        return f"port {port} of the same host" if host in EVERYWHERE else told

    def log(self, level: str, event: str, text: str, **fields: object) -> None:
        """One line for the supervisor's log: no secret, no SQL."""
        self._control.send(
            {"type": "log", "level": level, "event": event, "text": text, "fields": fields}
        )

    def log_refusal(self, client: ClientConnection, refusal: Refusal) -> None:
        """A client was refused something."""
        self.log_login_refusal(client.peer, client.user, refusal)

    def log_login_refusal(self, peer: Peer, user: str, refusal: Refusal) -> None:
        """A client was not let in."""
        shown = user[:64].encode("ascii", "backslashreplace").decode()
        address = peer_text(peer)
        self.log(
            refusal.log_level,
            "refused",
            f"{refusal.code} {type(refusal).__name__} to {address}",
            code=refusal.code,
            sqlstate=refusal.sqlstate,
            user=shown,
            client=address,
        )

    def _keep_house(self) -> None:
        self.loop.call_later(HOUSEKEEPING_S, self._keep_house)
        now = self.loop.now
        self.relief.look()
        for database in self.databases.values():
            database.keep_house(now)
        if self._lane_board is not None:
            queues = [(name, database.desk.queue) for name, database in self.databases.items()]
            self._lane_board.write(queues, now)

    def failed(self, error: Exception) -> None:
        """An error of ours: the connection it was for is over, the worker goes on."""
        self.internal_errors += 1
        place = "".join(
            f" < {at.name}:{at.lineno}" for at in reversed(extract_tb(error.__traceback__))
        )
        self.log(
            "error",
            "internal_error",
            f"{type(error).__name__} in{place[2:]}; the connection it was for was closed. "
            "Please report this line",
        )


def run(control_fd: int) -> int:
    """Entry of a worker process; `control_fd` is its end of the socket pair.

    Returns:
        The exit code.
    """
    with socket.socket(fileno=control_fd) as control:
        control.setblocking(False)
        os.set_inheritable(control_fd, False)
        Worker(control).run()
    return 0
