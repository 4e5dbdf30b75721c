"""The system's random bytes, fetched by the thousand.

Every login needs some for its nonce and some for its cancel key; a system call for each costs more
than all that is done with them. What was handed out is never handed out again. A worker does not
fork, so that no other process can have the same.
"""

import secrets
from binascii import b2a_base64

POOL_BYTES = 3072
"""A multiple of 3: what base64 makes of it has no padding."""


class RandomBytes:
    """Bytes that nobody can guess."""

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """That many that nobody has been given."""
        begin = self._at
        end = begin + count
        if end > len(self._pool):
            self._pool = self._fetch(count)
            begin, end = 0, count
        self._at = end
        data = self._pool
        return data[begin:end]

    def take_number(self) -> int:
        """The same, 4 of them, as a number."""
        begin = self._at
        if begin + 4 > len(self._pool):
            self._pool = self._fetch(4)
            begin = 0
        self._at = begin + 4
        data = self._pool
        number = 0
        for at in range(begin, begin + 4):
            number = number << 8 | data[at]
        return number

    def _fetch(self, count: int) -> bytes:
        return secrets.token_bytes(max(POOL_BYTES, count))


class RandomText(RandomBytes):
    """The same as printable characters (base64): 6 bits each."""

    __slots__ = ()

    def _fetch(self, count: int) -> bytes:
        return b2a_base64(secrets.token_bytes(max(POOL_BYTES, 3 * count)), newline=False)
