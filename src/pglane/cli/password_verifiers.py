"""Verifiers of the users that are known by their password.

A verifier costs thousands of hashes, and a reload reads all passwords again: what was made is kept
for as long as name and password stay the same. It is found by a hash of both.

Salts are made from a secret and the user's name, as those of users that do not exist are
(`wire.scram.Verifier.mock`). Were they random, a client that is asked before and after a reload
would see which names are real: their salts change, the others stay. So both come from one secret,
which lives as long as the supervisor, or longer where the configuration has it.
"""

import dataclasses
import secrets
from collections.abc import Iterable
from hmac import digest

from pglane.config.settings import User
from pglane.wire.scram import Verifier, salt_of

SECRET_BYTES = 32


class PasswordVerifiers:
    """Those made so far; lives as long as the gateway."""

    def __init__(self) -> None:
        self._own = secrets.token_bytes(SECRET_BYTES)
        self._made: dict[bytes, str] = {}

    def secret(self, configured: str) -> str:
        """What salts are made from: what is configured, or something random that stays."""
        return configured or self._own.hex()

    def complete(self, users: Iterable[User], secret: str) -> tuple[User, ...]:
        """The users, each with a verifier that has a verifier or a password; others forgotten."""
        before, self._made = self._made, {}
        return tuple(
            self._with_verifier(user, secret, before)
            if user.password and not user.verifier
            else user
            for user in users
        )

    def _with_verifier(self, user: User, secret: str, before: dict[bytes, str]) -> User:
        name = user.name.encode(errors="surrogateescape")
        password = user.password.encode(errors="surrogateescape")
        key = digest(self._own, name + b"\0" + password + b"\0" + secret.encode(), "sha256")
        verifier = before.get(key)
        if verifier is None:
            salt = salt_of(name, secret.encode())
            verifier = Verifier.of_password(password, salt).format().decode()
        self._made[key] = verifier
        return dataclasses.replace(user, verifier=verifier)
