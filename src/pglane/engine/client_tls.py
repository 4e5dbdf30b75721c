"""TLS towards clients, as the settings want it: who gets it, who must have it.

One object for all logins; a reload makes a new one, with the files as they are then. Clients that
are connected keep the session they have.
"""

import ssl
from typing import TYPE_CHECKING, Any

from pglane.config.limits import own_limits
from pglane.config.tls import client_certificate, client_context, is_demanded
from pglane.connection.client_certificates import ClientCertificates, name_of
from pglane.engine.syscalls import Peer, peer_text
from pglane.wire.channel_binding import end_point_hash

if TYPE_CHECKING:
    from pglane.config.settings import Settings
    from pglane.connection.client_login import ClientLogin

LOOPBACK = ("127.", "[::1]:", "[::ffff:127.")
UNIX = "unix"


class ClientTls:
    """What TLS is for clients.

    Attributes:
        context: certificate and rules.
        binding: the certificate's hash, to which logins can be bound; b"": they cannot.
    """

    def __init__(
        self, context: ssl.SSLContext, mode: str, binding: bytes = b"", clientname: str = "cn"
    ) -> None:
        self.context = context
        self._clientname = clientname
        self.binding = binding
        self._mode = mode

    @classmethod
    def of(cls, settings: "Settings") -> "ClientTls | None":
        """None where nobody gets TLS and nobody must have it.

        Raises:
            RefusedError: a file cannot be used.
        """
        context = client_context(settings)
        if context is None:
            return None
        binding = end_point_hash(client_certificate(settings))
        return cls(context, settings.client_tls_sslmode, binding, settings.client_tls_clientname)

    def name_of(self, session: ssl.SSLObject) -> str:
        """What the client's certificate, which was found good, names; "" if it has none."""
        certificate: dict[str, Any] = session.getpeercert() or {}
        return name_of(certificate.get("subject", ()), self._clientname)

    def prepare(self, login: "ClientLogin", peer: Peer) -> None:
        """Tells a login what holds for this client."""
        address = peer_text(peer)
        if address == UNIX:
            return  # as PostgreSQL does; nobody can listen there
        login.offers_tls = True
        login.binding = self.binding
        if is_demanded(self._mode, local=address.startswith(LOOPBACK)):
            login.demands_tls = self._mode


def client_certificates(settings: "Settings") -> ClientCertificates | None:
    """Which certificates must name their users; None: none has to."""
    only = settings.auth == "cert"
    if not only and settings.client_tls_sslmode != "verify-full":
        return None
    own = {name: limit.value for (_, name), limit in own_limits(settings, "certificate_names")}
    return ClientCertificates(own, only=only)
