"""SCRAM keys that take long to compute: asked of the supervisor, whose threads may compute.

A server says how often a password is hashed for a login (`scram_iterations`, PostgreSQL 16): a
million times are a third of a second, in which a worker would serve nobody. Who wants the same
waits for the same answer, and what was computed is kept for a while: a login that took too long
meanwhile is tried again, and must not begin anew.

Rejected: a thread of the worker's own. Compiled, its loop waits for its sockets without letting
other threads run; to do so would cost each turn something.
"""

import os
from collections.abc import Callable
from typing import Any

from pglane.wire.key_recipe import KeyRecipe
from pglane.wire.scram import ScramKeys

KEPT_MAX = 100
"""Keys that are kept; the oldest go first."""

Then = Callable[[ScramKeys], None]


class KeyMaking:
    """The worker's side of `control.key_making`.

    Args:
        send: gives a message to the supervisor.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._kept: dict[KeyRecipe, ScramKeys] = {}
        self._waiting: dict[KeyRecipe, list[Then]] = {}
        self._asked: dict[str, KeyRecipe] = {}
        self._questions = 0

    def make(self, recipe: KeyRecipe, then: Then) -> None:
        """Calls `then` with the keys, now or later."""
        kept = self._kept.get(recipe)
        if kept is not None:
            then(kept)
            return
        waiting = self._waiting.setdefault(recipe, [])
        waiting.append(then)
        if len(waiting) == 1:
            self._ask(recipe)

    def _ask(self, recipe: KeyRecipe) -> None:
        """By a name that no other worker uses."""
        self._questions += 1
        name = f"{os.getpid()}.{self._questions}"
        self._asked[name] = recipe
        self._send(
            {
                "type": "keys",
                "id": name,
                "password": recipe.password.hex(),
                "salt": recipe.salt.hex(),
                "iterations": recipe.iterations,
            }
        )

    def heard(self, message: dict[str, Any]) -> None:
        """The answer to a question of ours; not one to a worker before this."""
        recipe = self._asked.pop(message["id"], None)
        if recipe is None:
            return
        keys = ScramKeys.of_told(message["keys"])
        self._kept[recipe] = keys
        if len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        for then in self._waiting.pop(recipe):
            then(keys)
