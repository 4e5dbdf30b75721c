"""One server connection that listens for many clients, and does nothing else.

It is opened when first needed, opened again when lost, and closed when nobody needs it. All that
clients want of it while it runs a query of ours is asked with the next one.

A *barrier* is a query on it, be it an empty one. PostgreSQL sends a session what was notified
before it says that it is ready for the next query, and wakes it before the notifier's COMMIT is
answered (async.c): when a barrier is answered, all that was committed before it has come.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pglane.connection.startup_settings import server_startup
from pglane.engine import hearing
from pglane.engine.transport import Owner
from pglane.errors.notifications import ListeningLost, ListeningUnavailable, NotificationsMissed
from pglane.wire.body import MalformedMessage
from pglane.wire.framing import MalformedStream, MessageReader
from pglane.wire.server_messages import (
    NotificationResponse,
    error_fields,
    error_response,
    notice_response,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pglane.engine.client_link import ClientLink
    from pglane.engine.dialer import Address, Dial
    from pglane.engine.listening import Listening
    from pglane.engine.loop import Timer
    from pglane.engine.transport import Transport
    from pglane.wire.server_messages import ErrorResponse

Answer = Callable[[bytes], None]
"""Gets the error that a client is to be told, or nothing."""

APPLICATION_NAME = "pglane listening"
MESSAGE_BYTES_MAX = 65_536
"""A notification has at most 8000 bytes of payload and 63 of name."""
QUEUE_BYTES_MAX = 262_144
PAUSE_S_MIN = 0.1
PAUSE_S_MAX = 5.0
AGAIN_S_MAX = 30.0
"""How long a lost connection is tried again before those who listen are told to connect anew."""
UNUSED_S_MAX = 60.0
"""A connection nobody listens through is closed after this time."""
UNWANTED_MAX = 100
"""Channels nobody listens to any more; beyond it they are given up at once, else within a second
or so."""
TERMINATE = b"X\x00\x00\x00\x04"
IN_RECOVERY = b"25006"
"""PostgreSQL refuses LISTEN on a standby; the client's own LISTEN says so better."""


class SharedListener(Owner):
    """One listening connection.

    Attributes:
        user: role it is logged in as.
        encoding: its client_encoding.
        clients: who listens to a channel, or is about to.
        process_id: of its backend; 0 while it has none.
        opened: when it was opened, in seconds of the clock.
        address: where it is connected to.
    """

    def __init__(self, listening: "Listening", user: str, encoding: str) -> None:
        self.listening = listening
        self.user = user
        self.encoding = encoding
        self.clients: dict[bytes, dict[ClientLink, None]] = {}
        self.process_id = 0
        self.opened = 0.0
        self.number = listening.worker.next_number()
        self.address: Address | None = None
        self.transport: Transport | None = None
        self._reader = MessageReader(MESSAGE_BYTES_MAX)
        self._heard: set[bytes] = set()
        self._asked: list[tuple[list[bytes], Answer]] = []
        self._running: list[tuple[list[bytes], Answer]] | None = None
        self._asks_for: list[bytes] = []
        self._gives_up: list[bytes] = []
        self._error: dict[str, bytes] | None = None
        self._dial: Dial | None = None
        self._timer: Timer | None = None
        self._pause_s = 0.0
        self._lost_at: float | None = None
        self._used = listening.worker.loop.now
        self._closed = False

    # Clients -------------------------------------------------------------------------------

    def ask(self, client: "ClientLink", channels: list[bytes], then: Answer) -> None:
        """See `Listening.ask`."""
        for channel in channels:
            self.clients.setdefault(channel, {})[client] = None
        if self.transport is None and not channels:
            then(b"")  # nothing can have come
            return
        self._asked.append((channels, then))
        if self.transport is not None:
            self._next()
        elif self._dial is None and self._timer is None:
            self._open()

    def settle(self, client: "ClientLink", channels: set[bytes]) -> None:
        """See `Listening.settle`."""
        for channel in [name for name, clients in self.clients.items() if client in clients]:
            if channel not in channels:
                clients = self.clients[channel]
                del clients[client]
                if not clients:
                    del self.clients[channel]
        self._used = self._now()
        if len(self._heard) - len(self.clients) > UNWANTED_MAX:
            self._next()

    def everybody(self) -> "list[ClientLink]":
        """Each client that listens through this connection, once."""
        return list({client: None for clients in self.clients.values() for client in clients})

    def is_unused(self) -> bool:
        """Nobody listens, or is about to."""
        return not self.clients and not self._asked and not self._running

    def is_over(self) -> bool:
        """It was closed."""
        return self._closed

    def keep_house(self, now: float) -> None:
        """Gives up channels, and in the end the connection, that nobody needs."""
        if self.is_unused() and now - self._used > UNUSED_S_MAX:
            self.close()
        elif self.transport is not None and self._heard - self.clients.keys():
            self._next()

    # Queries -------------------------------------------------------------------------------

    def _next(self) -> None:
        """Sends one query for all that was asked meanwhile."""
        if self._running is not None or self.transport is None:
            return
        self._running, self._asked = self._asked, []
        self._asks_for = [name for name in self.clients if name not in self._heard]
        self._gives_up = [name for name in self._heard if name not in self.clients]
        statements = [b"LISTEN " + _identifier(name) for name in self._asks_for]
        statements += [b"UNLISTEN " + _identifier(name) for name in self._gives_up]
        text = b"; ".join(statements)
        self._error = None
        self.transport.write(b"Q%b%b\x00" % ((len(text) + 5).to_bytes(4, "big"), text))

    def _ready(self) -> None:
        """The query is answered; everything notified before has come."""
        answered, self._running = self._running or [], None
        error = self._error
        if error is None:
            self._heard.update(self._asks_for)
            self._heard.difference_update(self._gives_up)
            self._tell_missed()
        told = b""
        if error is not None and error.get("C") != IN_RECOVERY:
            told = self._unavailable(error.get("M", b"").decode("utf-8", "replace"))
        for channels, then in answered:
            then(told if channels else b"")
        if self._asked:
            self._next()

    def _unavailable(self, reason: str) -> bytes:
        return error_response(ListeningUnavailable(reason=reason))

    def _tell_missed(self) -> None:
        if self._lost_at is None:
            return
        self._lost_at = None
        self._pause_s = 0.0
        told = NotificationsMissed()
        notice = notice_response(
            "WARNING", told.sqlstate, told.text, told.detail_text, told.hint_text
        )
        for client in self.everybody():
            hearing.warned(client, notice)

    # What comes ----------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        """Notifications, and answers to queries of ours."""
        reader = self._reader
        reader.feed(data)
        try:
            while not self._closed and self.transport is not None and reader.next():
                self._take(reader.kind, reader.body())
        except (MalformedStream, MalformedMessage) as malformed:
            self._lost(str(malformed))

    def _take(self, kind: int, body: bytes) -> None:
        if kind == 0x41:
            self._notified(NotificationResponse.decode(body))
        elif kind == 0x5A:
            self._ready()
        elif kind == 0x45:
            self._error = error_fields(body)

    def _notified(self, told: NotificationResponse) -> None:
        clients = self.clients.get(told.channel)
        if not clients:
            return
        process_id = self.listening.notifier(told.process_id)
        message = NotificationResponse(process_id, told.channel, told.payload).encode()
        for client in list(clients):
            hearing.notified(client, told.channel, message)

    def on_end(self, reason: str) -> None:
        """The server closed."""
        self._lost(reason)

    # Opening -------------------------------------------------------------------------------

    def _open(self) -> None:
        self._timer = None
        self.listening.worker.with_addresses(self._dial_one)

    def _dial_one(self, found: "Sequence[Address]", error: str) -> None:
        if self._closed:
            return
        if not found:
            self._failed(error or "the host name has no address")
            return
        settings = {"application_name": APPLICATION_NAME, "client_encoding": self.encoding}
        worker = self.listening.worker
        startup = server_startup(
            self.user, self.listening.database.name, settings, check_interval=False
        )
        self._dial = worker.dial_as(self.user, startup, found, self._opened, self._not_opened)
        self._dial.begin()

    def _opened(self, dial: "Dial", transport: "Transport") -> None:
        assert dial.login is not None
        self._dial = None
        self.listening.worker.logged_in(self.user, dial.login)
        self.transport = transport
        self.process_id = dial.login.process_id
        self.address = dial.address
        self.opened = self._used = self._now()
        self._reader = MessageReader(MESSAGE_BYTES_MAX)
        self._heard.clear()
        transport.set_owner(self)
        self._next()

    def _not_opened(self, dial: "Dial", reason: str, error: "ErrorResponse | None") -> None:
        del dial, error
        self._dial = None
        self._failed(reason)

    def _failed(self, reason: str) -> None:
        """Who has just asked is told; those who listen already wait a while."""
        worker = self.listening.worker
        text = f"no connection to listen for user {self.user}: {reason}"
        worker.log("warning", "listening_failed", text, user=self.user)
        asked, self._asked = self._asked, []
        now = self._now()
        if self._lost_at is None:
            self.listening.give_up(self)
            self.close()
        elif now - self._lost_at > AGAIN_S_MAX:
            self._end_everybody(reason, now - self._lost_at)
        else:
            self._pause()
        for _, then in asked:  # last: who is told may ask again at once, and not of what is over
            then(self._unavailable(reason))

    def _pause(self) -> None:
        worker = self.listening.worker
        self._pause_s = min(max(self._pause_s * 2, PAUSE_S_MIN), PAUSE_S_MAX)
        pause_s = self._pause_s * worker.random()
        self._timer = worker.loop.call_later(pause_s, self._open)

    def _end_everybody(self, reason: str, waited_s: float) -> None:
        refusal = ListeningLost(waited_ms=waited_s * 1000, reason=reason)
        self.listening.give_up(self)
        self.close()
        for client in self.everybody():
            client.refuse(refusal)

    # The end -------------------------------------------------------------------------------

    def _lost(self, reason: str) -> None:
        """It broke: who waits for an answer gets it, who listens is told when it is back."""
        if self._closed or self.transport is None:
            return
        self.transport.abort()
        self.transport = None
        self.process_id = 0
        self._heard.clear()
        said = (self._error or {}).get("M", b"").decode("utf-8", "replace")
        text = f"the connection that listens for user {self.user} was lost: {said or reason}"
        self.listening.worker.log("warning", "listening_lost", text, user=self.user)
        waiting, self._running = (self._running or []) + self._asked, None
        self._asked = [each for each in waiting if each[0]]
        if self.clients:
            self._lost_at = self._now() if self._lost_at is None else self._lost_at
            self._pause()
        for channels, then in waiting:
            if not channels:
                then(b"")

    def close(self) -> None:
        """Ends it."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._dial is not None:
            self._dial.abandon()
        if self.transport is not None:
            self.transport.write(TERMINATE)
            self.transport.close()
            self.transport = None

    def _now(self) -> float:
        return self.listening.worker.loop.now


def _identifier(name: bytes) -> bytes:
    return b'"' + name.replace(b'"', b'""') + b'"'
