"""The supervisor computes SCRAM keys while it serves others."""

import asyncio
from typing import Any

from pglane.control.key_making import KeyMaking
from pglane.wire.key_recipe import KeyRecipe
from pglane.wire.scram import ScramKeys

RECIPE = KeyRecipe(b"secret", b"salt", 300_000)
QUESTION = {"id": "7.1", "password": b"secret".hex(), "salt": b"salt".hex(), "iterations": 300_000}


def test_others_go_on_meanwhile() -> None:
    sent: list[dict[str, Any]] = []
    turns = 0

    async def story() -> None:
        nonlocal turns
        making = KeyMaking(lambda message: sent.append(message) is None)
        answering = asyncio.create_task(making.answer(QUESTION))
        while not answering.done():
            turns += 1
            await asyncio.sleep(0)
        await answering

    asyncio.run(story())
    keys = ScramKeys.of_recipe(RECIPE)
    assert sent == [{"type": "keys", "id": "7.1", "keys": keys.told()}]
    assert turns > 10
