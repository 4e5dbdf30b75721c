"""What SCRAM keys are computed from: a password, hashed as often as the server says.

It is the only thing of a login that can take long. So it has a name, can be handed to whoever has
the time, and equal ones are computed once. Source: RFC 5802, section 3 (SaltedPassword).
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from pglane.wire.saslprep import saslprep

ITERATIONS_INLINE_MAX: Final = 8192
"""As many cost some 2.5 ms: to let others go on meanwhile would cost the login more."""


@dataclass(frozen=True, slots=True)
class KeyRecipe:
    """Equal ones give the same keys."""

    password: bytes = field(repr=False)
    salt: bytes
    iterations: int

    def salted(self) -> bytes:
        """Some 0.3 µs per iteration, in which other threads can run."""
        password = saslprep(self.password)
        return hashlib.pbkdf2_hmac("sha256", password, self.salt, self.iterations)


class KeysLacking(Exception):
    """To compute the keys takes longer than was allowed; nothing has failed.

    Attributes:
        recipe: what they are computed from, by whoever can wait.
    """

    def __init__(self, recipe: KeyRecipe) -> None:
        super().__init__(f"keys of {recipe.iterations} iterations are lacking")
        self.recipe = recipe
