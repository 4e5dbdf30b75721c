"""Pools without a gateway: what an application, or a pooler of a few lines, does by itself.

    plain pool     so many connections of one user, first come first served
    pool per user  one pool for each user below one cap; a connection that becomes free goes to
                   the next of the same user, and only one that idles makes room for another user

The second is what common poolers do (`reuse_on_release` of PgBouncer), without their processes.
It stands in for them where none is installed.
"""

import asyncio
from collections import deque
from collections.abc import Mapping

from pglane.lab.connection import Connection, connect
from pglane.lab.place import Place
from pglane.lab.traffic import Stream

Waiter = asyncio.Future[Connection | None]
"""Gets a connection, or None: the right to open one."""


class PlainPool:
    """A pool within the application: so many connections, first come first served."""

    def __init__(self, place: Place, size: int) -> None:
        self._place = place
        self._unopened = size
        self._free: list[Connection] = []
        self._waiting: deque[Waiter] = deque()
        self._all: set[Connection] = set()

    async def lend(self, stream: Stream) -> Connection:
        """The next that is free, in the order of asking."""
        del stream
        if self._free:
            return self._free.pop()
        if self._unopened:
            self._unopened -= 1
            try:
                return await self._open()
            except BaseException:
                self._unopened += 1
                raise
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        return await waiter or await self._open()

    async def _open(self) -> Connection:
        made = await connect(self._place)
        self._all.add(made)
        return made

    def take_back(self, stream: Stream, connection: Connection) -> None:
        """Handed to who has waited longest; in place of a lost one a new one is opened."""
        del stream
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None if connection.lost else connection)
                return
        if connection.lost:
            self._unopened += 1
        else:
            self._free.append(connection)

    def close(self) -> None:
        """Ends all of them."""
        for connection in self._all:
            connection.close()


class PoolPerUser:
    """The second of the module's docstring; places by kind, which differ in their user."""

    def __init__(self, places: Mapping[str, Place], cap: int) -> None:
        self._places = places
        self._unopened = cap
        self._free: dict[str, list[Connection]] = {kind: [] for kind in places}
        self._waiting: dict[str, deque[Waiter]] = {kind: deque() for kind in places}
        self._all: set[Connection] = set()

    async def lend(self, stream: Stream) -> Connection:
        """A free one of this user's, a new one below the cap, or whatever comes back."""
        kind = stream.kind
        if self._free[kind]:
            return self._free[kind].pop()
        if not self._unopened and not self._evict():
            waiter: Waiter = asyncio.get_running_loop().create_future()
            self._waiting[kind].append(waiter)
            granted = await waiter
            if granted is not None:
                return granted
        else:
            self._unopened -= 1
        try:
            made = await connect(self._places[kind])
        except BaseException:
            self._unopened += 1
            raise
        self._all.add(made)
        return made

    def _evict(self) -> bool:
        """Closes a connection that idles; True when there was one."""
        for free in self._free.values():
            if free:
                free.pop().close()
                self._unopened += 1
                return True
        return False

    def take_back(self, stream: Stream, connection: Connection) -> None:
        """To the next of the same user; only if there is none, to anybody else."""
        if not connection.lost and self._hand(stream.kind, connection):
            return
        others = [kind for kind in self._places if self._pending(kind)]
        if others:
            connection.close()
            self._hand(others[0], None)
        elif connection.lost:
            self._unopened += 1
        else:
            self._free[stream.kind].append(connection)

    def _pending(self, kind: str) -> bool:
        """Whether somebody still waits there."""
        queue = self._waiting[kind]
        while queue and queue[0].done():
            del queue[0]
        return bool(queue)

    def _hand(self, kind: str, connection: Connection | None) -> bool:
        """To whoever has waited longest of a kind; False when nobody does."""
        if not self._pending(kind):
            return False
        self._waiting[kind].popleft().set_result(connection)
        return True

    def close(self) -> None:
        """Ends all of them."""
        for connection in self._all:
            connection.close()
