"""A client of the direct door that has shut its side and waits for the last answers.

PostgreSQL answers what came before the end of a stream, and then closes its side. So the answers
are passed on as they come, and the server's end is then the client's. The server is not told by
the end of our stream but by a Terminate behind what the client sent: with
`client_connection_check_interval` the end of the stream would stop the statement that runs.

A client that was killed looks the same until something is sent to it. It must not keep a server
connection for as long as a silent statement runs: after `SILENCE_S_MAX` without an answer what
runs is cancelled, and the client, if there is one, hears so from PostgreSQL. Where its last
message was cut short our stream ends as well: a Terminate would be taken for the rest of that
message, and two of its bytes could make a shorter statement of it. Behind the other doors the end
of the stream is the end of the client.
"""

from typing import TYPE_CHECKING

from pglane.engine.server_link import TERMINATE
from pglane.engine.transport import Owner

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink

SILENCE_S_MAX = 5.0
"""How long a client that sends no more waits for the next bytes of its answers."""


class LastAnswers(Owner):
    """Hears a server connection for the client that has shut its side, and sees progress."""

    __slots__ = ("_cancelled", "_client", "_moved", "_server")

    def __init__(self, client: "ClientLink", server: "ServerLink") -> None:
        self._client = client
        self._server = server
        self._moved = False
        self._cancelled = False

    def on_data(self, data: bytes) -> None:
        """The server sent something."""
        self._moved = True
        self._server.on_data(data)

    def on_end(self, reason: str) -> None:
        """The server has answered everything, and closed."""
        self._server.on_end(reason)

    def on_full(self) -> None:
        """More is queued for the server than it takes."""
        self._server.on_full()

    def on_drained(self) -> None:
        """The server took what was queued."""
        self._moved = True
        self._server.on_drained()

    def look(self) -> None:
        """Nothing for a while: what runs is cancelled; nothing after that either: it ends."""
        client, server = self._client, self._server
        if server.closing or client.server is not server:
            return
        if self._moved or server.transport.paused:
            self._moved = False
        elif self._cancelled:
            client.leave(polite=False)
            return
        else:
            self._cancelled = True
            client.database.worker.cancel_server(server)
            server.transport.shut_writing()
        client.database.worker.loop.call_later(SILENCE_S_MAX, self.look)


def begin(client: "ClientLink", server: "ServerLink") -> None:
    """The client sends no more: the server ends behind everything that was sent before."""
    answers = LastAnswers(client, server)
    server.transport.set_owner(answers)
    if client.requests.reader.is_amid():
        server.transport.shut_writing()
    else:
        server.transport.write(TERMINATE)
    client.database.worker.loop.call_later(SILENCE_S_MAX, answers.look)
