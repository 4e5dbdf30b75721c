"""Shared pipelines: reads of several clients on one server connection, back to back.

Where clients wait for one, a read that was proved to be repeatable (`wire.repeatable`) is sent on
behind another one that is being answered: it *follows*. PostgreSQL answers in order, so what comes
first is for the client that holds the server connection, until ReadyForQuery; then the first
follower holds it. The database never waits for us between two reads, and its system calls carry
several of them.

**Whatever is out of the ordinary ends it**: who follows *falls back*, which is to wait again in
its old place, with its request as it came. The read that was sent is run by the server all the
same, and its answer is nobody's (`Exchange.drops_one`); that it runs twice is nobody's loss,
because it was proved that it leaves nothing. Nobody waits for it: who is answered before gives the
server connection back, which is idle when all that is nobody's is done, and is closed where that
takes longer than `DRAIN_S`. So falls back

* who follows a read that is not answered within `DRAIN_S`: it waits for a lock, or reads much.
  Its lane has no pipelines then for a while, which doubles each time. Where all stood still, us
  too, nobody falls back for that;
* who follows a read that left more than an answer, or a client that is cancelled or gone;
* who follows on a server connection that is lost, cancelled, paused, drained or too old;
* who would find other settings there, or other names in the catalogs, than when it was sent.

A client that holds a server connection which others follow sends nothing more there, and never in
a transaction. No cancel is sent while somebody follows: it might hit the wrong read.

The rules are those of shared pipelines in the protocol research, part B, for reads only.
"""

from functools import partial
from typing import TYPE_CHECKING

from pglane.doors import following
from pglane.engine.server_link import LeaseHolder, ServerLink

if TYPE_CHECKING:
    from pglane.connection.requests import ClientRequests
    from pglane.connection.traffic import Traffic
    from pglane.doors.lease import LeaseDesk
    from pglane.engine.database import Database
    from pglane.engine.loop import Loop, Timer
    from pglane.scheduler.lane import Lane
    from pglane.scheduler.request import Request

DRAIN_S = 0.020
"""How long somebody may follow before its read is the next to be answered."""
USUAL_SHARE = 0.5
"""As many follow as are usually answered within this part of it."""
LEARNED_MIN = 100
"""Leases of a lane after which it is known how long they usually take."""
PAUSE_S_MIN = 0.5
PAUSE_S_MAX = 60.0
"""After somebody fell back for the time it took."""
WELL_TIMES = 4.0
"""A lane that was well for so many times its last pause begins anew."""

# Compiled, these are C numbers that Python code cannot see.
_USUAL_SHARE: float = USUAL_SHARE
_BIND: int = 0x42
_NO_PAUSE = (0.0, 0.0)


class Serving:
    """Whether a database serves its clients; a base class, so that compiled code reads C here.

    Attributes:
        draining: no new leases; it ends when the last one does.
        paused: nobody gets a server connection until RESUME.
        unread: DDL of a client has taken effect that the monitor has not read yet.
    """

    __slots__ = ("draining", "paused", "unread")

    def __init__(self) -> None:
        self.draining = False
        self.paused = False
        self.unread = False


class Follower:
    """A client whose read was sent on behind another one's.

    Attributes:
        client: who.
        unit_bytes: the first so many of what it sent are on their way.
        since: when they were sent, in seconds of the clock.
    """

    __slots__ = ("client", "since", "unit_bytes")

    def __init__(self, client: LeaseHolder, unit_bytes: int, since: float) -> None:
        self.client = client
        self.unit_bytes = unit_bytes
        self.since = since


class Pipelines:
    """Those of one database.

    Attributes:
        depth: so many may follow on one server connection; 0: none do.
        drain_s: how long one may follow.
        following: so many do now, on all server connections.
        learned_min: leases of a lane after which it is known how long they take.
    """

    __slots__ = (
        "_database", "_desk", "_fed", "_loop", "_pauses", "_timer", "_traffic",
        "depth", "drain_s", "following", "learned_min",
    )  # fmt: skip

    def __init__(self, database: "Database", depth: int) -> None:
        self._database: Database = database
        self._desk: LeaseDesk = database.desk
        self._loop: Loop = database.loop
        self._traffic: Traffic = database.traffic
        self._fed: dict[ServerLink, Follower | None] = {}
        self.following = 0
        self._pauses: dict[object, tuple[float, float]] = {}
        self._timer: Timer | None = None
        self.depth = depth
        self.drain_s = DRAIN_S
        self.learned_min = LEARNED_MIN

    def apply(self, depth: int) -> None:
        """Settings were read: so many may follow from now on, in each lane."""
        self.depth = depth
        self._pauses.clear()

    # Who follows ---------------------------------------------------------------------------

    def feed(self, server: ServerLink) -> None:
        """Those who are next follow what is in flight on a server connection, as far as may be."""
        followers = server.followers
        if len(followers) >= self.depth or not self._desk.queue.waiting:
            return
        depth = self._depth_of(server) if _may_be_followed(server) else 0
        now = self._loop.now
        while len(followers) < depth:
            request = following.next_follower(self._desk, server.slot, now)
            if request is None:
                break
            client: LeaseHolder = request.client  # type: ignore[assignment]
            unit = client.unit_behind(server)
            if unit is None:
                break
            self._follow(client, request, server, unit)
        if followers and not server.exchange.shared:
            server.exchange.shared = True
            self._fed[server] = None
            self._watch()

    def _follow(
        self, client: LeaseHolder, request: "Request", server: ServerLink, unit: bytes
    ) -> None:
        now = self._loop.now
        following.follow(self._desk, server.slot, request, now)
        client.follows = server
        server.followers.append(Follower(client, client.requests.reader.size, now))
        self.following += 1
        server.transport.write(unit)
        self._traffic.pipelined += 1

    def _depth_of(self, server: ServerLink) -> int:
        """How many may follow there, by what the lane is like that has the place."""
        database, now = self._database, self._loop.now
        if database.draining or database.paused or database.unread or now >= server.expires:
            return 0
        lease = server.slot.lease
        if lease is None:
            return 0
        lane: Lane = lease.lane  # type: ignore[attr-defined]
        if lane.learned < self.learned_min:
            return 0
        if self._pauses and self._pauses.get(lane, _NO_PAUSE)[0] > now:
            return 0
        depth = self._share(lane)
        within_s = self.drain_s * _USUAL_SHARE
        if lane.usual_s * depth > within_s:
            depth = int(within_s / lane.usual_s)
        return min(depth, self.depth)

    def _share(self, lane: "Lane") -> int:
        """How many may follow on each: none has many while another is soon without work."""
        busy = max(lane.busy, 1)
        return (self._desk.queue.waiting + self.following + busy - 1) // busy

    # Whose turn it is ----------------------------------------------------------------------

    def next_turn(self, server: ServerLink) -> None:
        """All that was owed before the first follower is answered: it holds the connection now."""
        first: Follower = server.followers[0]
        client = first.client
        database = self._database
        if database.draining or database.paused or not client.finds_all(server):
            self.fall_back(server)
            database.release(server)
            return
        del server.followers[0]
        self.following -= 1
        server.exchange.shared = bool(server.followers)
        client.follows = None
        self._desk.queue.comes_up(client.request, self._loop.now)  # type: ignore[arg-type]
        if _takes_turn(client, server, first.unit_bytes):
            self.feed(server)
        else:  # names mean something else by now: it is looked at as any other request
            server.exchange.drops_one()
            self.fall_back(server)
            client.release(server)

    # Whoever may not follow any more -------------------------------------------------------

    def fall_back(self, server: ServerLink) -> None:
        """All who follow on it wait again."""
        self._end(server, None)

    def drop(self, client: LeaseHolder) -> None:
        """It follows, and asks no more; who follows with it falls back."""
        server = client.follows
        if server is not None:
            self._end(server, client)

    def _end(self, server: ServerLink, gone: LeaseHolder | None) -> None:
        followers: list[Follower] = server.followers
        if not followers:
            return
        server.followers = []
        self.following -= len(followers)
        server.exchange.shared = False
        now = self._loop.now
        waiting: list[Request] = []
        for follower in followers:
            client = follower.client
            server.exchange.drops_one()
            client.follows = None
            request: Request = client.request  # type: ignore[assignment]
            if client is not gone:
                waiting.append(request)
                continue
            client.request = None
            if request.held:
                self._desk.queue.release(request, now)
        self._traffic.fell_back += len(waiting)
        head = server.client.lease if server.client is not None else None
        self._database.perform(following.fall_back(self._desk, server.slot, head, waiting, now))
        self._database.arm_tick()

    def bound(self, server: ServerLink) -> None:
        """All that it still runs are reads that are nobody's: not for long."""
        self._loop.call_later(self.drain_s, partial(self._cut, server))

    def _cut(self, server: ServerLink) -> None:
        exchange = server.exchange
        if server.closing or not exchange.drops():
            return
        if not exchange.is_settled():
            self.bound(server)
            return
        client: LeaseHolder | None = server.client
        if client is not None:  # what its answer left ends with the server connection
            client.release(server)
        self._database.close(server)

    def requests(self) -> "list[Request]":
        """Those of all who follow, in the order in which each server connection has them."""
        return [each.client.request for server in self._fed for each in server.followers]  # type: ignore[misc]

    # Time ----------------------------------------------------------------------------------

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self.drain_s / 2, self._look)

    def _look(self) -> None:
        """Who has followed for too long falls back; its lane has no pipelines for a while.

        It was seen before: a look that comes late, because the machine had no time for us, had
        none for the server either.
        """
        self._timer = None
        now = self._loop.now
        for server, seen in list(self._fed.items()):
            if not server.followers:
                del self._fed[server]
                continue
            first: Follower = server.followers[0]
            if first is seen:
                self._pause(server.slot.lease.lane)  # type: ignore[attr-defined]
                self.fall_back(server)
            else:
                self._fed[server] = first if now - first.since > self.drain_s / 2 else None
        if self._fed:
            self._watch()

    def _pause(self, lane: object) -> None:
        now = self._loop.now
        until, pause_s = self._pauses.get(lane, _NO_PAUSE)
        if now - until > pause_s * WELL_TIMES:
            pause_s = 0.0
        pause_s = min(max(pause_s * 2, PAUSE_S_MIN), PAUSE_S_MAX)
        self._pauses[lane] = (now + pause_s, pause_s)

    def stop(self) -> None:
        """The database is used no more."""
        if self._timer is not None:
            self._timer.cancel()


def _may_be_followed(server: ServerLink) -> bool:
    """Whether one read that is repeatable is in flight, and nothing else is going on."""
    client: LeaseHolder | None = server.client
    if client is None or not server.is_usual() or not client.may_be_followed():
        return False
    exchange = server.exchange
    return exchange.outstanding() > 0 and exchange.leaves_only_answers()


def _takes_turn(client: LeaseHolder, server: ServerLink, unit_bytes: int) -> bool:
    """The client holds the server connection, where its request was sent before.

    False: what was sent for it does not do any more; its request is still to be sent.
    """
    client.comes_up(server)
    requests: ClientRequests = client.requests
    reader = requests.reader
    came = reader.take_all()
    unit, rest = came, b""
    if len(came) > unit_bytes:
        unit, rest = came[:unit_bytes], came[unit_bytes:]
    if unit[0] == _BIND:
        noted = requests.rebinds(unit, unit_bytes, server.exchange) is not None
    else:
        noted = requests.begins_with(unit, unit_bytes, server.exchange)
    reader.drop()
    if not noted:
        rest = came
    if rest:
        reader.feed(rest)
    client.note_kept()
    return noted
