"""A client connection until it is logged in.

Bounded in number (unauthenticated_max) and time (login_ms_max). It ends as a `ClientLink`, as a
cancel request carried out, as a console client handed to the supervisor, or closed with a
reason.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pglane.connection.client_login import ClientLogin
from pglane.connection.startup_settings import StartupSettings, startup_settings
from pglane.engine.transport import Owner, Transport
from pglane.errors import Refusal
from pglane.errors.entering import ConsoleForbidden, DoorNeedsPooling
from pglane.errors.waiting import LoginTooSlow
from pglane.wire.server_messages import error_response

if TYPE_CHECKING:
    import socket
    from types import ModuleType

    from pglane.engine.worker import Worker
    from pglane.wire.startup import StartupMessage

CONSOLE = "pglane"
LOGIN_QUEUE_BYTES_MAX = 65_536


@dataclass(slots=True)
class Entered:
    """A client that has proved who it is."""

    user: str
    door: "ModuleType"
    address: str
    number: int
    connected: float
    process_id: int
    key: bytes
    startup: "StartupMessage"
    wanted: StartupSettings


class LoginLink(Owner):
    """One client connection that is not logged in yet."""

    __slots__ = (
        "_connected",
        "_door",
        "_login",
        "_over",
        "_timer",
        "_worker",
        "address",
        "transport",
    )

    def __init__(
        self, worker: "Worker", sock: "socket.socket", door: "ModuleType", address: str
    ) -> None:
        self._worker = worker
        self._door = door
        self._over = False
        self._login = ClientLogin(worker.users, worker.nonce())
        self._connected = worker.loop.now
        self.address = address
        self.transport = Transport(worker.loop, sock, self, LOGIN_QUEUE_BYTES_MAX)
        within_s = worker.settings.login_ms_max / 1000
        self._timer = worker.loop.call_later(within_s, self._too_slow)

    def on_data(self, data: bytes) -> None:
        """The client sent something; behind the end of its login it does not count."""
        if self._over:
            return
        login = self._login
        login.receive(data)
        if login.answers:
            self.transport.write(b"".join(login.answers))
            login.answers.clear()
        if login.cancel is not None:
            self._finish()
            self._worker.cancel(login.cancel, self.transport)
        elif login.refusal is not None:
            self.refuse(login.refusal)
        elif login.entered:
            self._enter()

    def on_end(self, reason: str) -> None:
        """The client is gone."""
        del reason
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
        self._worker.log_login_refusal(self.address, self._login.user, refusal)
        self.transport.close()
        self._finish()

    def _too_slow(self) -> None:
        if not self._over:
            waited_ms = (self._worker.loop.now - self._connected) * 1000
            self.refuse(LoginTooSlow(waited_ms=waited_ms))

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            self._timer.cancel()
            self._worker.login_over(self)

    def _enter(self) -> None:
        login = self._login
        assert login.startup is not None
        assert login.negotiation is not None
        wanted = startup_settings(login.startup, login.user)
        if isinstance(wanted, Refusal):
            self.refuse(wanted)
            return
        if wanted.database == CONSOLE:
            self._enter_console(wanted)
            return
        if wanted.replication and self._door.NAME != "direct":
            direct = self._worker.door_address("direct")
            self.refuse(
                DoorNeedsPooling(
                    door=self._door.NAME, value=wanted.replication, direct=direct or "not open"
                )
            )
            return
        self._finish()
        keys = self._worker.cancel_keys
        process_id, key = keys.issue(long_key=login.negotiation.long_keys)
        self._worker.client_entered(
            Entered(
                user=login.user,
                door=self._door,
                address=self.address,
                number=self._worker.next_number(),
                connected=self._connected,
                process_id=process_id,
                key=key,
                startup=login.startup,
                wanted=wanted,
            ),
            self.transport,
            login,
        )

    def _enter_console(self, wanted: StartupSettings) -> None:
        login = self._login
        if login.user not in self._worker.settings.console_users:
            self.refuse(ConsoleForbidden(user=login.user))
            return
        assert login.negotiation is not None
        self._finish()
        self.transport.flush()
        self._worker.hand_to_console(
            self.transport,
            {
                "user": login.user,
                "door": self._door.NAME,
                "client": self.address,
                "minor": login.negotiation.minor,
                "parameters": wanted.settings,
            },
            login.rest,
        )
