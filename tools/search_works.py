"""Every schedule of a few works that need several places at once: `python -m tools.search_works`.

That works with a golden ticket always finish is told in `pglane.scheduler.golden`. Here it is
searched for a counterexample, in the code that ships, against an adversary who owns all the rest:
who asks when, which of its places a work gives back and when, whether it asks again after that,
and what strangers without a work do meanwhile.

All states that can be reached are visited. A state is *stuck* if somebody waits and nobody who has
a place could give one back: every one of those waits himself.

    needs       the most places that each work has at once, one number a work
    lanes       nested and reserve of each
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Lease, Request

PATIENCE = 1e9
START = 1000.0

Place = tuple[int, bool]  # lane, on the ticket
Body = tuple[tuple[Place, ...], int]  # what a work has; the lane it waits in, or -1
State = tuple[tuple[Body, ...], tuple[int, ...]]  # works; those that wait, in their order


@dataclass(frozen=True, slots=True)
class Crowd:
    """Works to search.

    Attributes:
        places: server connections.
        needs: the most that each work has at once; a stranger without a work has one.
        lanes: nested and reserve of each lane.
        strangers: how many of the works have no name.
    """

    places: int
    needs: tuple[int, ...]
    lanes: tuple[tuple[int, int], ...] = ((2, 0),)
    strangers: int = 0

    def policies(self) -> list[LanePolicy]:
        """What the scheduler is told."""
        return [
            LanePolicy(f"lane {n}", nested=nested, reserve=reserve, wait_s_max=PATIENCE)
            for n, (nested, reserve) in enumerate(self.lanes)
        ]

    def __str__(self) -> str:
        needs = ",".join(map(str, self.needs))
        lanes = ",".join(f"{nested}/{reserve}" for nested, reserve in self.lanes)
        return f"N={self.places} needs={needs} lanes={lanes}"


CROWDS = (
    Crowd(2, (2, 2)),
    Crowd(2, (2, 2, 2)),
    Crowd(3, (2, 2, 2)),
    Crowd(3, (3, 3), ((3, 0),)),
    Crowd(3, (2, 2, 1), strangers=1),
    Crowd(3, (2, 2, 2), ((2, 1),)),
    Crowd(4, (2, 2, 2), ((2, 0), (2, 1))),
    Crowd(4, (3, 3, 2), ((3, 0),)),
    Crowd(4, (2, 2, 2, 2), ((2, 1),)),
)
"""Small enough for every run of the tests."""
LARGER = (
    Crowd(4, (2, 2, 2, 2)),
    Crowd(4, (3, 3, 3), ((3, 0),)),
    Crowd(4, (2, 2, 2, 1), ((2, 1), (1, 0)), strangers=1),
)


@dataclass(slots=True)
class Found:
    """What a search found.

    Attributes:
        states: how many there are.
        golden: places on tickets, over all of them.
        stuck: one in which nobody can go on.
        finished: works that had all that they needed.
    """

    states: int = 0
    golden: int = 0
    stuck: State | None = None
    finished: set[int] = field(default_factory=set)


class Search:
    """Visits every state of a crowd."""

    def __init__(self, crowd: Crowd, queue_class: type[LaneQueue] = LaneQueue) -> None:
        self.crowd = crowd
        self.queue_class = queue_class
        self.found = Found()
        self.now = START

    def run(self) -> Found:
        """All that can be reached from an empty pool, up to the first that is stuck."""
        begin: State = (tuple(((), -1) for _ in self.crowd.needs), ())
        seen = {begin}
        waiting = [begin]
        while waiting and self.found.stuck is None:
            state = waiting.pop()
            for after in self.following(state):
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
                    self.look(after)
        self.found.states = len(seen)
        return self.found

    def look(self, state: State) -> None:
        """Whether anybody can go on."""
        bodies, line = state
        self.found.golden += sum(golden for has, _ in bodies for _, golden in has)
        self.found.finished |= {
            number
            for number, (has, _) in enumerate(bodies)
            if len(has) == self.crowd.needs[number]
        }
        if line and not any(has and waits < 0 for has, waits in bodies):
            self.found.stuck = state

    def following(self, state: State) -> Iterator[State]:
        """Every state that one event can lead to."""
        for number, (has, waits) in enumerate(state[0]):
            if waits >= 0:
                continue
            if len(has) < self.crowd.needs[number]:
                yield self.outcome(state, number, number % len(self.crowd.lanes), None)
            for place in sorted(set(has)):
                yield self.outcome(state, number, -1, place)

    def outcome(self, state: State, number: int, lane: int, place: Place | None) -> State:
        """Sets the state up in the scheduler; a work asks in a lane, or gives a place back."""
        queue, leases, waiting = self.set_up(state)
        own = None
        if place is None:
            request = self.request(queue, number, lane)
            leases[number].append(request)
            if not queue.take(request, self.now):
                queue.arrive(request, self.now)
                waiting.append((number, request))
        else:
            ending = next(each for each in leases[number] if self.place_of(queue, each) == place)
            leases[number].remove(ending)
            own = ending.lane
            queue.release(ending, self.now)
        while (chosen := queue.choose(None, own, self.now, True)) is not None:  # type: ignore[arg-type]
            queue.grant(chosen, self.now)
            own = None
        return self.read_off(queue, leases, waiting)

    # Between a state and the scheduler -------------------------------------------------------

    def set_up(
        self, state: State
    ) -> tuple[LaneQueue, list[list[Request]], list[tuple[int, Request]]]:
        """A scheduler that is in the state; a ticket is used while ordinary places are full."""
        queue = self.queue_class(self.crowd.places, self.crowd.policies())
        leases: list[list[Request]] = [[] for _ in state[0]]
        bare = [n for n, (has, _) in enumerate(state[0]) if has and all(has_ticket(has))]
        for number in bare:  # a rule is missing: for a moment it has another place
            helper = self.request(queue, number, number % len(self.crowd.lanes))
            queue.book(helper, self.now)
            self.book(queue, state, number, leases, on_ticket=True)
            queue.release(helper, self.now)
        for number in range(len(state[0])):
            self.book(queue, state, number, leases, on_ticket=False)
        for number in range(len(state[0])):
            if number not in bare:
                self.book(queue, state, number, leases, on_ticket=True)
        waiting: list[tuple[int, Request]] = []
        for number in state[1]:
            request = self.request(queue, number, state[0][number][1])
            queue.arrive(request, self.now)
            leases[number].append(request)
            waiting.append((number, request))
        return queue, leases, waiting

    def book(
        self,
        queue: LaneQueue,
        state: State,
        number: int,
        leases: list[list[Request]],
        *,
        on_ticket: bool,
    ) -> None:
        """The places of a work that are ordinary, or those on a ticket: while others are full."""
        fillers: list[Lease] = []
        for lane, golden in state[0][number][0]:
            if golden == on_ticket:
                where = queue.lanes[f"lane {lane}"]
                while on_ticket and queue.admits(where):
                    fillers.append(Lease(where, where.tenants.enter(""), None))
                    queue.book(fillers[-1], self.now)
                request = self.request(queue, number, lane)
                queue.book(request, self.now)
                assert request.golden == golden
                leases[number].append(request)
        for filler in fillers:
            queue.release(filler, self.now)

    def request(self, queue: LaneQueue, number: int, lane: int) -> Request:
        """One of a work."""
        where = queue.lanes[f"lane {lane}"]
        request = Request(where, where.tenants.enter(""), "", None, number)
        if number < len(self.crowd.needs) - self.crowd.strangers:
            request.stamp = ("", str(number))
        return request

    @staticmethod
    def place_of(queue: LaneQueue, request: Request) -> Place:
        """What a lease has, as a state says it."""
        return list(queue.lanes.values()).index(request.lane), request.golden  # type: ignore[arg-type]

    def read_off(
        self, queue: LaneQueue, leases: list[list[Request]], waiting: list[tuple[int, Request]]
    ) -> State:
        """The state that the scheduler is in."""
        bodies: list[Body] = []
        for mine in leases:
            has = tuple(sorted(self.place_of(queue, each) for each in mine if each.held))
            asked = [self.place_of(queue, each)[0] for each in mine if not each.held]
            bodies.append((has, asked[0] if asked else -1))
        return tuple(bodies), tuple(number for number, each in waiting if not each.held)


def has_ticket(places: tuple[Place, ...]) -> list[bool]:
    """Of each place whether it is on a ticket."""
    return [golden for _, golden in places]


def main() -> int:
    """Prints every crowd; 1 if one can be stuck."""
    stuck = 0
    print(f"{'crowd':<44} {'states':>8}  with places on tickets")
    for crowd in CROWDS + LARGER:
        found = Search(crowd).run()
        print(f"{crowd!s:<44} {found.states:>8}  {found.golden}")
        if found.stuck is not None:
            stuck += 1
            print(f"    STUCK: {found.stuck}")
    return 1 if stuck else 0


if __name__ == "__main__":
    sys.exit(main())
