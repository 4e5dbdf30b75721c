"""Cancelling: the server connection is in quarantine meanwhile.

A cancel request hits whatever the backend runs when it arrives (fact A6). So from the moment one
is sent until the server closes the connection it came on, nothing is fed to that server
connection and nobody else gets it (rule B10). The client's own cancel connection is closed only
then: a driver that waits for that end may rely on the signal having been sent, as with
PostgreSQL itself. Which client a request means is told in `cancel_keys`.
"""

from typing import TYPE_CHECKING

from pglane.engine.dialer import Address, Connecting, open_socket
from pglane.engine.server_tls import Securing
from pglane.engine.transport import Owner, Transport
from pglane.wire.startup import CancelRequest

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pglane.engine.loop import Loop
    from pglane.engine.server_link import ServerLink
    from pglane.engine.server_tls import ServerTls


CANCELS_MAX = 8
"""Of clients, on their way to one server connection at once: each opens a socket to the server.
One more would hit the same statement as those do; it is closed unsent."""


class ServerCancel(Owner):
    """One cancel request on its way to the server; `done` is called when it is over."""

    __slots__ = (
        "_connecting",
        "_done",
        "_host",
        "_link",
        "_loop",
        "_securing",
        "_timer",
        "_tls",
        "_transport",
    )

    def __init__(
        self,
        loop: "Loop",
        link: "ServerLink",
        address: Address,
        within_s: float,
        done: "Callable[[], None]",
        tls: "ServerTls | None" = None,
    ) -> None:
        """With `tls` the request is encrypted, as the connection is that it is about."""
        self._loop = loop
        self._tls = tls
        self._host = address.host
        self._link = link
        self._done: Callable[[], None] | None = done
        self._transport: Transport | None = None
        self._connecting: Connecting | None = None
        self._securing: Securing | None = None
        self._timer = loop.call_later(within_s, self._too_slow)
        link.cancels += 1
        try:
            self._connecting = Connecting(loop, open_socket(address), self._connected)
        except OSError:
            self._timer.cancel()
            self._timer = loop.call_later(0.0, self._over)

    def _too_slow(self) -> None:
        """It may still strike, whenever: nobody else may get this server connection."""
        self._link.suspect = True
        self._over()

    def _connected(self, sock: "socket.socket | None", reason: str) -> None:
        del reason
        self._connecting = None
        if sock is None:
            self._over()
            return
        self._transport = Transport(self._loop, sock.detach(), self, 65_536)
        if self._tls is None:
            self._send(self._transport)
        else:
            self._securing = Securing(
                self._loop, self._transport, self._tls, self._secured, self._host
            )
            self._securing.begin()

    def _secured(self, transport: Transport | None, reason: str) -> None:
        """A request that cannot be sent is over: nothing strikes."""
        del reason
        self._securing = None
        if transport is None:
            self._over()
        else:
            transport.set_owner(self)
            self._send(transport)

    def _send(self, transport: Transport) -> None:
        self._transport = transport
        transport.write(CancelRequest(self._link.process_id, self._link.key).encode())

    def on_data(self, data: bytes) -> None:
        """The server says nothing here."""
        del data

    def on_end(self, reason: str) -> None:
        """The signal has been sent."""
        del reason
        self._over()

    def on_full(self) -> None:
        """16 bytes never fill a buffer."""

    def on_drained(self) -> None:
        """16 bytes never fill a buffer."""

    def _over(self) -> None:
        self._timer.cancel()
        done, self._done = self._done, None
        if done is None:
            return
        if self._connecting is not None:
            self._connecting.abandon()
        if self._securing is not None:
            self._securing.transport.abort()
        if self._transport is not None:
            self._transport.abort()
        self._link.cancels -= 1
        done()
