"""Somebody between a client and a server, with a certificate of his own for each side's TLS."""

import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable

from tests.support.certificates import Certificate

ASKED = struct.pack("!II", 8, 80877103)
WAIT_S_MAX = 20.0


class Middleman:
    """Takes one client after the other, and passes everything on.

    Args:
        port: of the server, on this machine.
        certificate: what he shows to clients.
        change: what becomes of what the server says.
    """

    def __init__(
        self,
        port: int,
        certificate: Certificate,
        change: Callable[[bytes], bytes] = lambda data: data,
    ) -> None:
        self._server_port = port
        self._change = change
        self._to_clients = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._to_clients.load_cert_chain(certificate.certificate, certificate.key)
        self._to_server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._to_server.check_hostname = False
        self._to_server.verify_mode = ssl.CERT_NONE
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Middleman":
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(timeout=30)

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            try:
                self._pass_on(plain)
            except OSError:
                pass
            finally:
                plain.close()

    def _pass_on(self, plain: socket.socket) -> None:
        plain.settimeout(WAIT_S_MAX)
        assert plain.recv(8) == ASKED
        plain.sendall(b"S")
        near = socket.create_connection(("127.0.0.1", self._server_port), timeout=WAIT_S_MAX)
        near.sendall(ASKED)
        assert near.recv(1) == b"S"
        with (
            self._to_clients.wrap_socket(plain, server_side=True) as client,
            self._to_server.wrap_socket(near) as server,
        ):
            client.setblocking(False)
            server.setblocking(False)
            while self._goes_on(client, server) and self._goes_on(server, client, self._change):
                if not (client.pending() or server.pending()):
                    select.select([client, server], [], [], WAIT_S_MAX)

    @staticmethod
    def _goes_on(
        source: ssl.SSLSocket,
        target: ssl.SSLSocket,
        change: Callable[[bytes], bytes] = lambda data: data,
    ) -> bool:
        """Passes on what is there, if anything is; False at the end of it.

        By one thread: to read and to write at once is more than OpenSSL's connections can take.
        """
        try:
            data = source.recv(65536)
        except ssl.SSLWantReadError:
            return True
        target.settimeout(WAIT_S_MAX)
        target.sendall(change(data))
        target.setblocking(False)
        return bool(data)
