"""Streams of requests against a place, and what each request met.

A stream is closed (so many clients, each asks again as soon as it was answered) or open (so many
requests a second come from outside, answered or not). Open streams are what shows starvation: a
client that waits for ever asks only once, and a closed stream of it would look like one request.

A request's *wait* is what it took beyond the work it asked for: beyond the time that the server
was told to sleep, and that the client itself thought within its transaction. A request that has no
answer when the run ends has waited since it asked; that counts.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pglane.lab.connection import AskedInVain, Connection, connect
from pglane.lab.place import Place

REFUSED_PAUSE_S = 0.1
"""How long a client that was refused waits before it asks again."""
SERVED, UNANSWERED = "", "unanswered"
NAMED = "idle in transaction"
"""What a notice says if it names what is waited for."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of requests.

    Attributes:
        kind: its name; also that of its role and its lane where there is one for each.
        clients: so many ask again and again; 0: it comes from outside.
        rate_per_s: so many come in a second, at even distances.
        sql: what is asked.
        hold_s: how long the server sleeps over it.
        think_s: the client opens a transaction, asks, and thinks for so long before it commits.
        once: each client asks a single time.
        each_time: each request connects anew.
        begin_s: when it begins, after the run has begun.
        end_s: when it ends; 0.0: with the run.
        critical: what must not starve: it gets the session door where there are two.
    """

    kind: str
    clients: int = 0
    rate_per_s: float = 0.0
    sql: str = "SELECT 1"
    hold_s: float = 0.0
    think_s: float = 0.0
    once: bool = False
    each_time: bool = False
    begin_s: float = 0.0
    end_s: float = 0.0
    critical: bool = False

    @property
    def work_s(self) -> float:
        """What a request takes if it waits for nothing."""
        return self.hold_s + self.think_s


def sleeping(hold_s: float) -> str:
    """A statement that holds its server connection for so long, and no processor."""
    return f"SELECT pg_sleep({hold_s:g})"


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: when it asked (in seconds of the run), its wait, and what became of it.

    Attributes:
        told_s: how long after that it was told behind whom it waits; None: it was not.
    """

    asked_s: float
    wait_s: float
    outcome: str
    told_s: float | None = None


class Clients(Protocol):
    """Where connections come from."""

    async def lend(self, stream: Stream) -> Connection:
        """One that is free, or that becomes free, or a new one."""

    def take_back(self, stream: Stream, connection: Connection) -> None:
        """It is not used any more by who asked for it."""

    def close(self) -> None:
        """Ends all of them."""


class OwnConnections:
    """Every client has its own, kept from request to request; places by kind."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places
        self._free: dict[str, list[Connection]] = {}
        self._all: set[Connection] = set()

    async def lend(self, stream: Stream) -> Connection:
        """The one that was used last, or a new one."""
        free = self._free.get(stream.kind)
        while free:
            connection = free.pop()
            if not connection.lost:
                return connection
        made = await connect(self._places[stream.kind])
        self._all.add(made)
        return made

    def take_back(self, stream: Stream, connection: Connection) -> None:
        """Keeps it for the next request, unless each has its own."""
        if connection.lost or stream.each_time or self._places[stream.kind].each_time:
            connection.close()
            self._all.discard(connection)
        else:
            self._free.setdefault(stream.kind, []).append(connection)

    def close(self) -> None:
        """Ends all of them."""
        for connection in self._all:
            connection.close()


class Traffic:
    """A run: all streams against one contender's clients.

    Attributes:
        samples: of each stream, in the order of their ends.
        thinking: clients that think in a transaction, by their port, and since when.
    """

    def __init__(self, streams: tuple[Stream, ...], clients: Clients) -> None:
        self.samples: dict[str, list[Sample]] = {stream.kind: [] for stream in streams}
        self.thinking: dict[int, float] = {}
        self._streams = streams
        self._clients = clients
        self._began = 0.0
        self._open: dict[str, dict[object, float]] = {stream.kind: {} for stream in streams}
        self._requests: set[asyncio.Task[None]] = set()
        self._awaited: set[asyncio.Task[None]] = set()

    def waiting(self, kind: str) -> tuple[int, float]:
        """How many of a kind have no answer yet, and for how long the first of them."""
        asked = self._open[kind]
        return len(asked), self.now() - next(iter(asked.values())) if asked else 0.0

    def first_open(self, kind: str) -> float | None:
        """When the first of those of a kind asked that have no answer yet."""
        return next(iter(self._open[kind].values()), None)

    def now(self) -> float:
        """Seconds since the run began."""
        return asyncio.get_running_loop().time() - self._began

    async def run(self, seconds: float, grace_s: float) -> None:
        """Asks for `seconds`, and waits for what is critical for up to `grace_s` more.

        Meanwhile the other streams go on: whoever asked last is answered under the same load, or
        has had at least `grace_s`.
        """
        self._began = asyncio.get_running_loop().time()
        whole_s = seconds + grace_s
        tasks: list[asyncio.Task[None]] = []
        for stream in self._streams:
            end_s = min(stream.end_s or whole_s, seconds if stream.critical else whole_s)
            of_stream = [
                asyncio.create_task(self._ask_again(stream, end_s)) for _ in range(stream.clients)
            ]
            if stream.rate_per_s:
                of_stream.append(asyncio.create_task(self._come(stream, end_s)))
            tasks += of_stream
            if stream.critical or stream.once:
                self._awaited.update(of_stream)
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
            while late := {task for task in self._awaited if not task.done()}:
                left_s = whole_s - self.now()
                if left_s <= 0:
                    break
                await asyncio.wait(late, timeout=left_s)
        finally:
            await self._end([*tasks, *self._requests])

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        """Whoever still waits is noted as not answered; a mistake of ours is raised."""
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        self._clients.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _ask_again(self, stream: Stream, end_s: float) -> None:
        """One client of a closed stream."""
        await self._until(stream.begin_s)
        while self.now() < end_s:
            outcome = await self.request(stream)
            if stream.once:
                return
            if outcome != SERVED:
                await self._until(self.now() + REFUSED_PAUSE_S)

    async def _come(self, stream: Stream, end_s: float) -> None:
        """An open stream: what is late is sent at once, so that the rate holds."""
        due_s = stream.begin_s
        while due_s < end_s:
            await self._until(due_s)
            task = asyncio.create_task(self._request_alone(stream))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)
            if stream.critical:
                self._awaited.add(task)
            due_s += 1 / stream.rate_per_s

    async def _request_alone(self, stream: Stream) -> None:
        await self.request(stream)

    async def _until(self, due_s: float) -> None:
        """Waits for a moment of the run."""
        left_s = due_s - self.now()
        if left_s > 0:
            loop = asyncio.get_running_loop()
            reached = loop.create_future()
            timer = loop.call_later(left_s, _reach, reached)
            try:
                await reached
            finally:
                timer.cancel()

    async def request(self, stream: Stream) -> str:
        """One request from the wish to the answer; what became of it."""
        asked_s = self.now()
        connection: Connection | None = None
        outcome = UNANSWERED
        token = object()
        self._open[stream.kind][token] = asked_s
        try:
            connection = await self._clients.lend(stream)
            connection.notices.clear()
            await self._converse(connection, stream)
            outcome = SERVED
        except AskedInVain as error:
            outcome = error.sqlstate or "refused"
        except OSError:
            outcome = "unreachable"
        finally:
            wait_s = max(0.0, self.now() - asked_s - stream.work_s)
            del self._open[stream.kind][token]
            told_s = self._told_s(connection, asked_s)
            self.samples[stream.kind].append(Sample(asked_s, wait_s, outcome, told_s))
            if connection is not None:
                if outcome != SERVED:
                    connection.close()
                self._clients.take_back(stream, connection)
        return outcome

    async def _converse(self, connection: Connection, stream: Stream) -> None:
        if not stream.think_s:
            await connection.ask(stream.sql)
            return
        await connection.ask("BEGIN")
        await connection.ask(stream.sql)
        port = connection.port
        self.thinking[port] = self.now()
        try:
            await self._until(self.now() + stream.think_s)
        finally:
            del self.thinking[port]
        await connection.ask("COMMIT")

    def _told_s(self, connection: Connection | None, asked_s: float) -> float | None:
        """After what time it was told that those it waits for are idle in transactions."""
        told = [] if connection is None else connection.notices
        named = [moment for moment, text in told if NAMED in text]
        return named[0] - self._began - asked_s if named else None


def _reach(reached: "asyncio.Future[None]") -> None:
    if not reached.done():
        reached.set_result(None)
