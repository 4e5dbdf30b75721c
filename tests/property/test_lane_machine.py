"""The scheduler under any sequence of events keeps ten promises.

 1. Conservation: each place is in the books of one lease, and the sums agree with the leases.
 2. No lane and no door has more than its limit.
 3. No place is free beside somebody who may have it.
 4. What is guarded is free after every grant beyond a reservation, and after each grant to others
    where nothing of the reservation is lent.
 5. A lane that is owed a place is never passed over, and the one whose lease ended comes first.
 6. Leases without an end never sit on what is reserved.
 7. Nobody waits longer than the bound for a place, where one is promised: since it asked, or since
    the lanes were changed.
 8. Nobody is granted anything after nine tenths of its time.
 9. A tenant is served in the order in which it asked, but for requests of works. Who continues a
    work goes before newcomers of its lane, but for one after many; only who has a place does.
10. After everybody has left, all places are free and nothing is remembered.
11. Who is refused because others wait too long is of a lower rank than they, or one of them; it
    was its tenant's newest, but for retries; it had nothing coming and was not work that goes on.
    Nobody of a lane within its reservation is, and no lower rank goes free. As many still wait as
    the lane has places.
12. A place of a golden ticket is given where no other can be had, to one work at a time that has
    a place already; no such work waits beside one that is free.

Leases that are recalled end within what that takes: that is what the bound assumes.
"""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pglane.scheduler.lane import CONTINUED_MAX, Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.policy import GIVE_BACK_S, DoorPolicy, LanePolicy
from pglane.scheduler.reasons import RefusedBecause
from pglane.scheduler.request import Lease, Request

PICK = st.integers(min_value=0)
TENANTS = ("web", "cron", "shop")
WORKS = st.sampled_from(("", "", "cart", "mail"))
BOUNDED = (
    LanePolicy("otp", reserve=1, hold_s_max=1.0, wait_s_max=60.0, rank=9),
    LanePolicy("mail", reserve=2, guard=1, hold_s_max=0.5, wait_s_max=60.0),
    LanePolicy("kept", reserve=1, lends=False, hold_s_max=2.0, wait_s_max=60.0),
    LanePolicy("browse", hold_s_max=1.5, limit=3, wait_s_max=8.0, shed_after_s=0.05, nested=2),
    LanePolicy("session", door="session", borrows=False, wait_s_max=8.0),
)
RECALLED = (
    LanePolicy(
        "otp", reserve=2, hold_s_max=1.0, borrow_hold_s=0.3, wait_s_max=60.0, rank=9, nested=2
    ),
    LanePolicy("mail", reserve=1, guard=1, hold_s_max=0.5, wait_s_max=60.0),
    LanePolicy("kept", reserve=1, lends=False, hold_s_max=2.0, wait_s_max=60.0),
    LanePolicy("browse", wait_s_max=8.0, shed_after_s=0.2, rank=7),
    LanePolicy("session", door="session", reserve=1, borrows=False, wait_s_max=8.0),
)
NAMES = tuple(policy.name for policy in BOUNDED)
CONFIGURATIONS = ((6, BOUNDED, 3), (7, RECALLED, 2), (5, RECALLED, 3), (3, BOUNDED, 3))
OPENING_S = 0.05
"""Within which a server connection is opened; that a lease is lent counts from then on."""


class LaneMachine(RuleBasedStateMachine):
    """Plays everybody: clients, server connections, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        budget, lanes, door = CONFIGURATIONS[0]
        self.queue = LaneQueue(budget, lanes, (DoorPolicy("session", door),), waiting_max=40)
        self.waiting: list[Request] = []
        self.booked: dict[Lease, float] = {}  # when the place was booked, claims included
        self.coming: list[Request] = []
        self.recalled: dict[Lease, float] = {}
        self.was_refused: list[Request] = []
        self.lowered = False

    # The books, from the leases alone ---------------------------------------------------------

    def lanes(self) -> list[Lane]:
        return list(self.queue.lanes.values())

    def busy(self, lane: Lane) -> int:
        return sum(lease.lane is lane and not lease.golden for lease in self.booked)

    def on_ticket(self, lane: Lane) -> list[Lease]:
        return [lease for lease in self.booked if lease.lane is lane and lease.golden]

    def tickets(self) -> int:
        return sum(lane.golden_max for lane in self.lanes())

    def has(self, stamp: object) -> list[Lease]:
        return [lease for lease in self.booked if stamp is not None and lease.stamp == stamp]

    def missing(self, lane: Lane) -> int:
        return max(lane.reserve - self.busy(lane), 0)

    def guarded(self) -> int:
        kept = sum(min(lane.kept_free, self.missing(lane)) for lane in self.lanes())
        return kept + sum(lane.golden_max - len(self.on_ticket(lane)) for lane in self.lanes())

    def endless(self) -> int:
        beyond = [(lane, self.busy(lane) - lane.reserve) for lane in self.lanes()]
        return sum(max(more, 0) for lane, more in beyond if not lane.borrows)

    def door_is_full(self, lane: Lane) -> bool:
        group = lane.group
        inside = [each for each in self.lanes() if each.group is group]
        return sum(lease.lane in inside for lease in self.booked) >= group.limit

    def of_lane(self, lane: Lane) -> list[Request]:
        return [request for request in self.waiting if request.lane is lane]

    def has_room(self, lane: Lane) -> bool:
        free = self.queue.budget.limit - len(self.booked)
        return free > 0 and self.busy(lane) < lane.limit and not self.door_is_full(lane)

    def may_have(self, lane: Lane) -> bool:
        free = self.queue.budget.limit - len(self.booked)
        if not self.has_room(lane):
            return False
        if self.missing(lane):
            own = min(lane.kept_free, self.missing(lane))
            return lane.kept_free >= lane.reserve or free - 1 >= self.guarded() - own
        return self.may_borrow(lane, free)

    def may_borrow(self, lane: Lane, free: int) -> bool:
        if free - 1 < self.guarded():
            return False
        reserved = sum(each.reserve + each.golden_max for each in self.lanes())
        inside = [each for each in self.lanes() if each.group is lane.group]
        doors = sum(each.reserve for each in inside)
        return lane.borrows or (
            self.endless() + 1 <= self.queue.budget.limit - reserved
            and self.endless() + 1 <= lane.group.limit - doors
        )

    def may_have_ticket(self, request: Request) -> bool:
        lane, budget = request.lane, self.queue.budget.limit
        assert isinstance(lane, Lane)
        golden = self.on_ticket(lane)
        if not request.continues or len(golden) >= lane.golden_max or self.door_is_full(lane):
            return False
        if any(lease.stamp != request.stamp for lease in golden):
            return False
        return len(self.booked) < budget

    # Decisions --------------------------------------------------------------------------------

    def decide(self, own: Lane | None, claims: bool) -> None:
        while True:
            request = self.queue.choose(None, own, self.now, True)
            self.collect(self.queue.take_refused())
            if request is None:
                return
            self.rightly_chosen(request, own)
            self.waiting.remove(request)
            golden = not self.may_have(request.lane) and self.may_have_ticket(request)  # type: ignore[arg-type]
            if claims:
                self.queue.claim(request, self.now)
                self.coming.append(request)
            else:
                self.queue.grant(request, self.now)
            assert request.golden == golden
            self.booked[request] = self.now
            own = None

    def rightly_chosen(self, request: Request, own: Lane | None) -> None:
        lane = request.lane
        assert isinstance(lane, Lane)
        again = own is not None and self.missing(own) and self.of_lane(own) and self.has_room(own)
        assert self.now < request.expires  # 8
        if not again and not self.may_have(lane):  # 12
            assert self.may_have_ticket(request)
            assert not any(self.may_have(each) for each in self.lanes() if self.of_lane(each))
            return
        assert not again or lane is own  # 5; what may be of 2, 4 and 6 is in `may_have`
        waiting = self.of_lane(lane)
        if request.stamp is None:
            same = [each for each in waiting if each.tenant is request.tenant]
            assert next(each for each in same if each.stamp is None) is request  # 9
        if not request.continues and any(each.continues for each in waiting):
            assert lane.continued >= CONTINUED_MAX
        owed = [
            each
            for each in self.lanes()
            if self.missing(each) and self.of_lane(each) and self.may_have(each)
        ]
        assert again or not owed or lane in owed  # 5
        bound_s = lane.bound_s(request)
        if bound_s >= 0.0:
            bound_s += OPENING_S if lane.takes_back else 0.0
            assert self.now - request.judged_since <= bound_s + 1e-6  # 7

    def collect(self, refused: list[Request]) -> None:
        for request in refused:
            assert request.refused is not None
            self.was_refused.append(request)
            if request in self.coming:
                self.coming.remove(request)  # its place stays booked until it is ready
            elif request in self.waiting:
                self.waiting.remove(request)

    def free(self, lease: Lease, claims: bool) -> None:
        """The place of a lease is free, one way or another."""
        del self.booked[lease]
        self.recalled.pop(lease, None)
        self.queue.release(lease, self.now)
        lane = lease.lane
        assert isinstance(lane, Lane)
        self.decide(lane, claims)

    # What happens -----------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(NAMES),
        tenant=st.sampled_from(TENANTS),
        claims=st.booleans(),
        work=WORKS,
    )
    def somebody_asks(self, name: str, tenant: str, claims: bool, work: str = "") -> None:
        lane = self.queue.lanes[name]
        request = Request(lane, lane.tenants.enter(tenant), "", None, None)
        request.stamp = ("", work) if work else None
        may_have = self.may_have(lane)
        others = [each for each in self.waiting if each.stamp is not None]
        if self.queue.take(request, self.now):
            assert may_have
            assert not any(each.stamp == request.stamp for each in others) or not self.tickets()
            self.booked[request] = self.now
            return
        self.waiting.append(request)
        self.queue.arrive(request, self.now)
        self.collect(self.queue.take_refused())
        if lane.overload is not None:
            self.relieve(lane)
        self.decide(None, claims)

    @rule(tenants=st.lists(st.sampled_from(TENANTS), min_size=2, max_size=4))
    def a_crowd_comes(self, tenants: list[str]) -> None:
        """For two seconds, again and again, so that waits are too long."""
        for _ in range(8):
            for tenant in tenants:
                self.somebody_asks("browse", tenant, False)
            self.time_passes(0.25, False)

    @precondition(lambda self: self.was_refused)
    @rule(pick=PICK, claims=st.booleans())
    def somebody_tries_again(self, pick: int, claims: bool) -> None:
        request = self.was_refused.pop(pick % len(self.was_refused))
        if request.held:
            return
        self.waiting.append(request)
        served = request.since > request.arrived
        self.queue.arrive(request, self.now)
        assert bool(request.attempt) is not served
        self.collect(self.queue.take_refused())
        self.decide(None, claims)

    def relieve(self, lane: Lane) -> None:
        """Some may be refused for how long others wait."""
        before = {each: self.of_lane(each) for each in self.lanes()}
        within = [each for each in self.lanes() if each.reserve and self.is_within(each)]
        owed = bool(self.missing(lane))
        self.queue.relieve(lane, self.now)
        refused = self.queue.take_refused()
        for request in refused:
            assert request.refused is RefusedBecause.OVERLOADED  # 11, and all that follows
            assert request.lane is lane or request.lane.rank < lane.rank  # type: ignore[attr-defined]
            assert request.lane not in within
            assert request.lane is not lane or not owed
            assert request not in self.coming
            assert not request.continues
        self.collect(refused)
        if any(request.lane is lane for request in refused):
            assert len(self.of_lane(lane)) >= min(self.busy(lane), lane.limit)
        for each, waited in before.items():
            left = self.of_lane(each)
            for request in set(waited) - set(left):
                newer = waited[waited.index(request) + 1 :]
                same = [other for other in newer if other.tenant is request.tenant]
                same = [other for other in same if other.stamp is None]
                assert request.attempt or request.stamp or not set(same) & set(left)
        ranks = [request.lane.rank for request in refused]  # type: ignore[attr-defined]
        assert ranks == sorted(ranks)

    def is_within(self, lane: Lane) -> bool:
        """Whether it has no more than is promised to it, and no less in time."""
        oldest = lane.arrivals.first
        if lane.suspended or self.busy(lane) > lane.reserve or oldest is None:
            return False
        bound_s = lane.bound_s(oldest)
        return bound_s < 0.0 or self.now - oldest.arrived <= bound_s

    @precondition(lambda self: self.ended())
    @rule(pick=PICK, claims=st.booleans())
    def a_lease_ends(self, pick: int, claims: bool) -> None:
        ended = self.ended()
        self.free(ended[pick % len(ended)], claims)

    def ended(self) -> list[Lease]:
        """Leases that may end, and places of claims whose clients are gone."""
        return [lease for lease in self.booked if lease not in self.coming]

    @precondition(lambda self: self.coming)
    @rule(pick=PICK)
    def a_server_connection_is_ready(self, pick: int) -> None:
        self.queue.grant(self.coming.pop(pick % len(self.coming)), self.now)

    @precondition(lambda self: self.coming)
    @rule(pick=PICK, claims=st.booleans())
    def a_server_connection_cannot_be_opened(self, pick: int, claims: bool) -> None:
        request = self.coming.pop(pick % len(self.coming))
        del self.booked[request]
        self.recalled.pop(request, None)
        self.queue.unclaim(request, self.now)
        self.waiting.append(request)
        self.waiting.sort(key=lambda each: each.arrived)
        lane = request.lane
        assert isinstance(lane, Lane)
        self.decide(lane, claims)

    @precondition(lambda self: self.waiting or self.coming)
    @rule(pick=PICK)
    def somebody_leaves(self, pick: int) -> None:
        everybody = self.waiting + self.coming
        request = everybody[pick % len(everybody)]
        self.queue.leave(request, self.now)
        (self.waiting if request in self.waiting else self.coming).remove(request)

    @rule(after_s=st.sampled_from([0.001, 0.05, 0.3, 1.0, 9.0]), claims=st.booleans())
    def time_passes(self, after_s: float, claims: bool) -> None:
        """Up to the next thing that must happen, again and again."""
        until = self.now + after_s
        while True:
            due = self.queue.next_due()
            times = [self.ends_at(lease) for lease in self.booked]
            times += [self.booked[request] + OPENING_S for request in self.coming]
            then = max(min([*times, until if due is None else due]), self.now)
            if then > until or (then == until and not times and due is None):
                break
            self.now = then
            if due is not None and due <= then:
                self.the_clock_strikes()
            opened = [each for each in self.coming if self.booked[each] + OPENING_S <= then]
            for request in opened:
                self.a_server_connection_is_ready(self.coming.index(request))
            over = [lease for lease in self.booked if self.ends_at(lease) <= then]
            for lease in over:
                if lease in self.booked and self.ends_at(lease) <= then:
                    self.free(lease, claims)
            again = self.queue.next_due()
            if then >= until and not over and not opened and (again is None or again > until):
                break
        self.now = until

    def the_clock_strikes(self) -> None:
        self.collect(self.queue.expired(self.now))
        for lease in self.queue.recall(self.now):
            self.recalled[lease] = self.now

    def ends_at(self, lease: Lease) -> float:
        """When it must have ended: nothing ends it but a recall, which takes its time."""
        if lease not in self.recalled:
            return float("inf")
        return self.recalled[lease] + GIVE_BACK_S

    @rule(number=st.integers(0, len(CONFIGURATIONS) - 1), claims=st.booleans())
    def the_configuration_changes(self, number: int, claims: bool) -> None:
        budget, lanes, door = CONFIGURATIONS[number]
        self.queue.configure(budget, lanes, (DoorPolicy("session", door),), self.now)
        self.lowered = True
        self.the_clock_strikes()
        self.decide(None, claims)

    # What stays true --------------------------------------------------------------------------

    @invariant()
    def the_books_are_right(self) -> None:  # 1
        budget = self.queue.budget
        busy = sum(lane.busy + lane.golden for lane in self.lanes())
        assert budget.busy == len(self.booked) == busy
        for lane in self.lanes():
            assert lane.busy == self.busy(lane)
            assert lane.waiting == len(self.of_lane(lane))
            assert lane.golden == len(self.on_ticket(lane)) <= lane.golden_max
            assert len(list(lane.holders)) == lane.busy + lane.golden
        assert budget.guarded == self.guarded()
        assert budget.unbounded == self.endless()
        assert budget.reserved == sum(lane.reserve + lane.golden_max for lane in self.lanes())
        assert len(self.queue) == len(self.waiting) + len(self.coming)
        assert self.queue.recalls.pending == len(self.recalled)

    @invariant()
    def limits_are_kept(self) -> None:  # 2
        within = len(self.booked) <= self.queue.budget.limit
        for lane in self.lanes():
            within = within and self.busy(lane) <= lane.limit
        assert within or self.lowered

    @invariant()
    def what_is_guarded_is_free(self) -> None:  # 4
        kept = [lane for lane in self.lanes() if lane.kept_free >= lane.reserve]
        free = self.queue.budget.limit - len(self.booked)
        assert free >= sum(map(self.missing, kept)) or self.lowered

    @invariant()
    def nobody_waits_beside_a_free_place(self) -> None:  # 3
        assert not any(self.of_lane(lane) and self.may_have(lane) for lane in self.lanes())
        assert not any(map(self.may_have_ticket, self.waiting))  # 12

    @invariant()
    def works_are_what_belongs_to_them(self) -> None:
        known = self.queue.works.known
        stamps = {each.stamp for each in [*self.booked, *self.waiting] if each.stamp is not None}
        assert set(known) == stamps
        for stamp, work in known.items():
            assert set(work.held) == set(self.has(stamp))
            assert set(work.waiting) == {each for each in self.waiting if each.stamp == stamp}
        for request in self.waiting:
            assert not request.continues or self.has(request.stamp)
        for lane in self.lanes():
            assert len({lease.stamp for lease in self.on_ticket(lane)}) <= 1

    def teardown(self) -> None:  # 10
        for request in self.waiting + self.coming:
            self.queue.leave(request, self.now)
        self.waiting.clear()
        self.coming.clear()
        for lease in list(self.booked):
            self.free(lease, False)
        budget = self.queue.budget
        assert budget.busy == budget.excess == budget.unbounded == 0
        assert len(self.queue) == 0
        assert self.queue.next_due() is None
        assert self.queue.recalls.pending == 0
        assert not self.queue.works.known
        assert all(lane.lent == 0 for lane in self.lanes())


LaneMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True
)
TestLanes = LaneMachine.TestCase
