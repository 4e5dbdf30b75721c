"""Somebody between a client and a server, with a certificate of his own for each side's TLS."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable

from tests.support.certificates import Certificate

ASKED = struct.pack("!II", 8, 80877103)


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
        plain.settimeout(20)
        assert plain.recv(8) == ASKED
        plain.sendall(b"S")
        near = socket.create_connection(("127.0.0.1", self._server_port), timeout=20)
        near.sendall(ASKED)
        assert near.recv(1) == b"S"
        with (
            self._to_clients.wrap_socket(plain, server_side=True) as client,
            self._to_server.wrap_socket(near) as server,
        ):
            back = threading.Thread(target=self._pump, args=(server, client, self._change))
            back.start()
            self._pump(client, server, lambda data: data)
            back.join(timeout=30)

    @staticmethod
    def _pump(
        source: ssl.SSLSocket, target: ssl.SSLSocket, change: Callable[[bytes], bytes]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(change(data))
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
