"""TLS towards PostgreSQL, as the settings want it: in which order it is tried, and how it begins.

The order is libpq's: `prefer` tries it first and goes on without where the server cannot, `allow`
the other way round. Nothing is tried that the mode does not allow: from `require` on there is no
way without TLS. Where the server is on this machine, `auto` means `allow`: nobody is on the way.
A Unix socket is never encrypted.
"""

from typing import TYPE_CHECKING

from pglane.config.tls import ALPN, DEMANDING, server_context
from pglane.engine.tls_transport import BROKEN, TlsTransport
from pglane.engine.transport import Owner, Transport
from pglane.wire.channel_binding import end_point_hash
from pglane.wire.startup import SSLRequest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from pglane.config.settings import Settings
    from pglane.connection.server_login import ServerLogin
    from pglane.engine.dialer import Address
    from pglane.engine.loop import Loop

ACCEPTED = b"S"
DECLINED = b"N"
ASKED = SSLRequest().encode()
NOT_OFFERED = "the server does not offer TLS"
EARLY = "the server sent something unencrypted behind its answer to the request for TLS"
OTHER = "the server answered the request for TLS with something else"
UNNAMED = "the server did not say in the TLS handshake that it speaks PostgreSQL's protocol"


class ServerTls:
    """What TLS is towards the server.

    Attributes:
        context: certificates and rules; None: there is none.
        mode: server.tls_sslmode.
        name: the server's, which its certificate must be for.
        direct: it begins without being asked for.
        channel_binding: server.tls_channel_binding.
    """

    def __init__(self, settings: "Settings") -> None:
        """Reads the files.

        Raises:
            RefusedError: one cannot be used.
        """
        self.context: ssl.SSLContext | None = server_context(settings)
        self.mode = settings.server_tls_sslmode
        self.name = settings.server_host
        self.channel_binding = settings.server_tls_channel_binding
        self.direct = settings.server_tls_negotiation == "direct"

    def attempts(self, address: "Address") -> tuple[bool, ...]:
        """Whether with TLS, in the order in which it is tried."""
        if address.family == "unix" or self.context is None:
            return (False,)
        if self.mode in DEMANDING:
            return (True,)
        if self.mode == "allow" or (self.mode == "auto" and address.local):
            return False, True
        return True, False

    def bind(self, login: "ServerLogin", session: "ssl.SSLObject | None") -> None:
        """Tells a login what it may, or must, be bound to; `session`: TLS itself, if there is any.

        Where the hash of a certificate is not known, as for one that is signed with Ed25519, there
        is nothing to bind to.
        """
        login.must_bind = self.channel_binding == "require"
        if session is not None and self.channel_binding != "disable":
            login.binding = end_point_hash(session.getpeercert(binary_form=True) or b"")

    @property
    def demanded(self) -> bool:
        """Whether there is no way without."""
        return self.mode in DEMANDING


class Securing(Owner):
    """A connection to the server on its way to TLS.

    `then` gets the encrypted transport; or None and why not. If the reason is `NOT_OFFERED`, the
    plain one is still good.
    """

    __slots__ = ("_loop", "_name", "_then", "_tls", "transport")

    def __init__(
        self,
        loop: "Loop",
        transport: Transport,
        tls: ServerTls,
        then: "Callable[[Transport | None, str], None]",
        name: str = "",
    ) -> None:
        """`name` is the server's, where there are several."""
        self._loop = loop
        self._name = name or tls.name
        self._tls = tls
        self._then = then
        self.transport = transport
        transport.set_owner(self)

    def begin(self) -> None:
        """Asks, or begins at once."""
        if self._tls.direct:
            self._shake()
        else:
            self.transport.write(ASKED)

    def _shake(self) -> None:
        assert self._tls.context is not None
        self.transport = TlsTransport(
            self._loop, self.transport, self, self._tls.context, self._name
        )
        self.transport.begin()

    def on_data(self, data: bytes) -> None:
        """The answer to the request: one byte."""
        if data == ACCEPTED:
            self._shake()
        elif data == DECLINED:
            self._then(None, NOT_OFFERED)
        else:
            # What came unencrypted could be somebody else's (the class of CVE-2021-23222).
            self._fail(EARLY if data[:1] == ACCEPTED else OTHER)

    def on_secured(self) -> None:
        """The handshake is over."""
        transport = self.transport
        assert isinstance(transport, TlsTransport)
        if self._tls.direct and transport.session.selected_alpn_protocol() != ALPN:
            self._fail(UNNAMED)
        else:
            self._then(transport, "")

    def on_end(self, reason: str) -> None:
        """The server closed, or what it sent is no TLS, or its certificate is not good."""
        self._then(None, reason)

    def _fail(self, reason: str) -> None:
        self.transport.abort()
        self._then(None, reason)


def is_disagreement(reason: str) -> bool:
    """Whether time does not heal it: not for a server that starts, or a network that broke."""
    return reason in (NOT_OFFERED, EARLY, UNNAMED) or reason.startswith(BROKEN)
