"""Listening for all clients of the transaction door: who hears through which connection.

A client that listens keeps no server connection. Its LISTEN runs where its transaction runs, so
that tag, errors and rules are PostgreSQL's own; but what it then hears comes from a connection
beside the budget, shared by all clients of one role and one encoding (`shared_listener`).

Why one for each role: no client should hear through rights that are not its own. Why one for each
encoding: PostgreSQL converts names and payloads, and we could not.
"""

from typing import TYPE_CHECKING

from pglane.engine.shared_listener import Answer, SharedListener
from pglane.errors.notifications import TooManyListeners
from pglane.wire.server_messages import error_response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.engine.server_link import ServerLink
    from pglane.engine.worker import Worker

NOBODY = 0
"""Told as the process id of a notifier that is not known: no client has it."""


class Listening:
    """The listening connections of one database.

    Attributes:
        servers: server connections by the process id of their backend.
    """

    def __init__(self, database: "Database") -> None:
        self.database = database
        self.worker: Worker = database.worker
        self.servers: dict[int, ServerLink] = {}
        self._listeners: dict[tuple[str, str], SharedListener] = {}
        self._places: dict[ClientLink, SharedListener] = {}

    def __iter__(self) -> "Iterator[SharedListener]":
        return iter(list(self._listeners.values()))

    def ask(self, client: "ClientLink", channels: list[bytes], then: Answer) -> None:
        """Hears `channels` for the client too; `then` is called when that is so.

        With no channels it is a barrier.
        """
        listener = self._places.get(client)
        if listener is None:
            if not channels:
                then(b"")  # nothing is heard for it
                return
            listener = self._listener(client)
            if listener is None:
                then(self._too_many(client))
                return
            self._places[client] = listener
        listener.ask(client, channels, then)

    def settle(self, client: "ClientLink", channels: set[bytes]) -> None:
        """From now on the client listens to these channels and no others."""
        listener = self._places.get(client)
        if listener is not None:
            listener.settle(client, channels)
            if not channels:
                del self._places[client]

    def keep_house(self, now: float) -> None:
        """Gives up what nobody needs."""
        for key, listener in list(self._listeners.items()):
            listener.keep_house(now)
            if listener.is_over():
                del self._listeners[key]

    def stop(self) -> None:
        """Closes all of them."""
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        self._places.clear()

    def give_up(self, listener: "SharedListener") -> None:
        """It cannot be had any more."""
        self._listeners.pop((listener.user, listener.encoding), None)
        for client, place in list(self._places.items()):
            if place is listener:
                del self._places[client]

    def notifier(self, process_id: int) -> int:
        """The process id by which clients know who notified.

        A backend of ours may have been anybody's: it is the client whose text notified last. Some
        other backend keeps its number, unless a client has been given the same.
        """
        server = self.servers.get(process_id)
        if server is not None:
            return server.notifier
        return NOBODY if self.worker.cancel_keys.knows(process_id) else process_id

    def _listener(self, client: "ClientLink") -> "SharedListener | None":
        key = (client.user, client.requests.encoding)
        listener = self._listeners.get(key)
        if listener is None:
            if len(self._listeners) >= self.worker.settings.listeners_max:
                self._make_room()
            if len(self._listeners) >= self.worker.settings.listeners_max:
                return None
            listener = self._listeners[key] = SharedListener(self, *key)
        return listener

    def _make_room(self) -> None:
        for key, listener in list(self._listeners.items()):
            if listener.is_unused():
                listener.close()
                del self._listeners[key]
                return

    def _too_many(self, client: "ClientLink") -> bytes:
        session = self.worker.door_address("session")
        refusal = TooManyListeners(
            user=client.user,
            database=self.database.name,
            seen=len(self._listeners),
            allowed=self.worker.settings.listeners_max,
            session=f" at {session}" if session else "",
        )
        self.worker.log_refusal(client, refusal)
        return error_response(refusal)
