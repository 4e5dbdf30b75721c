"""Computes SCRAM keys for a worker, in a thread: one after another, so that one processor is left.

Hashing lets other threads run (`hashlib.pbkdf2_hmac`): meanwhile the supervisor serves people.
"""

import asyncio
from collections.abc import Callable

from pglane.engine.channel import Message
from pglane.wire.key_recipe import KeyRecipe
from pglane.wire.scram import ScramKeys

Send = Callable[[Message], bool]


class KeyMaking:
    """The supervisor's side of `engine.key_making`.

    Args:
        send: sends a message to the worker; False when there is none.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._one_at_a_time = asyncio.Lock()

    async def answer(self, message: Message) -> None:
        """Answers one question of the worker."""
        password, salt = (bytes.fromhex(message[key]) for key in ("password", "salt"))
        recipe = KeyRecipe(password, salt, message["iterations"])
        async with self._one_at_a_time:
            keys = await asyncio.to_thread(ScramKeys.of_recipe, recipe)
        self._send({"type": "keys", "id": message["id"], "keys": keys.told()})
