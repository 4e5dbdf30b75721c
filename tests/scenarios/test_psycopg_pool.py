"""The lab's plain pool queues as psycopg_pool does, which many applications have.

It is a library of another licence, so the lab does not bring it along; here it takes the plain
pool's place.
"""

import asyncio
import contextlib
import os
import socket
from dataclasses import replace
from typing import Any

import psycopg_pool
import pytest

from pglane.lab import contenders
from pglane.lab.place import Place
from pglane.lab.traffic import Stream
from tests.scenarios.test_starvation import FLOOD, FLOODED, PATIENT_S, overtaken


class Asking:
    """A connection as the lab's clients use it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.lost = False
        self.notices: list[tuple[float, str]] = []

    async def ask(self, text: str) -> None:
        """Shielded: psycopg waits for seconds where a statement is given up."""
        await asyncio.shield(self.connection.execute(text))

    def close(self) -> None:
        """Ends what it talks through: libpq's own structure may be in use by a statement."""
        self.lost = True
        if not self.connection.closed:
            both_ways = socket.socket(fileno=os.dup(self.connection.fileno()))
            with both_ways, contextlib.suppress(OSError):
                both_ways.shutdown(socket.SHUT_RDWR)


class PsycopgPool:
    def __init__(self, place: Place, size: int) -> None:
        self._uri = (
            f"host={place.host} port={place.port} user={place.user} "
            f"password={place.password} dbname={place.database}"
        )
        self._size = size
        self._pool: psycopg_pool.AsyncConnectionPool | None = None
        self._opening = asyncio.Lock()
        self._all: dict[Any, Asking] = {}
        self._returning: set[asyncio.Task[None]] = set()

    async def lend(self, stream: Stream) -> Any:
        async with self._opening:
            if self._pool is None:
                self._pool = psycopg_pool.AsyncConnectionPool(
                    self._uri,
                    min_size=self._size,
                    max_size=self._size,
                    timeout=2 * PATIENT_S,
                    kwargs={"autocommit": True, "prepare_threshold": None},
                    open=False,
                )
                await self._pool.open(wait=True, timeout=PATIENT_S)
        connection = await self._pool.getconn()
        return self._all.setdefault(connection, Asking(connection))

    def take_back(self, stream: Stream, asking: Asking) -> None:
        if asking.lost:
            return  # at the end of the run; a pool that connects again then would go on for ever
        assert self._pool is not None
        task = asyncio.create_task(self._pool.putconn(asking.connection))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    def close(self) -> None:
        for asking in self._all.values():
            asking.close()


def test_in_psycopg_pool_the_whole_flood_goes_first(play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "PlainPool", PsycopgPool)
    run = play(replace(FLOOD, grace_s=3.0), "plain pool", variant=FLOODED, seconds=4.0)
    assert overtaken(run) > 100
