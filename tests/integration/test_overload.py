"""An overload that outlives its cause, on a real PostgreSQL: first in one queue, then here.

Each client wants a transaction of `WORK_S` now and then, gives up after `PATIENCE_S` and tries
again. All together want half of what two server connections can do. Then somebody holds both for
a while, and everybody waits. When they are free again, one queue never gets rid of the crowd: next
in line is always who is about to give up. Who refuses the newest serves the others in time, and so
the crowd goes home.

Nothing is asserted about times: only who is answered, of many that ask. A slow machine makes the
queue worse and the other no different.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable

import pytest

from pglane.lab.connection import AskedInVain, Connection, connect
from pglane.lab.place import Place
from pglane.lab.pools import PlainPool
from pglane.lab.traffic import Stream
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import Target

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

SERVERS = 2
CLIENTS = 60
WORK_S = 0.08
PATIENCE_S = 0.8
THINK_S = 4.8
HELD_S = 1.5
LOOKED_AT = 40
"""Tries that are looked at after the cause is gone."""
ENOUGH_S = 60.0

Run = Callable[[float], Awaitable[None]]
"""A transaction that sleeps so long; cancelled: it need not be begun any more."""


def place_of(target: Target) -> Place:
    return Place(target.port, target.user, target.database, target.password)


class Queue:
    """An application's pool: first come, first served."""

    def __init__(self, place: Place) -> None:
        self.pool = PlainPool(place, SERVERS)
        self.stream = Stream("app")

    async def run(self, seconds: float) -> None:
        connection = await self.pool.lend(self.stream)
        work = asyncio.ensure_future(connection.ask(f"SELECT pg_sleep({seconds})"))
        work.add_done_callback(lambda _: self.pool.take_back(self.stream, connection))
        await asyncio.shield(work)

    def close(self) -> None:
        self.pool.close()


class Door:
    """A connection for each try; who gives up leaves it to its answer."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.free: list[Connection] = []
        self.all: list[Connection] = []

    async def run(self, seconds: float) -> None:
        connection = self.free.pop() if self.free else await self.open()
        work = asyncio.ensure_future(connection.ask(f"SELECT pg_sleep({seconds})"))
        work.add_done_callback(lambda done: done.cancelled() or done.exception())
        work.add_done_callback(lambda _: self.free.append(connection))
        await asyncio.shield(work)

    async def open(self) -> Connection:
        made = await connect(self.place)
        self.all.append(made)
        return made

    def close(self) -> None:
        for connection in self.all:
            connection.close()


class Crowd:
    """All clients, and what became of their last tries."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.told: deque[bool] = deque(maxlen=LOOKED_AT)
        self.refused: list[AskedInVain] = []
        self.drawn = random.Random(7)

    async def client(self) -> None:
        await asyncio.sleep(self.drawn.random() * PATIENCE_S)
        while True:
            if await self.attempt():
                await asyncio.sleep(self.drawn.random() * 2 * THINK_S)

    async def attempt(self) -> bool:
        """One try; who is refused uses up its patience all the same before it tries again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        try:
            async with asyncio.timeout_at(until):
                await self.run(WORK_S)
        except TimeoutError:
            answered = False
        except AskedInVain as refused:
            answered = False
            self.refused.append(refused)
            await asyncio.sleep(until - loop.time())
        else:
            answered = True
        self.told.append(answered)
        return answered

    async def look(self) -> float:
        """Share of the next tries that are answered."""
        self.told.clear()
        while len(self.told) < LOOKED_AT:
            await asyncio.sleep(0.05)
        return sum(self.told) / LOOKED_AT


async def play(kind: Queue | Door, until: Callable[[float], bool]) -> tuple[float, Crowd]:
    """What share is answered once the cause is gone, looked at until it is told to be enough."""
    crowd = Crowd(kind.run)
    clients = [asyncio.create_task(crowd.client()) for _ in range(CLIENTS)]
    try:
        async with asyncio.timeout(ENOUGH_S):
            await asyncio.gather(*(kind.run(HELD_S) for _ in range(SERVERS)))
            share = await crowd.look()
            while not until(share):
                share = await crowd.look()
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        kind.close()
    return share, crowd


def test_one_queue_serves_nobody_long_after_the_cause_is_gone(cluster: PostgresCluster) -> None:
    place = Place(cluster.port, "app", "app", Target("server", "", 0, "").password)

    async def once() -> float:
        share, _ = await play(Queue(place), lambda _: True)
        return share

    assert asyncio.run(once()) < 0.25


def test_who_refuses_the_newest_recovers(cluster: PostgresCluster) -> None:
    lane = {"shed_after_ms": 200, "match": [{"user": "app"}]}
    gateway = Gateway(cluster, ("--budget", str(SERVERS)), {"lanes.shop": lane}).start()

    async def recovery() -> Crowd:
        _, crowd = await play(Door(place_of(gateway.target("transaction"))), lambda one: one > 0.9)
        return crowd

    try:
        refused = asyncio.run(recovery()).refused
        (shop,) = [row for row in gateway.show("WAITS") if row["reason"] == "overloaded"]
    finally:
        gateway.destroy()
    assert {one.sqlstate for one in refused} == {"53300"}
    assert 'lane "shop" is overloaded: this request was not started' in refused[0].told
    assert "Nothing was executed" in refused[0].told
    assert "Safe to retry in about" in refused[0].told
    assert shop["lane"] == "shop"
