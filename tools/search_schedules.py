"""Every schedule of small systems: `python -m tools.search_schedules`.

The bound on waiting (`pglane.scheduler.bounds`) is proved on paper. Here it is searched for a
counterexample, in the code that ships, against an adversary that owns all the rest: who arrives
when, how long each lease lasts up to what its lane allows, and who wins wherever the rules leave a
choice. Ties are his, and so is the order of shares: `Adversary` keeps who *may* be next as the
scheduler says it and chooses freely among them, so a bound that holds here does not rest on the
arithmetic of tags.

One request of one lane is watched. A state is: how long each lease lasts, how many wait, how long
the watched one has waited. All states that can be reached are visited; time is whole ticks. Lanes
that are not watched need no more than one that waits: the adversary can send the next at once.

    lanes       reservations, as in r=1,1,0
    holds       longest leases in ticks; - is without end, which the lane must then not borrow
    worst       the longest wait found, by the number of requests ahead, beside the bound
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from pglane.scheduler.lane import SHARING, STRICT, UNMET, Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Lease, Request

PATIENCE = 1e9
START = 1000.0

Waiting = tuple[int, ...]
Watched = tuple[int, int, int] | None  # requests ahead when it came, waited, bound
State = tuple[tuple[tuple[int, int], ...], Waiting, Watched]


@dataclass(frozen=True, slots=True)
class System:
    """A system to search.

    Attributes:
        places: server connections.
        reserve: of each lane.
        holds: longest lease of each lane in ticks; 0: no end.
        guard: of each lane, how much of the reservation stays free.
        watched: the lane whose request is watched.
        queue_max: requests of it that wait at once.
    """

    places: int
    reserve: tuple[int, ...]
    holds: tuple[int, ...]
    guard: tuple[int, ...] = ()
    watched: int = 0
    queue_max: int = 3

    def policies(self) -> list[LanePolicy]:
        """What the scheduler is told."""
        guard = self.guard or (0,) * len(self.reserve)
        return [
            LanePolicy(
                f"lane {number}",
                reserve=reserve,
                hold_s_max=float(hold),
                guard=kept,
                borrows=hold > 0,
                wait_s_max=PATIENCE,
                give_back_s=0.0,
            )
            for number, (reserve, hold, kept) in enumerate(
                zip(self.reserve, self.holds, guard, strict=True)
            )
        ]

    def __str__(self) -> str:
        reserve = ",".join(map(str, self.reserve))
        holds = ",".join(str(hold or "-") for hold in self.holds)
        guard = f" guard={','.join(map(str, self.guard))}" if self.guard else ""
        return f"N={self.places} r={reserve} H={holds}{guard} lane {self.watched}"


SYSTEMS = (
    System(2, (1, 0), (1, 3)),
    System(2, (1, 1), (2, 3)),
    System(3, (1, 1, 0), (2, 3, 4), queue_max=2),
    System(3, (2, 0, 0), (2, 1, 2)),
    System(3, (1, 1, 1), (3, 2, 1), queue_max=2),
    System(4, (2, 1, 0), (1, 1, 2), watched=1, queue_max=2),
    System(4, (1, 1, 0), (1, 2, 3), guard=(1, 1, 0), queue_max=2),
    System(4, (2, 1, 0), (2, 1, 2), guard=(2, 1, 0)),
    System(3, (1, 1, 0), (1, 2, 3), guard=(1, 0, 0)),
    System(3, (1, 1, 0), (1, 2, 3), guard=(0, 1, 0), queue_max=2),
    System(4, (2, 1, 0), (1, 1, 2), guard=(1, 0, 0), watched=1, queue_max=2),
    System(4, (2, 1, 0), (1, 1, 2), guard=(1, 0, 0), queue_max=2),
    System(4, (1, 1, 0), (2, 1, 0), queue_max=2),
    System(5, (2, 1, 1, 0), (1, 1, 1, 2), queue_max=2),
)
"""Small enough for every run of the tests."""
LARGER = (
    System(3, (1, 1, 0), (2, 3, 4)),
    System(3, (2, 0, 0), (2, 2, 3), queue_max=4),
    System(3, (1, 1, 1), (3, 2, 1)),
    System(4, (2, 1, 0), (2, 2, 3), watched=1),
    System(4, (1, 1, 0), (2, 2, 3), guard=(1, 1, 0)),
    System(4, (2, 1, 0), (2, 3, 3), guard=(2, 1, 0), queue_max=4),
    System(4, (1, 1, 0), (2, 2, 0)),
    System(5, (2, 1, 1, 0), (2, 1, 2, 2)),
)


class Adversary(LaneQueue):
    """Wherever the rules leave a choice `script` makes it; what there was to choose is kept."""

    def begin(self, script: list[int]) -> None:
        """The next choices."""
        self.script = script
        self.options: list[int] = []

    def by_adversary(self, lanes: list[Lane]) -> Lane | None:
        """One of several."""
        if not lanes:
            return None
        place = len(self.options)
        self.options.append(len(lanes))
        return lanes[self.script[place] if place < len(self.script) else 0]

    def unmet_first(self) -> Lane | None:
        """Any that is owed a place, not the one whose request is oldest."""
        unmet = [lane for lane in self.lanes.values() if lane.place == UNMET]
        lanes = [lane for lane in unmet if self.may_have_own(lane)]
        assert (super().unmet_first() is None) == (not lanes)
        return self.by_adversary(lanes)

    def by_shares(self) -> Lane | None:
        """Any that may share, not the one that was served least."""
        waiting = [lane for lane in self.lanes.values() if lane.place in (SHARING, STRICT)]
        lanes = [lane for lane in waiting if self.may_share(lane)]
        chosen = super().by_shares()
        assert chosen in lanes or (chosen is None and not lanes)
        return self.by_adversary(lanes)


@dataclass(slots=True)
class Found:
    """What a search found.

    Attributes:
        states: how many there are.
        worst: the longest wait by requests ahead.
        bound: what was promised, by requests ahead.
        broken: a wait beyond its bound: requests ahead, bound, and the state before.
    """

    states: int = 0
    worst: dict[int, int] = field(default_factory=dict)
    bound: dict[int, int] = field(default_factory=dict)
    broken: tuple[int, int, State] | None = None

    def waits(self) -> str:
        """As people read it: 4/5/7 of 4/6/8."""
        known = sorted(self.bound)
        worst = "/".join(str(self.worst.get(ahead, 0)) for ahead in known)
        return f"{worst} of {'/'.join(str(self.bound[ahead]) for ahead in known)}"


class Search:
    """Visits every state of a system."""

    def __init__(self, system: System, queue_class: type[Adversary] = Adversary) -> None:
        self.system = system
        self.queue = queue_class(system.places, system.policies())
        self.lanes = list(self.queue.lanes.values())
        self.tenants = [lane.tenants.enter("") for lane in self.lanes]
        self.found = Found()
        self.now = START

    def run(self) -> Found:
        """All that can be reached from an empty system, up to the first broken bound."""
        begin: State = ((), (0,) * len(self.lanes), None)
        seen = {begin}
        waiting = [begin]
        while waiting and self.found.broken is None:
            state = waiting.pop()
            for after in self.following(state):
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        self.found.states = len(seen)
        return self.found

    # What can happen -------------------------------------------------------------------------

    def following(self, state: State) -> Iterator[State]:
        """Every state that one event can lead to."""
        leases, waiting, watched = state
        for lane, age in sorted(set(leases)):
            if age:
                yield from self.outcomes(state, "end", lane, age)
        for lane in range(len(self.lanes)):
            if lane != self.system.watched:
                if not waiting[lane]:
                    yield from self.outcomes(state, "arrive", lane, 0)
            elif watched is None:
                yield from self.outcomes(state, "watch", lane, 0)
                if waiting[lane] < self.system.queue_max - 1:
                    yield from self.outcomes(state, "arrive", lane, 0)
        holds = self.system.holds
        if all(not holds[lane] or age < holds[lane] for lane, age in leases):
            yield self.ticked(state)

    def ticked(self, state: State) -> State:
        """Time passes; a lease without an end need not be told how old it is."""
        leases, waiting, watched = state
        older = [(lane, age + 1 if self.system.holds[lane] else 1) for lane, age in leases]
        if watched is not None:
            ahead, waited, bound = watched
            watched = (ahead, waited + 1, bound)
            if waited + 1 > bound:
                self.found.broken = (ahead, bound, state)
        return (tuple(sorted(older)), waiting, watched)

    def outcomes(self, state: State, event: str, lane: int, age: int) -> Iterator[State]:
        """What an event leads to, for every way to choose."""
        script: list[int] = []
        while True:
            yield self.outcome(state, event, lane, age, script)
            options = self.queue.options
            script += [0] * (len(options) - len(script))
            while script and script[-1] == options[len(script) - 1] - 1:
                script.pop()
            if not script:
                return
            script[-1] += 1

    def outcome(self, state: State, event: str, lane: int, age: int, script: list[int]) -> State:
        """Sets the state up in the scheduler, lets the event happen, reads the state off."""
        leases, watched = self.set_up(state)
        self.queue.begin(list(script))
        own: Lane | None = None
        if event == "end":
            since = self.now - age
            mine = self.lanes[lane]
            ending = next(each for each in leases if each.lane is mine and each.since == since)
            self.queue.release(ending, self.now)
            own = mine
        else:
            request = self.ask(lane, self.now)
            if event == "watch":
                watched = request
        self.decide(own)
        return self.read_off(state[2], watched)

    # Between a state and the scheduler -------------------------------------------------------

    def set_up(self, state: State) -> tuple[list[Lease], Request | None]:
        """Makes the scheduler what the state says."""
        queue = self.queue
        for lane in self.lanes:
            for request in list(lane.arrivals):
                queue.leave(request, self.now)
            for lease in list(lane.holders):
                queue.release(lease, self.now)
        leases: list[Lease] = []
        for number, age in state[0]:
            lease = Lease(self.lanes[number], self.tenants[number], None)
            queue.book(lease, self.now - age)
            leases.append(lease)
        last: Request | None = None
        for number, count in enumerate(state[1]):
            for _ in range(count):
                request = self.wait(number, self.now)
                if number == self.system.watched:
                    last = request
        return leases, last if state[2] is not None else None

    def wait(self, number: int, now: float) -> Request:
        """One that waits."""
        request = Request(self.lanes[number], self.tenants[number], "", None, None)
        self.queue.arrive(request, now)
        return request

    def ask(self, number: int, now: float) -> Request:
        """One that arrives: it has a place at once, or waits."""
        request = Request(self.lanes[number], self.tenants[number], "", None, None)
        if not self.queue.take(request, now):
            self.queue.arrive(request, now)
        return request

    def decide(self, own: Lane | None) -> None:
        """Grants what can be granted."""
        while True:
            request = self.queue.choose(None, own, self.now, True)
            if request is None:
                return
            self.queue.grant(request, self.now)
            own = None

    def read_off(self, before: Watched, request: Request | None) -> State:
        """The state that the scheduler is in."""
        leases = [
            (number, int(self.now - lease.since))
            for number, lane in enumerate(self.lanes)
            for lease in lane.holders
        ]
        waiting = tuple(lane.waiting for lane in self.lanes)
        watched = before
        if request is not None and request.held:
            if before is not None:
                ahead, waited, _bound = before
                self.found.worst[ahead] = max(self.found.worst.get(ahead, 0), waited)
            watched = None
        elif request is not None and before is None:
            bound = round(self.lanes[self.system.watched].bound_s(request))
            ahead = request.ahead
            self.found.bound[ahead] = max(self.found.bound.get(ahead, 0), bound)
            watched = (ahead, 0, bound)
        return (tuple(sorted(leases)), waiting, watched)


def main() -> int:
    """Prints every system; 1 if a bound is broken."""
    broken = 0
    print(f"{'system':<44} {'states':>8}  longest wait of bound, by requests ahead")
    for system in SYSTEMS + LARGER:
        found = Search(system).run()
        print(f"{system!s:<44} {found.states:>8}  {found.waits()}")
        if found.broken is not None:
            broken += 1
            ahead, bound, state = found.broken
            print(f"    BROKEN: {ahead} ahead, bound {bound}, waits longer in {state}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
