"""Three ways to say who is next, behind one face: what the simulator compares.

    lanes        the scheduler of this gateway
    fifo         one queue over everything, first come first served
    pool reuse   one queue for each kind, below one cap: a server connection that becomes free goes
                 to the next of the same kind, as in poolers that keep a pool for each user

The last one needs no ill will to starve somebody: where one kind always has somebody waiting, no
other ever gets a turn.
"""

from collections import deque
from collections.abc import Iterable

from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.matching import LaneMatching, LaneRule, Origin
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Request


class Discipline:
    """Places of one budget, and those who wait for them; a request is any object of its own."""

    name = ""

    def request(self, kind: str, tenant: str) -> object:
        """One that will ask."""
        raise NotImplementedError

    def ask(self, request: object, now: float) -> bool:
        """It asks; True: it has a place at once."""
        raise NotImplementedError

    def end(self, request: object, now: float) -> object | None:
        """Its place is free; who gets it."""
        raise NotImplementedError

    def leave(self, request: object, now: float) -> None:
        """It waits no longer: its client has gone."""
        raise NotImplementedError

    def refused(self) -> list[object]:
        """Those that were refused since this was asked last."""
        return []


class Lanes(Discipline):
    """This gateway's: each kind is a user, with a lane of its name or an automatic one."""

    name = "lanes"

    def __init__(self, budget: int, policies: Iterable[LanePolicy]) -> None:
        known = list(policies)
        self.queue = LaneQueue(budget, known)
        self._matching = LaneMatching(
            known, [LaneRule(lane.name, user=lane.name) for lane in known]
        )

    def request(self, kind: str, tenant: str) -> object:
        """A request of a lane."""
        placed = self._matching.place(Origin("transaction", kind, "", tenant))
        lane = self.queue.add(placed.policy)
        return Request(lane, lane.tenants.enter(tenant), "", None, None)

    def ask(self, request: object, now: float) -> bool:
        """Takes what is free, or waits."""
        assert isinstance(request, Request)
        if self.queue.take(request, now):
            return True
        self.queue.arrive(request, now)
        lane = request.lane
        if lane.overload is not None:  # type: ignore[attr-defined]
            self.queue.relieve(lane, now)  # type: ignore[arg-type]
        return False

    def end(self, request: object, now: float) -> object | None:
        """Releases and chooses."""
        assert isinstance(request, Request)
        self.queue.release(request, now)
        following = self.queue.choose(None, request.lane, now, True)  # type: ignore[arg-type]
        if following is not None:
            self.queue.grant(following, now)
        return following

    def leave(self, request: object, now: float) -> None:
        """As a client that cancels, or closes its connection."""
        assert isinstance(request, Request)
        self.queue.leave(request, now)

    def refused(self) -> list[object]:
        """What the scheduler answered without starting it."""
        return self.queue.take_refused() if self.queue.refused else []  # type: ignore[return-value]


class Queues(Discipline):
    """First come, first served, in one queue or in one for each kind."""

    def __init__(self, budget: int, *, one: bool) -> None:
        self.name = "fifo" if one else "pool reuse"
        self._one = one
        self._free = budget
        self._waiting: dict[str, deque[tuple[str, object]]] = {}

    def request(self, kind: str, tenant: str) -> object:
        """All that matters here is its kind."""
        del tenant
        return (kind, object())

    def _queue_of(self, request: object) -> str:
        return "" if self._one else request[0]  # type: ignore[index]

    def ask(self, request: object, now: float) -> bool:
        """Takes what is free, or waits."""
        del now
        if self._free:
            self._free -= 1
            return True
        queue = self._waiting.setdefault(self._queue_of(request), deque())
        queue.append(request)  # type: ignore[arg-type]
        return False

    def end(self, request: object, now: float) -> object | None:
        """To the next of the same queue; another one's only if nobody waits there."""
        del now
        mine = self._waiting.get(self._queue_of(request))
        if mine:
            return mine.popleft()
        for queue in self._waiting.values():
            if queue:
                return queue.popleft()
        self._free += 1
        return None

    def leave(self, request: object, now: float) -> None:
        """It is searched for; such queues are short or hopeless."""
        del now
        self._waiting[self._queue_of(request)].remove(request)  # type: ignore[arg-type]
