"""The md5 method: md5(md5(password + user) + salt), in PostgreSQL's spelling.

It is what old servers ask for, and what old drivers know. What a server stores of a password is
enough to log in with (`md5_response_of`): treat it as the password.

Source: PostgreSQL manual, "Message Flow", AuthenticationMD5Password.
"""

import hashlib
from dataclasses import dataclass, field
from hmac import compare_digest, digest
from typing import Self

_PREFIX = b"md5"


def md5_stored(user: bytes, password: bytes) -> bytes:
    """What a server stores: "md5" and 32 hexadecimal digits."""
    return _PREFIX + _digits(password + user)


def md5_response(user: bytes, password: bytes, salt: bytes) -> bytes:
    """The answer to a server's salt of 4 bytes, from the password."""
    return md5_response_of(md5_stored(user, password), salt)


def md5_response_of(stored: bytes, salt: bytes) -> bytes:
    """The answer to a server's salt of 4 bytes, from what a server stores.

    Raises:
        ValueError: `stored` is not "md5" and 32 hexadecimal digits.
    """
    if not is_md5_stored(stored):
        raise ValueError("an md5 password is 'md5' and 32 hexadecimal digits")
    return _PREFIX + _digits(stored[len(_PREFIX) :] + salt)


def is_md5_stored(text: bytes) -> bool:
    """Whether this is what a server stores, not a password."""
    digits = text[len(_PREFIX) :]
    return text.startswith(_PREFIX) and len(digits) == 32 and not digits.strip(b"0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Md5Hash:
    """What is stored of one user's password."""

    stored: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Reads "md5" and 32 hexadecimal digits.

        Raises:
            ValueError: it is not of that form.
        """
        if not is_md5_stored(text):
            raise ValueError("an md5 hash is 'md5' and 32 hexadecimal digits")
        return cls(text)

    @classmethod
    def mock(cls, user: bytes, secret: bytes) -> Self:
        """A hash no password fits, always the same for a user; `secret` is known to nobody."""
        return cls(_PREFIX + digest(secret, b"md5" + user, "sha256")[:16].hex().encode())

    def response(self, salt: bytes) -> bytes:
        """What a client that knows the password answers to a salt of 4 bytes."""
        return _PREFIX + _digits(self.stored[len(_PREFIX) :] + salt)

    def fits(self, user: bytes, password: bytes) -> bool:
        """Whether it is the hash of this password."""
        return compare_digest(md5_stored(user, password), self.stored)


def _digits(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()
