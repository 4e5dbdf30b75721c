"""The other end of an encrypted connection, for tests in one thread: never waits."""

import contextlib
import socket
import ssl
import warnings


class TlsPeer:
    """Speaks TLS over a non-blocking socket; `look` does what can be done now."""

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        name: str | None = None,
    ) -> None:
        sock.setblocking(False)
        self.socket = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_side, name)
        self.secured = False
        self.taken = b""
        self.said_goodbye = False
        self.ended = False

    def look(self) -> bytes:
        """Reads what is there; all plaintext so far."""
        self._receive()
        if not self.secured:
            self._shake()
        if self.secured:
            self._decrypt()
        self.flush()
        return self.taken

    def _receive(self) -> None:
        while not self.ended:
            try:
                part = self.socket.recv(1 << 20)
            except BlockingIOError:
                return
            except ConnectionResetError:
                part = b""
            self.ended = not part
            self._incoming.write(part)

    def _shake(self) -> None:
        try:
            self.session.do_handshake()
            self.secured = True
        except ssl.SSLWantReadError:
            pass

    def _decrypt(self) -> None:
        try:
            while not self.said_goodbye:
                part = self.session.read(1 << 20)
                self.said_goodbye = not part
                self.taken += part
        except ssl.SSLWantReadError:
            pass

    def sealed(self, data: bytes) -> bytes:
        """What `data` looks like on the wire."""
        self.session.write(data)
        return self._outgoing.read()

    def send(self, data: bytes) -> None:
        """Encrypts and sends."""
        self.socket.sendall(self.sealed(data))

    def goodbye(self) -> None:
        """Says by TLS that nothing more comes."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.session.unwrap()
        self.flush()

    def flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self.socket.sendall(data)


def trusting(*protocols: str) -> ssl.SSLContext:
    """A client that takes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def outdated() -> ssl.SSLContext:
    """A client that speaks nothing newer than TLS 1.1."""
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context
