"""A stream socket whose bytes are encrypted: a `Transport` with TLS between it and its owner.

The socket stays the loop's: TLS runs between two buffers in memory (`ssl.MemoryBIO`). What a
read brings goes through it at once and whole, so that pausing, limits and the one read and one
send of a turn are those of a plain transport; it is put where a plain read would have put it.
Encrypted is what is about to be sent, not what waits: what the kernel did not take is the one
piece that waits encrypted (`_first`, when `_sealed` says so).

Until the handshake is over the owner hears and says nothing: `on_secured` tells it. Who asked for
TLS and sent something in the clear behind that is refused by those who hand the socket over; what
came later is no TLS and ends the handshake.

Bounds: a handshake's messages have OpenSSL's own limits; a peer that makes TLS answer (new keys)
and does not read gets no more than `ANSWERS_BYTES_MAX`. How long a handshake may take is the
owner's to say: it counts as a part of the login.

Rejected: `SSLSocket` (reads record by record, with two system calls each) and kernel TLS (needs a
module and OpenSSL's build to fit; worth another look when both are common).
"""

import ssl
from typing import TYPE_CHECKING

from pglane.engine.loop import Loop
from pglane.engine.memory import TLS_BYTES
from pglane.engine.syscalls import Chunk, send_some
from pglane.engine.transport import LINGER_S_MAX, SEND_BYTES_MAX, Owner, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

BROKEN = "TLS: "
"""How the reason for an end begins that TLS has, and not the network."""
ANSWERS_BYTES_MAX = 65_536
"""What TLS itself may have to say to a peer that does not read."""


class TlsTransport(Transport):
    """One connected socket that speaks TLS.

    Attributes:
        secured: the handshake is over.
        session: TLS itself: its peer's certificate, its version.
        direct: TLS was begun without asking for it first.
    """

    __slots__ = (
        "_decrypted",
        "_encrypt",
        "_encrypted",
        "_feed",
        "_goodbye",
        "_incoming",
        "_outgoing",
        "_sealed",
        "_shut_seen",
        "direct",
        "secured",
        "session",
    )

    def __init__(
        self,
        loop: Loop,
        plain: Transport,
        owner: Owner,
        context: ssl.SSLContext,
        server_name: str | None = None,
    ) -> None:
        """Takes the socket of `plain`; with a `server_name`, even "", we are the client."""
        Transport.__init__(self, loop, plain.detach().detach(), owner, plain.high_bytes)
        self._own_bytes += TLS_BYTES
        self._memory.add(TLS_BYTES)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.session = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_name is None,
            server_hostname=server_name or None,
        )
        # Bound once. What the session wraps reads and writes as it does, with no frame of Python.
        wrapped = getattr(self.session, "_sslobj", self.session)
        self._decrypted: Callable[[int], bytes] = wrapped.read
        self._encrypt: Callable[[bytes], int] = wrapped.write
        self._feed: Callable[[bytes], int] = self._incoming.write
        self._encrypted: Callable[[], bytes] = self._outgoing.read
        self._sealed = False
        self._goodbye = False
        self._shut_seen = False
        self.secured = False
        self.direct = False

    def begin(self, data: bytes = b"") -> None:
        """Begins the handshake, with what was read of it already."""
        self._take(data)

    # Reading -------------------------------------------------------------------------------

    def _read(self) -> None:
        if self._shut_seen:
            self._peer_shut()
        else:
            Transport._read(self)

    def _received(self, chunk: Chunk) -> None:
        self._take(chunk.whole())

    def _take(self, data: bytes) -> None:
        if data:
            self._feed(data)
        if self.secured or self._shake():
            self._decrypt(max(len(data), 1))

    def _shake(self) -> bool:
        """Goes on with the handshake; whether it is over and there may be more."""
        try:
            self.session.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
            return False
        except (ssl.SSLError, ValueError) as error:
            self._broken(error)
            return False
        self.secured = True
        owner = self._owner
        owner.on_secured()
        self.flush()
        return not self.ended and not self._closing

    def _decrypt(self, count: int) -> None:
        """Hands on what is there: at most `count` bytes, and one record that had begun."""
        data = b""
        try:
            data = self._decrypted(count)
            if not data:
                self._shut_seen = True
            elif len(data) == count or self._incoming.pending:
                data = self._with_what_follows(data, count)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._broken(error)
            return
        if self._outgoing.pending:
            self._answer()
        if self._shut_seen and not self.ended:
            self._readable = True
            self._schedule()
        if data and not self.ended:
            self._hand_on(data)

    def _with_what_follows(self, first: bytes, count: int) -> bytes:
        """The records behind the first one; a read is full only where more of its record waits."""
        parts = [first]
        part = first
        try:
            while len(part) == count or self._incoming.pending:
                part = self._decrypted(count)
                if not part:
                    self._shut_seen = True
                    break
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        return b"".join(parts)

    def _hand_on(self, data: bytes) -> None:
        owner = self._owner  # kept until it returns, as in `Transport`
        chunk = self._loop.chunk
        if not (chunk.put(data) and owner.takes(chunk)):
            owner.on_data(data)

    def _answer(self) -> None:
        """TLS itself has something to say."""
        if self._blocked and self._outgoing.pending > ANSWERS_BYTES_MAX:
            self._end("it does not read what TLS answers")
        elif not self._blocked:
            self.flush()

    def _broken(self, error: Exception) -> None:
        """The peer is told why (an alert), and gets the time to read it."""
        owner = self._owner
        self.flush()
        if self.ended:
            return
        if not self._closing:
            self._closing = True
            self._lingering = self._loop.call_later(LINGER_S_MAX, self.abort)
            self._await_end()
            owner.on_end(f"{BROKEN}{reason_of(error)}")

    # Writing -------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Sends at the end of this turn; before the handshake is over nothing can be said."""
        if self.secured:
            Transport.write(self, data)

    def write_now(self, data: bytes, size: int) -> None:
        """Encrypts and sends what lies at `data` at once, if nothing waits before it."""
        self.send_now(data[:size])

    def send_now(self, data: bytes) -> None:
        """The same of what is an object already."""
        if self._first is not None or self._blocked or not self.secured or self._closing:
            self.write(data)
        elif not self.ended:
            self._encrypt_now(data)

    def _encrypt_now(self, part: bytes) -> None:
        try:
            self._encrypt(part)
            data = self._encrypted()
            sent = send_some(self.fd, data)
        except OSError:  # of TLS too
            self.write(part)  # fails again at the end of the turn, where the owner may be told
            return
        if sent < len(data):
            self._wait_sealed(data[sent:])
            if self.queued_bytes > self.high_bytes and not self.full:
                self._is_full()

    def flush(self) -> None:
        """One send of everything, encrypted now."""
        if self.ended or self._blocked:
            return
        try:
            data = self._seal()
        except ssl.SSLError:
            self._writing_failed()
            return
        if not data:
            return
        try:
            sent = send_some(self.fd, data)
        except OSError:
            self._writing_failed()
            return
        self.queued_bytes = sum([len(part) for part in self._queue])
        if sent < len(data):
            self._wait_sealed(data[sent:])
        else:
            self._first = None
            self._sealed = False
            if self._queue:
                self._go_on_sending()
        if self.full or self._closing or self._charged:
            self._after_flush()

    def _wait_sealed(self, rest: bytes) -> None:
        """The kernel does not take this now; it is encrypted, and the first that waits."""
        self.queued_bytes += len(rest)
        self._first = rest
        self._sealed = True
        self._block()

    def _writing_failed(self) -> None:
        """What is written behind what was lost may still leave: it is not encrypted yet."""
        self._sealed = False
        Transport._writing_failed(self)

    def _seal(self) -> bytes:
        """What is to be sent: what is left from before, what was written, what TLS says."""
        head = b""
        if self._first is not None:
            if self._sealed:
                head = self._first
                if len(head) < SEND_BYTES_MAX and self._queue:
                    self._encrypt(self._gathered(self._queue.pop(0)))
            else:
                self._encrypt(self._gathered(self._first))
        if self._goodbye and self.secured and not self._queue:
            self._goodbye = False
            self._say_goodbye()
        return head + self._encrypted() if head else self._encrypted()

    def _say_goodbye(self) -> None:
        """That nothing comes behind this is said by TLS too: else it could be cut unnoticed."""
        try:
            self.session.unwrap()
        except (ssl.SSLError, OSError):
            return  # the peer has not said it: we do not wait

    # The end -------------------------------------------------------------------------------

    def close(self) -> None:
        """Closes once everything written is sent, and that it is all."""
        if self.ended or self._closing:
            return
        if not self.secured:
            self.abort()
            return
        self._goodbye = True
        if self._first is None:
            self.flush()
            if self._first is None:
                self.abort()
                return
        Transport.close(self)

    def shut_writing(self) -> None:
        """Tells the peer that nothing more comes; reading goes on."""
        self._goodbye = True
        Transport.shut_writing(self)

    def tls_text(self) -> str:
        """Version and cipher, as PgBouncer's console shows them."""
        cipher = self.session.cipher()
        return "" if cipher is None else f"{self.session.version()}/{cipher[0]}"


def reason_of(error: Exception) -> str:
    """What OpenSSL says, without its places in the source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    reason = getattr(error, "reason", None)
    return reason.lower().replace("_", " ") if isinstance(reason, str) else str(error)
